"""Stop enforcement: what counts as a working stop, where a missing one goes, and when nothing is sent."""

from __future__ import annotations

import itertools
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.desk import OpenOrder, OpenPosition
from risk.modes.table import StopLosses
from risk.stops import CloseNow, StopPlan, StopPlanner, StopsConfig, StopToPlace, Unprotected, stop_price, uncovered
from tests.risk.world import BTC, ETH, NOW, SECOND

AUTOMATIC, ENFORCED, OPERATOR = StopLosses.AUTOMATIC, StopLosses.ENFORCED, StopLosses.OPERATOR
GRACE = 5 * SECOND
_ids = itertools.count(1)


def position(quantity: float = 2.0, **changes: Any) -> OpenPosition:
    given_: dict[str, Any] = {
        "position_id": f"{BTC}-Trend-001", "instrument": BTC, "strategy": "Trend-001",
        "signed_quantity": quantity, "entry_price": 100.0, "mark": 100.0,
    }  # fmt: skip
    return OpenPosition(**(given_ | changes))


def stop(quantity: float = -2.0, price: float | None = 95.0, **changes: Any) -> OpenOrder:
    given_: dict[str, Any] = {
        "client_order_id": f"S-{next(_ids)}", "instrument": BTC, "strategy": "Trend-001",
        "signed_quantity": quantity, "price": price, "reduce_only": True, "is_stop": True,
    }  # fmt: skip
    return OpenOrder(**(given_ | changes))


def planner(**changes: Any) -> StopPlanner:
    return StopPlanner(StopsConfig(**changes), lambda _instrument: 0.001)


def bare(held: OpenPosition, *orders: OpenOrder, liquidation: float | None = None) -> float:
    return uncovered([held], orders, {held.position_id: liquidation})[held.position_id]


# -- what counts as a working stop ------------------------------------------------------------------------------------


def test_a_stop_for_all_of_it_covers_and_two_add_up() -> None:
    assert bare(position(), stop()) == 0.0
    assert bare(position(), stop(-0.5), stop(-1.0)) == 0.5
    assert bare(position(-2.0), stop(2.0, 105.0)) == 0.0
    assert bare(position(), stop(-9.0)) == 0.0


@pytest.mark.parametrize(
    "useless",
    [
        stop(cancelling=True),
        stop(reduce_only=False),
        stop(is_stop=False),
        stop(2.0),
        stop(price=100.0),
        stop(price=101.0),
        stop(price=None),
        stop(price=math.nan),
        stop(math.nan),
        stop(instrument=ETH),
        stop(strategy="Other-001"),
    ],
)
def test_what_does_not_protect_does_not_count(useless: OpenOrder) -> None:
    assert bare(position(), useless) == 2.0


def test_a_stop_at_or_beyond_liquidation_does_not_count() -> None:
    assert bare(position(), stop(price=95.0), liquidation=94.9) == 0.0
    assert bare(position(), stop(price=95.0), liquidation=95.0) == 2.0
    assert bare(position(-2.0), stop(2.0, 105.0), liquidation=105.0) == 2.0


@pytest.mark.parametrize("mark", [None, math.nan])
def test_a_stop_counts_though_the_mark_is_unknown(mark: float | None) -> None:
    assert bare(position(mark=mark), stop()) == 0.0


def test_the_stop_of_an_open_entry_covers_what_the_entry_has_filled() -> None:
    entry = stop(10.0, 99.0, client_order_id="E", reduce_only=False, is_stop=False)
    child = stop(-10.0, parent_id="E")

    assert bare(position(), entry, child) == 2.0
    assert bare(position(), msgspec.structs.replace(entry, signed_quantity=9.0), child) == 1.0
    assert bare(position(), msgspec.structs.replace(entry, signed_quantity=8.0), child) == 0.0
    assert bare(position(), child) == 0.0


# -- where a stop goes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "liquidation", "trigger"),
    [
        (position(), None, 90.0),
        (position(mark=120.0), None, 108.0),
        (position(mark=95.0), None, 90.0),
        (position(mark=90.0), None, None),
        (position(mark=80.0), None, None),
        (position(-2.0), None, 110.0),
        (position(-2.0, mark=80.0), None, 88.0),
        (position(-2.0, mark=110.1), None, None),
        (position(mark=None), None, 90.0),
        (position(mark=math.nan), None, 90.0),
        (position(entry_price=math.nan), None, 90.0),
        (position(entry_price=math.nan, mark=None), None, None),
        (position(), 89.0, 90.0),
        (position(), 90.0, 95.0),
        (position(-2.0), 104.0, 102.0),
        (position(), 101.0, None),
    ],
)
def test_where_a_stop_belongs(held: OpenPosition, liquidation: float | None, trigger: float | None) -> None:
    assert stop_price(held, 0.10, liquidation) == (None if trigger is None else pytest.approx(trigger))


@given(st.floats(1.0, 1e6), st.floats(1.0, 1e6), st.floats(0.001, 0.5), st.booleans(), st.none() | st.floats(0.01, 1e6))
def test_a_stop_is_between_mark_and_liquidation_and_never_wider_than_its_distance(
    entry: float, mark: float, distance: float, is_long: bool, liquidation: float | None
) -> None:
    side = 1.0 if is_long else -1.0
    held = position(side, entry_price=entry, mark=mark)

    trigger = stop_price(held, distance, liquidation)

    if trigger is not None:
        assert side * (mark - trigger) > 0.0
        assert abs(mark - trigger) <= distance * mark * (1 + 1e-9)
        assert side * (entry - trigger) <= distance * entry * (1 + 1e-9)
        assert liquidation is None or side * (trigger - liquidation) >= 0.0
    elif liquidation is None:
        assert side * (entry - mark) >= distance * entry * (1 - 1e-9)


# -- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duty", [AUTOMATIC, ENFORCED])
def test_a_bare_position_gets_a_stop_after_the_grace_and_is_asked_for_once_a_grace(duty: StopLosses) -> None:
    plans = planner()
    seen = [plans.plan([position()], [], duty, NOW + second * SECOND) for second in range(11)]

    report = (Unprotected(position_id=position().position_id, quantity=2.0),)
    assert all(plan.unprotected == report for plan in seen)
    placed = {second: plan.place for second, plan in enumerate(seen) if plan.place}
    expected = (StopToPlace(position_id=position().position_id, quantity=2.0, trigger_price=90.0),)
    assert placed == {5: expected, 10: expected}


def test_a_stop_that_appears_within_the_grace_is_not_doubled() -> None:
    plans = planner()
    plans.plan([position()], [], AUTOMATIC, NOW)

    assert plans.plan([position()], [stop()], AUTOMATIC, NOW + GRACE) == StopPlan()
    assert plans.plan([position()], [], AUTOMATIC, NOW + GRACE).place == ()  # its time starts anew


def test_only_the_bare_part_gets_a_stop() -> None:
    (placed,) = planner(grace_s=0.0).plan([position()], [stop(-1.5)], AUTOMATIC, NOW).place

    assert placed.quantity == 0.5


def test_half_a_lot_needs_no_stop() -> None:
    assert planner(grace_s=0.0).plan([position()], [stop(-1.9995)], ENFORCED, NOW) == StopPlan()
    assert planner(grace_s=0.0).plan([position()], [stop(-1.999)], ENFORCED, NOW) != StopPlan()


def test_a_position_beyond_its_stop_is_closed() -> None:
    plan = planner(grace_s=0.0).plan([position(mark=89.0)], [], AUTOMATIC, NOW)

    assert plan.close == (CloseNow(position_id=position().position_id, quantity=2.0),)
    assert plan.place == ()


@pytest.mark.parametrize(
    ("duty", "enabled", "acts"),
    [
        (OPERATOR, True, False),
        (AUTOMATIC, True, True),
        (AUTOMATIC, False, False),
        (ENFORCED, True, True),
        (ENFORCED, False, True),
        (OPERATOR, False, False),
    ],
)
def test_who_places_stops_is_the_modes_to_say(duty: StopLosses, enabled: bool, acts: bool) -> None:
    plan = planner(grace_s=0.0, enabled=enabled).plan([position(), position(mark=80.0, position_id="P")], [], duty, NOW)

    assert bool(plan.place) is bool(plan.close) is acts
    assert len(plan.unprotected) == 2


def test_an_operators_position_bare_for_long_is_protected_as_soon_as_the_mode_does_so() -> None:
    plans = planner()
    plans.plan([position()], [], OPERATOR, NOW)

    assert plans.plan([position()], [], ENFORCED, NOW + GRACE).place != ()


def test_a_position_of_unknown_size_is_reported_and_left() -> None:
    plan = planner(grace_s=0.0).plan([position(math.nan)], [stop()], ENFORCED, NOW)

    assert (plan.place, plan.close, len(plan.unprotected)) == ((), (), 1)


def test_a_closed_position_is_forgotten() -> None:
    plans = planner()
    plans.plan([position()], [], AUTOMATIC, NOW)
    plans.plan([], [], AUTOMATIC, NOW + GRACE)

    assert plans.plan([position()], [], AUTOMATIC, NOW + GRACE).place == ()


# -- against brute force ----------------------------------------------------------------------------------------------

holdings = st.lists(
    st.builds(
        lambda number, quantity, strategy, liquidation: (
            position(float(quantity), position_id=f"P-{number}", strategy=strategy),
            liquidation,
        ),
        st.integers(0, 10_000),
        st.integers(-4, 4).filter(bool),
        st.sampled_from(["A", "B"]),
        st.sampled_from([None, None, 93.0, 107.0]),
    ),
    max_size=4,
    unique_by=lambda pair: pair[0].position_id,
)
working = st.lists(
    st.builds(
        stop,
        st.integers(-5, 5).filter(bool).map(float),
        st.sampled_from([90.0, 96.0, 99.0, 100.0, 104.0, 111.0]),
        strategy=st.sampled_from(["A", "B"]),
        reduce_only=st.sampled_from([True, True, True, False]),
        cancelling=st.sampled_from([False, False, False, True]),
        is_stop=st.sampled_from([True, True, True, False]),
    ),
    max_size=4,
)


def least_bare(held: list[tuple[OpenPosition, float | None]], orders: list[OpenOrder]) -> int:
    """Return the least number of units without a stop over all ways to hand stops out, one unit at a time."""
    units = [(each, liquidation) for each, liquidation in held for _ in range(int(abs(each.signed_quantity)))]
    stops = [order for order in orders for _ in range(int(abs(order.signed_quantity)))]

    def fits(unit: tuple[OpenPosition, float | None], order: OpenOrder) -> bool:
        each, liquidation = unit
        assert order.price is not None
        is_long = each.signed_quantity > 0
        low, high = (-math.inf, 100.0) if is_long else (100.0, math.inf)
        if liquidation is not None:
            low, high = (liquidation, high) if is_long else (low, liquidation)
        right_side = order.signed_quantity < 0 if is_long else order.signed_quantity > 0
        live = order.is_stop and order.reduce_only and not order.cancelling
        return live and right_side and order.strategy == each.strategy and low < order.price < high

    taken: dict[int, int] = {}

    def seat(number: int, tried: set[int]) -> bool:
        for place, order in enumerate(stops):
            if place not in tried and fits(units[number], order):
                tried.add(place)
                if place not in taken or seat(taken[place], tried):
                    taken[place] = number
                    return True
        return False

    return sum(not seat(number, set()) for number in range(len(units)))


@settings(max_examples=200)
@given(holdings, working)
def test_bare_quantities_are_those_of_a_search_over_all_ways(
    held: list[tuple[OpenPosition, float | None]], orders: list[OpenOrder]
) -> None:
    alike = [(each, None) for each, _ in held]
    found = uncovered([each for each, _ in alike], orders)
    assert sum(found.values()) == least_bare(alike, orders)

    liquidations = {each.position_id: liquidation for each, liquidation in held}
    found = uncovered([each for each, _ in held], orders, liquidations)
    assert sum(found.values()) >= least_bare(held, orders)
    for each, liquidation in held:
        assert found[each.position_id] >= least_bare([(each, liquidation)], orders)


@settings(max_examples=200)
@given(holdings, working)
def test_what_is_placed_leaves_nothing_bare(
    held: list[tuple[OpenPosition, float | None]], orders: list[OpenOrder]
) -> None:
    plans = planner(grace_s=0.0)
    positions = [each for each, _ in held]
    liquidations = {each.position_id: liquidation for each, liquidation in held}
    plan = plans.plan(positions, orders, ENFORCED, NOW, liquidations)

    closing = {close.position_id: close.quantity for close in plan.close}
    by_id = {each.position_id: each for each in positions}
    after = list(orders)
    for placed in plan.place:
        each = by_id[placed.position_id]
        quantity = -math.copysign(placed.quantity, each.signed_quantity)
        after.append(stop(quantity, placed.trigger_price, strategy=each.strategy))
    left = [
        msgspec.structs.replace(
            each, signed_quantity=each.signed_quantity - math.copysign(closing[key], each.signed_quantity)
        )
        if (key := each.position_id) in closing
        else each
        for each in positions
    ]
    alike = [each for each in left if liquidations[each.position_id] is None]
    assert sum(uncovered(alike, after).values()) == 0.0
