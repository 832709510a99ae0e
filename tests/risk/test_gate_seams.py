"""What others may attach to the gate: a journal of approved intents, listeners, and the desk's own orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_world import INSTRUMENT, Scripted, play
from nautilus_trader.execution.messages import CancelOrder
from nautilus_trader.model.enums import OrderSide, OrderStatus

from errors import Bot4Error
from risk.controller import GateController, gate_of
from risk.intent import Intent
from risk.modes.operators import LatencyConfig, OperatorConfig, Spread
from risk.modes.table import Mode
from risk.verdict import Approved, Parked, Refusal

SMALL = 0.05


class DiskFullError(Bot4Error):
    """What a journal raises that can't keep what it is given."""


class Attached:
    """A gate with a journal that can be told to fail."""

    def __init__(self, fails: Callable[[Intent], bool] = lambda intent: False) -> None:
        self.fails = fails
        self.journalled: list[str] = []
        self.lost: list[Bot4Error] = []
        self.verdicts: list[type] = []
        self.modes: list[tuple[Mode, Mode]] = []
        self.gate: Any

    def __call__(self, engine: Any) -> None:
        controller: GateController = gate_of(engine.trader)
        self.gate = controller.gate
        self.gate.journal = self.keep
        self.gate.on_state_lost = self.lost.append
        self.gate.verdict_listeners.append(lambda _intent, verdict: self.verdicts.append(type(verdict)))
        self.gate.mode_listeners.append(lambda mode: self.modes.append((mode, self.gate.view.mode)))

    def keep(self, intent: Intent) -> None:
        if self.fails(intent):
            raise DiskFullError("no space left on the device")
        self.journalled.append(intent.client_order_id)


def buy(strategy: Scripted) -> None:
    strategy.submit_order(strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(SMALL)))


def sell_all(strategy: Scripted) -> None:
    strategy.close_all_positions(INSTRUMENT)


def answering(seconds: float) -> OperatorConfig:
    return OperatorConfig(latency=LatencyConfig(spread=Spread.FIXED, median_s=seconds))


def test_what_is_approved_is_journalled_before_it_leaves() -> None:
    order: list[str] = []
    attached = Attached()

    def prepare(engine: Any) -> None:
        attached(engine)
        attached.gate.journal = lambda _intent: order.append("journal")

    def note(strategy: Scripted) -> None:
        buy(strategy)
        order.append("returned")

    strategy, _ = play({3: note}, prepare=prepare)

    assert order == ["journal", "returned"]
    assert strategy.orders[0].status is OrderStatus.FILLED


def test_what_can_not_be_journalled_is_not_sent_unless_it_closes() -> None:
    attached = Attached()

    def fail(_strategy: Scripted) -> None:
        attached.fails = lambda _intent: True

    strategy, controller = play({3: buy, 5: fail, 12: buy, 15: sell_all}, prepare=attached)

    statuses = [order.status.name for order in strategy.orders]
    assert statuses == ["FILLED", "DENIED", "FILLED"]
    assert strategy.positions == []
    denied = next(event for event in strategy.events if type(event).__name__ == "OrderDenied")
    assert denied.reason == "STATE_NOT_DURABLE (no space left on the device)"
    assert len(attached.lost) == 2
    assert [record.kind for record in controller.gate.audit.records] == ["JOURNAL_FAILED"] * 2
    assert controller.gate.decisions.counts == {"APPROVED": 2, "STATE_NOT_DURABLE": 1}


def test_a_parked_command_is_journalled_at_its_release_and_not_before() -> None:
    attached = Attached()
    kept: list[int] = []

    def count(_strategy: Scripted) -> None:
        kept.append(len(attached.journalled))

    script = {3: buy, 5: count, 12: count}
    play(script, mode=Mode.SEMI_AUTO, operator=answering(5.0), prepare=attached)

    assert kept == [0, 1]


def test_an_approval_that_can_not_be_journalled_sends_nothing() -> None:
    attached = Attached(lambda _intent: True)
    strategy, controller = play({3: buy}, mode=Mode.SEMI_AUTO, operator=answering(5.0), prepare=attached)

    assert strategy.orders[0].status is OrderStatus.DENIED
    record = controller.gate.audit.records[-1]
    assert (record.kind, record.data["outcome"], record.data["sent"]) == ("APPROVAL", "APPROVED", False)


def test_a_change_that_can_not_be_journalled_leaves_the_order_as_it_is() -> None:
    attached = Attached()

    def rest(strategy: Scripted) -> None:
        size, price = strategy.quantity(SMALL), strategy.price(49_500.0)
        strategy.submit_order(strategy.order_factory.limit(INSTRUMENT, OrderSide.BUY, size, price))

    def grow(strategy: Scripted) -> None:
        attached.fails = lambda _intent: True
        strategy.modify_order(strategy.cache.orders_open()[0], quantity=strategy.quantity(2 * SMALL))

    strategy, _ = play({3: rest, 6: grow}, prepare=attached)

    assert "OrderModifyRejected" in strategy.names()
    assert strategy.orders[0].quantity == strategy.quantity(SMALL)


def test_a_failure_that_is_no_refusal_is_not_swallowed() -> None:
    attached = Attached()

    def prepare(engine: Any) -> None:
        attached(engine)

        def broken(_intent: Intent) -> None:
            raise ZeroDivisionError

        attached.gate.journal = broken

    with pytest.raises(ZeroDivisionError):
        play({3: buy}, prepare=prepare)


def test_listeners_hear_every_verdict_and_every_mode_once_it_holds() -> None:
    attached = Attached()
    script = {
        3: buy,
        20: lambda _strategy: attached.gate.set_mode(Mode.MANUAL, "a test"),
        22: buy,
    }
    play(script, mode=Mode.SEMI_AUTO, operator=answering(5.0), prepare=attached)

    assert attached.verdicts == [Parked, Approved, Refusal]
    assert attached.modes == [(Mode.MANUAL, Mode.MANUAL)]


@pytest.mark.parametrize("mode", list(Mode))
def test_the_desks_closing_orders_pass_in_every_mode(mode: Mode) -> None:
    attached = Attached()

    def guard(strategy: Scripted) -> None:
        attached.gate.set_mode(mode, "a test")
        factory, size = strategy.order_factory, strategy.quantity(SMALL)
        strategy.submit_order(factory.market(INSTRUMENT, OrderSide.SELL, size, reduce_only=True, tags=["guard:KILL"]))

    strategy, controller = play({3: buy, 6: guard}, prepare=attached)

    assert strategy.positions == []
    assert controller.gate.decisions.counts == {"APPROVED": 2}


def test_a_cancel_of_what_was_never_sent_does_not_reach_the_venue() -> None:
    attached = Attached()
    at_the_engine: list[Any] = []

    def prepare(engine: Any) -> None:
        attached(engine)
        onward = attached.gate._execute
        attached.gate._execute = lambda command: (at_the_engine.append(command), onward(command))

    def rest(strategy: Scripted) -> None:
        size, price = strategy.quantity(SMALL), strategy.price(49_900.0)
        strategy.order = strategy.order_factory.limit(INSTRUMENT, OrderSide.BUY, size, price)
        strategy.submit_order(strategy.order)

    script = {3: rest, 5: lambda strategy: strategy.cancel_order(strategy.order)}
    strategy, _ = play(script, mode=Mode.SEMI_AUTO, prepare=prepare)

    assert strategy.order.status is OrderStatus.DENIED
    assert not any(isinstance(command, CancelOrder) for command in at_the_engine)
