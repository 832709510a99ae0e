"""Kill switches: bar a scope, cancel what works in it, flatten it, make sure, report; until a person clears it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from risk import closing_plan
from risk.alarms import Alarms
from risk.audit import AuditLog
from risk.barriers import Source
from risk.desk import Desk, OpenOrder, OpenPosition, Purpose
from risk.kill_records import Flatten, Kill, KillConfig, KillReport, KillSnapshot, Scope, Stage
from risk.modes.authorisation import SUPERVISORS, AuthorisationConfig, Authority, Code, Objection, objection_to
from risk.view import View

_ALARM = "kill-sweep"
_WITHOUT_RISK = frozenset({"OrderInitialized", "OrderDenied"})
"""Events of orders that were not sent: a strategy that goes on asking must not keep a kill from ending."""
_STEADY_SWEEPS = 10
"""Sweeps before the time between them begins to double."""


class _Tally:
    """What one kill has met since it was pressed or taken up, so that each order and position counts once."""

    __slots__ = ("acted", "cancelled", "cancelled_before", "closed_before", "rounds", "seen", "told")

    def __init__(self, kill: Kill | None = None) -> None:
        self.cancelled_before = 0 if kill is None else kill.cancelled
        self.closed_before = 0 if kill is None else kill.closed
        self.cancelled: set[str] = set()
        self.seen: set[str] = set()
        self.rounds = 0
        self.acted = False
        self.told = False


class KillSwitches:
    """
    Hold the engaged kill switches and carry them out.

    Nothing a kill does waits for an answer, and nothing that fails on the way stops it: each sweep looks at what the
    desk still shows in the scope and acts on that, so a rejected close, a refused cancel or a late fill is met by the
    next. First goes what could add risk; the orders that protect a position go when it is closed. Whatever shows up in
    the scope later, while the switch is engaged, is dealt with in the same way.

    Parameters
    ----------
    view : View
        Where the barriers go.
    desk : Desk
        Cancels and closes, through the gate.
    alarms : Alarms
        Wake up the next sweep.
    now : callable
        Returns the engine's time, ns.
    audit : AuditLog
        Keeps every press, report and clearance.
    persist : callable
        Makes `snapshot` durable, on this machine: a press goes on where it fails, a clearance does not.
    config : KillConfig
        How it is done.
    people : AuthorisationConfig
        Who may clear: a risk officer or an admin, never the platform.
    on_report : callable or None
        Told of every report.
    restored : KillSnapshot or None
        What was engaged before a restart. Its barriers stand at once; `resume` goes on with the rest.

    """

    def __init__(
        self,
        *,
        view: View,
        desk: Desk,
        alarms: Alarms,
        now: Callable[[], int],
        audit: AuditLog,
        persist: Callable[[], None],
        config: KillConfig | None = None,
        people: AuthorisationConfig | None = None,
        on_report: Callable[[KillReport], None] | None = None,
        restored: KillSnapshot | None = None,
    ) -> None:
        self._view = view
        self._desk = desk
        self._alarms = alarms
        self._now = now
        self._audit = audit
        self._persist = persist
        self._config = config or KillConfig()
        self._people = people or AuthorisationConfig()
        self._on_report = on_report
        self._kills = {kill.scope: kill for kill in (restored.kills if restored is not None else ())}
        self._tallies = {scope: _Tally(kill) for scope, kill in self._kills.items()}
        self._closing_since: dict[str, int] = {}
        self._sweeping = False
        self.not_stored: str | None = None
        """Why the kills as they are now are not known to be durable; None while all is well."""
        self._raise_barriers()

    # -- what is engaged -------------------------------------------------------------------------------------------

    def engaged(self) -> tuple[Kill, ...]:
        """Return the engaged kills, oldest first."""
        return tuple(self._kills.values())

    def snapshot(self) -> KillSnapshot:
        """Return what must survive a restart."""
        return KillSnapshot(kills=self.engaged())

    # -- press and clear -------------------------------------------------------------------------------------------

    def engage(self, scope: Scope, who: Authority, flatten: Flatten | None = None) -> bool:
        """
        Press the switch of a scope.

        Everybody may, the platform too: it only takes risk away. Pressed again it changes nothing, unless positions
        that were to be kept shall now be closed, or the first press had given up. A wider scope stands beside a
        narrower one, and each is cleared by itself.

        Returns
        -------
        bool
            False where the switch was engaged already and nothing changed.

        """
        now = self._now()
        policy = flatten or self._config.flatten
        before = self._kills.get(scope)
        if before is None:
            kill = Kill(
                scope=scope,
                engaged_ns=now,
                operator=who.operator,
                role=who.role,
                reason=who.reason,
                flatten=policy,
            )
        else:
            widens = before.flatten is Flatten.KEEP and policy is Flatten.MARKET
            if not widens and before.stage is not Stage.GAVE_UP:
                self._note("KILL_PRESSED_AGAIN", scope, operator=who.operator, reason=who.reason)
                return False
            policy = Flatten.MARKET if widens else before.flatten
            kill = msgspec.structs.replace(before, flatten=policy, stage=Stage.RUNNING, ended_ns=None)
        self._kills[scope] = kill
        self._tallies[scope] = _Tally(before)
        self._store(scope)
        self._raise_barriers()
        self._note(
            "KILL_ENGAGED",
            scope,
            operator=who.operator,
            role=who.role.value,
            reason=who.reason,
            flatten=policy.value,
            mode=self._view.mode.value,
        )
        self._sweep()
        return True

    def clear(self, scope: Scope, who: Authority, *, force: bool = False) -> Objection | None:
        """
        Take a kill switch back; returns why not, or None where it was cleared.

        Only a risk officer or an admin may, and only when the kill is done. With `force` also before that: what is
        left open then stays as it is. It is durable before it takes effect, and does not happen where that fails.
        """
        kill = self._kills.get(scope)
        objection = self._objection_to_clearing(kill, who, force=force)
        if kill is not None and objection is None:
            del self._kills[scope]
            try:
                self._persist()
            except Exception as error:  # noqa: BLE001 (whatever ails the store, the switch stays engaged)
                self._kills[scope] = kill
                objection = Objection(Code.STATE_NOT_DURABLE, f"the clearance could not be stored: {error}")
        if kill is None or objection is not None:
            self._note("KILL_CLEAR_REFUSED", scope, operator=who.operator, reason=who.reason, why=str(objection))
            return objection
        del self._tallies[scope]
        self._raise_barriers()
        self._note(
            "KILL_CLEARED",
            scope,
            operator=who.operator,
            role=who.role.value,
            reason=who.reason,
            forced=force,
            left_orders=list(kill.left_orders),
            left_positions=list(kill.left_positions),
        )
        return None

    def _objection_to_clearing(self, kill: Kill | None, who: Authority, *, force: bool) -> Objection | None:
        if kill is None:
            return Objection(Code.NO_SUCH_REQUEST, "no kill switch of this scope is engaged")
        if who.role not in SUPERVISORS:
            return Objection(Code.NOT_AUTHORISED, f"a risk officer or an admin clears, not {who.role.value}")
        objection = objection_to(who, self._people)
        if objection is None and kill.stage is not Stage.DONE and not force:
            left = ", ".join((*kill.left_orders, *kill.left_positions))
            objection = Objection(Code.GUARD_NOT_MET, f"the kill must be done first, is left with: {left or 'unknown'}")
        return objection

    # -- carry out -------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Look at every engaged scope again: after a restart, once orders and positions are known."""
        for scope in self._kills:
            self._reopen(scope)
        self._sweep()

    def on_order_event(self, event: Any) -> None:
        """Look again where an order in an engaged scope has moved."""
        if type(event).__name__ not in _WITHOUT_RISK:
            self._look_again(event)

    def on_position_event(self, event: Any) -> None:
        """Look again where a position in an engaged scope has moved."""
        self._look_again(event)

    def on_instant_end(self, ts_ns: int) -> None:
        """Nothing to do when time moves on."""

    def _look_again(self, event: Any) -> None:
        if not self._kills or self._sweeping:
            return
        strategy, instrument = event.strategy_id.value, event.instrument_id.value
        done = [
            scope
            for scope, kill in self._kills.items()
            if kill.stage is Stage.DONE and kill.barrier.covers(strategy, instrument)
        ]
        for scope in done:
            self._reopen(scope)
        if done:
            self._alarms.set(_ALARM, self._now() + self._config.verify_ms * 1_000_000, self._sweep)

    def _reopen(self, scope: Scope) -> None:
        self._kills[scope] = msgspec.structs.replace(self._kills[scope], stage=Stage.RUNNING)
        self._tallies[scope].rounds = 0

    def _sweep(self) -> None:
        """Look at what is left in every running scope, and act on it."""
        now = self._now()
        self._sweeping = True
        try:
            orders, positions = self._desk.orders(), self._desk.positions()
            for kill in self.engaged():
                if kill.stage is Stage.RUNNING:
                    self._carry_out(kill, orders, positions, now)
        finally:
            self._sweeping = False
            running = [scope for scope, kill in self._kills.items() if kill.stage is Stage.RUNNING]
            if running:
                rounds = min(self._tallies[scope].rounds for scope in running)
                doubled = self._config.verify_ms * 2 ** min(max(0, rounds - _STEADY_SWEEPS), 20)
                wait_ms = min(doubled, self._config.verify_ms_max)
                self._alarms.set(_ALARM, now + wait_ms * 1_000_000, self._sweep)

    def _carry_out(self, kill: Kill, orders: Sequence[OpenOrder], positions: Sequence[OpenPosition], now: int) -> None:
        tally = self._tallies[kill.scope]
        tally.rounds += 1
        barrier = kill.barrier
        working = [order for order in orders if barrier.covers(order.strategy, order.instrument)]
        held = [position for position in positions if barrier.covers(position.strategy, position.instrument)]
        tally.seen.update(position.position_id for position in held)

        adding = closing_plan.adding(working)
        useless = [] if adding else closing_plan.idle(working, held)
        for order in (*adding, *useless):
            self._cancel(order, tally)
        waited = now - kill.engaged_ns >= self._config.cancel_wait_ms * 1_000_000
        if kill.flatten is Flatten.MARKET and (waited or not adding):
            for position in held:
                self._close(position, working, tally, now)

        left_positions = () if kill.flatten is Flatten.KEEP else tuple(position.position_id for position in held)
        kill = msgspec.structs.replace(
            kill,
            orders_gone_ns=now if kill.orders_gone_ns is None and not adding else kill.orders_gone_ns,
            flat_ns=now if kill.flat_ns is None and not adding and not held else kill.flat_ns,
            sweeps=kill.sweeps + 1,
            cancelled=tally.cancelled_before + len(tally.cancelled),
            closed=tally.closed_before + len(tally.seen.difference(position.position_id for position in held)),
            left_orders=tuple(order.client_order_id for order in (*adding, *useless)),
            left_positions=left_positions,
        )
        if not (kill.left_orders or kill.left_positions):
            kill = msgspec.structs.replace(kill, stage=Stage.DONE)
        elif tally.rounds >= self._config.sweeps_max:
            kill = msgspec.structs.replace(kill, stage=Stage.GAVE_UP)
        self._kills[kill.scope] = kill
        self._tell(kill, tally, now)

    def _cancel(self, order: OpenOrder, tally: _Tally) -> None:
        tally.cancelled.add(order.client_order_id)
        tally.acted = True
        self._try("cancel", order.client_order_id, partial(self._desk.cancel, order.client_order_id))

    def _close(self, position: OpenPosition, orders: Sequence[OpenOrder], tally: _Tally, now: int) -> None:
        """Close what nothing is on its way to close; an order that never ends is given up after a while."""
        tally.acted = True
        key = position.position_id
        under_way = closing_plan.closing(position, orders)
        since = self._closing_since.setdefault(key, now)
        if not under_way:
            self._closing_since[key] = now
        elif now - since >= self._config.stuck_ms * 1_000_000:
            self._closing_since[key] = now
            for order in under_way:
                self._try("cancel", order.client_order_id, partial(self._desk.cancel, order.client_order_id))
        quantity = closing_plan.uncovered(position, orders)
        if quantity > 0.0:
            self._try("reduce", key, partial(self._desk.reduce, key, quantity, Purpose.KILL))

    def _tell(self, kill: Kill, tally: _Tally, now: int) -> None:
        """Report when a kill has ended, and once while it is late."""
        ended = kill.stage is not Stage.RUNNING
        if ended and kill.ended_ns is not None and not tally.acted:
            return  # something moved in a scope that was done, and there was nothing to do
        late = not tally.told and now - kill.engaged_ns >= self._config.report_after_ms * 1_000_000
        if not ended and not late:
            return
        tally.told = True
        if ended:
            tally.acted = False
            kill = self._kills[kill.scope] = msgspec.structs.replace(kill, ended_ns=now)
            self._store(kill.scope)
        report = KillReport(
            kill=kill,
            finished=kill.stage is Stage.DONE,
            cancel_s=_seconds(kill.engaged_ns, kill.orders_gone_ns),
            flatten_s=_seconds(kill.engaged_ns, kill.flat_ns),
            total_s=(now - kill.engaged_ns) / 1e9,
        )
        self._note(
            "KILL_REPORT",
            kill.scope,
            stage=kill.stage.value,
            cancelled=kill.cancelled,
            closed=kill.closed,
            left_orders=list(kill.left_orders),
            left_positions=list(kill.left_positions),
            cancel_s=report.cancel_s,
            flatten_s=report.flatten_s,
            total_s=report.total_s,
            sweeps=kill.sweeps,
        )
        if self._on_report is not None:
            self._try("report", kill.scope.name, partial(self._on_report, report))

    # -- nothing stops it ------------------------------------------------------------------------------------------

    def _raise_barriers(self) -> None:
        self._view.apply_barriers(Source.KILL_SWITCH, [kill.barrier for kill in self._kills.values()])

    def _store(self, scope: Scope) -> None:
        self.not_stored = None
        try:
            self._persist()
        except Exception as error:  # noqa: BLE001 (whatever ails the store, the kill goes on)
            self.not_stored = str(error)
            self._note("KILL_NOT_STORED", scope, error=str(error))

    def _try(self, what: str, key: str, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 (one order that fails must not keep the others from ending)
            self._note("KILL_STEP_FAILED", None, step=what, of=key, error=str(error))

    def _note(self, kind: str, scope: Scope | None, **data: Any) -> None:
        of = {} if scope is None else {"level": scope.level.value, "name": scope.name}
        try:
            self._audit.append(self._now(), kind, of | data)
        except OSError:
            # a full disk keeps the record from being written, and nothing else from being done
            return


def _seconds(since_ns: int, until_ns: int | None) -> float | None:
    return None if until_ns is None else (until_ns - since_ns) / 1e9
