"""No algorithm and no bracket can hand out more than was approved, whatever fills, cancels and changes come between."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.algorithm import ExecAlgorithm
from nautilus_trader.execution.config import ExecAlgorithmConfig
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.identifiers import ExecAlgorithmId
from nautilus_trader.model.orders import Order
from storm_world import INSTRUMENT, LOT, TRADER, Storm

NORMAL, MANY = 500, 5_000
STEPS = 25


class Slicer(ExecAlgorithm):  # type: ignore[misc]  # the engine ships no types
    """Send whatever slices a test asks for, within the order or far beyond it."""

    def __init__(self) -> None:
        super().__init__(ExecAlgorithmConfig(exec_algorithm_id=ExecAlgorithmId("SLICER")))

    def on_order(self, order: Order) -> None:
        """Wait for the test."""


class Session:
    """One order worked by a wild algorithm, beside a bracket whose children the strategy changes as it likes."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.storm = Storm()
        self.slicer = Slicer()
        storm = self.storm
        self.slicer.register(TRADER, storm.portfolio, storm.msgbus, storm.cache, storm.clock)
        self.slicer.start()
        self.asked = self.draw.randint(5, 60) * LOT
        self.primary = self._factory().market(
            INSTRUMENT.id,
            self.draw.choice((OrderSide.BUY, OrderSide.SELL)),
            INSTRUMENT.make_qty(self.asked),
            exec_algorithm_id=ExecAlgorithmId("SLICER"),
        )
        storm.cache.add_order(self.primary)
        self.slicer.execute(
            SubmitOrder(
                trader_id=TRADER,
                strategy_id=self.primary.strategy_id,
                order=self.primary,
                command_id=UUID4(),
                ts_init=storm.tick(),
            )
        )
        self.slices: list[Order] = []
        self.sent_primary = False

    def _factory(self) -> Any:
        return self.storm.factories["A-001"]

    def step(self) -> None:
        deed = self.draw.choice((self.slice, self.slice, self.fill, self.fill, self.deliver, self.deliver, self.cancel,
                                 self.replace, self.accept, self.last, self.reject))  # fmt: skip
        deed()

    def slice(self) -> None:
        size = INSTRUMENT.make_qty(self.draw.randint(1, 40) * LOT)
        whole = self.draw.random() < 0.5
        price = INSTRUMENT.make_price(self.storm.venue.price)
        if size >= self.primary.leaves_qty and (whole or self.sent_primary):
            return  # the engine itself does not let that happen
        spawned = self.slicer.spawn_limit(self.primary, size, price, reduce_primary=whole and not self.sent_primary)
        self.storm.tick()
        self.slices.append(spawned)
        self.slicer.submit_order(spawned)

    def last(self) -> None:
        if self.sent_primary or not self.slices or self.draw.random() < 0.7:
            return
        self.sent_primary = True
        self.storm.tick()
        self.slices.append(self.primary)
        self.slicer.submit_order(self.primary)

    def live(self) -> list[Order]:
        return [order for order in self.slices if order.is_open or order.is_inflight]

    def cancel(self) -> None:
        if live := self.live():
            self.storm.cancel(self.draw.choice(live))

    def replace(self) -> None:
        live = [order for order in self.live() if order.has_price and not order.is_pending_cancel and order.is_open]
        if live:
            self.storm.modify(self.draw.choice(live), self.draw.randint(1, 60) * LOT)

    def _open(self) -> list[Any]:
        return [at for at in self.storm.venue.orders.values() if at.open]

    def accept(self) -> None:
        for at in self._open():
            if not at.answered:
                self.storm.venue.accept(at)
                return

    def reject(self) -> None:
        fresh = [at for at in self._open() if not at.answered]
        if fresh and self.draw.random() < 0.3:
            self.storm.venue.reject(fresh[0])

    def fill(self) -> None:
        if found := self._open():
            at = self.draw.choice(found)
            self.storm.venue.fill(at, min(at.leaves, self.draw.randint(1, 20) * LOT))

    def deliver(self) -> None:
        outbox = self.storm.venue.outbox
        for _ in range(min(len(outbox), self.draw.randint(1, 4))):
            self.storm.tick()
            outbox.pop(0).deliver()

    def could_fill(self) -> Decimal:
        """Return what the venue has filled and may still fill of all slices."""
        return sum((at.filled + at.leaves for at in self.storm.venue.orders.values()), Decimal(0))


def play_sessions(seeds: range) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in seeds:
        session = Session(seed)
        for _ in range(STEPS):
            session.step()
            assert session.could_fill() <= session.asked, f"seed {seed}: children beyond the order"
            budget = session.storm.view.budget(session.primary.client_order_id.value)
            assert budget is None or budget.sliced <= float(session.asked) + 1e-9, f"seed {seed}"
        seen.update(session.storm.gate.decisions.counts)
        seen["filled wholly"] += session.could_fill() == session.asked
        seen["sessions"] += 1
        seen["cancelled"] += sum(order.status is OrderStatus.CANCELED for order in session.slices)
    return seen


def test_slices_never_add_up_to_more_than_their_order(counted: Callable[[str], None]) -> None:
    seen = play_sessions(range(NORMAL))

    assert seen["BUDGET_EXCEEDED"] > NORMAL
    assert seen["APPROVED"] > NORMAL
    assert seen["filled wholly"] > NORMAL // 20
    counted(f"slices of orders: {dict(seen)}")


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_slices_of_many_orders_never_add_up_to_more(counted: Callable[[str], None]) -> None:
    counted(f"slices of many orders: {dict(play_sessions(range(10_000, 10_000 + MANY)))}")
