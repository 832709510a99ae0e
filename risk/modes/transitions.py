"""Which control mode may follow which, and what must hold first: the whole matrix, as data."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import Enum

import msgspec

from risk.modes.table import Mode


class Guard(Enum):
    """One thing that must hold before a transition."""

    APPROVAL = "APPROVAL"
    """A person whose role may approve mode changes says yes."""
    SYSTEMS_HEALTHY = "SYSTEMS_HEALTHY"
    MODELS_READY = "MODELS_READY"
    LIMITS_CONFIGURED = "LIMITS_CONFIGURED"
    POSITIONS_CLOSED = "POSITIONS_CLOSED"
    RISK_NORMAL = "RISK_NORMAL"
    PERSON_CLEARANCE = "PERSON_CLEARANCE"
    """A person whose role may clear an Emergency asks for its end."""


VALIDATION = (Guard.SYSTEMS_HEALTHY, Guard.MODELS_READY, Guard.LIMITS_CONFIGURED)
"""What is validated before SemiAuto becomes FullAuto."""

RECOVERY = (Guard.POSITIONS_CLOSED, Guard.RISK_NORMAL, Guard.PERSON_CLEARANCE)
"""What ends an Emergency."""

type GuardResults = AbstractSet[Guard]
"""The guards that hold; one that is not in it does not hold, whether it failed or was never looked at."""


class Rule(msgspec.Struct, frozen=True):
    """One cell of the matrix: whether the transition exists, and the guards that must hold."""

    exists: bool
    needs: tuple[Guard, ...] = ()


FORBIDDEN = Rule(exists=False)
AT_ONCE = Rule(exists=True)
STAYS = AT_ONCE
"""Asking for the mode that is in force changes nothing, and is allowed."""


def needs(*guards: Guard) -> Rule:
    """Return the rule of a transition that waits for guards."""
    return Rule(exists=True, needs=guards)


TRANSITIONS: dict[Mode, dict[Mode, Rule]] = {
    Mode.MANUAL: {
        Mode.MANUAL: STAYS,
        Mode.SEMI_AUTO: needs(Guard.APPROVAL),
        Mode.FULL_AUTO: FORBIDDEN,
        Mode.EMERGENCY: AT_ONCE,
    },
    Mode.SEMI_AUTO: {
        Mode.MANUAL: AT_ONCE,
        Mode.SEMI_AUTO: STAYS,
        Mode.FULL_AUTO: needs(*VALIDATION),
        Mode.EMERGENCY: AT_ONCE,
    },
    Mode.FULL_AUTO: {
        Mode.MANUAL: FORBIDDEN,
        Mode.SEMI_AUTO: AT_ONCE,
        Mode.FULL_AUTO: STAYS,
        Mode.EMERGENCY: AT_ONCE,
    },
    Mode.EMERGENCY: {
        Mode.MANUAL: needs(*RECOVERY),
        Mode.SEMI_AUTO: FORBIDDEN,
        Mode.FULL_AUTO: FORBIDDEN,
        Mode.EMERGENCY: STAYS,
    },
}
"""From (rows) to (columns)."""


class Allowed(msgspec.Struct, frozen=True):
    """The matrix says yes."""


class NotAllowed(msgspec.Struct, frozen=True):
    """The matrix says no: there is no such transition, or these guards do not hold."""

    exists: bool
    missing: tuple[Guard, ...] = ()


def decide(before: Mode, target: Mode, guards: GuardResults) -> Allowed | NotAllowed:
    """Look a transition up; every guard it needs and that does not hold is named."""
    rule = TRANSITIONS[before][target]
    if not rule.exists:
        return NotAllowed(exists=False)
    missing = tuple(guard for guard in rule.needs if guard not in guards)
    return NotAllowed(exists=True, missing=missing) if missing else Allowed()


def steps_down(before: Mode, target: Mode) -> tuple[Mode, ...]:
    """
    Return the modes to pass through on the way to a more restrictive one, each step allowed at once.

    FullAuto to Manual is two steps, because the matrix has no single one. Empty where `target` is not more restrictive.
    """
    if target.priority <= before.priority:
        return ()
    if TRANSITIONS[before][target] == AT_ONCE:
        return (target,)
    between = min((mode for mode in Mode if mode.priority > before.priority), key=lambda mode: mode.priority)
    return (between, *steps_down(between, target))
