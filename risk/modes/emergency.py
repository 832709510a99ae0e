"""Emergency: cancel what adds risk, close everything, riskiest for its cost first, and hedge what can't be closed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from risk import closing_plan
from risk.alarms import Alarms
from risk.audit import AuditLog
from risk.barriers import venue_of
from risk.book import InstrumentFacts
from risk.checks.hedge import HEDGE_STRATEGY, HedgeAllowance
from risk.closing_plan import Candidate
from risk.desk import Desk, OpenOrder, OpenPosition, Purpose
from risk.modes.emergency_hedges import Hedges
from risk.modes.emergency_records import EmergencyConfig, EmergencyProgress, EmergencySnapshot

_ALARM = "emergency-round"
_CANCELS_ANSWERED_S = 60.0
"""A cancel that is not answered within this time is not looked for more often than positions are closed."""


class _Attempt:
    """How often a position was acted on without getting smaller, and since when an order is on its way."""

    __slots__ = ("next_ns", "quantity", "sent_ns", "tries")

    def __init__(self) -> None:
        self.quantity = math.nan
        self.tries = 0
        self.next_ns = 0
        self.sent_ns = 0


class EmergencyCloser:
    """
    Close everything while the mode is Emergency.

    Each round looks at what is open and acts on that, so rejects, partial and late fills are met by the next round.
    Whatever is on its way to close a position, by whomever sent, counts; only the rest is sent.

    Parameters
    ----------
    desk : Desk
        Cancels, closes and hedges, through the gate.
    alarms : Alarms
        Wake up the next round.
    now : callable
        Returns the engine's time, ns.
    audit : AuditLog
        Keeps start, progress and end.
    facts : callable
        Returns the facts of an instrument, None where they are not known: `View.facts`.
    allow_hedges : callable
        Takes what the gate may let pass as a hedge, by hedge instrument; empty takes all back.
    config : EmergencyConfig
        How it is done.
    move_of : callable or None
        Returns how far an instrument may move until it is closed, a fraction of its price (its volatility over the
        time to close); None where that is not known.
    can_trade : callable
        Returns whether a venue takes orders now.
    persist : callable or None
        Makes `snapshot` durable; nothing waits for it or depends on it.
    restored : EmergencySnapshot or None
        The emergency before a restart; `begin` goes on with it.

    """

    def __init__(
        self,
        *,
        desk: Desk,
        alarms: Alarms,
        now: Callable[[], int],
        audit: AuditLog,
        facts: Callable[[str], InstrumentFacts | None],
        allow_hedges: Callable[[Mapping[str, HedgeAllowance]], None],
        config: EmergencyConfig | None = None,
        move_of: Callable[[str], float | None] = lambda _instrument: None,
        can_trade: Callable[[str], bool] = lambda _venue: True,
        persist: Callable[[], None] | None = None,
        restored: EmergencySnapshot | None = None,
    ) -> None:
        self._desk = desk
        self._alarms = alarms
        self._now = now
        self._audit = audit
        self._facts = facts
        self._config = config or EmergencyConfig()
        self._move_of = move_of
        self._can_trade = can_trade
        self._persist = persist
        self._state = restored
        self._active = False
        self._acting = False
        self._next_ns = 0
        self._cancelled: set[str] = set()
        self._seen: set[str] = set(restored.seen) if restored is not None else set()
        self._hedges = Hedges(
            desk, facts, allow_hedges, can_trade, self._try, self._config.hedges, restored.hedged if restored else ()
        )
        self._attempts: dict[str, _Attempt] = {}
        self._impossible: tuple[str, ...] = ()

    # -- begin, end, and how far it is -----------------------------------------------------------------------------

    def begin(self, reason: str) -> None:
        """Start closing, or go on with what a restart interrupted; nothing happens where it runs already."""
        if self._active:
            return
        self._active = True
        if self._state is None:
            orders, positions = self._desk.orders(), self._desk.positions()
            risk = self._total_risk(positions, orders)
            self._state = EmergencySnapshot(started_ns=self._now(), reason=reason, risk_at_start=risk)
            found = {"positions": [position.position_id for position in positions], "orders": len(orders)}
            self._note("EMERGENCY_CLOSING", reason=reason, risk=self._state.risk_at_start, **found)
        self._round()
        self._store()

    def end(self) -> None:
        """Stop, when a person has taken the mode out of Emergency; the next `begin` is another emergency."""
        self._active = False
        self._alarms.cancel(_ALARM)
        self._state = None
        self._seen.clear()
        self._hedges.forget()
        self._cancelled.clear()
        self._attempts.clear()
        self._impossible = ()

    def snapshot(self) -> EmergencySnapshot | None:
        """Return what must survive a restart, None where there is no emergency."""
        if self._state is None:
            return None
        return msgspec.structs.replace(self._state, seen=tuple(sorted(self._seen)), hedged=self._hedges.hedged)

    def progress(self) -> EmergencyProgress | None:
        """Return how far the closing is, None where there is no emergency."""
        state = self._state
        if state is None:
            return None
        orders, positions = self._desk.orders(), self._desk.positions()
        risk_left = self._total_risk(positions, orders)
        known = state.risk_at_start is not None and risk_left is not None
        left = tuple(position.position_id for position in positions)
        return EmergencyProgress(
            started_ns=state.started_ns,
            elapsed_s=(self._now() - state.started_ns) / 1e9,
            positions_closed=len(self._seen.difference(left)),
            positions_left=left,
            risk_at_start=state.risk_at_start,
            risk_left=risk_left,
            risk_reduced=(state.risk_at_start or 0.0) - (risk_left or 0.0) if known else None,
            orders_cancelled=state.orders_cancelled,
            orders_left=tuple(order.client_order_id for order in _to_cancel(orders, positions)),
            slices=state.slices,
            impossible=self._impossible,
            hedged=self._hedges.hedged,
            overdue=state.overdue,
            closure_s=None if state.flat_ns is None else (state.flat_ns - state.started_ns) / 1e9,
        )

    def on_order_event(self, event: Any) -> None:
        """Look again soon where an order moves: what was let pass as a close may be more than is left to close."""
        self._look_again(event)

    def on_position_event(self, event: Any) -> None:
        """Look again soon where a position moves."""
        self._look_again(event)

    def on_instant_end(self, ts_ns: int) -> None:
        """Nothing to do when time moves on."""

    def _look_again(self, _event: Any) -> None:
        if self._active and not self._acting:
            now = self._now()
            soon_ns = now + _ns(self._config.verify_s)
            if not now < self._next_ns <= soon_ns:
                self._wake_at(soon_ns)

    # -- rounds ----------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        if not self._active or self._state is None:
            return
        self._acting = True
        try:
            self._act(self._state)
        finally:
            self._acting = False

    def _act(self, state: EmergencySnapshot) -> None:
        now = self._now()
        orders, positions = self._desk.orders(), self._desk.positions()
        unwanted = _to_cancel(orders, positions)
        for order in unwanted:
            self._cancel(order)
        elapsed_s = (now - state.started_ns) / 1e9
        if not state.overdue and elapsed_s >= self._config.deadline_s and positions:
            state = self._state = msgspec.structs.replace(state, overdue=True)
            self._note("EMERGENCY_OVERDUE", left=[position.position_id for position in positions])

        if not positions and not unwanted:
            self._finish(state, now)
            return
        if state.flat_ns is not None:
            # a late fill, or an order found later: it is not over after all
            self._state = msgspec.structs.replace(state, flat_ns=None)
        self._seen.update(position.position_id for position in positions)
        hedges = [position for position in positions if position.strategy == HEDGE_STRATEGY]
        own = [position for position in positions if position.strategy != HEDGE_STRATEGY]
        self._close_all(own, orders, now, self._share(elapsed_s))
        self._hedges.adjust(own, hedges, self._impossible, orders)
        self._wake_at(self._next_look(now, elapsed_s, cancelling=bool(unwanted)))

    def _finish(self, state: EmergencySnapshot, now: int) -> None:
        self._impossible = ()
        if state.flat_ns is not None:
            return
        self._state = msgspec.structs.replace(state, flat_ns=now)
        self._hedges.forget()
        self._attempts.clear()
        self._note(
            "EMERGENCY_CLOSED",
            closure_s=(now - state.started_ns) / 1e9,
            positions=len(self._seen),
            slices=state.slices,
            orders_cancelled=state.orders_cancelled,
        )
        self._store()

    def _share(self, elapsed_s: float) -> float:
        """Return the share of the visible depth a slice may take: more as time runs out, all at the deadline."""
        done = elapsed_s / self._config.deadline_s
        if done >= 1.0:
            return math.inf
        least = self._config.participation
        return least + (1.0 - least) * max(0.0, 2.0 * done - 1.0)

    def _next_look(self, now: int, elapsed_s: float, *, cancelling: bool) -> int:
        """Return when to look again: soon while cancels are out, when a slice is due, else ever later once overdue."""
        config = self._config
        if cancelling and elapsed_s <= _CANCELS_ANSWERED_S:
            return now + _ns(config.verify_s)
        late_s = max(0.0, elapsed_s - config.deadline_s)
        idle_until = now + _ns(max(config.slice_every_s, min(late_s / 10.0, config.retry_s_max)))
        due = [attempt.next_ns for attempt in self._attempts.values() if attempt.next_ns > now]
        return min([idle_until, *due])

    def _wake_at(self, ts_ns: int) -> None:
        self._next_ns = ts_ns
        self._alarms.set(_ALARM, ts_ns, self._round)

    # -- closing ---------------------------------------------------------------------------------------------------

    def _close_all(
        self, positions: Sequence[OpenPosition], orders: Sequence[OpenOrder], now: int, share: float
    ) -> None:
        impossible: list[str] = []
        candidates: list[Candidate] = []
        for position in positions:
            attempt = self._attempts.setdefault(position.position_id, _Attempt())
            tradable = self._can_trade(venue_of(position.instrument))
            if not tradable or attempt.tries >= self._config.tries_max:
                impossible.append(position.position_id)
            if not tradable:
                continue
            under_way = closing_plan.closing(position, orders)
            if under_way:
                self._give_up_stuck(attempt, under_way, now)
            elif now >= attempt.next_ns:
                candidates.append(self._candidate(position, orders))
        self._impossible = tuple(impossible)
        held = {position.position_id for position in positions}
        self._attempts = {key: attempt for key, attempt in self._attempts.items() if key in held}
        for candidate in closing_plan.ranked(candidates):
            self._send_slice(candidate, now, share)

    def _candidate(self, position: OpenPosition, orders: Sequence[OpenOrder]) -> Candidate:
        config, facts = self._config, self._facts(position.instrument)
        book = self._desk.book(position.instrument, config.depth_bps)
        fee = 0.0 if facts is None else facts.taker_fee
        return Candidate(
            position=position,
            quantity=abs(position.signed_quantity),
            risk=self._risk(position, orders),
            cost=closing_plan.cost_of(position, book, fee, config.depth_bps, config.spread_assumed_bps),
        )

    def _send_slice(self, candidate: Candidate, now: int, share: float) -> None:
        position = candidate.position
        attempt = self._attempts[position.position_id]
        size = abs(position.signed_quantity)
        attempt.tries = 0 if not size >= attempt.quantity else attempt.tries + 1
        attempt.quantity, attempt.sent_ns = size, now
        wait_s = self._config.slice_every_s * 2 ** min(max(0, attempt.tries - self._config.tries_max), 20)
        longest_s = max(self._config.slice_every_s, self._config.retry_s_max)
        attempt.next_ns = now + _ns(min(wait_s, longest_s))
        book = self._desk.book(position.instrument, self._config.depth_bps)
        depth = closing_plan.closing_depth(position, book)
        quantity = closing_plan.slice_of(candidate.quantity, depth, share, self._smallest(position))
        if self._try("reduce", position.position_id, partial(self._reduce, position.position_id, quantity)):
            self._count(slices=1)

    def _reduce(self, position_id: str, quantity: float) -> object:
        return self._desk.reduce(position_id, quantity, Purpose.EMERGENCY)

    def _smallest(self, position: OpenPosition) -> float:
        """Return the smallest quantity the venue trades, base units: a slice may not be less."""
        facts = self._facts(position.instrument)
        if facts is None:
            return math.inf  # nothing to measure a slice by: all of it
        by_notional = facts.notional_min / position.mark if position.mark else 0.0
        lots = math.ceil(by_notional / facts.size_increment - 1e-9)
        return max(1, lots) * facts.size_increment

    def _give_up_stuck(self, attempt: _Attempt, under_way: Sequence[OpenOrder], now: int) -> None:
        attempt.sent_ns = attempt.sent_ns or now
        if now - attempt.sent_ns >= self._config.stuck_s * 1e9:
            attempt.sent_ns = now
            attempt.tries += 1
            for order in under_way:
                self._try("cancel", order.client_order_id, partial(self._desk.cancel, order.client_order_id))

    def _cancel(self, order: OpenOrder) -> None:
        if order.client_order_id not in self._cancelled:
            self._cancelled.add(order.client_order_id)
            self._count(orders_cancelled=1)
        self._try("cancel", order.client_order_id, partial(self._desk.cancel, order.client_order_id))

    def _total_risk(self, positions: Sequence[OpenPosition], orders: Sequence[OpenOrder]) -> float | None:
        """Return the risk of all positions that are not hedges, None where a part of it is not known."""
        own = (position for position in positions if position.strategy != HEDGE_STRATEGY)
        risk = math.fsum(self._risk(position, orders) for position in own)
        return None if math.isnan(risk) else risk

    def _risk(self, position: OpenPosition, orders: Sequence[OpenOrder]) -> float:
        move = self._move_of(position.instrument)
        return closing_plan.risk_of(position, orders, self._config.move_assumed if move is None else move)

    # -- nothing stops it ------------------------------------------------------------------------------------------

    def _count(self, *, slices: int = 0, orders_cancelled: int = 0) -> None:
        state = self._state
        if state is not None:
            self._state = msgspec.structs.replace(
                state, slices=state.slices + slices, orders_cancelled=state.orders_cancelled + orders_cancelled
            )

    def _store(self) -> None:
        if self._persist is not None:
            self._try("store", "", self._persist)

    def _try(self, what: str, key: str, act: Callable[[], object]) -> bool:
        try:
            act()
        except Exception as error:  # noqa: BLE001 (one step that fails must not keep the others from being done)
            self._note("EMERGENCY_STEP_FAILED", step=what, of=key, error=str(error))
            return False
        return True

    def _note(self, kind: str, **data: Any) -> None:
        try:
            self._audit.append(self._now(), kind, data)
        except OSError:
            # a full disk keeps the record from being written, and nothing else from being done
            return


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _to_cancel(orders: Sequence[OpenOrder], positions: Sequence[OpenPosition]) -> list[OpenOrder]:
    """Return what could add risk, but for our own hedges; where nothing could, what has nothing left to protect."""
    adding = [order for order in closing_plan.adding(orders) if order.strategy != HEDGE_STRATEGY]
    return adding or closing_plan.idle([order for order in orders if order.strategy != HEDGE_STRATEGY], positions)
