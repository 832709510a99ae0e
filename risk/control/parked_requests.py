"""Keep on the stores which requests wait for approval, so that a start can say what was lost."""

from __future__ import annotations

from typing import Any

from errors import Bot4Error
from risk.control.room import ControlRoom
from risk.intent import Intent
from risk.verdict import Parked, Verdict


class ParkedRequests:
    """
    Store the control state when a request begins to wait, and at the end of the instant in which one ended.

    What waits carries no risk: where the stores have no room for it, trading goes on, and it is tried again.

    Parameters
    ----------
    room : ControlRoom
        Of a node.

    """

    def __init__(self, room: ControlRoom) -> None:
        self._room = room
        self._kept: tuple[str, ...] = ()
        room.gate.verdict_listeners.append(self.on_verdict)
        room.gate.watch.observers.append(self)

    def on_verdict(self, intent: Intent, verdict: Verdict) -> None:  # noqa: ARG002 (the signature is the gate's)
        """Store a request that begins to wait."""
        if isinstance(verdict, Parked):
            self._keep()

    def on_order_event(self, event: Any) -> None:
        """Nothing to do."""

    def on_position_event(self, event: Any) -> None:
        """Nothing to do."""

    def on_instant_end(self, ts_ns: int) -> None:  # noqa: ARG002 (the signature is the watch's)
        """Store that requests ended."""
        if self._kept or len(self._room.gate.review.queue):
            self._keep()

    def _keep(self) -> None:
        waiting = tuple(request.key for request in self._room.gate.review.queue.waiting())
        if waiting == self._kept:
            return
        try:
            self._room.keeper.store()
        except Bot4Error as error:
            if self._room.keeper.failed is not None:
                self._room.lose_state(str(error))
            return
        self._kept = waiting
