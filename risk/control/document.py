"""All that must survive a restart, as the one document that the state stores keep."""

from __future__ import annotations

import msgspec

from risk.audit import Head
from risk.breakers import BreakersSnapshot
from risk.circuit import Scope as BreakerScope
from risk.circuit import State
from risk.control.limit_changes import limit_looser
from risk.kill_records import KillSnapshot, Scope, Stage
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
        return (
            self.mode.priority < other.mode.priority
            or not _kills(other) <= _kills(self)
            or _breakers_looser(self, other)
            or any(limit_looser(path, self.limits.get(path), value) for path, value in other.limits.items())
        )

    def encode(self) -> bytes:
        """Return the document as canonical JSON."""
        return msgspec.json.encode(self, order="sorted")


def _kills(state: ControlState) -> set[Scope]:
    return {kill.scope for kill in state.kills.kills}


def _breakers_looser(here: ControlState, there: ControlState) -> bool:
    """Return whether any breaker lets more pass: an open one nothing, a half-open one a probe, if none is out."""
    now = _strictness(here)
    return any(now.get(scope, _CLOSED) < strictness for scope, strictness in _strictness(there).items())


def _strictness(state: ControlState) -> dict[BreakerScope, tuple[int, bool]]:
    circuits = state.breakers.circuits if state.breakers is not None else ()
    return {circuit.scope: (circuit.state.rank, circuit.probe_out) for circuit in circuits}


_CLOSED = (State.CLOSED.rank, False)


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
