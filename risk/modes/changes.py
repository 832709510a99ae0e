"""The records of the governor: each change of mode, each refusal, the last Emergency, and the way out of it."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from risk.modes.authorisation import Objection, Role
from risk.modes.table import Mode
from risk.modes.transitions import RECOVERY, TRANSITIONS, Guard
from risk.modes.triggers import Trigger

HISTORY_MAX = 200
"""Changes that are kept; the audit log has them all."""

CLOSE_WITHIN_NS = 4 * 3_600 * 1_000_000_000
"""An Emergency has closed everything within this time (SPEC 8.1)."""


class ModeChange(msgspec.Struct, frozen=True, kw_only=True):
    """One transition that took effect: when, from where to where, who, as what, why."""

    ts_ns: int
    before: Mode
    after: Mode
    operator: str
    role: Role
    reason: str
    trigger: Trigger | None = None
    approved_by: str | None = None


class Unchanged(msgspec.Struct, frozen=True):
    """The mode asked for is in force already."""

    mode: Mode


class AwaitsApproval(msgspec.Struct, frozen=True, kw_only=True):
    """A change that waits for a supervisor's yes, until `expires_ns`, under a key to answer it by."""

    key: str
    ts_ns: int
    expires_ns: int
    before: Mode
    target: Mode
    operator: str
    role: Role
    reason: str


class RefusedTransition(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was asked for and did not happen, with every reason."""

    ts_ns: int
    before: Mode
    target: Mode
    operator: str
    objections: tuple[Objection, ...]

    def __str__(self) -> str:
        reasons = "; ".join(str(objection) for objection in self.objections)
        return f"{self.before.value} to {self.target.value} refused: {reasons}"


type Answer = ModeChange | Unchanged | AwaitsApproval | RefusedTransition


class EmergencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """
    The last Emergency.

    `closed_ns` is when nothing was open any more, `ended_ns` when a person ended it; None where that has not happened.
    """

    ts_ns: int
    before: Mode
    trigger: Trigger
    reason: str
    operator: str
    closed_ns: int | None = None
    ended_ns: int | None = None


class RecoveryStep(msgspec.Struct, frozen=True):
    """One guard on the way out of an Emergency, and since when it has held; None where it does not hold."""

    guard: Guard
    met_ns: int | None = None


class RecoveryPlan(msgspec.Struct, frozen=True):
    """What must hold before an Emergency may end, and by when everything is to be closed."""

    close_by_ns: int
    steps: tuple[RecoveryStep, ...]

    @classmethod
    def from_start(cls, ts_ns: int) -> RecoveryPlan:
        """Return the plan of an Emergency that begins at `ts_ns`."""
        return cls(ts_ns + CLOSE_WITHIN_NS, tuple(RecoveryStep(guard) for guard in RECOVERY))

    def updated(self, held: frozenset[Guard], now_ns: int) -> RecoveryPlan:
        """Return the plan with what holds now; a guard that has held keeps the instant at which it began to."""
        steps = (
            RecoveryStep(step.guard, (now_ns if step.met_ns is None else step.met_ns) if step.guard in held else None)
            for step in self.steps
        )
        return RecoveryPlan(self.close_by_ns, tuple(steps))


class GovernorSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What of the modes must survive a restart: the current mode, its history, the last Emergency, the way out."""

    mode: Mode
    history: tuple[ModeChange, ...] = ()
    last_emergency: EmergencyRecord | None = None
    recovery: RecoveryPlan | None = None

    @property
    def emergency_is_open(self) -> bool:
        """Return whether the last Emergency has not ended."""
        return self.last_emergency is not None and self.last_emergency.ended_ns is None

    def after(self, change: ModeChange) -> GovernorSnapshot:
        """Return the state after a change; one with a trigger begins an Emergency, one out of Emergency ends it."""
        emergency, plan = self.last_emergency, None
        if change.trigger is not None:
            emergency = EmergencyRecord(
                ts_ns=change.ts_ns,
                before=change.before,
                trigger=change.trigger,
                reason=change.reason,
                operator=change.operator,
            )
            plan = RecoveryPlan.from_start(change.ts_ns)
        elif change.before is Mode.EMERGENCY and emergency is not None:
            emergency = msgspec.structs.replace(emergency, ended_ns=change.ts_ns)
        history = (*self.history, change)[-HISTORY_MAX:]
        return GovernorSnapshot(mode=change.after, history=history, last_emergency=emergency, recovery=plan)


def contradiction_in(snapshot: GovernorSnapshot) -> str | None:
    """
    Return what in a stored state cannot be true, None where it holds together.

    A contradiction is a doubt, and the start must be in Emergency.
    """
    return _contradiction_in_history(snapshot) or _contradiction_in_emergency(snapshot)


def _contradiction_in_history(snapshot: GovernorSnapshot) -> str | None:
    history = snapshot.history
    if len(history) > HISTORY_MAX:
        return f"the history holds {len(history)} changes, at most {HISTORY_MAX} are kept"
    for change in history:
        if change.before is change.after or not TRANSITIONS[change.before][change.after].exists:
            return f"the history holds a change that does not exist: {change.before.value} to {change.after.value}"
    for earlier, later in pairwise(history):
        if earlier.after is not later.before:
            return f"the history has a gap: {earlier.after.value}, then from {later.before.value}"
    if history and history[-1].after is not snapshot.mode:
        return f"the mode is {snapshot.mode.value}, but the history ends in {history[-1].after.value}"
    return None


def _contradiction_in_emergency(snapshot: GovernorSnapshot) -> str | None:
    if (snapshot.mode is Mode.EMERGENCY) is not snapshot.emergency_is_open:
        found = "open" if snapshot.emergency_is_open else "missing" if snapshot.last_emergency is None else "ended"
        return f"the mode is {snapshot.mode.value}, but the last Emergency is {found}"
    if snapshot.emergency_is_open is (snapshot.recovery is None):
        return "there is a recovery plan exactly while there is an Emergency, but here is only one of them"
    return None
