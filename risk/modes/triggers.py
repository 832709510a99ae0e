"""The eight triggers of an Emergency: fed with facts, they say when one fires, and with which figures."""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated

import msgspec

from risk.verdict import Reason

_SECOND_NS = 1_000_000_000

type Fraction = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
type Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]
type Count = Annotated[int, msgspec.Meta(ge=1, le=100)]


class Trigger(Enum):
    """What calls for an Emergency."""

    MANUAL = "MANUAL"
    SECURITY_BREACH = "SECURITY_BREACH"
    COMPLIANCE_VIOLATION = "COMPLIANCE_VIOLATION"
    SYSTEM_FAILURE = "SYSTEM_FAILURE"
    EXCHANGE_OUTAGE = "EXCHANGE_OUTAGE"
    DRAWDOWN = "DRAWDOWN"
    RISK_LIMITS = "RISK_LIMITS"
    BREAKER_CASCADE = "BREAKER_CASCADE"


class SwitchConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Turn a trigger that has no figures on or off."""

    enabled: bool = True


class DrawdownTriggerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fire when equity is this fraction below its base, in every mode."""

    enabled: bool = True
    max: Fraction = 0.05


class SystemFailureConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fire at once when a part reports that it failed, and when equity has been unknown for `equity_unknown_s`."""

    enabled: bool = True
    equity_unknown_s: Seconds = 60.0


class ExchangeOutageConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fire when a venue has been out for `outage_s`: one time-out of 30 s and three retries by default."""

    enabled: bool = True
    outage_s: Seconds = 120.0


class RiskLimitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Fire when `limits_min` different limits of the account were breached within `window_s`.

    One breach only rejects its order. Limits of a single order (its size, its price, its rate) say nothing about the
    account, and don't count.
    """

    enabled: bool = True
    limits_min: Annotated[int, msgspec.Meta(ge=2, le=7)] = 3
    window_s: Seconds = 60.0


class BreakerCascadeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fire when `trips_min` different breakers tripped within `window_s`, or `open_min` are open at once."""

    enabled: bool = True
    trips_min: Count = 3
    window_s: Seconds = 300.0
    open_min: Count = 5


class TriggersConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All triggers; each may be switched off but the manual one."""

    drawdown: DrawdownTriggerConfig = DrawdownTriggerConfig()
    system_failure: SystemFailureConfig = SystemFailureConfig()
    exchange_outage: ExchangeOutageConfig = ExchangeOutageConfig()
    risk_limits: RiskLimitsConfig = RiskLimitsConfig()
    breaker_cascade: BreakerCascadeConfig = BreakerCascadeConfig()
    compliance_violation: SwitchConfig = SwitchConfig()
    security_breach: SwitchConfig = SwitchConfig()


ACCOUNT_LIMITS = frozenset(
    {
        Reason.LEVERAGE_EXCEEDED,
        Reason.DAILY_LOSS_EXCEEDED,
        Reason.DRAWDOWN_EXCEEDED,
        Reason.INSUFFICIENT_MARGIN,
        Reason.VAR_LIMIT_EXCEEDED,
        Reason.CVAR_LIMIT_EXCEEDED,
        Reason.CORRELATION_LIMIT_EXCEEDED,
    }
)
"""The limits whose breach says something about the whole account."""


class Fired(msgspec.Struct, frozen=True):
    """A trigger that fires: why, what was measured, and the threshold it reached (None where there is no figure)."""

    trigger: Trigger
    reason: str
    measured: float | None = None
    limit: float | None = None


class TriggersSnapshot(msgspec.Struct, frozen=True):
    """What survives a restart: the equity, as a fraction of its peak, from which drawdown counts since a clearance."""

    equity_base: float | None = None


class _Recent:
    """When each name was last seen; it counts until its age is more than the window."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = round(window_s * _SECOND_NS)
        self.last_ns: dict[str, int] = {}
        """What is remembered, perhaps for longer than it counts."""

    def note(self, name: str, now_ns: int) -> None:
        self.last_ns[name] = now_ns

    def names(self, now_ns: int) -> list[str]:
        self.last_ns = {name: ts_ns for name, ts_ns in self.last_ns.items() if now_ns - ts_ns <= self._window_ns}
        return sorted(self.last_ns)

    def clear(self) -> None:
        self.last_ns.clear()


class Triggers:
    """
    Decide from facts when an Emergency must begin.

    What happened once (a failure, a violation, a person's call) keeps firing until `clear`; what is a state (drawdown,
    an outage, open breakers) fires as long as it lasts. Asking changes nothing but the clock of unknown equity.

    Parameters
    ----------
    config : TriggersConfig
        Thresholds and switches.
    restored : TriggersSnapshot or None
        What the last run left.

    """

    def __init__(self, config: TriggersConfig, restored: TriggersSnapshot | None = None) -> None:
        self.config = config
        self._equity_base = restored.equity_base if restored is not None else None
        self._happened: dict[Trigger, str] = {}
        self._out_since: dict[str, int] = {}
        self._open_breakers: set[str] = set()
        self._breaches = _Recent(config.risk_limits.window_s)
        self._trips = _Recent(config.breaker_cascade.window_s)
        self._equity_unknown_since: int | None = None

    def snapshot(self) -> TriggersSnapshot:
        """Return what must survive a restart."""
        return TriggersSnapshot(self._equity_base)

    # -- facts -------------------------------------------------------------------------------------------------

    def note_manual(self, operator: str, reason: str) -> None:
        """Take a person's call for an Emergency."""
        self._happened.setdefault(Trigger.MANUAL, f"{operator}: {reason}")

    def note_system_failure(self, part: str, detail: str) -> None:
        """Take that a part of the platform failed: a database, a store, the journal, the engine itself."""
        self._happened.setdefault(Trigger.SYSTEM_FAILURE, f"{part}: {detail}")

    def note_compliance_violation(self, detail: str) -> None:
        """Take that a rule of law or house was broken."""
        self._happened.setdefault(Trigger.COMPLIANCE_VIOLATION, detail)

    def note_security_breach(self, detail: str) -> None:
        """Take that somebody got in, or that something was tampered with."""
        self._happened.setdefault(Trigger.SECURITY_BREACH, detail)

    def note_venue(self, venue: str, now_ns: int, *, reachable: bool) -> None:
        """Take whether a venue answers; an outage counts from the first note of it."""
        if reachable:
            self._out_since.pop(venue, None)
        else:
            self._out_since.setdefault(venue, now_ns)

    def note_breach(self, limit: Reason, now_ns: int) -> None:
        """Take that a limit was breached, by a refused order or by the account itself; only `ACCOUNT_LIMITS` count."""
        if limit in ACCOUNT_LIMITS:
            self._breaches.note(limit.value, now_ns)

    def note_breaker(self, name: str, now_ns: int, *, is_open: bool) -> None:
        """Take that a breaker tripped or was closed; a half-open one counts as open."""
        if not is_open:
            self._open_breakers.discard(name)
        elif name not in self._open_breakers:
            self._open_breakers.add(name)
            self._trips.note(name, now_ns)

    @property
    def alert(self) -> bool:
        """Return whether anything was noted that may make a trigger fire; else only a drawdown can."""
        if self._happened or self._out_since or self._open_breakers or self._breaches.last_ns or self._trips.last_ns:
            return True
        return self._equity_unknown_since is not None or self._equity_base is not None

    # -- answers -----------------------------------------------------------------------------------------------

    def evaluate(self, now_ns: int, drawdown: float) -> Fired | None:
        """
        Return the trigger that fires, None where none does.

        Parameters
        ----------
        now_ns : int
            Engine time, ns since the epoch.
        drawdown : float
            How far equity is below its peak, as a fraction; plus means a loss. NaN (equity unknown) fires nothing at
            first, not at the very start either, but is a system failure once it has lasted `equity_unknown_s`.

        """
        if drawdown < self.config.drawdown.max and not self.alert:
            return None  # so it is nearly always
        fired = self.standing(now_ns, drawdown)
        return fired[0] if fired else None

    def standing(self, now_ns: int, drawdown: float) -> tuple[Fired, ...]:
        """Return every trigger that fires, in the order of `Trigger`; parameters as in `evaluate`."""
        self._watch_equity(now_ns, drawdown)
        found = [
            self._event(Trigger.MANUAL, enabled=True),
            self._event(Trigger.SECURITY_BREACH, enabled=self.config.security_breach.enabled),
            self._event(Trigger.COMPLIANCE_VIOLATION, enabled=self.config.compliance_violation.enabled),
            self._event(Trigger.SYSTEM_FAILURE, enabled=self.config.system_failure.enabled)
            or self._equity_unknown(now_ns),
            self._outage(now_ns),
            self._drawdown(drawdown),
            self._limits(now_ns),
            self._cascade(now_ns),
        ]
        return tuple(fired for fired in found if fired is not None)

    def risk_is_normal(self, now_ns: int, drawdown: float) -> bool:
        """
        Return whether nothing that can end by itself still fires: what the guard `RISK_NORMAL` asks.

        What happened once, and the drawdown of a closed account, cannot end by themselves: a person's clearance ends
        them, and `clear` must follow it at once. Equity must be known. Whoever asks adds what else must be normal: no
        kill switch engaged, no failed store.
        """
        if not math.isfinite(drawdown):
            return False
        lasting = (Trigger.EXCHANGE_OUTAGE, Trigger.RISK_LIMITS, Trigger.BREAKER_CASCADE)
        return not any(fired.trigger in lasting for fired in self.standing(now_ns, drawdown))

    def clear(self, drawdown: float) -> None:
        """
        Forget what happened, on a person's clearance; from here on drawdown counts from the equity of this instant.

        Flat accounts cannot recover: without this, the drawdown that began an Emergency would begin the next at once.
        """
        self._happened.clear()
        self._breaches.clear()
        self._trips.clear()
        if math.isfinite(drawdown) and drawdown < 1.0:
            self._equity_base = 1.0 - drawdown if drawdown > 0.0 else None

    # -- the triggers ------------------------------------------------------------------------------------------

    def _watch_equity(self, now_ns: int, drawdown: float) -> None:
        if math.isnan(drawdown):
            if self._equity_unknown_since is None:
                self._equity_unknown_since = now_ns
            return
        self._equity_unknown_since = None
        if self._equity_base is not None and 1.0 - drawdown > self._equity_base:
            # a new high since the clearance; at the peak itself the ordinary drawdown says it all
            self._equity_base = 1.0 - drawdown if drawdown > 0.0 else None

    def _event(self, trigger: Trigger, *, enabled: bool) -> Fired | None:
        reason = self._happened.get(trigger)
        return Fired(trigger, reason) if enabled and reason is not None else None

    def _equity_unknown(self, now_ns: int) -> Fired | None:
        config = self.config.system_failure
        since = self._equity_unknown_since
        if not config.enabled or since is None or now_ns - since < round(config.equity_unknown_s * _SECOND_NS):
            return None
        waited_s = (now_ns - since) / _SECOND_NS
        return Fired(Trigger.SYSTEM_FAILURE, "equity unknown", waited_s, config.equity_unknown_s)

    def _outage(self, now_ns: int) -> Fired | None:
        config = self.config.exchange_outage
        if not config.enabled or not self._out_since:
            return None
        since, venue = min((since, venue) for venue, since in self._out_since.items())
        if now_ns - since < round(config.outage_s * _SECOND_NS):
            return None
        return Fired(Trigger.EXCHANGE_OUTAGE, f"{venue} is out", (now_ns - since) / _SECOND_NS, config.outage_s)

    def _drawdown(self, drawdown: float) -> Fired | None:
        config = self.config.drawdown
        base = self._equity_base
        since = drawdown if base is None else 1.0 - (1.0 - drawdown) / base
        if not config.enabled or not since >= config.max:
            return None
        return Fired(Trigger.DRAWDOWN, "equity is too far below its base", since, config.max)

    def _limits(self, now_ns: int) -> Fired | None:
        config = self.config.risk_limits
        names = self._breaches.names(now_ns)
        if not config.enabled or len(names) < config.limits_min:
            return None
        return Fired(Trigger.RISK_LIMITS, f"limits breached: {', '.join(names)}", len(names), config.limits_min)

    def _cascade(self, now_ns: int) -> Fired | None:
        config = self.config.breaker_cascade
        if not config.enabled:
            return None
        tripped = self._trips.names(now_ns)
        if len(tripped) >= config.trips_min:
            reason = f"breakers tripped: {', '.join(tripped)}"
            return Fired(Trigger.BREAKER_CASCADE, reason, len(tripped), config.trips_min)
        if len(self._open_breakers) >= config.open_min:
            names = ", ".join(sorted(self._open_breakers))
            return Fired(Trigger.BREAKER_CASCADE, f"breakers open: {names}", len(self._open_breakers), config.open_min)
        return None
