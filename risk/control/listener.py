"""Hear what the gate and the engine tell, and count it: for the breakers, for what begins an Emergency, for figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.model.events import OrderAccepted, OrderFilled, OrderRejected, PositionClosed

from errors import Bot4Error
from risk.barriers import Barrier, Level, Source, venue_of
from risk.circuit import Scope, State
from risk.control.automatic_kill import AutomaticKill
from risk.intent import Intent
from risk.modes.table import Mode
from risk.modes.transitions import Guard
from risk.verdict import Parked, Refusal, Verdict

if TYPE_CHECKING:
    from risk.control.room import ControlRoom

RETRY_NS = 60 * 1_000_000_000
"""How long breakers stay open that could not be loosened, because the stores did not take it, until the next try."""


class Listener:
    """
    Listen on a control room's behalf: an observer of the gate's watch.

    Parameters
    ----------
    room : ControlRoom
        Whose breakers, triggers and governor are told.

    """

    def __init__(self, room: ControlRoom) -> None:
        self._room = room
        self._begun = False
        self._open: set[Scope] = set()
        self._advance_after_ns = 0
        self._flat = False
        self._sizes: dict[str, float] = {}
        self._automatic_kill: AutomaticKill | None = None

    def begin(self) -> None:
        """Count from now on: what a restart restored was counted before it."""
        room = self._room
        self._automatic_kill = AutomaticKill(room.kills, room.gate.view, room.config.kill.daily_loss_max)
        self._begun = True
        self._count_trips()

    def on_verdict(self, intent: Intent, verdict: Verdict) -> None:
        """Count decisions and breaches of limits, and what shows a broken strategy."""
        statistics = self._room.governor.statistics
        statistics.note_decision()
        if isinstance(verdict, Parked):
            statistics.note_request()
        elif isinstance(verdict, Refusal):
            self._room.triggers.note_breach(verdict.reason, self._room.now())
            self._room.floods.note_refusal(intent, verdict, self._room.now())

    def on_order_event(self, event: Any) -> None:
        """Count how the venue answers."""
        if isinstance(event, OrderRejected):
            self._room.breakers.note_error(Scope(Level.VENUE, venue_of(event.instrument_id.value)), event.ts_init)
        elif isinstance(event, OrderAccepted | OrderFilled):
            try:
                self._room.breakers.note_ok(Scope(Level.VENUE, venue_of(event.instrument_id.value)), event.ts_init)
            except Bot4Error as error:  # it stays half-open
                self._note_not_loosened(error, event.ts_init)

    def on_position_event(self, event: Any) -> None:
        """Count what trades earned, and what was added to a position, be it its first part or one more."""
        strategy, instrument = event.strategy_id.value, event.instrument_id.value
        before, now = self._sizes.pop(event.position_id.value, 0.0), abs(event.signed_qty)
        if isinstance(event, PositionClosed):
            profit = event.realized_pnl.as_double()
            try:
                self._room.breakers.note_trade_closed(strategy, instrument, profit, event.ts_init)
            except Bot4Error as error:  # those of its breakers that would have closed stay half-open
                self._note_not_loosened(error, event.ts_init)
            self._room.governor.statistics.note_realised(profit)
            return
        self._sizes[event.position_id.value] = now
        if now > before:
            self._room.breakers.note_opened(strategy, instrument, event.ts_init)

    def on_instant_end(self, ts_ns: int) -> None:
        """Look at the account as it stood at the end of an instant: breakers by drawdown, triggers of an Emergency."""
        if self._room.breakers.next_ns is not None and ts_ns >= self._advance_after_ns:
            try:
                self._room.breakers.advance(ts_ns)
            except Bot4Error as error:  # they stay open: nothing loosens that is not durable
                self._note_not_loosened(error, ts_ns)
                self._advance_after_ns = ts_ns + RETRY_NS
        view = self._room.gate.view
        in_emergency = view.mode is Mode.EMERGENCY
        was_flat, self._flat = self._flat, view.open_positions == 0
        if was_flat and self._flat and not in_emergency and not self._room.triggers.alert:
            return  # equity is what it was
        drawdown = view.drawdown
        self._room.breakers.note_equity(view.equity, ts_ns)
        if self._automatic_kill is not None:
            self._automatic_kill.check()
        if in_emergency:
            # what the desk shows may be an event ahead of the instant that ends
            held = self._room.guards() if self._flat else self._room.guards() - {Guard.POSITIONS_CLOSED}
            self._room.governor.note_recovery(held, ts_ns)
            return
        fired = self._room.triggers.evaluate(ts_ns, drawdown)
        if fired is not None:
            figures = "" if fired.measured is None else f": {fired.measured:.6g}, limit {fired.limit:.6g}"
            self._room.governor.emergency(fired.trigger, f"{fired.reason}{figures}", self._room.now())

    def on_barriers(self, barriers: tuple[Barrier, ...]) -> None:
        """Show the breakers' barriers to the gate."""
        self._room.gate.view.apply_barriers(Source.BREAKER, barriers)
        if self._begun:
            self._count_trips()

    def _count_trips(self) -> None:
        """Tell the triggers which breakers opened, and when: wider ones that opened with a narrower are one with it."""
        circuits = self._room.breakers.snapshot().circuits
        tripped = {each.scope: each.tripped_ns or 0 for each in circuits if each.state is not State.CLOSED}
        shadows = {(wider, at_ns) for scope, at_ns in tripped.items() for wider in scope.wider()[1:]}
        own = {scope for scope, at_ns in tripped.items() if (scope, at_ns) not in shadows}
        for scope in sorted(self._open - own, key=_name):
            self._room.triggers.note_breaker(_name(scope), self._room.now(), is_open=False)
        for scope in sorted(own - self._open, key=_name):
            self._room.triggers.note_breaker(_name(scope), tripped[scope], is_open=True)
        self._open = own

    def _note_not_loosened(self, error: Bot4Error, now_ns: int) -> None:
        self._room.gate.audit.append(now_ns, "BREAKER_NOT_LOOSENED", {"reason": str(error)})


def _name(scope: Scope) -> str:
    return f"{scope.level.value} {scope.name}".rstrip()
