"""Mode powers, numbers, price collar, duplicates, order rate."""

from __future__ import annotations

import math

import pytest

from risk.checks.duplicate import Duplicate
from risk.checks.mode_powers import mode_forbids
from risk.checks.numbers import malformed, unexplained
from risk.checks.order_rate import OrderRate
from risk.checks.price_collar import PriceCollar
from risk.growth import Growth, growth_of
from risk.intent import Action, Intent
from risk.limits import DuplicateConfig, OrderRateConfig, PriceCollarConfig
from risk.modes.table import Mode
from risk.verdict import Reason, Refusal
from risk.view import View
from tests.risk.world import NOW, SECOND, buy, by_hand, sell, sent, world

UGLY = [math.nan, math.inf, -math.inf, 0.0, -1.0]


def growth(intent: Intent, view: View) -> Growth:
    found = growth_of(intent, view)
    assert isinstance(found, Growth)
    return found


def reason(refusal: Refusal | None) -> Reason | None:
    return None if refusal is None else refusal.reason


@pytest.mark.parametrize(
    ("mode", "automated", "by_operator"),
    [
        (Mode.MANUAL, Reason.MODE_FORBIDS, None),
        (Mode.SEMI_AUTO, None, None),
        (Mode.FULL_AUTO, None, None),
        (Mode.EMERGENCY, Reason.MODE_FORBIDS, Reason.MODE_FORBIDS),
    ],
)
def test_who_may_add_risk_in_which_mode(mode: Mode, automated: Reason | None, by_operator: Reason | None) -> None:
    assert reason(mode_forbids(buy(1.0), world(mode))) is automated
    assert reason(mode_forbids(by_hand(buy(1.0)), world(mode))) is by_operator


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO])
@pytest.mark.parametrize("operator", [None, ""])
def test_an_operator_without_a_name_is_refused(mode: Mode, operator: str | None) -> None:
    assert reason(mode_forbids(by_hand(buy(1.0), operator=operator), world(mode))) is Reason.OPERATOR_UNIDENTIFIED


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.MANUAL, Reason.OPERATOR_UNIDENTIFIED), (Mode.SEMI_AUTO, None), (Mode.FULL_AUTO, None)],
)
def test_manual_wants_a_reason_too(mode: Mode, expected: Reason | None) -> None:
    assert reason(mode_forbids(by_hand(buy(1.0), reason=None), world(mode))) is expected


def test_execution_algorithms_open_in_full_auto_only() -> None:
    assert mode_forbids(buy(1.0, algorithm="TWAP"), world(Mode.FULL_AUTO)) is None
    assert reason(mode_forbids(buy(1.0, algorithm="TWAP"), world(Mode.SEMI_AUTO))) is Reason.MODE_FORBIDS
    assert reason(mode_forbids(by_hand(buy(1.0, algorithm="TWAP")), world(Mode.MANUAL))) is Reason.MODE_FORBIDS


@pytest.mark.parametrize("bad", UGLY)
@pytest.mark.parametrize("field", ["quantity", "price", "trigger_price"])
def test_an_order_of_no_sense_is_malformed(field: str, bad: float) -> None:
    given = {"quantity": 1.0} | {field: bad}
    refusal = malformed(buy(**given))

    assert refusal is not None
    assert refusal.reason is Reason.NOT_A_NUMBER
    assert refusal.detail == field


@pytest.mark.parametrize("bad", UGLY)
def test_a_broken_stop_price_is_refused(bad: float) -> None:
    assert reason(unexplained(buy(1.0, stop_price=bad))) is Reason.NOT_A_NUMBER


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1.1])
def test_a_confidence_outside_its_range_is_refused(bad: float) -> None:
    assert reason(unexplained(buy(1.0, confidence=bad))) is Reason.NOT_A_NUMBER
    assert unexplained(buy(1.0, confidence=0.0)) is None


@pytest.mark.parametrize("field", ["price", "trigger_price"])
def test_the_collar_holds_both_prices_on_both_sides(field: str) -> None:
    check = PriceCollar(PriceCollarConfig(deviation_bps_max=100.0))
    view = world()
    for inside in (99.0, 101.0):
        intent = buy(1.0, **{field: inside})
        assert check(intent, view, growth(intent, view)) is None
    for outside in (98.99, 101.01):
        intent = buy(1.0, **{field: outside})
        refusal = check(intent, view, growth(intent, view))
        assert refusal is not None
        assert refusal.reason is Reason.PRICE_OUTSIDE_COLLAR
        assert refusal.measured == pytest.approx(101.0)
        assert refusal.limit == 100.0


def test_a_market_order_has_no_price_to_hold() -> None:
    view = world()
    intent = buy(1.0)

    assert PriceCollar(PriceCollarConfig(deviation_bps_max=0.0))(intent, view, growth(intent, view)) is None


def duplicate(intent: Intent, view: View) -> Refusal | None:
    return Duplicate(DuplicateConfig(window_s=5.0))(intent, view, growth(intent, view))


def test_the_same_order_again_within_the_window_is_a_duplicate() -> None:
    view = world()
    sent(view, buy(1.0))

    refusal = duplicate(buy(1.0, ts_ns=NOW + 5 * SECOND - 1), view)
    assert refusal is not None
    assert refusal.reason is Reason.DUPLICATE_ORDER
    assert refusal.measured == pytest.approx(5.0)
    assert duplicate(buy(1.0, ts_ns=NOW + 5 * SECOND), view) is None


@pytest.mark.parametrize(
    "other",
    [
        buy(1.001),
        sell(1.0),
        buy(1.0, strategy="Other-001"),
        buy(1.0, price=99.0),
        buy(1.0, trigger_price=101.0),
        buy(1.0, order_type="MARKET_TO_LIMIT"),
        buy(1.0, action=Action.MODIFY),
    ],
)
def test_a_different_order_is_no_duplicate(other: Intent) -> None:
    view = world()
    sent(view, buy(1.0))

    assert duplicate(other, view) is None


def test_a_released_order_is_no_duplicate_of_itself() -> None:
    view = world()
    first = sent(view, buy(1.0))

    assert duplicate(first, view) is None


def test_slices_of_one_parent_may_be_alike() -> None:
    view = world()
    parent = sent(view, buy(10.0)).client_order_id
    sent(view, buy(1.0, parent_id=parent))

    assert duplicate(buy(1.0, parent_id=parent), view) is None


def test_the_rate_counts_what_was_sent_within_the_window() -> None:
    check = OrderRate(OrderRateConfig(orders_max=3, window_s=1.0))
    view = world()
    for number in range(3):
        sent(view, buy(1.0 + number, ts_ns=NOW + number))

    late = buy(9.0, ts_ns=NOW + SECOND - 1)
    refusal = check(late, view, growth(late, view))
    assert refusal is not None
    assert refusal.reason is Reason.ORDER_RATE_EXCEEDED
    assert (refusal.measured, refusal.limit) == (4, 3)

    later = buy(9.0, ts_ns=NOW + SECOND)
    assert check(later, view, growth(later, view)) is None
