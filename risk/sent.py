"""What was sent lately, as far as the order-rate and duplicate checks must remember it."""

from __future__ import annotations

from collections import deque

from risk.intent import Action, Intent
from risk.limits import ORDERS_REMEMBERED

type Fingerprint = tuple[object, ...]


class SentOrders:
    """Remember the last commands that were approved and sent, a bounded number of them."""

    __slots__ = ("_recent", "_times")

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=ORDERS_REMEMBERED)
        self._recent: dict[Fingerprint, tuple[int, str]] = {}

    def record(self, intent: Intent) -> None:
        """Remember an intent as sent at its own time."""
        self._times.append(intent.ts_ns)
        if intent.action is Action.SUBMIT:
            key = _fingerprint(intent)
            self._recent.pop(key, None)
            self._recent[key] = (intent.ts_ns, intent.client_order_id)
            if len(self._recent) > ORDERS_REMEMBERED:
                del self._recent[next(iter(self._recent))]

    def sent_ns(self, count: int) -> int | None:
        """Return when the `count`-th latest command was sent, None where there were fewer."""
        return self._times[-count] if len(self._times) >= count else None

    def duplicate_ns(self, intent: Intent) -> int | None:
        """Return when another order like this one was sent; None where none is remembered."""
        earlier = self._recent.get(_fingerprint(intent))
        return None if earlier is None or earlier[1] == intent.client_order_id else earlier[0]


def _fingerprint(intent: Intent) -> Fingerprint:
    return (
        intent.strategy,
        intent.instrument,
        intent.side.sign,
        intent.quantity,
        intent.price,
        intent.trigger_price,
        intent.order_type,
        intent.reduce_only,
        intent.parent_id,  # an algorithm's last slice is the parent itself, and like the slices before it
    )
