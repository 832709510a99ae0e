"""The control room: what stands around the gate, wired to each other, and run by operators' commands."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from nautilus_trader.model.events import OrderFilled

from errors import Bot4Error
from risk.account_margin import MarginAccounts
from risk.alarms import Alarms
from risk.audit import Head
from risk.barriers import Barrier, Level, Source
from risk.breakers import BreakerBoard
from risk.circuit import SYSTEM, State
from risk.control.config import ControlConfig
from risk.control.document import ControlState
from risk.control.floods import FloodGuard
from risk.control.keeper import Keeper, Stores
from risk.control.limit_changes import tightened
from risk.control.listener import Listener
from risk.desk import Desk
from risk.gate import Gate
from risk.guardian import Guardian
from risk.kill import KillSwitches
from risk.kill_records import KillReport
from risk.modes.changes import ModeChange
from risk.modes.emergency import EmergencyCloser
from risk.modes.governor import ModeGovernor
from risk.modes.start import StartDecision
from risk.modes.table import POWERS, Mode
from risk.modes.transitions import Guard, GuardResults
from risk.modes.triggers import Trigger, Triggers
from risk.operator_orders import OperatorOrders
from risk.review_trail import lost_requests
from risk.ruleset import Ruleset
from risk.stops import StopPlanner


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the host gives the control room.

    `hand` sends operators' own orders. `venue_tradable` tells whether a venue takes orders now; `models_ready` whether
    what FullAuto needs is loaded.
    """

    desk: Desk
    hand: OperatorOrders
    alarms: Alarms
    now: Callable[[], int]
    margins: MarginAccounts
    venue_tradable: Callable[[str], bool] = lambda _venue: True
    models_ready: Callable[[], bool] = lambda: True


class ControlRoom:
    """
    Run modes, kill switches, breakers, emergencies and the guards of positions as one.

    It hears of everything through the gate's watch, acts through the desk and the gate, and stores one document.
    `begin` puts the mode of the start into effect; until then nothing is done.

    Parameters
    ----------
    gate : Gate
        Installed.
    around : Surroundings
        What the host gives.
    config : ControlConfig
        The user's choices.
    start : StartDecision
        In which mode to start, and why.
    equity : float
        The account's at the start, quote currency.
    stores : Stores or None
        Where the state is kept; None for a replay.
    restored : ControlState or None
        What an earlier process left.
    session : int
        Which start this is.

    """

    def __init__(
        self,
        *,
        gate: Gate,
        around: Surroundings,
        config: ControlConfig,
        start: StartDecision,
        equity: float,
        stores: Stores | None = None,
        restored: ControlState | None = None,
        session: int = 0,
    ) -> None:
        self.gate = gate
        self.config = config
        self.hand = around.hand
        self.margins = around.margins
        self.limits = gate.rules.limits
        self.limit_changes: dict[str, float] = dict(restored.limits) if restored is not None else {}
        self._around = around
        self._restored = restored
        self._session = session
        self.lost_listeners: list[Callable[[str], None]] = []
        """Told why, once, when the state or the journal can't be kept any more."""
        self.kill_listeners: list[Callable[[KillReport], None]] = []
        """Told of every report of a kill switch."""
        self._listener = Listener(self)
        view, audit, now = gate.view, gate.audit, around.now
        self.keeper = Keeper(self.state, stores, restored)
        self.triggers = Triggers(config.triggers, restored.triggers if restored is not None else None)
        self.breakers = BreakerBoard(
            config.breakers,
            powers=POWERS[start.mode],
            equity=equity,
            audit=audit,
            publish=self._listener.on_barriers,
            persist=self._store,
            restored=restored.breakers if restored is not None else None,
        )
        self.floods = FloodGuard(lambda: gate.rules.limits.rate, self.breakers.trip)
        self.kills = KillSwitches(
            view=view,
            desk=around.desk,
            alarms=around.alarms,
            now=now,
            audit=audit,
            persist=self.keeper.store_soon,
            config=config.kill,
            people=config.people,
            on_report=self._on_kill_report,
            restored=restored.kills if restored is not None else None,
        )
        self.closer = EmergencyCloser(
            desk=around.desk,
            alarms=around.alarms,
            now=now,
            audit=audit,
            facts=view.facts,
            allow_hedges=view.apply_hedges,
            config=config.emergency,
            can_trade=around.venue_tradable,
            persist=self._store,
            restored=restored.emergency if restored is not None else None,
        )
        self.guardian = Guardian(
            view=view,
            desk=around.desk,
            alarms=around.alarms,
            audit=audit,
            margins=around.margins,
            stops=StopPlanner(config.stops, self._lot_of),
            changes=lambda: gate.watch.changes,
            on_alarm=self._on_liquidation_alarm,
            config=config.guardian,
        )
        self.governor = ModeGovernor(
            start=start,
            config=config.people,
            audit=audit,
            persist=self.keeper.store,
            apply=self._apply_mode,
            now_ns=now(),
            on_state_lost=self._on_mode_not_stored,
            restored=restored.governor if restored is not None else None,
        )
        self._listen()

    def _listen(self) -> None:
        watch, gate = self.gate.watch, self.gate
        watch.observers[:0] = [self._listener, self.kills, self.closer]
        watch.mark_listeners.append(self.guardian.on_mark)
        watch.on_unknown_fill = self.on_unknown_fill
        gate.verdict_listeners.append(self._listener.on_verdict)
        gate.on_state_lost = self._on_journal_lost

    # -- life --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Put the mode of the start into effect, say what a restart lost, and go on with what it interrupted."""
        now = self._around.now()
        self.gate.view.advance(now)
        if self._restored is not None and self._restored.bases is not None:
            self.gate.view.apply_bases(self._restored.bases)
        if self.limit_changes:
            self.gate.rules = Ruleset(tightened(self.limits, self.limit_changes))
        if self._restored is not None and self._restored.review is not None:
            lost_requests(self._restored.review, now, self.gate.audit)
        self.governor.begin(now)
        self._listener.begin()
        self._confirm()
        self.kills.resume()

    def now(self) -> int:
        """Return the engine's time, ns since the epoch."""
        return self._around.now()

    def state(self) -> ControlState:
        """Return the document that must survive a restart, as of now."""
        return ControlState(
            governor=self.governor.snapshot(),
            breakers=self.breakers.snapshot(),
            kills=self.kills.snapshot(),
            emergency=self.closer.snapshot(),
            triggers=self.triggers.snapshot(),
            review=self.gate.review.snapshot(),
            bases=self.gate.view.bases(),
            limits=dict(self.limit_changes),
            audit=Head(self.gate.audit.count, self.gate.audit.head, self.gate.view.ts_ns),
            session=self._session,
        )

    # -- what goes wrong ----------------------------------------------------------------------------------------

    def on_unknown_fill(self, event: OrderFilled) -> None:
        """Begin an Emergency: something was filled that the gate has not approved."""
        data = {"client_order_id": event.client_order_id.value, "instrument": event.instrument_id.value}
        now = self._around.now()
        self.gate.audit.append(now, "FILL_WITHOUT_TICKET", data)
        self.triggers.note_security_breach(f"fill without a gate ticket: {event.client_order_id.value}")
        self.governor.emergency(Trigger.SECURITY_BREACH, f"fill without a gate ticket: {data['client_order_id']}", now)

    def on_model_failure(self, reason: str) -> None:
        """Go on without the model: FullAuto becomes SemiAuto."""
        self.governor.demote(Mode.SEMI_AUTO, f"model failed: {reason}", self._around.now())

    def lose_state(self, reason: str) -> None:
        """Take no more risk until a restart has read the state again: a store or the journal failed."""
        if any(barrier.source is Source.STATE for barrier in self.gate.view.barriers):
            return
        now = self._around.now()
        barrier = Barrier(Source.STATE, Level.SYSTEM, "", reason, now)
        self.gate.view.apply_barriers(Source.STATE, (barrier,))
        self.gate.audit.append(now, "STATE_LOST", {"reason": reason})
        for listener in self.lost_listeners:
            listener(reason)

    # -- guards ------------------------------------------------------------------------------------------------

    def guards(self) -> GuardResults:
        """Return which guards of mode changes hold now."""
        held = set()
        if self._healthy():
            held.add(Guard.SYSTEMS_HEALTHY)
        if self.governor.mode is Mode.SEMI_AUTO and self._around.models_ready():  # who else would ask for them
            held.add(Guard.MODELS_READY)
        if all(getattr(self.limits, name).enabled for name in ("position", "leverage", "daily_loss", "drawdown")):
            held.add(Guard.LIMITS_CONFIGURED)
        if not self._around.desk.positions():
            held.add(Guard.POSITIONS_CLOSED)
        normal = self.triggers.risk_is_normal(self._around.now(), self.gate.view.drawdown)
        if normal and not self.kills.engaged() and self.keeper.failed is None:
            held.add(Guard.RISK_NORMAL)
        return frozenset(held)

    def _healthy(self) -> bool:
        stopped = any(barrier.source is not Source.BREAKER for barrier in self.gate.view.barriers)
        return not stopped and self.keeper.failed is None and self.breakers.circuit(SYSTEM).state is State.CLOSED

    # -- effects -----------------------------------------------------------------------------------------------

    def _apply_mode(self, mode: Mode, reason: str) -> None:
        before = self.gate.view.mode
        now = self._around.now()
        self.gate.set_mode(mode, reason)
        self.breakers.set_powers(POWERS[mode], now)
        if mode is Mode.EMERGENCY:
            self.closer.begin(reason)
        elif before is Mode.EMERGENCY:
            self.closer.end()
            self.triggers.clear(self.gate.view.drawdown)

    def after_change(self, change: object) -> None:
        """Let a restart resume a change of mode that has taken effect."""
        if isinstance(change, ModeChange):
            self._confirm()

    def change_limits(self, changes: dict[str, float]) -> None:
        """Put an operator's changes of limits into effect once they are durable."""
        before, self.limit_changes = self.limit_changes, changes
        try:
            self.keeper.store()
        except Bot4Error:
            self.limit_changes = before
            raise
        self.gate.rules = Ruleset(tightened(self.limits, changes))

    def _store(self) -> None:
        """Store what changed by itself; where a tightening is not durable, no more risk is taken until a restart."""
        loosens = self.keeper.loosens
        try:
            self.keeper.store()
        except Bot4Error as error:
            if not loosens or self.keeper.failed is not None:
                self.lose_state(str(error))
            if loosens:
                raise  # whoever loosens takes it back

    def _confirm(self) -> None:
        try:
            self.keeper.confirm()
        except Bot4Error as error:
            self.lose_state(str(error))

    def _on_mode_not_stored(self, reason: str) -> None:
        if not self.keeper.loosening_refused:
            self.lose_state(reason)

    def _on_journal_lost(self, error: Bot4Error) -> None:
        self.lose_state(str(error))

    def _on_kill_report(self, report: KillReport) -> None:
        for listener in self.kill_listeners:
            listener(report)

    def _on_liquidation_alarm(self, now_ns: int, reason: str) -> None:
        self.gate.audit.append(now_ns, "LIQUIDATION_ALARM", {"reason": reason})

    def _lot_of(self, instrument: str) -> float:
        facts = self.gate.view.facts(instrument)
        return 0.0 if facts is None else facts.size_increment
