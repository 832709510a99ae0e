from __future__ import annotations

import math

import pytest

from risk.growth import Growth, growth_of, reduction_of
from risk.intent import Action, Intent
from risk.verdict import Approved, Basis, Reason, Refusal
from risk.view import View
from tests.risk.world import BTC, LOT, NOW, buy, sell, sent, world


def basis(intent: Intent, view: View) -> Basis | None:
    answer = reduction_of(intent, view)
    return answer.basis if isinstance(answer, Approved) else None


def code(intent: Intent, view: View) -> Reason | None:
    answer = reduction_of(intent, view)
    return answer.reason if isinstance(answer, Refusal) else None


def long(quantity: float = 0.1) -> View:
    view = world()
    view.apply_position(BTC, quantity, 100.0)
    return view


@pytest.mark.parametrize("quantity", [0.05, 0.1])
def test_an_order_against_the_position_up_to_its_size_reduces(quantity: float) -> None:
    assert basis(sell(quantity), long()) is Basis.REDUCES


def test_one_lot_more_than_the_position_adds_risk_by_that_lot() -> None:
    view = long()
    intent = sell(0.1 + LOT)

    assert reduction_of(intent, view) is None
    growth = growth_of(intent, view)
    assert isinstance(growth, Growth)
    assert growth.quantity == pytest.approx(LOT)


def test_a_flip_adds_its_excess() -> None:
    growth = growth_of(sell(0.3), long())

    assert isinstance(growth, Growth)
    assert growth.quantity == pytest.approx(0.2)
    assert growth.notional == pytest.approx(20.0)
    assert growth.held == 0.0


def test_binary_rounding_of_quantities_is_no_growth() -> None:
    view = long(0.3)
    sent(view, sell(0.1, price=101.0, order_type="LIMIT"))

    assert 0.3 - 0.1 < 0.2  # the trap
    assert basis(sell(0.2), view) is Basis.REDUCES


def test_pending_reductions_use_up_the_position() -> None:
    view = long()
    sent(view, sell(0.1, reduce_only=True))

    assert reduction_of(sell(0.1), view) is None  # both would fill, and leave a short
    assert basis(sell(0.1, reduce_only=True), view) is Basis.REDUCES  # this one the venue clips


def test_stop_and_target_of_one_parent_are_alternatives() -> None:
    view = long()
    view.apply_working("SL", BTC, -0.06, 95.0, reduce_only=True, parent_id="E", is_stop=True)
    view.apply_working("TP", BTC, -0.06, 110.0, reduce_only=True, parent_id="E")

    assert basis(sell(0.04), view) is Basis.REDUCES
    assert reduction_of(sell(0.05), view) is None


def test_a_flagged_order_larger_than_the_position_reduces_because_the_venue_clips_it() -> None:
    assert basis(sell(5.0, reduce_only=True), long()) is Basis.REDUCES


@pytest.mark.parametrize("held", [0.0, 0.1])
def test_a_flagged_order_with_nothing_to_reduce_is_refused(held: float) -> None:
    view = long(held) if held else world()
    assert code(buy(0.1, reduce_only=True), view) is Reason.REDUCE_ONLY_INCREASES


def test_a_position_of_unknown_size_may_be_closed_by_a_flagged_order_only() -> None:
    view = long(math.nan)

    assert basis(sell(0.1, reduce_only=True), view) is Basis.REDUCES
    assert reduction_of(sell(0.1), view) is None
    refusal = growth_of(sell(0.1), view)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.NOT_A_NUMBER


def test_bracket_children_of_a_working_entry_pass_with_it() -> None:
    view = world()
    entry = sent(view, buy(1.0))
    family = {"reduce_only": True, "parent_id": entry.client_order_id}
    stop = sell(1.0, trigger_price=95.0, order_type="STOP_MARKET", **family)
    target = sell(1.0, price=110.0, order_type="LIMIT", **family)

    assert basis(stop, view) is Basis.PARENT
    sent(view, stop)
    assert basis(target, view) is Basis.PARENT  # an alternative to the stop, not in addition to it


def test_children_never_add_up_to_more_than_their_parent() -> None:
    view = world()
    entry = sent(view, buy(1.0))
    family = {"reduce_only": True, "parent_id": entry.client_order_id, "order_type": "LIMIT"}
    sent(view, sell(0.6, price=110.0, **family))

    assert basis(sell(0.4, price=120.0, **family), view) is Basis.PARENT
    refusal = reduction_of(sell(0.4 + LOT, price=120.0, **family), view)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.BUDGET_EXCEEDED
    assert refusal.measured == pytest.approx(1.0 + LOT)
    assert refusal.limit == 1.0


@pytest.mark.parametrize("change", [{"instrument": "ETHUSDT-PERP.BINANCE"}, {"parent_id": "nobody"}])
def test_a_flagged_child_of_another_instrument_or_of_nobody_is_refused(change: dict[str, str]) -> None:
    view = world()
    entry = sent(view, buy(1.0))
    given = {"reduce_only": True, "parent_id": entry.client_order_id, "price": 110.0} | change

    assert code(sell(1.0, **given), view) is Reason.REDUCE_ONLY_INCREASES


def test_children_of_a_filled_parent_pass_before_the_position_is_known() -> None:
    view = world()
    entry = sent(view, buy(1.0))
    view.remove_working(entry.client_order_id)

    assert basis(sell(1.0, trigger_price=95.0, reduce_only=True, parent_id=entry.client_order_id), view) is Basis.PARENT


def test_children_of_a_parent_cancelled_in_part_have_only_what_it_filled() -> None:
    view = world()
    entry = sent(view, buy(1.0))
    view.remove_working(entry.client_order_id, unfilled=0.7)
    family = {"reduce_only": True, "parent_id": entry.client_order_id, "trigger_price": 95.0}

    assert basis(sell(0.3, **family), view) is Basis.PARENT
    assert code(sell(0.4, **family), view) is Reason.BUDGET_EXCEEDED


def test_slices_of_an_algorithm_draw_on_the_parents_quantity() -> None:
    view = world()
    parent = sent(view, buy(1.0)).client_order_id
    first = buy(0.6, parent_id=parent)
    growth = growth_of(first, view)
    assert isinstance(growth, Growth)
    assert growth.from_budget
    assert growth.quantity == growth.notional == 0.0

    sent(view, first)
    refusal = growth_of(buy(0.5, parent_id=parent), view)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.measured, refusal.limit) == (Reason.BUDGET_EXCEEDED, 1.1, 1.0)


def test_what_a_cancelled_slice_did_not_fill_goes_back_to_the_budget() -> None:
    view = world()
    parent = sent(view, buy(1.0)).client_order_id
    first = sent(view, buy(0.6, parent_id=parent))
    view.remove_working(first.client_order_id, unfilled=0.5)

    assert isinstance(growth_of(buy(0.9, parent_id=parent), view), Growth)
    assert isinstance(growth_of(buy(0.9 + LOT, parent_id=parent), view), Refusal)


def test_no_slice_follows_a_closed_parent() -> None:
    view = world()
    parent = sent(view, buy(1.0)).client_order_id
    view.remove_working(parent)

    assert isinstance(growth_of(buy(0.1, parent_id=parent), view), Refusal)


def test_a_parents_own_last_slice_stays_within_what_its_children_left() -> None:
    view = world()
    parent = sent(view, buy(1.0, client_order_id="P"))
    sent(view, buy(0.6, parent_id="P"))

    assert isinstance(growth_of(buy(0.4, client_order_id=parent.client_order_id), view), Growth)
    assert isinstance(growth_of(buy(0.5, client_order_id=parent.client_order_id), view), Refusal)


def test_a_released_order_is_not_counted_beside_itself() -> None:
    view = world()
    entry = sent(view, buy(2.0, price=99.0, order_type="LIMIT"))
    growth = growth_of(entry, view)

    assert isinstance(growth, Growth)
    assert growth.committed_notional == 0.0
    assert growth.committed_margin == 0.0
    assert growth.held == 0.0


def test_an_unflagged_child_against_its_parent_is_refused() -> None:
    view = world()
    parent = sent(view, buy(1.0)).client_order_id
    refusal = growth_of(sell(1.0, parent_id=parent), view)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.BUDGET_EXCEEDED


def test_making_a_working_entry_smaller_reduces() -> None:
    view = world()
    entry = sent(view, buy(1.0, price=99.0, order_type="LIMIT", client_order_id="E"))
    change = {"client_order_id": entry.client_order_id, "action": Action.MODIFY, "order_type": "LIMIT"}

    assert basis(buy(0.5, price=99.0, **change), view) is Basis.REDUCES
    assert reduction_of(buy(0.5, price=99.5, **change), view) is None
    assert reduction_of(buy(1.0 + LOT, price=99.0, **change), view) is None


def test_an_order_that_grows_is_asked_for_as_a_whole_in_place_of_the_old() -> None:
    view = world()
    sent(view, buy(1.0, price=99.0, order_type="LIMIT", client_order_id="E"))
    sent(view, buy(3.0, price=98.0, order_type="LIMIT"))
    growth = growth_of(buy(2.0, price=99.0, client_order_id="E", action=Action.MODIFY), view)

    assert isinstance(growth, Growth)
    assert growth.quantity == 2.0
    assert growth.committed_notional == pytest.approx(3.0 * 98.0)
    assert growth.held == pytest.approx(3.0)


def test_changing_a_resting_stop_after_the_fill_reduces() -> None:
    view = long()
    view.apply_working("SL", BTC, -0.1, 95.0, reduce_only=True, parent_id="E", is_stop=True)
    moved = sell(0.1, trigger_price=97.0, client_order_id="SL", action=Action.MODIFY, reduce_only=True, parent_id="E")

    assert basis(moved, view) is Basis.REDUCES


def test_growth_is_valued_at_the_worse_of_own_price_and_mark() -> None:
    view = world()
    below = growth_of(buy(1.0, price=90.0), view)
    above = growth_of(buy(1.0, trigger_price=110.0), view)
    market = growth_of(buy(1.0), view)

    assert isinstance(below, Growth)
    assert isinstance(above, Growth)
    assert isinstance(market, Growth)
    assert (below.entry_price, below.notional) == (90.0, 100.0)
    assert (above.entry_price, above.notional) == (110.0, 110.0)
    assert (market.entry_price, market.notional) == (100.0, 100.0)


@pytest.mark.parametrize(
    ("view", "reason"),
    [(View(mode=world().mode, cash=1.0), Reason.UNKNOWN_INSTRUMENT), (world(mark=None), Reason.NO_REFERENCE_PRICE)],
)
def test_growth_needs_facts_and_a_price(view: View, reason: Reason) -> None:
    refusal = growth_of(buy(1.0), view)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


def test_an_instrument_with_a_price_but_no_facts_is_unknown() -> None:
    view = View(mode=world().mode, cash=1.0)
    view.apply_mark(BTC, 100.0, NOW)
    refusal = growth_of(buy(1.0), view)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.UNKNOWN_INSTRUMENT
