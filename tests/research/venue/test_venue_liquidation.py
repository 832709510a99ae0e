"""
When, where and at what price the venue liquidates, each by hand.

Most cases share one position: 10 BTC bought at 100 with leverage 10, isolated, no fees, maintenance 0.04. Its margin
is 10 * 100 / 10 = 100, so it is liquidated where ``100 + 10 * (P - 100) = 10 * P * 0.04``: at 900 / 9.6 = 93.75;
it is bankrupt at 100 - 100 / 10 = 90.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from nautilus_trader.model.events import OrderCanceled
from venue_world import ETH, HOUR, OHLC, T0, Feed, Result, Script, perp, run

from research.venue.config import OPENING_PRINT_NS, FeesConfig, FundingConfig, LiquidationConfig, VenueConfig

NO_FEES = FeesConfig(schedule="explicit", maker="0", taker="0")
SPEC = perp(rate=0.04, tick="0.001")
QUIET = (100.0, 100.0, 100.0, 100.0)

type Acts = dict[int, Callable[[Script], Any]]


def isolated(**changes: Any) -> VenueConfig:
    facts = {"slippage_bps": 0.0, "fees": NO_FEES, "leverage": 10.0, "margin_mode": "isolated"}
    return VenueConfig(**(facts | changes))


def cross(balance: float, **changes: Any) -> VenueConfig:
    return isolated(margin_mode="cross", starting_balance=balance, **changes)


def play(last_bar: OHLC, config: VenueConfig, acts: Acts | None = None, mark: OHLC | None = None) -> Result:
    """Open the shared position in a quiet bar, then play one more bar and a quiet one after it."""
    close = last_bar[3]
    bars = [QUIET, QUIET, QUIET, last_bar, (close, close, close, close)]
    marks = None if mark is None else [QUIET, QUIET, QUIET, mark, bars[-1]]
    return run(Feed(bars, marks=marks, spec=SPEC), {0: lambda s: s.market(10)} | (acts or {}), config)


def test_isolated_long_is_closed_at_exactly_its_liquidation_price() -> None:
    result = play((100, 101, 91, 95), isolated())

    assert result.prices == [100.0, 93.75]
    assert result.position == 0
    (liquidation,) = result.venue.liquidation.ledger
    assert liquidation.liquidation_price == 93.75
    assert liquidation.bankruptcy_price == 90.0
    assert liquidation.ts_ns == T0 + 4 * HOUR
    # 10 * 93.75 * 0.0125 = 11.71875, and 100 - 62.5 = 37.5 are left to pay it
    assert liquidation.fee == Decimal("11.71875")
    assert result.balance == Decimal(10000) - Decimal("62.5") - Decimal("11.71875")


def test_isolated_short_is_closed_at_exactly_its_liquidation_price() -> None:
    # sold at 104, leverage 4: margin 260; 260 + 1040 - 10 P = 0.4 P: P = 1300 / 10.4 = 125
    at_104 = (104.0, 104.0, 104.0, 104.0)
    bars = [at_104, at_104, (104.0, 126.0, 103.0, 120.0)]
    result = run(Feed(bars, spec=SPEC), {0: lambda s: s.market(-10)}, isolated(leverage=4.0))

    assert result.prices == [104.0, 125.0]
    # loss 210, 50 left, fee 10 * 125 * 0.0125 = 15.625
    assert result.balance == Decimal(10000) - Decimal(210) - Decimal("15.625")


def test_cross_long_is_backed_by_the_whole_account() -> None:
    # 100 of cash back it as the isolated margin did; with 200 it would take (1000 - 200) / 9.6 = 83.33
    assert play((100, 101, 91, 95), cross(100.0)).prices == [100.0, 93.75]
    assert play((100, 101, 91, 95), cross(200.0)).prices == [100.0]


def test_one_tick_above_the_liquidation_price_nothing_happens() -> None:
    assert play((100, 101, 93.751, 95), isolated()).position == 10
    assert play((100, 101, 93.75, 95), isolated()).position == 0


def test_the_price_is_rounded_to_the_tick_against_the_holder() -> None:
    # maintenance 0.01: long 900 / 9.9 = 90.909, down to 90.9; short 1100 / 10.1 = 108.9108, up to 109.0
    long = run(Feed([QUIET, QUIET, (100, 101, 90.5, 95)]), {0: lambda s: s.market(10)}, isolated())
    short = run(Feed([QUIET, QUIET, (100, 109.5, 99, 105)]), {0: lambda s: s.market(-10)}, isolated())

    assert long.prices == [100.0, 90.9]
    assert short.prices == [100.0, 109.0]


def test_the_fee_takes_no_more_than_the_collateral_left() -> None:
    # maintenance 0.01: at 90.9 a loss of 91 leaves 9, the fee would be 10 * 90.9 * 0.0125 = 11.3625
    result = run(Feed([QUIET, QUIET, (100, 101, 90.5, 95)]), {0: lambda s: s.market(10)}, isolated())

    assert result.venue.liquidation.ledger[0].fee == Decimal(9)
    assert result.balance == Decimal(9_900)


def test_a_wick_of_the_last_price_without_the_mark_does_not_liquidate() -> None:
    result = play((100, 101, 80, 95), isolated(), mark=(100, 101, 93.751, 95))

    assert result.prices == [100.0]
    assert result.venue.liquidation.ledger == []


@pytest.mark.parametrize("last_bar", [(100, 101, 95, 98), QUIET, (101, 101, 101, 101)])
def test_the_mark_liquidates_at_its_price_where_the_last_price_never_came(last_bar: OHLC) -> None:
    result = play(last_bar, isolated(), mark=(100, 101, 93, 98))

    assert result.prices == [100.0, 93.75]
    assert result.venue.liquidation.ledger[0].mark == 93.0


@pytest.mark.parametrize("quantity", [10, -10])
def test_own_stop_on_the_way_fills_first_and_saves_the_position(quantity: int) -> None:
    # the stop at 95 lies before 93.75; short, at 105 before 1100 / 10.4 = 105.77
    bar = (100.0, 101.0, 90.0, 92.0) if quantity > 0 else (100.0, 110.0, 99.0, 108.0)
    trigger = 95.0 if quantity > 0 else 105.0
    acts = {0: lambda s: s.market(quantity), 1: lambda s: s.stop_order(-quantity, trigger, reduce_only=True)}
    result = run(Feed([QUIET, QUIET, QUIET, bar], spec=SPEC), acts, isolated())

    assert result.prices == [100.0, trigger]
    assert result.venue.liquidation.ledger == []


def test_own_stop_behind_the_liquidation_price_comes_too_late_and_is_cancelled() -> None:
    result = play((100, 101, 90, 92), isolated(), {1: lambda s: s.stop_order(-10, 93.0, reduce_only=True)})

    assert result.prices == [100.0, 93.75]
    assert any(isinstance(event, OrderCanceled) for event in result.script.events)
    assert result.position == 0


def test_own_stop_for_half_leaves_the_other_half_to_its_isolated_margin() -> None:
    # half the position takes half the margin along: the price stays 93.75
    result = play((100, 101, 90, 92), isolated(), {1: lambda s: s.stop_order(-5, 95.0, reduce_only=True)})

    assert result.prices == [100.0, 95.0, 93.75]
    assert float(result.script.fills[2].last_qty) == 5


def test_own_stop_for_half_can_save_the_other_half_on_a_cross_account() -> None:
    # after selling 5 at 95: cash 75, (500 - 75) / (5 * 0.96) = 88.54, below the bar's low
    result = play((100, 101, 90, 92), cross(100.0), {1: lambda s: s.stop_order(-5, 95.0, reduce_only=True)})

    assert result.prices == [100.0, 95.0]
    assert result.position == 5


@pytest.mark.parametrize(
    ("bar", "exit_price"),
    [((100, 106, 90, 92), 105.0), ((100, 112, 90, 92), 93.75)],  # the extreme nearer to the open comes first
)
def test_take_profit_and_liquidation_in_one_bar_happen_in_the_order_of_its_path(bar: OHLC, exit_price: float) -> None:
    result = play(bar, isolated(), {1: lambda s: s.limit(-10, 105.0, reduce_only=True)})

    assert result.prices == [100.0, exit_price]
    assert result.position == 0
    assert result.orders_open == 0


def test_children_of_a_bracket_are_cancelled_and_the_strategy_hears_of_it() -> None:
    bars = [QUIET, QUIET, (100.0, 101.0, 90.0, 92.0), (92.0, 120.0, 80.0, 92.0)]
    acts = {0: lambda s: s.bracket(10, stop_loss=92.0, take_profit=110.0)}
    result = run(Feed(bars, spec=SPEC), acts, isolated())

    assert result.prices == [100.0, 93.75]
    assert len(result.script.closed) == 1
    assert sum(isinstance(event, OrderCanceled) for event in result.script.events) == 2
    assert result.position == 0


def test_a_stop_that_turns_the_position_leaves_nothing_to_liquidate() -> None:
    # sells 20 at 95: short 10 from 95, whose own price lies far above
    result = play((100, 101, 90, 92), isolated(), {1: lambda s: s.stop_order(-20, 95.0)})

    assert result.prices == [100.0, 95.0]
    assert result.position == -10
    assert result.venue.liquidation.ledger == []


def test_adding_moves_the_liquidation_price() -> None:
    # 10 more at 96: entry 98, margin 196, (1960 - 196) / (20 * 0.96) = 91.875
    at_96 = (96.0, 96.0, 96.0, 96.0)
    acts = {0: lambda s: s.market(10), 2: lambda s: s.market(10)}
    for low, prices in ((93.0, [100.0, 96.0]), (91.0, [100.0, 96.0, 91.875])):
        bars = [QUIET, QUIET, (100.0, 100.0, 96.0, 96.0), at_96, (96.0, 97.0, low, 95.0)]
        assert run(Feed(bars, spec=SPEC), acts, isolated()).prices == prices


@pytest.mark.parametrize(("low", "prices"), [(93.0, [100.0, 96.0]), (91.0, [100.0, 96.0, 91.875])])
def test_adding_on_the_way_moves_the_price_inside_the_bar(low: float, prices: list[float]) -> None:
    # the same addition by a limit order at 96 that the falling bar itself fills
    result = play((100, 101, low, 95), isolated(), {1: lambda s: s.limit(10, 96.0)})

    assert result.prices == prices
    assert result.position == (20 if low == 93.0 else 0)


def test_an_entry_on_the_way_down_can_be_liquidated_further_down() -> None:
    # bought at 96 by a limit, isolated with leverage 20: margin 48, (960 - 48) / 9.6 = 95
    result = run(
        Feed([QUIET, QUIET, (100, 101, 91, 95)], spec=SPEC), {0: lambda s: s.limit(10, 96.0)}, isolated(leverage=20.0)
    )

    assert result.prices == [96.0, 95.0]


def test_an_entry_on_a_wick_that_the_mark_did_not_follow_lives() -> None:
    bars = [QUIET, QUIET, (100, 101, 91, 95)]
    marks = [QUIET, QUIET, (100, 101, 95.5, 96)]  # 10 at 96 with leverage 20 die at 95
    acts: Acts = {0: lambda s: s.limit(10, 96.0)}
    result = run(Feed(bars, marks=marks, spec=SPEC), acts, isolated(leverage=20.0))

    assert result.prices == [96.0]


def test_an_addition_that_is_past_its_new_liquidation_price_closes_where_it_was_made() -> None:
    # cash 100: 10 at 100 die at 93.75; 10 more at 94 make it 20 at 97, which die at (1940 - 100) / 19.2 = 95.83
    result = play((100, 101, 92, 95), cross(100.0), {1: lambda s: s.limit(10, 94.0)})

    assert result.prices == [100.0, 94.0, 94.0]
    # loss 20 * 3 = 60, fee 20 * 94 * 0.0125 = 23.5
    assert result.balance == Decimal("16.5")


def test_children_born_on_a_saved_way_meet_the_rest_of_the_path_and_not_its_beginning_again() -> None:
    # The bar goes 100, 90, 104, 95. On the way to 93.75 the own stop at 95 saves the first 10, and a limit at 94 buys
    # 10 others: at 97 on average, dead at (970 - 97) / 9.6 = 90.94. Their stop at 92 comes next; their target at 99
    # lies on the way already gone, and on the way back.
    def act(script: Script) -> None:
        script.stop_order(-10, 95.0, reduce_only=True)
        script.bracket(10, stop_loss=92.0, take_profit=99.0, entry=94.0)

    result = play((100.0, 112.0, 90.0, 95.0), isolated(), {1: act})

    assert sorted(result.prices[1:3]) == [94.0, 95.0]
    assert result.prices[3] == 92.0
    assert result.position == 0


def test_funding_paid_out_of_isolated_margin_brings_liquidation_nearer() -> None:
    # 10 * 100 * 0.0096 = 9.6 paid: (1000 - 90.4) / 9.6 = 94.75
    bars = [QUIET] * 8 + [(100.0, 101.0, 94.5, 96.0)]
    acts = {0: lambda s: s.market(10)}
    paid = run(Feed(bars, funding={8: "0.0096"}, spec=SPEC), acts, isolated())
    unpaid = run(Feed(bars, funding={8: "0"}, spec=SPEC), acts, isolated())

    assert paid.prices == [100.0, 94.75]
    assert unpaid.prices == [100.0]


def test_losses_elsewhere_bring_a_cross_position_nearer_to_liquidation() -> None:
    # cash 200, 10 ETH bought at 100, now 95: unrealised -50, maintenance 10 * 95 * 0.04 = 38
    # BTC: 200 - 50 - 38 + 10 * (P - 100) = 0.4 P: P = 888 / 9.6 = 92.5
    btc = [QUIET, QUIET, QUIET, (100.0, 101.0, 92.0, 94.0), (94.0, 94.0, 94.0, 94.0)]
    eth = [QUIET, QUIET, (100.0, 100.0, 95.0, 95.0), (95.0,) * 4, (95.0,) * 4]
    acts = {0: lambda s: (s.market(10), s.market(10, ETH))}

    def play_with(eth_bars: list[Any]) -> Result:
        feeds = [Feed(btc, spec=SPEC), Feed(eth_bars, spec=perp(ETH, rate=0.04, tick="0.001"))]
        return run(feeds, acts, cross(200.0))

    hurt = play_with(eth)
    assert hurt.prices == [100.0, 100.0, 92.5]
    assert hurt.position == 10  # ETH lives: cash 200 - 75 - 11.5625, (1000 - 113.4375) / 9.6 = 92.35
    # with ETH at 100: 200 - 40 in reserve, (1000 - 160) / 9.6 = 87.5
    assert play_with([QUIET] * 5).prices == [100.0, 100.0]


@pytest.mark.parametrize(
    ("opening", "price", "lost"),
    [
        (91.0, 91.0, 100),  # beyond 93.75: loss 90, and the fee of 11.375 takes the 10 that are left
        (85.0, 90.0, 100),  # beyond the bankruptcy price: the insurance fund has the rest
    ],
)
@pytest.mark.parametrize("marked", [True, False])
def test_a_jump_closes_at_the_open_but_not_beyond_bankruptcy(
    opening: float, price: float, lost: int, *, marked: bool
) -> None:
    bar = (opening, opening + 1, opening - 1, opening)
    result = play(bar, isolated(), mark=bar if marked else None)

    assert result.prices == [100.0, price]
    assert result.balance == Decimal(10_000 - lost)
    # with marks the mark's open is known with its bar; without them the opening tick tells
    assert result.script.fills[1].ts_event == (T0 + 4 * HOUR if marked else T0 + 3 * HOUR + OPENING_PRINT_NS)


def test_a_jump_of_the_mark_alone_closes_at_the_liquidation_price() -> None:
    result = play((97, 98, 96, 97), isolated(), mark=(92, 98, 91, 97))

    assert result.prices == [100.0, 93.75]


def test_a_jump_leaves_a_cross_account_at_zero_not_below() -> None:
    result = play((80, 81, 79, 80), cross(100.0))

    assert result.prices == [100.0, 90.0]
    assert result.balance == 0


def test_a_position_opened_at_the_open_can_be_liquidated_in_that_bar() -> None:
    result = run(Feed([QUIET, (100, 101, 91, 95)], spec=SPEC), {0: lambda s: s.market(10)}, isolated())

    assert result.prices == [100.0, 93.75]


def test_the_venue_order_carries_its_tag_and_the_same_id_on_every_run() -> None:
    first, second = (play((100, 101, 91, 95), isolated()) for _ in range(2))

    ids = [result.script.fills[1].client_order_id for result in (first, second)]
    assert ids[0] == ids[1]
    order = first.script.filled_orders[1]
    assert order.tags == ["LIQUIDATION"]
    assert order.is_reduce_only


def test_trading_goes_on_after_a_liquidation() -> None:
    bars = [QUIET, QUIET, (100.0, 101.0, 91.0, 95.0), (95.0,) * 4, (97.0,) * 4]
    acts = {0: lambda s: s.market(10), 2: lambda s: s.market(1), 3: lambda s: s.market(-1)}
    result = run(Feed(bars, spec=SPEC), acts, isolated())

    assert result.prices == [100.0, 93.75, 95.0, 97.0]
    assert result.balance == Decimal("9925.78125") + 2


def test_liquidation_can_be_switched_off_and_the_report_says_so() -> None:
    result = play((100, 101, 50, 60), isolated(liquidation=LiquidationConfig(enabled=False)))

    assert result.prices == [100.0]
    assert any("Liquidation is OFF" in sentence for sentence in result.venue.assumptions())


def test_distance_is_the_fraction_of_the_mark_to_the_nearest_liquidation() -> None:
    seen: list[float] = []

    def look(script: Script) -> None:
        assert script.handles is not None
        seen.append(script.handles.liquidation.distance())

    look_first: Acts = {0: lambda s: (look(s), s.market(10)), 1: look}
    run(Feed([QUIET, QUIET], spec=SPEC), look_first, isolated(funding=FundingConfig(missing="zero")))

    assert math.isnan(seen[0])
    assert seen[1] == pytest.approx(0.0625)
