"""Keep intents and their ends in the journal: nothing is sent that is not on disk."""

from __future__ import annotations

from typing import Any, Final, Literal

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.model.events import OrderCanceled, OrderDenied, OrderExpired, OrderFilled, OrderRejected

from risk.gate import Gate
from risk.intent import Intent
from risk.state.bounded_journal import BoundedJournal
from risk.state.journal_text import IntentRecord, OutcomeRecord

type _Status = Literal["ACCEPTED", "NOT_SENT", "REJECTED", "FILLED", "CANCELED", "EXPIRED"]

_ENDS: Final[dict[type, _Status]] = {
    OrderDenied: "NOT_SENT",
    OrderRejected: "REJECTED",
    OrderCanceled: "CANCELED",
    OrderExpired: "EXPIRED",
}


class Journalling:
    """
    Write every approved intent before it is passed on, and how its order ended.

    The end of an order is written soon, and waits for nobody: two hundred cancels must not wait for the disk two
    hundred times. One that is lost is left out: a start then finds the order without an end, and asks the venue.

    Parameters
    ----------
    gate : Gate
        Whose intents they are; it takes no more risk where the journal fails.
    journal : BoundedJournal
        Open.
    cache : CacheFacade
        The engine's, for the state of orders.

    """

    def __init__(self, gate: Gate, journal: BoundedJournal, cache: CacheFacade) -> None:
        self._journal = journal
        self._cache = cache
        self._written: set[str] = set()
        gate.journal = self.write
        gate.watch.observers.append(self)

    def write(self, intent: Intent) -> None:
        """Write an intent; raises a StateError where it is not on disk when this returns."""
        self._journal.append(record_of(intent), essential=intent.reduce_only)
        self._written.add(intent.client_order_id)

    def on_order_event(self, event: Any) -> None:
        """Write the end of an order that was journalled."""
        status = self._end_of(event)
        key = event.client_order_id.value
        if status is not None and key in self._written:
            self._written.discard(key)
            self._journal.post(OutcomeRecord(client_order_id=key, status=status, ts_ns=event.ts_init))

    def on_position_event(self, event: Any) -> None:
        """Nothing to do: positions follow from fills."""

    def on_instant_end(self, ts_ns: int) -> None:
        """Nothing to do."""

    def _end_of(self, event: Any) -> _Status | None:
        if isinstance(event, OrderFilled):
            order = self._cache.order(event.client_order_id)
            return "FILLED" if order is not None and order.is_closed else None
        return _ENDS.get(type(event))


def record_of(intent: Intent) -> IntentRecord:
    """Return the journal's record of an intent."""
    return IntentRecord(
        client_order_id=intent.client_order_id,
        instrument=intent.instrument,
        side=intent.side,
        quantity=intent.quantity,
        price=intent.price if intent.price is not None else intent.trigger_price,
        reduce_only=intent.reduce_only,
        ts_ns=intent.ts_ns,
    )
