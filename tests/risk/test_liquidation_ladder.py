"""The ladder, rung by rung: exactly at a threshold nothing happens, one step below it does, and once only."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.account_margin import AccountMargin, Holding
from risk.liquidation import Ladder, LadderConfig, Rung, step_of
from tests.risk.test_account_margin import accounts, hold
from tests.risk.world import BTC, ETH, SECOND

CONFIG = LadderConfig()
LATER = 10 * SECOND


def first(distance: float) -> Rung | None:
    return Ladder(CONFIG).rung(0, BTC, long=True, distance=distance, under_way=False)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (math.inf, None),
        (0.10, None),
        (math.nextafter(0.10, 0.0), Rung.MARGIN),
        (0.05, Rung.MARGIN),
        (math.nextafter(0.05, 0.0), Rung.REDUCE),
        (0.03, Rung.REDUCE),
        (math.nextafter(0.03, 0.0), Rung.CLOSE),
        (0.0, Rung.CLOSE),
        (math.nan, None),
    ],
)
def test_the_distance_names_the_rung(distance: float, expected: Rung | None) -> None:
    assert first(distance) is expected


class Climber:
    """A ladder with one long BTC position, and a clock that stands unless told."""

    def __init__(self) -> None:
        self.ladder = Ladder(CONFIG)
        self.now = 0

    def at(self, distance: float, *, under_way: bool = False, after_ns: int = 0) -> Rung | None:
        self.now += after_ns
        return self.ladder.rung(self.now, BTC, long=True, distance=distance, under_way=under_way)


def test_a_rung_acts_once_a_crossing() -> None:
    climber = Climber()

    assert climber.at(0.09) is Rung.MARGIN
    assert climber.at(0.085) is None
    assert climber.at(0.0999) is None
    assert climber.at(0.11) is None  # back above it, yet not by enough to count as away
    assert climber.at(0.09) is None


def test_a_rung_acts_again_after_the_position_was_clearly_away() -> None:
    climber = Climber()

    assert climber.at(0.09) is Rung.MARGIN
    assert climber.at(math.nextafter(0.12, 0.0)) is None
    assert climber.at(0.099) is None
    assert climber.at(0.10 * 1.2) is None
    assert climber.at(0.099) is Rung.MARGIN


def test_a_worse_rung_acts_at_once_even_with_an_order_under_way() -> None:
    climber = Climber()

    assert climber.at(0.049) is Rung.REDUCE
    assert climber.at(0.048, under_way=True) is None
    assert climber.at(0.029, under_way=True) is Rung.CLOSE
    assert climber.at(0.01, under_way=True) is None


def test_a_gentler_rung_waits_for_the_order_under_way_and_then_has_its_turn() -> None:
    climber = Climber()

    assert climber.at(0.049) is Rung.REDUCE
    assert climber.at(0.07, under_way=True) is None
    assert climber.at(0.049, under_way=False) is Rung.MARGIN
    assert climber.at(0.049) is None


def test_after_a_close_nothing_gentler_is_tried() -> None:
    climber = Climber()

    assert climber.at(0.02) is Rung.CLOSE
    assert climber.at(0.02) is None
    assert climber.at(0.02, after_ns=5 * SECOND - 1) is None
    assert climber.at(0.02, after_ns=1) is Rung.CLOSE  # what was sent came to nothing


def test_a_rung_that_did_not_help_is_tried_again_when_patience_ends() -> None:
    climber = Climber()

    assert climber.at(0.09) is Rung.MARGIN
    assert climber.at(0.09, after_ns=5 * SECOND, under_way=True) is None
    assert climber.at(0.09, under_way=False) is Rung.MARGIN


def test_a_position_that_turned_or_came_back_is_a_new_one() -> None:
    ladder = Ladder(CONFIG)

    assert ladder.rung(0, BTC, long=True, distance=0.09, under_way=False) is Rung.MARGIN
    assert ladder.rung(0, BTC, long=False, distance=0.09, under_way=False) is Rung.MARGIN
    assert ladder.rung(0, ETH, long=True, distance=0.09, under_way=False) is Rung.MARGIN
    ladder.keep_only({(ETH, True)})
    assert ladder.rung(0, BTC, long=True, distance=0.09, under_way=False) is Rung.MARGIN
    assert ladder.rung(0, ETH, long=True, distance=0.09, under_way=False) is None


def test_an_unknown_distance_changes_nothing() -> None:
    climber = Climber()

    assert climber.at(0.09) is Rung.MARGIN
    assert climber.at(math.nan, after_ns=LATER) is None
    assert not climber.ladder.idle
    assert climber.at(0.5) is None
    assert climber.ladder.idle


@given(
    walk=st.lists(st.tuples(st.floats(0.0, 0.2), st.booleans(), st.integers(0, 7 * SECOND)), min_size=1, max_size=60)
)
def test_whatever_the_way_no_rung_acts_above_its_threshold_or_twice_within_patience(
    walk: list[tuple[float, bool, int]],
) -> None:
    climber = Climber()
    last: dict[Rung, int] = {}
    for distance, under_way, after_ns in walk:
        rung = climber.at(distance, under_way=under_way, after_ns=after_ns)
        for other in list(last):
            if distance >= CONFIG.threshold(other) * 1.2 and not under_way:
                del last[other]
        if rung is not None:
            assert distance < CONFIG.threshold(rung)
            assert climber.now - last.get(rung, -LATER) >= 5 * SECOND
            last[rung] = climber.now
        elif distance < CONFIG.close and not under_way:
            assert climber.now - last[Rung.CLOSE] < 5 * SECOND


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([1.1], [False]),
        ([math.nextafter(1.1, 0.0)], [True]),
        ([1.05, 1.05, 1.0], [True, False, False]),
        ([1.05, 1.319, 1.05], [True, False, False]),
        ([1.05, 1.1 * 1.2, 1.05], [True, False, True]),
        ([math.nan, -1.0], [False, True]),
        ([math.inf], [False]),
    ],
)
def test_the_margin_ratio_warns_once_each_time_it_falls(ratios: list[float], expected: list[bool]) -> None:
    ladder = Ladder(CONFIG)

    assert [ladder.warns("BINANCE", ratio) for ratio in ratios] == expected


def test_accounts_are_warned_of_apart() -> None:
    ladder = Ladder(CONFIG)

    assert ladder.warns("BINANCE", 1.0)
    assert ladder.warns("BYBIT", 1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"close": 0.05, "reduce": 0.05},
        {"close": 0.06},
        {"reduce": 0.10},
        {"reduce": 0.2},
        {"margin": 0.9, "hysteresis": 0.2},
        {"close": 0.001, "slippage_bps": 10.0},
        {"close": math.nan},
    ],
)
def test_thresholds_out_of_order_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"need 0 < close|hysteresis|slippage_bps"):
        LadderConfig(**changes)


# -- how much ------------------------------------------------------------------------------------------------------


def step(
    rung: Rung, holding: Holding, account: AccountMargin, fee: float = 0.0, **changes: float
) -> tuple[float, float]:
    config = LadderConfig(**({"slippage_bps": 0.0} | changes))
    found = step_of(rung, holding, account, account.distance(holding), config, fee)
    assert found.rung is rung
    assert found.instrument == holding.instrument
    return found.quantity, found.margin


def test_close_takes_all_and_reduce_half() -> None:
    short = hold(-8.0)
    account = AccountMargin(30.0, [short])

    assert step(Rung.CLOSE, short, account) == (8.0, 0.0)
    assert step(Rung.REDUCE, short, account) == (4.0, 0.0)


def test_an_isolated_position_gets_what_it_lacks_to_the_target() -> None:
    # at 12 % a long of 10 at 100 needs 120 for the move and 8.8 to be maintained; it has 100
    position = hold(10.0, margin=100.0)

    assert step(Rung.MARGIN, position, AccountMargin(1_000.0, [position]))[1] == pytest.approx(28.8)


def test_with_less_than_that_but_enough_for_the_threshold_all_of_it_is_added() -> None:
    # the threshold of 10 % needs 109: 9 more than there is, and 10 are free
    position = hold(10.0, margin=100.0)

    assert step(Rung.MARGIN, position, AccountMargin(110.0, [position]))[1] == 10.0


def test_an_isolated_position_without_enough_free_margin_is_cut_so_that_what_it_frees_is_enough() -> None:
    position = hold(10.0, margin=100.0)
    quantity, margin = step(Rung.MARGIN, position, AccountMargin(105.0, [position]), fee=0.001)

    assert margin == 0.0
    # what is left, with all of the 105 (less the fee) behind it, stands at 12 %
    left = hold(10.0 - quantity, margin=105.0 - 0.001 * quantity * 100.0)
    assert AccountMargin(1_000.0, [left]).distance(left) == pytest.approx(0.12)


def test_nothing_is_added_from_a_balance_below_zero() -> None:
    position, other = hold(10.0, margin=100.0), hold(1.0, instrument=ETH, margin=50.0)
    quantity, margin = step(Rung.MARGIN, position, AccountMargin(100.0, [position, other]))

    assert margin == 0.0
    assert 0.0 < quantity < 10.0


def test_a_cross_account_is_cut_alike_to_the_target() -> None:
    long, short = hold(500.0), hold(-500.0, instrument=ETH)
    account = AccountMargin(10_000.0, [long, short])
    cuts = [step(Rung.MARGIN, holding, account)[0] for holding in (long, short)]

    # 10,000 = k (100,000 * 0.12 + 440 + 560)
    assert cuts == pytest.approx([500.0 * (1 - 10_000 / 13_000)] * 2)
    rest = [hold(500.0 - cuts[0]), hold(cuts[1] - 500.0, instrument=ETH)]
    assert AccountMargin(10_000.0, rest).distance_min() == pytest.approx(0.12)


@given(account=accounts(), fee=st.floats(0.0, 0.002))
def test_what_is_cut_at_the_margin_rung_brings_the_account_back_above_it(account: AccountMargin, fee: float) -> None:
    distance = account.distance_together()
    if not CONFIG.reduce <= distance < CONFIG.margin:
        return
    rest, cash = [], account.balance
    for holding in account.holdings:
        quantity = step_of(Rung.MARGIN, holding, account, distance, CONFIG, fee).quantity
        assert 0.0 < quantity <= abs(holding.signed_quantity)
        cash -= fee * quantity * holding.mark
        left = holding.signed_quantity - math.copysign(quantity, holding.signed_quantity)
        rest.append(Holding(holding.instrument, left, holding.mark, holding.mark, holding.brackets))

    assert AccountMargin(cash, rest).distance_together() >= CONFIG.margin
