"""Hold the control mode: a change is authorised, allowed by the matrix, stored, audited, and only then in effect."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from risk.audit import AuditLog
from risk.modes.authorisation import (
    PERSONAL,
    AuthorisationConfig,
    Authority,
    Code,
    Objection,
    Role,
    clipped,
    may_approve,
    may_ask,
    missing_guards,
    objection_to,
    objection_to_approval,
    unmet,
)
from risk.modes.changes import (
    Answer,
    AwaitsApproval,
    EmergencyRecord,
    GovernorSnapshot,
    ModeChange,
    RecoveryPlan,
    RefusedTransition,
    Unchanged,
)
from risk.modes.instant import Instant
from risk.modes.ledger import Ledger
from risk.modes.pending import PendingChange
from risk.modes.start import StartDecision
from risk.modes.statistics import ModeStatistics, OperatorAction
from risk.modes.table import Mode
from risk.modes.transitions import TRANSITIONS, Guard, GuardResults, steps_down
from risk.modes.triggers import Trigger


class ModeGovernor:
    """
    Decide on the control mode.

    A change is made durable before anybody can see it. Emergency alone takes effect first and is stored after, for it
    waits for no store. Of several requests at one instant the most restrictive wins, in whatever order they come: after
    one, a less restrictive one at the same instant is refused, and an instant that went up first goes down again.

    Parameters
    ----------
    start : StartDecision
        The mode to start in; `begin` puts it into effect.
    config : AuthorisationConfig
        Who may act, and whether going up needs a second person.
    audit : AuditLog
        Receives every change, refusal and request.
    persist : callable
        Stores what `snapshot` of all components says; raises a `Bot4Error` where that is not durable.
    apply : callable
        The effect of a mode, called with it and the reason.
    now_ns : int
        Engine time of the start, ns since the epoch.
    on_state_lost : callable or None
        Called with the reason after a change could not be stored; it must keep the node from taking more risk. None
        begins an Emergency instead.
    restored : GovernorSnapshot or None
        What the last run left; None at a first start, or where nothing could be trusted.

    """

    def __init__(
        self,
        *,
        start: StartDecision,
        config: AuthorisationConfig,
        audit: AuditLog,
        persist: Callable[[], None],
        apply: Callable[[Mode, str], None],
        now_ns: int,
        on_state_lost: Callable[[str], None] | None = None,
        restored: GovernorSnapshot | None = None,
    ) -> None:
        if restored is not None and start.mode.priority < restored.mode.priority:
            raise ValueError(f"a start resumes at most the stored {restored.mode.value}, was {start.mode.value}")
        self.config = config
        self.statistics = ModeStatistics(start.mode, now_ns)
        self._start = start
        self._audit = audit
        self._pending = PendingChange(config.approval_timeout_s, audit)
        self._apply = apply
        self._on_state_lost = on_state_lost
        self._begun = False
        self._in_effect = False
        # without a stored state an Emergency comes from Manual: it must come from somewhere
        first = GovernorSnapshot(mode=Mode.MANUAL if start.mode is Mode.EMERGENCY else start.mode)
        self._ledger = Ledger(restored or first, persist)
        self._instant = Instant(self._state.history[-1].ts_ns if self._state.history else -1, self._state.mode)

    # -- what is -----------------------------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        """Return the mode in force; before `begin` at most the one it will put into effect."""
        return self._state.mode if self._begun or self._start.mode.priority < self._rank else self._start.mode

    @property
    def history(self) -> tuple[ModeChange, ...]:
        """Return the last changes, oldest first."""
        return self._state.history

    @property
    def last_emergency(self) -> EmergencyRecord | None:
        """Return the last Emergency, open or ended."""
        return self._state.last_emergency

    @property
    def recovery(self) -> RecoveryPlan | None:
        """Return the way out of the present Emergency, None where there is none."""
        return self._state.recovery

    @property
    def pending(self) -> AwaitsApproval | None:
        """Return the change that waits for a supervisor's yes, also where its time is over; None where none does."""
        return self._pending.request

    @property
    def _state(self) -> GovernorSnapshot:
        return self._ledger.state

    @property
    def _rank(self) -> int:
        return self._state.mode.priority

    def snapshot(self) -> GovernorSnapshot:
        """Return what must survive a restart; while a change is being stored, the state after it."""
        return self._ledger.snapshot()

    # -- life --------------------------------------------------------------------------------------------------

    def begin(self, now_ns: int) -> None:
        """
        Put the mode of the start into effect; call this once, when stores, gate and strategies are there.

        The state of the start is stored, and where that fails it is an Emergency.
        """
        if self._begun:
            raise ValueError("begin must be called once, was called again")
        self._begun = True
        self._instant.open(now_ns, self.mode)
        start, restored = self._start, self._state.mode
        data = {"before": restored.value, "after": start.mode.value, "reason": start.reason}
        self._audit.append(now_ns, "MODE_START", data)
        if start.mode is Mode.EMERGENCY and restored is not Mode.EMERGENCY:
            self.emergency(Trigger.SYSTEM_FAILURE, start.reason, now_ns)
            return
        if self.mode is Mode.EMERGENCY and not self._in_effect:
            self._take_effect(start.reason)
        changes = []
        for step in steps_down(restored, start.mode):  # stored as one, for stores may let no mode between them resume
            changes.append(self._ledger.record(step, Authority.of_system(start.reason), now_ns))
            self._ledger.put(changes[-1])
        if (problem := self._ledger.problem_of_storing()) is not None:
            self._state_is_lost(problem, now_ns)
            self.emergency(Trigger.SYSTEM_FAILURE, f"the start could not be stored: {problem}", now_ns)
            return
        for change in changes:
            self._audit.append(now_ns, "MODE_CHANGE", msgspec.to_builtins(change))
            self.statistics.note_mode(change.after, now_ns)
        if self.mode is not Mode.EMERGENCY:
            self._take_effect(start.reason)

    # -- requests ----------------------------------------------------------------------------------------------

    def request(self, target: Mode, who: Authority, now_ns: int, guards: GuardResults = frozenset()) -> Answer:
        """
        Take a person's or the platform's request for a mode.

        Parameters
        ----------
        target : Mode
            The mode asked for. Emergency is always allowed, and begins at once.
        who : Authority
            Operator, role and reason.
        now_ns : int
            Engine time, ns since the epoch; requests of one `now_ns` are simultaneous.
        guards : set of Guard
            What holds now, of systems, models, limits, positions and risk. Approval and clearance are not taken from
            here: they follow from the roles of who asks and who approves.

        Returns
        -------
        ModeChange, Unchanged, AwaitsApproval or RefusedTransition

        """
        self._must_have_begun()
        objection = self._objection(target, who, now_ns)
        if objection is not None:
            return self._refuse(target, who, now_ns, objection)
        self._instant.claim(target)
        if target is Mode.EMERGENCY:
            return self.emergency(Trigger.MANUAL, who.reason, now_ns, who)
        if target is self.mode:
            data = {"mode": target.value, "operator": who.operator, "reason": clipped(who.reason)}
            self._audit.append(now_ns, "MODE_UNCHANGED", data)
            return Unchanged(target)
        if self._instant.undoes(self.mode, target):
            return self._descend(target, who, now_ns)
        return self._go(target, who, now_ns, guards)

    def _go(self, target: Mode, who: Authority, now_ns: int, guards: GuardResults) -> Answer:
        approved = may_approve(who, who, self.config)
        missing = missing_guards(self.mode, target, guards, who, self.config, approved=approved)
        if missing == (Guard.APPROVAL,):
            return self._pending.park(self.mode, target, who, now_ns)
        if missing:
            return self._refuse(target, who, now_ns, *map(unmet, missing))
        needed = Guard.APPROVAL in TRANSITIONS[self.mode][target].needs
        return self._change(target, who, now_ns, approved_by=who.operator if needed else None)

    def approve(self, key: str, who: Authority, now_ns: int, guards: GuardResults = frozenset()) -> Answer:
        """Answer a waiting request with a supervisor's yes; everything is checked again as it is now."""
        self._instant.open(now_ns, self.mode)
        pending = self._pending.waiting(key, now_ns)
        if isinstance(pending, Objection):
            return self._refuse(self.mode, who, now_ns, pending)
        target, asker = pending.target, Authority(pending.operator, pending.role, pending.reason)
        objection = objection_to(who, self.config) or objection_to_approval(asker, who, self.config)
        if objection is not None:
            return self._refuse(target, who, now_ns, objection)
        self._count_action(who)
        self._pending.end("APPROVED", now_ns, who.operator)
        objection = self._overruled(target)
        if objection is not None:
            return self._refuse(target, asker, now_ns, objection)
        missing = missing_guards(self.mode, target, guards, asker, self.config, approved=True)
        if missing:
            return self._refuse(target, asker, now_ns, *map(unmet, missing))
        self._instant.claim(target)
        return self._change(target, asker, now_ns, approved_by=who.operator)

    def reject(self, key: str, who: Authority, now_ns: int) -> RefusedTransition:
        """Answer a waiting request with a no, which whoever may ask for a mode may say; it is refused either way."""
        self._instant.open(now_ns, self.mode)
        pending = self._pending.waiting(key, now_ns)
        if isinstance(pending, Objection):
            return self._refuse(self.mode, who, now_ns, pending)
        objection = objection_to(who, self.config)
        if objection is None and not may_ask(who.role, self.mode, self.mode):
            objection = Objection(Code.NOT_AUTHORISED, f"{who.role.value} may not answer for a change of mode")
        if objection is None:
            self._count_action(who)
            self._pending.end("REJECTED", now_ns, who.operator)
            objection = Objection(Code.REQUEST_REJECTED, f"{who.operator} rejected it: {clipped(who.reason)}")
        return self._refuse(pending.target, who, now_ns, objection)

    def demote(self, target: Mode, reason: str, now_ns: int) -> ModeChange | Unchanged | RefusedTransition:
        """
        Go to a more restrictive mode because of what happened: a model failed, positions disagree with the venue's.

        FullAuto to Manual passes through SemiAuto. Where the mode is as restrictive already, nothing changes.
        """
        self._must_have_begun()
        if target is Mode.EMERGENCY:
            raise ValueError("an Emergency has a trigger: call emergency")
        self._instant.open(now_ns, self.mode)
        self._instant.claim(target)
        if target.priority <= self._rank:
            return Unchanged(self.mode)
        return self._descend(target, Authority.of_system(reason), now_ns)

    def emergency(
        self, trigger: Trigger, reason: str, now_ns: int, who: Authority | None = None
    ) -> ModeChange | Unchanged:
        """
        Begin an Emergency: in effect first, then stored; never refused, whatever the stores do.

        In an Emergency already, the first trigger stays on record and the new one is audited; an effect that raised is
        tried again.
        """
        who = who or Authority.of_system(reason)
        self._instant.open(now_ns, self.mode)
        self._instant.claim(Mode.EMERGENCY)
        if self._state.mode is Mode.EMERGENCY:
            data = {"trigger": trigger.value, "operator": who.operator, "reason": clipped(reason)}
            self._audit.append(now_ns, "EMERGENCY_AGAIN", data)
            if not self._in_effect:
                self._take_effect(reason)
            return Unchanged(Mode.EMERGENCY)
        change = self._ledger.record(Mode.EMERGENCY, who, now_ns, trigger=trigger)
        self._ledger.put(change)
        self.statistics.note_mode(Mode.EMERGENCY, now_ns)
        try:
            self._take_effect(change.reason)
        finally:
            problem = self._ledger.problem_of_storing()
            self._audit.append(now_ns, "MODE_CHANGE", msgspec.to_builtins(change))
            self._pending.end("WITHDRAWN", now_ns, who.operator)
            if problem is not None:
                self._state_is_lost(problem, now_ns)
        return change

    def note_recovery(self, guards: GuardResults, now_ns: int) -> None:
        """Take what of the way out of an Emergency holds now; it is stored with the next change."""
        emergency, plan = self._state.last_emergency, self._state.recovery
        if emergency is None or plan is None:
            return
        if Guard.POSITIONS_CLOSED in guards and emergency.closed_ns is None:
            emergency = msgspec.structs.replace(emergency, closed_ns=now_ns)
            self.statistics.note_all_closed(now_ns)
            figures = {"took_s": (now_ns - emergency.ts_ns) / 1e9, "in_time": now_ns <= plan.close_by_ns}
            self._audit.append(now_ns, "EMERGENCY_ALL_CLOSED", figures)
        plan = plan.updated(frozenset(guards) - PERSONAL, now_ns)
        self._ledger.state = msgspec.structs.replace(self._state, last_emergency=emergency, recovery=plan)

    # -- checks ------------------------------------------------------------------------------------------------

    def _must_have_begun(self) -> None:
        if not self._begun:
            raise ValueError("begin must be called before modes are asked for")

    def _objection(self, target: Mode, who: Authority, now_ns: int) -> Objection | None:
        """Let a request into its instant; object where nobody, or not this person, could have it granted."""
        self._instant.open(now_ns, self.mode)
        objection = objection_to(who, self.config)
        if objection is not None:
            return objection
        self._count_action(who)
        before = self._instant.began if self._instant.undoes(self.mode, target) else self.mode
        if not TRANSITIONS[before][target].exists:
            return Objection(Code.NO_SUCH_TRANSITION, f"there is no way from {before.value} to {target.value}")
        if not may_ask(who.role, before, target):
            detail = f"{who.role.value} may not go from {before.value} to {target.value}"
            return Objection(Code.NOT_AUTHORISED, detail)
        return self._overruled(target)

    def _overruled(self, target: Mode) -> Objection | None:
        if not self._instant.overrules(target):
            return None
        return Objection(Code.OVERRULED, f"a more restrictive mode than {target.value} was asked for at the same time")

    # -- changes -----------------------------------------------------------------------------------------------

    def _descend(self, target: Mode, who: Authority, now_ns: int) -> ModeChange | RefusedTransition:
        """Go down step by step; where a step cannot be stored, what the steps before it reached stays."""
        answer: ModeChange | RefusedTransition | None = None
        for step in steps_down(self._state.mode, target):
            if step.priority <= self._rank:
                break  # the effect of the step before has brought on an Emergency
            answer = self._change(step, who, now_ns)
            if isinstance(answer, RefusedTransition):
                break
        if answer is None:
            raise ValueError(f"{target.value} is not below {self.mode.value}")
        return answer

    def _change(
        self, target: Mode, who: Authority, now_ns: int, approved_by: str | None = None
    ) -> ModeChange | RefusedTransition:
        """Store a change, and put it into effect once it is durable."""
        change = self._ledger.record(target, who, now_ns, approved_by=approved_by)
        problem = self._ledger.store(change)
        if problem is not None:
            refused = self._refuse(target, who, now_ns, Objection(Code.STATE_NOT_DURABLE, problem))
            self._state_is_lost(problem, now_ns)
            return refused
        self._audit.append(now_ns, "MODE_CHANGE", msgspec.to_builtins(change))
        self._pending.end("WITHDRAWN", now_ns, who.operator)
        self.statistics.note_mode(target, now_ns)
        self._take_effect(change.reason)
        return change

    def _take_effect(self, reason: str) -> None:
        self._in_effect = False
        self._apply(self._state.mode, reason)
        self._in_effect = True

    # -- what is told ------------------------------------------------------------------------------------------

    def _refuse(self, target: Mode, who: Authority, now_ns: int, *objections: Objection) -> RefusedTransition:
        refused = RefusedTransition(
            ts_ns=now_ns, before=self.mode, target=target, operator=clipped(who.operator), objections=objections
        )
        data = msgspec.to_builtins(refused) | {"role": who.role.value, "reason": clipped(who.reason)}
        self._audit.append(now_ns, "MODE_REFUSED", data)
        return refused

    def _count_action(self, who: Authority) -> None:
        if who.role is not Role.SYSTEM:
            self.statistics.note_action(OperatorAction.MODE)

    def _state_is_lost(self, reason: str, now_ns: int) -> None:
        self._audit.append(now_ns, "STATE_NOT_DURABLE", {"mode": self.mode.value, "reason": clipped(reason)})
        if self._on_state_lost is not None:
            self._on_state_lost(reason)
        elif self._state.mode is not Mode.EMERGENCY:
            self.emergency(Trigger.SYSTEM_FAILURE, f"the state is not durable: {reason}", now_ns)
