"""The simulated supervisor of a replay: after an Emergency a person looks, clears it, and goes back up step by step."""

from __future__ import annotations

from risk.alarms import Alarms
from risk.control.room import ControlRoom
from risk.kill_records import KillReport
from risk.modes.authorisation import Authority, Role
from risk.modes.changes import ModeChange, Unchanged
from risk.modes.operators import Operator
from risk.modes.table import Mode
from risk.modes.transitions import Guard, GuardResults
from risk.review import SIMULATED

RETRY_NS = 3_600 * 1_000_000_000
"""How long a supervisor who could not clear it waits before looking again."""

STEP_NS = 1_000_000_000
"""Between two steps up."""

_UPWARD = {Mode.EMERGENCY: Mode.MANUAL, Mode.MANUAL: Mode.SEMI_AUTO, Mode.SEMI_AUTO: Mode.FULL_AUTO}

ROLES = {SIMULATED: Role.RISK_OFFICER}
"""What a replay adds to the configured people."""


class Supervisor:
    """
    Bring a replay back from Emergency to the mode it began in.

    The way is the one a person has: positions closed, risk normal, a clearance, then each upward transition with what
    it needs. Where one is refused the supervisor looks again an hour later. Where open breakers keep risk from being
    normal the supervisor resets them: a good trade would close them, but there is none in Emergency.

    Parameters
    ----------
    room : ControlRoom
        Of the replay.
    operator : Operator
        Says when somebody is there to look, or that nobody ever is.
    alarms : Alarms
        Wakes the supervisor.
    target : Mode
        Where to go back to.

    """

    def __init__(self, room: ControlRoom, operator: Operator, alarms: Alarms, target: Mode) -> None:
        self._room = room
        self._operator = operator
        self._alarms = alarms
        self._target = target
        room.gate.mode_listeners.append(self._on_mode)
        room.kill_listeners.append(self._on_kill)

    def _on_mode(self, mode: Mode) -> None:
        if mode is Mode.EMERGENCY:
            self._come()

    def _on_kill(self, report: KillReport) -> None:
        if report.finished:
            self._come()

    def _come(self) -> None:
        due_ns = self._operator.recovery_ns(self._room.now())
        if due_ns is not None:
            self._alarms.set("supervisor", due_ns, self._look)

    def _look(self) -> None:
        """Take one step; each is an instant of its own, as of simultaneous requests the most restrictive wins."""
        room = self._room
        who = Authority(SIMULATED, Role.RISK_OFFICER, "looked at what happened")
        for kill in room.kills.engaged():
            room.kills.clear(kill.scope, who)
        mode = room.governor.mode
        if mode.priority <= self._target.priority:
            return
        answer = room.governor.request(_UPWARD[mode], who, room.now(), self._guards(who))
        room.after_change(answer)
        went_up = isinstance(answer, ModeChange | Unchanged)
        self._alarms.set("supervisor", room.now() + (STEP_NS if went_up else RETRY_NS), self._look)

    def _guards(self, who: Authority) -> GuardResults:
        room = self._room
        guards = room.guards()
        if room.governor.mode is not Mode.EMERGENCY or Guard.RISK_NORMAL in guards:
            return guards
        for circuit in room.breakers.snapshot().circuits:
            room.breakers.reset(circuit.scope, who.operator, who.reason, room.now())  # nothing where it is closed
        return room.guards()
