"""All that must survive a restart, as the one document that the state stores keep."""

from __future__ import annotations

import msgspec

from risk.audit import Head
from risk.breakers import BreakersSnapshot
from risk.circuit import State
from risk.kill_records import KillSnapshot, Stage
from risk.modes.changes import GovernorSnapshot
from risk.modes.emergency_records import EmergencySnapshot
from risk.modes.table import Mode
from risk.modes.triggers import TriggersSnapshot
from risk.peak import EquityBases
from risk.review_trail import ReviewSnapshot

FORMAT = 1


class ControlState(msgspec.Struct, frozen=True, kw_only=True):
    """
    The control state.

    `bases` are what drawdown and daily loss count from; `audit` is the head of the audit log at that moment, which is
    thereby published wherever the state is stored.
    `limits` holds what operators tightened at run time, by path; `session` counts starts, and numbers the desk's
    orders.
    """

    governor: GovernorSnapshot
    breakers: BreakersSnapshot | None = None
    kills: KillSnapshot = KillSnapshot()
    emergency: EmergencySnapshot | None = None
    triggers: TriggersSnapshot | None = None
    review: ReviewSnapshot | None = None
    bases: EquityBases | None = None
    limits: dict[str, float] = {}
    audit: Head = Head()
    session: int = 0
    format: int = FORMAT

    @property
    def mode(self) -> Mode:
        """Return the control mode."""
        return self.governor.mode

    def looser_than(self, other: ControlState | None) -> bool:
        """Return whether anything may add risk here that may not in the other state."""
        if other is None:
            return False
        here, there = _restrictions(self), _restrictions(other)
        return self.mode.priority < other.mode.priority or not there <= here

    def encode(self) -> bytes:
        """Return the document as canonical JSON."""
        return msgspec.json.encode(self, order="sorted")


def _restrictions(state: ControlState) -> set[str]:
    kills = {f"kill {kill.scope.level.value} {kill.scope.name}" for kill in state.kills.kills}
    circuits = state.breakers.circuits if state.breakers is not None else ()
    opened = {f"breaker {each.level.value} {each.name}" for each in circuits if each.state is State.OPEN}
    return kills | opened | {f"limit {path} {value!r}" for path, value in state.limits.items()}


def decode(payload: bytes) -> ControlState:
    """
    Read a document.

    Raises
    ------
    ValueError
        If it is not one, or of another format: the caller then starts in Emergency.

    """
    try:
        state = msgspec.json.decode(payload, type=ControlState)
    except (msgspec.DecodeError, ValueError) as error:
        raise ValueError(f"the stored control state can't be read: {error}") from None
    if state.format != FORMAT:
        raise ValueError(f"the stored control state has format {state.format}, {FORMAT} was expected")
    return state


def unfinished(state: ControlState) -> bool:
    """Return whether a kill or an emergency was still being carried out."""
    return state.mode is Mode.EMERGENCY or any(kill.stage is not Stage.DONE for kill in state.kills.kills)
