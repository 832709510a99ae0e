"""Carry commands to the simulated venue: after the latency, and not before the instrument trades again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nautilus_trader.backtest.execution_client import BacktestExecClient
from nautilus_trader.common.component import Clock, MessageBus
from nautilus_trader.core.datetime import unix_nanos_to_dt
from nautilus_trader.execution.messages import (
    BatchCancelOrders,
    CancelAllOrders,
    CancelOrder,
    ModifyOrder,
    SubmitOrder,
    SubmitOrderList,
)
from nautilus_trader.model.identifiers import InstrumentId

from research.venue.prices import Board


class Courier:
    """
    Hand each command over exactly when it arrives.

    The engine's own latency hands a command over with the next data event of any instrument, whichever price its own
    instrument had last. With bars that is the close on which it was decided. Here a command arrives by a time alert of
    its own, and where its instrument has not printed since its last bar closed (the next bar has not opened, or the
    venue is halted), it waits at the door for that opening print. Commands for one instrument keep their order.

    Parameters
    ----------
    clock : Clock
        The engine's.
    latency_ns : int
        From sending to arrival, above 0.
    board : Board
        Says which instruments trade, and tells of opening prints.
    deliver : callable
        Takes a command into the venue.

    """

    def __init__(self, clock: Clock, latency_ns: int, board: Board, deliver: Callable[[Any], None]) -> None:
        self._clock = clock
        self._latency_ns = latency_ns
        self._board = board
        self._deliver = deliver
        self._travelling: list[tuple[int, Any]] = []
        self._waiting: dict[InstrumentId, list[Any]] = {}
        self._sent = 0
        board.opening_listeners.append(self.open)

    def send(self, command: Any) -> None:
        """Send a command on its way."""
        due_ns = self._clock.timestamp_ns() + self._latency_ns
        self._sent += 1
        self._travelling.append((due_ns, command))
        self._clock.set_time_alert(f"courier-{id(self)}-{self._sent}", unix_nanos_to_dt(due_ns), self._arrive)

    def _arrive(self, _event: Any) -> None:
        now = self._clock.timestamp_ns()
        while self._travelling and self._travelling[0][0] <= now:
            command = self._travelling.pop(0)[1]
            market = self._board.markets.get(command.instrument_id)
            if market is None or market.trading:
                self._deliver(command)
            else:
                self._waiting.setdefault(command.instrument_id, []).append(command)

    def open(self, instrument_id: InstrumentId) -> None:
        """Let in what waits for this instrument, in the order of arrival."""
        for command in self._waiting.pop(instrument_id, ()):
            self._deliver(command)


class CourierClient(BacktestExecClient):
    """The engine's client of a simulated venue, whose commands travel with a courier."""

    courier: Courier

    def submit_order(self, command: SubmitOrder) -> None:
        """Tell that the order was sent, and send it."""
        self._tell_submitted(command.order)
        self.courier.send(command)

    def submit_order_list(self, command: SubmitOrderList) -> None:
        """Tell that the orders were sent, and send them together."""
        for order in command.order_list.orders:
            self._tell_submitted(order)
        self.courier.send(command)

    def modify_order(self, command: ModifyOrder) -> None:
        """Send a change."""
        self.courier.send(command)

    def cancel_order(self, command: CancelOrder) -> None:
        """Send a cancel."""
        self.courier.send(command)

    def cancel_all_orders(self, command: CancelAllOrders) -> None:
        """Send a cancel of all orders."""
        self.courier.send(command)

    def batch_cancel_orders(self, command: BatchCancelOrders) -> None:
        """Send several cancels."""
        self.courier.send(command)

    def _tell_submitted(self, order: Any) -> None:
        self.generate_order_submitted(
            strategy_id=order.strategy_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            ts_event=self._clock.timestamp_ns(),
        )


def courier_client(
    exchange: Any,
    deliver: Callable[[Any], None],
    latency_ns: int,
    board: Board,
    *,
    msgbus: MessageBus,
    cache: Any,
    clock: Clock,
) -> CourierClient:
    """
    Give a simulated venue a client with a courier.

    Parameters
    ----------
    exchange : SimulatedExchange
        Whose client it becomes.
    deliver : callable
        Takes a command into the venue, such as ``exchange.send``.
    latency_ns : int
        From sending to arrival, above 0.
    board : Board
        Of the same venue.
    msgbus, cache, clock : the engine's own

    """
    client = CourierClient(
        exchange=exchange,
        msgbus=msgbus,
        cache=cache,
        clock=clock,
        frozen_account=True,  # whoever builds the venue registers the kind of its account
    )
    client.courier = Courier(clock, latency_ns, board, deliver)
    exchange.register_client(client)
    return client
