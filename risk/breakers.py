"""All circuit breakers: what is observed opens them, time and a good probe close them, and a restart does neither."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from risk.audit import AuditLog
from risk.barriers import Barrier, Level, Source
from risk.breaker_config import OBSERVATIONS_REMEMBERED, BreakersConfig, Cause
from risk.circuit import SYSTEM, Circuit, Scope, State, position_scope
from risk.modes.table import Breakers, Powers

_NEVER_QUIET = (math.inf, -math.inf)


class BreakersSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Every breaker that ever saw anything, and the account's equity last noted."""

    equity: float
    circuits: tuple[Circuit, ...] = ()


class _Change(NamedTuple):
    after: Circuit
    measured: float | None = None
    limit: float | None = None
    operator: str | None = None


class BreakerBoard:
    """
    Keep the breakers of positions, strategies, venues and the system.

    Parameters
    ----------
    config : BreakersConfig
        Thresholds and cool-downs.
    powers : Powers
        Those of the control mode: they scale the thresholds, and in Emergency bar everything.
    equity : float
        The account's equity at the start, quote currency, above 0; a restored one takes its place.
    audit : AuditLog
        Told of each change of a breaker.
    publish : callable
        Takes all barriers whenever they change; a view's ``apply_barriers``, for one.
    persist : callable
        Stores `snapshot()` durably, or raises. A breaker opens whether or not that works; it becomes half-open or
        closes only if it does. Counts of losses ride along with the next change.
    restored : BreakersSnapshot or None
        What was stored before a restart.

    Notes
    -----
    Time is passed in and must not go back. An observation counts in its own scope and in all wider ones: a trade in
    those of position, strategy, venue and system. Error windows start empty after a restart. Latencies are measured by
    the host alone, and a host that replays must feed the recorded ones or none, so that a replay decides the same.

    """

    def __init__(
        self,
        config: BreakersConfig,
        *,
        powers: Powers,
        equity: float,
        audit: AuditLog,
        publish: Callable[[tuple[Barrier, ...]], object] = lambda _barriers: None,
        persist: Callable[[], object] = lambda: None,
        restored: BreakersSnapshot | None = None,
    ) -> None:
        if restored is None and not 0.0 < equity < math.inf:
            raise ValueError(f"breakers measure drawdowns against an equity above 0, was {equity}")
        self._config = config
        self._audit = audit
        self._publish = publish
        self._persist = persist
        self._equity = equity if restored is None else restored.equity
        self._circuits = {circuit.scope: circuit for circuit in (restored.circuits if restored is not None else ())}
        self._quiet = _NEVER_QUIET
        self._circuits[SYSTEM] = self.circuit(SYSTEM)  # its base is the equity of now, whatever comes first
        self._answers: dict[Scope, _Answers] = {}
        self._powers = powers
        self._multiplier = powers.breaker_threshold_multiplier or 1.0
        self._barriers: tuple[Barrier, ...] = ()
        self._next_ns: int | None = None
        self._show()

    # what others read

    def barriers(self) -> tuple[Barrier, ...]:
        """Return what the breakers keep from adding risk, system first."""
        return self._barriers

    @property
    def next_ns(self) -> int | None:
        """When the next cool-down ends and `advance` has something to do; None where none runs."""
        return self._next_ns

    def circuit(self, scope: Scope) -> Circuit:
        """Return one breaker; a new and closed one where nothing was seen of it."""
        circuit = self._circuits.get(scope)
        if circuit is None:
            own = self._equity if scope == SYSTEM else 0.0
            circuit = Circuit(level=scope.level, name=scope.name, profit=own, profit_peak=own, equity_base=self._equity)
        if scope == SYSTEM and circuit.profit != self._equity:
            circuit = circuit.earned(self._equity, self._equity)
        return circuit

    def snapshot(self) -> BreakersSnapshot:
        """Return all that must survive a restart, in an order that depends on nothing but the names."""
        now = (self.circuit(scope) for scope in self._circuits)
        circuits = sorted(now, key=lambda circuit: (circuit.level.value, circuit.name))
        return BreakersSnapshot(equity=self._equity, circuits=tuple(circuits))

    def cascade_count(self, now_ns: int) -> int:
        """
        Return how many breakers opened within the cascade window, each counted once.

        What opened at the same instant as a narrower breaker within it is its shadow, and does not count: one
        strategy's fifth loss is one event, though it may open four levels.
        """
        since_ns = now_ns - round(1e9 * self._config.cascade_window_s)
        tripped = {
            scope: circuit.tripped_ns
            for scope, circuit in self._circuits.items()
            if circuit.tripped_ns is not None and circuit.tripped_ns >= since_ns
        }
        shadows = {(wider, at_ns) for scope, at_ns in tripped.items() for wider in scope.wider()[1:]}
        return sum((scope, at_ns) not in shadows for scope, at_ns in tripped.items())

    # what is observed

    def note_trade_closed(self, strategy: str, instrument: str, pnl: float, now_ns: int) -> None:
        """
        Take a closed trade's result after costs, quote currency; 0 is no loss, what is no number is one.

        A half-open breaker that losses or a drawdown opened closes on a trade without loss, and opens again on one
        with a loss.
        """
        changes = []
        for scope in position_scope(strategy, instrument).wider():
            circuit = self.circuit(scope)
            was = circuit.state
            if scope != SYSTEM and math.isfinite(pnl):  # the system's result is its equity
                circuit = circuit.earned(circuit.profit + pnl, self._equity)
            circuit = circuit.lost(not pnl >= 0.0)
            self._circuits[scope] = circuit
            answers = circuit.cause not in {Cause.ERRORS, Cause.LATENCY}
            if was is State.HALF_OPEN and answers:
                changes.append(self._answered(circuit, pnl >= 0.0, now_ns, pnl if math.isfinite(pnl) else None))
                continue
            reached = self._reached(circuit, now_ns)
            if not reached and circuit.probe_out:
                reached = [_Change(msgspec.structs.replace(circuit, probe_out=False))]
            changes.extend(reached)
        self._apply(changes, now_ns)

    def note_opened(self, strategy: str, instrument: str, now_ns: int) -> None:
        """Take that an order added to a position: where it was a half-open breaker's probe, no other may follow it."""
        changes = []
        for scope in position_scope(strategy, instrument).wider():
            circuit = self.circuit(scope)
            if circuit.state is State.HALF_OPEN and not circuit.probe_out:
                changes.append(_Change(msgspec.structs.replace(circuit, probe_out=True)))
        self._apply(changes, now_ns)

    def note_error(self, scope: Scope, now_ns: int) -> None:
        """Take a request that failed: a rejection, a time-out, an exception."""
        self._note_answer(scope, True, now_ns)

    def note_ok(self, scope: Scope, now_ns: int) -> None:
        """Take a request that was answered as it should be."""
        self._note_answer(scope, False, now_ns)

    def note_latency(self, scope: Scope, p99_us: float, now_ns: int) -> None:
        """Take a 99th percentile of decision latency, microseconds, measured by the host."""
        config, circuit = self._config.of(scope.level), self.circuit(scope)
        if not config.counts(Cause.LATENCY):
            return
        limit = config.latency_p99_us_max * self._multiplier
        within = p99_us <= limit
        if circuit.state is State.HALF_OPEN and circuit.cause is Cause.LATENCY:
            self._apply([self._answered(circuit, within, now_ns, p99_us, limit)], now_ns)
        elif circuit.state is not State.OPEN and not within:
            self._apply([self._tripped(circuit, Cause.LATENCY, p99_us, limit, now_ns)], now_ns)

    def note_equity(self, equity: float, now_ns: int) -> None:
        """Take the account's equity; an unknown one is passed over, as no order can add risk while it is unknown."""
        if not math.isfinite(equity):
            return
        self._equity = equity
        lowest, highest = self._quiet
        if lowest < equity <= highest:
            return
        circuit = self._circuits[SYSTEM] = self.circuit(SYSTEM)
        self._apply(self._reached(circuit, now_ns), now_ns)
        self._quiet = self._quiet_range(self.circuit(SYSTEM))

    # what time and people do

    def set_powers(self, powers: Powers, now_ns: int) -> None:
        """Take over the powers of a mode: tighter thresholds act at once on what was counted before."""
        self._powers = powers
        self._multiplier = powers.breaker_threshold_multiplier or self._multiplier
        self._quiet = _NEVER_QUIET
        self._show()
        reached = [change for circuit in self.snapshot().circuits for change in self._reached(circuit, now_ns)]
        self._apply(reached, now_ns)

    def advance(self, now_ns: int) -> None:
        """Make those breakers half-open whose cool-down is over."""
        if self._next_ns is None or now_ns < self._next_ns:
            return
        over = [
            _Change(circuit.half_opened(self._equity, now_ns))
            for circuit in self.snapshot().circuits
            if circuit.state is State.OPEN and circuit.until_ns is not None and circuit.until_ns <= now_ns
        ]
        self._apply(over, now_ns)

    def trip(self, scope: Scope, reason: str, now_ns: int) -> None:
        """Open a breaker until a person resets it: for a flood of orders, a budget overdrawn, or by hand."""
        circuit = self.circuit(scope)
        if circuit.cause is not Cause.ORDERED or circuit.state is not State.OPEN:
            self._apply([_Change(circuit.opened(self._config.of(scope.level), Cause.ORDERED, reason, now_ns))], now_ns)

    def reset(self, scope: Scope, operator: str, reason: str, now_ns: int) -> bool:
        """
        Close a breaker by a person's hand; False where it is not open.

        Whether this person may do so is for the caller to know; the reason and who it was go into the audit log.
        """
        if not operator.strip() or not reason.strip():
            raise ValueError(f"a reset needs an operator and a reason, were {operator!r}, {reason!r}")
        circuit = self.circuit(scope)
        if circuit.state is State.CLOSED:
            return False
        self._answers.pop(scope, None)
        after = msgspec.structs.replace(circuit.reset(self._equity, now_ns), reason=reason)
        self._apply([_Change(after, operator=operator)], now_ns)
        return True

    # inside

    def _note_answer(self, scope: Scope, failed: bool, now_ns: int) -> None:
        changes = []
        for each in scope.wider():
            config, circuit = self._config.of(each.level), self.circuit(each)
            if not config.counts(Cause.ERRORS) or circuit.state is State.OPEN:
                continue
            if circuit.state is State.HALF_OPEN and circuit.cause is Cause.ERRORS:
                changes.append(self._answered(circuit, not failed, now_ns))
                continue
            answers = self._answers.setdefault(each, _Answers())
            answers.add(failed, now_ns, now_ns - round(1e9 * config.errors_window_s))
            limit = config.error_rate_max * self._multiplier
            if len(answers) >= config.errors_sample_min and not answers.rate < limit:
                changes.append(self._tripped(circuit, Cause.ERRORS, answers.rate, limit, now_ns))
        self._apply(changes, now_ns)

    def _quiet_range(self, system: Circuit) -> tuple[float, float]:
        """Return between which equities there is neither a new highest nor a drawdown that counts."""
        config = self._config.system
        if not system.equity_base > 0.0:
            return _NEVER_QUIET
        fall = config.drawdown_max * self._multiplier * system.equity_base * (1.0 - 1e-9)
        return system.profit_peak - fall if config.counts(Cause.DRAWDOWN) else -math.inf, system.profit_peak

    def _reached(self, circuit: Circuit, now_ns: int) -> list[_Change]:
        reached = circuit.reached(self._config.of(circuit.level), self._multiplier)
        if reached is None or circuit.state is State.OPEN:
            return []
        return [self._tripped(circuit, *reached, now_ns)]

    def _tripped(self, circuit: Circuit, cause: Cause, measured: float, limit: float, now_ns: int) -> _Change:
        reason = f"{cause.value} {measured:.6g}, threshold {limit:.6g}"
        self._answers.pop(circuit.scope, None)
        return _Change(circuit.opened(self._config.of(circuit.level), cause, reason, now_ns), measured, limit)

    def _answered(
        self, circuit: Circuit, good: bool, now_ns: int, measured: float | None = None, limit: float | None = None
    ) -> _Change:
        """Let the first observation after the cool-down decide."""
        if good:
            return _Change(circuit.closed(now_ns), measured, limit)
        cause = circuit.cause or Cause.LOSSES
        after = circuit.opened(self._config.of(circuit.level), cause, f"{cause.value}: the probe failed", now_ns)
        return _Change(after, measured, limit)

    def _apply(self, changes: list[_Change], now_ns: int) -> None:
        if not changes:
            return
        self._quiet = _NEVER_QUIET
        before = {change.after.scope: self.circuit(change.after.scope) for change in changes}
        loosening = [change for change in changes if _loosens(before[change.after.scope], change.after)]
        tightening = [change for change in changes if change not in loosening]
        if tightening:
            for change in tightening:
                self._circuits[change.after.scope] = change.after
            self._show()  # what protects waits for no store
            self._tell(tightening, before, now_ns)
            self._persist()
        if loosening:
            for change in loosening:
                self._circuits[change.after.scope] = change.after
            try:
                self._persist()
            except Exception:
                for change in loosening:
                    self._circuits[change.after.scope] = before[change.after.scope]
                raise
            self._tell(loosening, before, now_ns)
            self._show()

    def _tell(self, changes: list[_Change], before: dict[Scope, Circuit], now_ns: int) -> None:
        for after, measured, limit, operator in changes:
            data = {
                "level": after.level.value,
                "name": after.name,
                "from": before[after.scope].state.value,
                "to": after.state.value,
                "cause": None if after.cause is None else after.cause.value,
                "reason": after.reason,
                "measured": measured,
                "limit": limit,
                "trips": after.trips,
                "until_ns": after.until_ns,
                "probe_out": after.probe_out,
                "operator": operator,
            }
            self._audit.append(now_ns, "BREAKER", data)

    def _show(self) -> None:
        circuits = self.snapshot().circuits
        ends = [
            circuit.until_ns for circuit in circuits if circuit.state is State.OPEN and circuit.until_ns is not None
        ]
        self._next_ns = min(ends, default=None)
        barriers = [barrier for circuit in circuits if (barrier := circuit.barrier()) is not None]
        if self._powers.circuit_breakers is Breakers.ALL_OPEN:
            barriers.insert(0, Barrier(Source.BREAKER, Level.SYSTEM, "", "all breakers are open in this mode", 0))
        if tuple(barriers) != self._barriers:
            self._barriers = tuple(barriers)
            self._publish(self._barriers)


def _loosens(before: Circuit, after: Circuit) -> bool:
    freed = before.probe_out and not after.probe_out
    return after.state.rank < before.state.rank or (after.state is before.state and freed)


class _Answers:
    """Count errors among the answers of a window, a bounded number of them."""

    __slots__ = ("_errors", "_seen")

    def __init__(self) -> None:
        self._seen: deque[tuple[int, bool]] = deque()
        self._errors = 0

    def __len__(self) -> int:
        return len(self._seen)

    @property
    def rate(self) -> float:
        return self._errors / len(self._seen)

    def add(self, failed: bool, now_ns: int, since_ns: int) -> None:
        self._seen.append((now_ns, failed))
        self._errors += failed
        while self._seen[0][0] < since_ns or len(self._seen) > OBSERVATIONS_REMEMBERED:
            self._errors -= self._seen.popleft()[1]
