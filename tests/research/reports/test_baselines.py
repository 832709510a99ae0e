"""Baselines by hand calculation: entry at the next open, every cost, both sides, and honest randomness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import BarColumns, FundingColumns
from research.reports import baselines
from research.reports.baselines import Market, Trade, build_grid, buy_and_hold, random_entries
from research.reports.random_kernel import simulate

HOUR = 3_600_000_000_000
A, B = "A-PERP.X", "B-PERP.X"


def market(
    opens: list[float],
    closes: list[float],
    *,
    funding: dict[int, float] | None = None,
    fee: float = 0.0,
    slippage_bps: float = 0.0,
    first: int = 1,
) -> Market:
    """Make hourly bars whose first closes at hour `first`; funding is given by the hour it is paid."""
    ts_ns = HOUR * np.arange(first, first + len(opens), dtype=np.int64)
    columns = BarColumns(
        ts_ns,
        np.array(opens),
        np.maximum(opens, closes),
        np.minimum(opens, closes),
        np.array(closes),
        np.ones(len(opens)),
    )
    paid = None
    if funding is not None:
        paid = FundingColumns(HOUR * np.array(list(funding), dtype=np.int64), np.array(list(funding.values())))
    return Market(bars=columns, funding=paid, taker_fee=fee, slippage_bps=slippage_bps)


def play(one: Market, side: int, entry: int, leave: int, fraction: float) -> tuple[np.ndarray, tuple[float, ...]]:
    grid = build_grid({A: one})
    equity = np.empty(len(grid.ts_ns))
    row = np.zeros(1, dtype=np.int64)
    costs = simulate(
        grid.opens, grid.closes, grid.funding, grid.fee, grid.slippage, row, np.array([side]), np.array([entry]),
        np.array([leave]), row, np.array([fraction]), 1000.0, equity,
    )  # fmt: skip
    return equity, costs


def test_buy_and_hold_enters_at_the_second_open_and_pays_every_cost() -> None:
    # the payment at hour 1 falls before the entry at hour 1's close, the ones at 2 and 4 after it
    prices = market(
        [100, 110, 120, 130], [105, 115, 125, 128], funding={1: 0.5, 2: 0.01, 4: -0.02}, fee=0.001, slippage_bps=10
    )
    held = buy_and_hold(build_grid({A: prices}), 1000.0)

    units = 1000 / (110 * 1.001 * 1.001)
    # 1.15 a unit is paid by selling at 115, less slippage and fee; 2.56 a unit buys more at 128
    sold = units * 1.15 / (115 * 0.999 * 0.999)
    rest = units - sold
    added = rest * 2.56 / (128 * 1.001 * 1.001)
    assert held.equity == pytest.approx([1000.0, rest * 115, rest * 125, (rest + added) * 128], rel=1e-12)
    assert held.funding == pytest.approx(-units * 1.15 + rest * 2.56)
    assert held.slippage == pytest.approx((units * 110 + sold * 115 + added * 128) * 0.001)
    assert held.fees == pytest.approx((units * 110 * 1.001 + sold * 115 * 0.999 + added * 128 * 1.001) * 0.001)


def test_buy_and_hold_stays_unlevered_however_much_funding_is_paid() -> None:
    # with a fixed quantity the account would owe 200 after the price came back
    prices = market([100] * 7, [100, 100, 400, 400, 400, 100, 100], funding={3: 0.25, 4: 0.25, 5: 0.25})
    held = buy_and_hold(build_grid({A: prices}), 1000.0)
    assert held.equity[-1] == pytest.approx(1000.0 * 0.75**3)
    assert held.funding == pytest.approx(-1000.0 * (1 + 0.75 + 0.75**2))


def test_buy_and_hold_splits_equally_and_waits_for_a_later_listing() -> None:
    early = market([100, 100, 100, 100, 100], [100, 100, 100, 200, 200])
    late = market([10, 20, 20], [10, 20, 40], first=3)
    held = buy_and_hold(build_grid({A: early, B: late}), 1000.0)
    # half doubles at hour 4; the other half is bought at hour 3's close for 20 and doubles at hour 5
    assert held.equity.tolist() == [1000.0, 1000.0, 1000.0, 1500.0, 2000.0]


def test_short_trade_by_hand() -> None:
    prices = market(
        [100, 110, 120, 130, 90], [105, 115, 125, 128, 95], funding={2: 0.01, 3: -0.02}, fee=0.001, slippage_bps=10
    )
    equity, (fees, funding, slippage) = play(prices, -1, 1, 3, 0.5)

    enter, leave = 110 * 0.999, 130 * 1.001
    units = 500 / (enter * 1.001)
    cash = 1000 + units * enter * 0.999 + units * 115 * 0.01
    after = cash - units * 125 * 0.02
    final = after - units * leave * 1.001
    assert equity == pytest.approx([1000.0, cash - units * 115, after - units * 125, final, final], rel=1e-12)
    assert fees == pytest.approx(units * (enter + leave) * 0.001)
    assert funding == pytest.approx(units * (115 * 0.01 - 125 * 0.02))
    assert slippage == pytest.approx(units * 240 * 0.001)


def test_payment_at_the_moment_of_the_exit_is_still_due() -> None:
    # leaving at the open of bar 2 happens just after hour 2's close, when the payment is taken
    prices = market([100, 100, 100], [100, 100, 100], funding={2: 0.01})
    _, (_, funding, _) = play(prices, 1, 1, 2, 1.0)
    assert funding == pytest.approx(-10.0)


def test_funding_is_valued_at_the_mark_where_there_is_one() -> None:
    prices = market([100, 100, 100], [100, 100, 100], funding={2: 0.01})
    marks = market([50, 50, 50], [50, 50, 50]).bars
    marked = Market(bars=prices.bars, funding=prices.funding, marks=marks)
    assert play(marked, 1, 1, 3, 1.0)[1][1] == pytest.approx(-5.0)


def test_trade_still_open_at_the_end_is_marked_and_not_charged_for_leaving() -> None:
    prices = market([100, 100, 100], [100, 100, 150], fee=0.01)
    equity, (fees, _, _) = play(prices, 1, 1, 3, 1.01)
    assert fees == pytest.approx(10.0)
    assert equity[-1] == pytest.approx(990.0 + 500.0)


def test_ruined_account_stays_at_zero() -> None:
    equity, _ = play(market([100, 100, 100, 100], [100, 100, 40, 100]), 1, 1, 4, 2.0)
    assert equity.tolist() == [1000.0, 1000.0, 0.0, 0.0]


TRADES = [Trade(A, 1, 3, 0.5), Trade(A, -1, 5, 0.7), Trade(B, 1, 2, 0.3)]


def noise(seed: int, bars: int = 60) -> Market:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, bars)))
    return market(np.r_[100.0, close[:-1]].tolist(), close.tolist(), fee=0.001, slippage_bps=5)


def test_random_runs_repeat_exactly_and_more_of_them_change_none() -> None:
    grid = build_grid({A: noise(1), B: noise(2)})
    few = random_entries(grid, TRADES, 1000.0, seeds=5, seed=3)
    many = random_entries(grid, TRADES, 1000.0, seeds=9, seed=3)
    other = random_entries(grid, TRADES, 1000.0, seeds=5, seed=4)
    assert np.array_equal(few.equity, many.equity[:5])
    assert not np.array_equal(few.equity, other.equity)
    assert len(np.unique(few.equity[:, -1])) == 5
    assert few.size == pytest.approx(0.5)
    assert few.trades == 3


def test_random_trades_keep_holding_times_and_mix_of_sides() -> None:
    grid = build_grid({A: noise(1), B: noise(2)})
    for repetition in range(50):
        instrument, side, entry, leave = baselines._draw(grid, TRADES, np.random.default_rng(repetition))
        assert sorted(side.tolist()) == [-1, 1, 1]
        assert np.all(np.diff(entry) >= 0)
        assert sorted((leave - entry)[instrument == 0].tolist()) == [3, 5]
        assert (leave - entry)[instrument == 1].tolist() == [2]
        assert entry.min() >= 1


@given(st.lists(st.integers(1, 12), min_size=1, max_size=15), st.integers(0, 60), st.integers(0, 1000))
def test_placed_trades_never_overlap_where_they_fit(held: list[int], slack: int, seed: int) -> None:
    bars = sum(held) + 1 + slack
    start, stop = baselines._place(np.array(held), bars, np.random.default_rng(seed))
    assert (stop - start).tolist() == held
    assert start[0] >= 1
    assert stop[-1] <= bars
    assert np.all(start[1:] >= stop[:-1])


def test_entries_are_spread_over_all_bars() -> None:
    starts = [int(baselines._place(np.array([2]), 22, np.random.default_rng(seed))[0][0]) for seed in range(4000)]
    counts = np.bincount(starts, minlength=21)[1:]
    # twenty places are possible, 200 draws each expected; five standard deviations are 70
    assert len(counts) == 20
    assert np.all(np.abs(counts - 200) < 70)


def test_trades_too_long_to_fit_are_cut_at_the_end_of_the_data() -> None:
    start, stop = baselines._place(np.array([50, 60, 70]), 40, np.random.default_rng(1))
    assert np.all((start >= 1) & (stop <= 40))
    runs = random_entries(build_grid({A: noise(1)}), [Trade(A, 1, 500, 0.5)] * 3, 1000.0, seeds=3)
    assert np.isfinite(runs.equity).all()


@given(st.floats(0.0, 0.002), st.floats(0.0, 20.0), st.integers(1, 20))
def test_flat_prices_lose_exactly_the_costs(fee: float, slippage_bps: float, count: int) -> None:
    flat = market([100.0] * 80, [100.0] * 80, fee=fee, slippage_bps=slippage_bps)
    runs = random_entries(build_grid({A: flat}), [Trade(A, 1, 2, 0.4)] * count, 1000.0, seeds=2)
    # trades that end on the last bar keep the position, marked without slippage
    assert runs.equity[:, -1] == pytest.approx(1000.0 - runs.fees - runs.slippage, abs=1e-6)


def test_strategy_is_placed_among_the_random_runs() -> None:
    grid = build_grid({A: noise(1), B: noise(2)})
    runs = random_entries(grid, TRADES, 1000.0, seeds=40)
    best = float(runs.equity[:, -1].max() / 1000.0 - 1.0)
    start = int(grid.ts_ns[0]) - HOUR
    assert baselines.describe_random(runs, 1000.0, start, best + 0.01, 7).percentile == 1.0
    assert baselines.describe_random(runs, 1000.0, start, -1.0, 7).percentile == 0.0
    assert baselines.describe_random(runs, 1000.0, start, best, 7).percentile == pytest.approx(1 - 0.5 / 40)
    nothing = random_entries(grid, [], 1000.0, seeds=2)
    assert baselines.describe_random(nothing, 1000.0, start, 0.1, 7).percentile is None


def test_long_runs_keep_the_end_of_each_day() -> None:
    bars = 24 * 100
    grid = build_grid({A: noise(5, bars)})
    runs = random_entries(grid, TRADES[:2], 1000.0, seeds=1)
    assert len(runs.ts_ns) == 101
    assert set(runs.ts_ns[1:] % (24 * HOUR)) == {0}


def test_grid_repeats_the_last_close_where_a_bar_is_missing() -> None:
    gap = market([100, 100, 100], [101, 102, 103])
    sparse = Market(bars=BarColumns(*(column[[0, 2]] for column in gap.bars)))
    grid = build_grid({A: gap, B: sparse})
    assert grid.closes[:, 1].tolist() == [101, 101, 103]
    assert grid.rows[1].tolist() == [0, 2]


def test_no_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one bar"):
        build_grid({})
    with pytest.raises(ValueError, match="at least one bar"):
        build_grid({A: market([], [])})
