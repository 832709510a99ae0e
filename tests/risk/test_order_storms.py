"""Whatever order the venue's messages come in, position, orders, cash and the gate's view stay true."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.orders import Order
from storm_world import CASH, INSTRUMENT, LOT, NAME, AtVenue, Message, Storm, Trade

FOREVER = {OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.FILLED}
NAMES = ("A-001", "B-002")
lots = st.integers(1, 40)
picks = st.integers(0, 10_000)

SELDOM = (
    "submit",
    "reduce",
    "cancel",
    "modify",
    "accept",
    "reject",
    "expire",
    "correct",
    "lose",
    "send_again",
    "repeat",
    "move",
)
DEEDS = ("submit", "cancel", "modify", "accept") + 5 * ("fill", "deliver", "deliver_the_oldest") + SELDOM
NEEDS = {
    "cancel": ("sent",),
    "modify": ("sent",),
    "correct": ("taken",),
    "repeat": ("taken",),
    "deliver": ("outbox",),
    "deliver_the_oldest": ("outbox",),
    "lose": ("outbox",),
    "send_again": ("lost",),
}
"""What there must be some of before a deed makes sense."""


class VenueStorm(RuleBasedStateMachine):
    """
    Orders of two strategies in one instrument, and a venue whose messages come late, twice, reordered or not at all.

    Two things hold a message back, as the engine can't take it otherwise: changes and fills of one order wait for the
    changes before them, and a reduce-only fill waits for what it reduces.
    """

    def __init__(self) -> None:
        super().__init__()
        self.storm = Storm()
        self.venue = self.storm.venue
        self.outbox = self.venue.outbox
        self.lost: list[Message] = []
        self.sent: list[Order] = []
        self.taken: dict[str, Trade] = {}
        self.delivered: list[Message] = []
        self.ended: dict[str, OrderStatus] = {}
        self.approved: dict[str, Decimal] = {}

    @rule(deed=st.sampled_from(DEEDS), pick=picks, size=lots)
    def happens(self, deed: str, pick: int, size: int) -> None:
        """One rule for all deeds: several would be switched off at random, and little would ever happen."""
        self.happens_to(deed, pick, size)

    def happens_to(self, deed: str, pick: int, size: int) -> None:
        if all(getattr(self, needed) for needed in NEEDS.get(deed, ())):
            getattr(self, deed)(pick, size)

    # what strategies do

    def submit(self, pick: int, size: int) -> None:
        factory = self.storm.factories[NAMES[pick % 2]]
        side = OrderSide.BUY if pick % 4 < 2 else OrderSide.SELL
        self._submit(factory.limit(INSTRUMENT.id, side, INSTRUMENT.make_qty(4 * size * LOT), self._price()))

    def reduce(self, pick: int, size: int) -> None:
        name = NAMES[pick % 2]
        held = self.storm.held(name)
        if held == 0:
            return
        side = OrderSide.SELL if held > 0 else OrderSide.BUY
        quantity = INSTRUMENT.make_qty(min(abs(held), size * LOT))
        self._submit(self.storm.factories[name].market(INSTRUMENT.id, side, quantity, reduce_only=True))

    def _submit(self, order: Order) -> None:
        self.storm.submit(order)
        self.sent.append(order)
        if order.status is not OrderStatus.DENIED:
            self.approved[order.client_order_id.value] = order.quantity.as_decimal()

    def cancel(self, pick: int, size: int) -> None:
        live = [order for order in self.sent if order.is_open or order.is_inflight]
        if live:
            self.storm.cancel(live[pick % len(live)])

    def modify(self, pick: int, size: int) -> None:
        live = [order for order in self.sent if order.is_open and order.has_price and not order.is_pending_cancel]
        if not live:
            return
        order = live[pick % len(live)]
        before = self.storm.gate.decisions.counts["APPROVED"]
        self.storm.modify(order, 4 * size * LOT)
        if self.storm.gate.decisions.counts["APPROVED"] > before:
            key = order.client_order_id.value
            self.approved[key] = max(self.approved[key], 4 * size * LOT)

    # what the venue does

    def _at(self, pick: int, condition: Callable[[AtVenue], bool]) -> list[AtVenue]:
        found = [at for at in self.venue.orders.values() if condition(at)]
        return [found[pick % len(found)]] if found else []

    def accept(self, pick: int, size: int) -> None:
        for at in self._at(pick, lambda at: at.open and not at.answered):
            self.venue.accept(at)

    def reject(self, pick: int, size: int) -> None:
        for at in self._at(pick, lambda at: at.open and not at.answered):
            self.venue.reject(at)

    def expire(self, pick: int, size: int) -> None:
        for at in self._at(pick, lambda at: at.open and at.answered and not self._fills_under_way(at)):
            self.venue.expire(at)

    def fill(self, pick: int, size: int) -> None:
        for at in self._at(pick, lambda at: at.open):
            self.venue.fill(at, min(at.leaves, size * LOT))

    def correct(self, pick: int, size: int) -> None:
        trade = list(self.taken.values())[pick % len(self.taken)]
        at = self.venue.orders[trade.client_order_id]
        self.venue.report(at, trade.trade_id, size * LOT, trade.price + 1)

    # what becomes of messages

    def deliver(self, pick: int, size: int) -> None:
        message = self.outbox.pop(pick % len(self.outbox))
        self._deliver(message)

    def deliver_the_oldest(self, pick: int, size: int) -> None:
        self._deliver(self.outbox.pop(0))

    def lose(self, pick: int, size: int) -> None:
        self.lost.append(self.outbox.pop(pick % len(self.outbox)))

    def send_again(self, pick: int, size: int) -> None:
        self.outbox.append(self.lost.pop(0))

    def repeat(self, pick: int, size: int) -> None:
        fills = [message for message in self.delivered if message.trade is not None]
        self._deliver(fills[pick % len(fills)])

    def move(self, pick: int, size: int) -> None:
        self.storm.quote(Decimal(50_000) + (pick % 100 - 50) * Decimal("0.7"))

    def _price(self) -> Any:
        return INSTRUMENT.make_price(self.venue.price)

    def _fills_under_way(self, at: AtVenue) -> bool:
        messages = (*self.outbox, *self.lost)
        return any(message.order is at.order and message.kind == "filled" for message in messages)

    def _must_wait(self, message: Message) -> bool:
        order, trade = message.order, message.trade
        changes = [each for each in (*self.outbox, *self.lost) if each.order is order and each.kind == "updated"]
        if message.kind in {"updated", "filled"} and any(each.number < message.number for each in changes):
            return True
        if trade is None or trade.trade_id in self.taken:
            return False
        held = self.storm.held(trade.strategy)
        fits = held * trade.signed_quantity < 0 and abs(held) >= abs(trade.signed_quantity)
        return order.is_reduce_only and not fits

    def _deliver(self, message: Message) -> None:
        if self._must_wait(message):
            self.lost.append(message)
            return
        if message.trade is not None:
            self.taken.setdefault(message.trade.trade_id, message.trade)
        self.delivered.append(message)
        self.storm.tick()
        message.deliver()

    # what must hold after every step

    def check(self) -> None:
        self.the_position_is_the_sum_of_distinct_trades()
        self.no_order_is_filled_beyond_what_was_approved()
        self.an_order_that_has_ended_stays_so()
        self.no_money_appears_or_is_lost()
        self.the_view_knows_what_works()
        self.nothing_came_without_a_ticket()

    @invariant()
    def the_position_is_the_sum_of_distinct_trades(self) -> None:
        for name in NAMES:
            own = sum((each.signed_quantity for each in self.taken.values() if each.strategy == name), Decimal(0))
            assert self.storm.held(name) == own
        net = sum((each.signed_quantity for each in self.taken.values()), Decimal(0))
        seen = self.storm.view.position(NAME)
        assert (0.0 if seen is None else seen.signed_quantity) == pytest.approx(float(net), abs=1e-9)
        assert self.storm.view.open_positions == (net != 0)

    @invariant()
    def no_order_is_filled_beyond_what_was_approved(self) -> None:
        for order in self.sent:
            key = order.client_order_id.value
            own = sum(
                (abs(each.signed_quantity) for each in self.taken.values() if each.client_order_id == key), Decimal(0)
            )
            assert order.filled_qty.as_decimal() == own
            assert own <= order.quantity.as_decimal()
            assert own <= self.approved.get(key, Decimal(0))

    @invariant()
    def an_order_that_has_ended_stays_so(self) -> None:
        for order in self.sent:
            before = self.ended.get(order.client_order_id.value)
            if before in FOREVER:
                assert order.status is before
            elif before is OrderStatus.CANCELED:
                assert order.status in {OrderStatus.CANCELED, OrderStatus.FILLED}
            if order.is_closed:
                self.ended[order.client_order_id.value] = order.status

    @invariant()
    def no_money_appears_or_is_lost(self) -> None:
        trades = self.taken.values()
        flows = -sum((each.signed_quantity * each.price + each.fee for each in trades), Decimal(0))
        net = sum((each.signed_quantity for each in trades), Decimal(0))
        expected = CASH + flows + net * self.venue.price
        assert self.storm.view.equity == pytest.approx(float(expected), abs=1e-8 * (len(self.taken) + 10))
        if all(self.storm.held(name) == 0 for name in NAMES):
            assert abs(self.storm.balance() - CASH - flows) <= Decimal("1e-8") * len(self.taken)

    @invariant()
    def the_view_knows_what_works(self) -> None:
        for order in self.sent:
            known = self.storm.view.working(order.client_order_id.value)
            if order.is_closed:
                assert known is None
            else:
                assert known is not None
                asked = max(order.leaves_qty.as_decimal(), Decimal(0))
                assert abs(known.signed_quantity) >= float(asked) - 1e-9
                if order.status is not OrderStatus.PENDING_UPDATE:
                    assert abs(known.signed_quantity) <= float(self.approved[order.client_order_id.value]) + 1e-9

    @invariant()
    def nothing_came_without_a_ticket(self) -> None:
        assert self.storm.alarms == []


def storm(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        VenueStorm,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )


def gale(seeds: range, steps: int) -> Counter[str]:
    """Do deeds at random among those that make sense: denser than what hypothesis draws, and counted."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        machine, draw = VenueStorm(), random.Random(seed)
        for _ in range(steps):
            machine.happens_to(draw.choice(DEEDS), draw.randrange(10_000), draw.randint(1, 40))
            machine.check()
        seen.update(type(event).__name__ for order in machine.sent for event in order.events)
        seen["late fills"] += sum(late_fills(order) for order in machine.sent)
        seen["distinct trades"] += len(machine.taken)
        seen["fills delivered"] += sum(message.trade is not None for message in machine.delivered)
        seen["steps"] += steps
    return seen


def late_fills(order: Order) -> int:
    names = [type(event).__name__ for event in order.events]
    return names[names.index("OrderCanceled") :].count("OrderFilled") if "OrderCanceled" in names else 0


def test_a_storm_of_messages_leaves_the_books_true() -> None:
    storm(200, 30)


def test_a_gale_leaves_the_books_true(counted: Callable[[str], None]) -> None:
    seen = gale(range(100), 100)

    assert min(seen["late fills"], seen["OrderUpdated"], seen["OrderExpired"], seen["OrderCancelRejected"]) > 20
    assert seen["fills delivered"] > seen["distinct trades"] + 100
    counted(f"orders in a storm: {dict(sorted(seen.items()))}")


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_many_storms_leave_the_books_true(counted: Callable[[str], None]) -> None:
    storm(2_000, 50)
    counted(f"orders in many storms: {dict(sorted(gale(range(1_000, 3_000), 50).items()))}")
