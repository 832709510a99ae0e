"""The governor under random requests, triggers, store failures and restarts: what holds in every history."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from errors import Bot4Error
from risk.audit import AuditLog
from risk.modes.authorisation import AuthorisationConfig, Authority, Code, Role
from risk.modes.changes import (
    AwaitsApproval,
    GovernorSnapshot,
    ModeChange,
    RefusedTransition,
    Unchanged,
    contradiction_in,
)
from risk.modes.governor import ModeGovernor
from risk.modes.start import mode_at_start
from risk.modes.table import Mode
from risk.modes.transitions import TRANSITIONS, Guard
from risk.modes.triggers import Trigger
from tests.risk.modes.governed import CONFIG, PEOPLE, SYSTEM, T0

GHOST = Authority("ghost", Role.ADMIN, "nobody")
MUTE = Authority("ada", Role.ADMIN, "")
WHO_IS_NOBODY = {Code.OPERATOR_UNKNOWN, Code.REASON_MISSING, Code.NOT_AUTHORISED}
MODES = st.sampled_from(Mode)
WHO = st.sampled_from((*PEOPLE, SYSTEM, GHOST, MUTE))
GUARDS = st.frozensets(st.sampled_from(Guard))
MOSTLY_ALL = st.one_of(st.just(frozenset(Guard)), GUARDS)
STEP = st.sampled_from([0, 0, 1, 1_000_000_000, 400_000_000_000, -5])


class GovernorMachine(RuleBasedStateMachine):
    """Compare the governor with a few facts kept beside it: what is on disk, in effect, and asked at one instant."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.audit = AuditLog()
        self.disk: bytes | None = None
        self.failing = False
        self.lost: list[str] = []
        self.effective = Mode.MANUAL
        self.effects = 0
        self.refusals = 0
        self.instant = (-1, -1)
        self.four_eyes = False
        self._start(Mode.MANUAL, None)

    # -- the world ---------------------------------------------------------------------------------------------

    def _persist(self) -> None:
        if self.failing:
            raise Bot4Error("disk full")
        self.disk = msgspec.json.encode(self.governor.snapshot())

    def _apply(self, mode: Mode, reason: str) -> None:
        # what goes up is on disk before anybody acts on it
        if mode is not Mode.EMERGENCY:
            assert self.disk is not None
            assert msgspec.json.decode(self.disk, type=GovernorSnapshot).mode is mode
        self.effective = mode
        self.effects += 1

    def _start(self, configured: Mode, stored: GovernorSnapshot | None, **facts: Any) -> None:
        usual = {
            "recovered_mode": None if stored is None else stored.mode,
            "resume_rank": 0,
            "doubt": None,
            "first_start": stored is None,
            "crash_loop": False,
            "reconciled": True,
            "confirmed_by_person": False,
            "configured_mode": configured,
        }
        self.governor = ModeGovernor(
            start=mode_at_start(**(usual | facts)),
            config=AuthorisationConfig(roles=CONFIG.roles, four_eyes=self.four_eyes),
            audit=self.audit,
            persist=self._persist,
            apply=self._apply,
            now_ns=self.now,
            on_state_lost=self.lost.append,
            restored=stored,
        )
        self.governor.begin(self.now)
        self.instant = (self.now, -1)

    def _claim(self, target: Mode) -> None:
        self.instant = (self.instant[0], max(self.instant[1], target.priority))

    def _move(self, step: int) -> None:
        self.now += step
        if self.now > self.instant[0]:
            self.instant = (self.now, -1)

    def _last_audited(self, kind: str) -> dict[str, Any]:
        return next(record.data for record in reversed(self.audit.records) if record.kind == kind)

    def _take(self, answer: Any, before: Mode, target: Mode) -> None:
        if isinstance(answer, ModeChange):
            assert answer.after is target is self.governor.mode
            assert self.governor.history[-1] == answer
            assert self._last_audited("MODE_CHANGE") == msgspec.to_builtins(answer)
            self._claim(target)
        elif isinstance(answer, RefusedTransition):
            assert answer.objections
            if target is Mode.EMERGENCY:
                assert {each.code for each in answer.objections} <= WHO_IS_NOBODY
            assert self.governor.mode is before
            assert self._last_audited("MODE_REFUSED")["operator"] == answer.operator
            self.refusals += 1
        elif isinstance(answer, Unchanged):
            assert answer.mode is before is self.governor.mode
            self._claim(target)
        else:
            assert isinstance(answer, AwaitsApproval)
            assert self.governor.pending == answer
            assert self.governor.mode is before

    # -- what may happen ---------------------------------------------------------------------------------------

    @rule(wanted=MODES, who=WHO, guards=MOSTLY_ALL, step=STEP)
    def request(self, wanted: Mode, who: Authority, guards: frozenset[Guard], step: int) -> None:
        self._move(step)
        before = self.governor.mode
        asked_at, rank = self.instant
        answer = self.governor.request(wanted, who, self.now, guards)
        if self.now <= asked_at and wanted.priority < rank:
            assert isinstance(answer, RefusedTransition)  # the more restrictive of two at once has won
        if isinstance(answer, ModeChange) and wanted.priority < before.priority:
            assert set(TRANSITIONS[before][wanted].needs) - {Guard.APPROVAL, Guard.PERSON_CLEARANCE} <= guards
            assert who.role in {Role.RISK_OFFICER, Role.ADMIN}
            assert not self.four_eyes
        self._take(answer, before, wanted)

    @precondition(lambda self: self.governor.pending is not None)
    @rule(who=WHO, guards=MOSTLY_ALL, step=STEP)
    def approve(self, who: Authority, guards: frozenset[Guard], step: int) -> None:
        self._move(step)
        waiting, before = self.governor.pending, self.governor.mode
        assert waiting is not None
        answer = self.governor.approve(waiting.key, who, self.now, guards)
        if isinstance(answer, ModeChange):
            assert self.now < waiting.expires_ns
            assert answer.approved_by == who.operator
            assert who.role in {Role.RISK_OFFICER, Role.ADMIN}
            assert not self.four_eyes or who.operator != waiting.operator
        self._take(answer, before, waiting.target)

    @precondition(lambda self: self.governor.pending is not None)
    @rule(who=WHO, step=STEP)
    def reject(self, who: Authority, step: int) -> None:
        self._move(step)
        waiting, before = self.governor.pending, self.governor.mode
        assert waiting is not None
        self._take(self.governor.reject(waiting.key, who, self.now), before, waiting.target)

    @rule(trigger=st.sampled_from(Trigger), step=STEP)
    def emergency(self, trigger: Trigger, step: int) -> None:
        self._move(step)
        first = self.governor.last_emergency if self.governor.mode is Mode.EMERGENCY else None
        effects = self.effects
        answer = self.governor.emergency(trigger, "because", self.now)
        assert self.governor.mode is self.effective is Mode.EMERGENCY
        self._claim(Mode.EMERGENCY)
        if first is None:
            assert isinstance(answer, ModeChange)
        else:
            assert answer == Unchanged(Mode.EMERGENCY)
            assert self.governor.last_emergency == first
            assert self.effects == effects

    @rule(wanted=st.sampled_from([Mode.SEMI_AUTO, Mode.MANUAL]), step=STEP)
    def demote(self, wanted: Mode, step: int) -> None:
        self._move(step)
        before = self.governor.mode
        answer = self.governor.demote(wanted, "model failed", self.now)
        if isinstance(answer, RefusedTransition):
            assert self.failing
            self.refusals += 1
        else:
            assert self.governor.mode.priority == max(before.priority, wanted.priority)
        self._claim(wanted)

    @rule(guards=GUARDS)
    def note_recovery(self, guards: frozenset[Guard]) -> None:
        self.governor.note_recovery(guards, self.now)

    @rule()
    def break_or_mend_the_store(self) -> None:
        self.failing = not self.failing

    @rule(confirmed=st.booleans(), reconciled=st.booleans(), doubt=st.sampled_from([None, None, "torn"]))
    def restart(self, confirmed: bool, reconciled: bool, doubt: str | None) -> None:
        self.now += 1_000_000_000
        assert self.disk is not None
        stored = msgspec.json.decode(self.disk, type=GovernorSnapshot)
        assert contradiction_in(stored) is None
        self._start(Mode.MANUAL, stored, confirmed_by_person=confirmed, reconciled=reconciled, doubt=doubt)
        assert self.governor.mode.priority >= stored.mode.priority
        if doubt is not None:
            assert self.governor.mode is Mode.EMERGENCY
        if self.governor.mode is Mode.FULL_AUTO:
            assert confirmed
            assert reconciled

    # -- what holds --------------------------------------------------------------------------------------------

    @invariant()
    def effect_is_the_mode(self) -> None:
        assert self.effective is self.governor.mode

    @invariant()
    def never_more_permissive_than_what_is_on_disk(self) -> None:
        assert self.disk is not None
        stored = msgspec.json.decode(self.disk, type=GovernorSnapshot)
        assert self.governor.mode.priority >= stored.mode.priority
        if self.governor.mode is not Mode.EMERGENCY:
            assert self.governor.mode is stored.mode

    @invariant()
    def history_holds_together(self) -> None:
        assert contradiction_in(self.governor.snapshot()) is None
        if self.governor.history:
            assert self.governor.history[-1].after is self.governor.mode
        for change in self.governor.history:
            assert change.operator
            assert change.reason

    @invariant()
    def every_change_and_refusal_is_audited(self) -> None:
        changes = [record.data for record in self.audit.records if record.kind == "MODE_CHANGE"]
        kept = [msgspec.to_builtins(change) for change in self.governor.history]
        # an Emergency that a failing store lost in a restart stays in the audit log alone
        assert all(change in changes for change in kept)
        refused = sum(record.kind == "MODE_REFUSED" for record in self.audit.records)
        assert refused >= self.refusals

    @invariant()
    def a_lost_state_is_told(self) -> None:
        told = sum(record.kind == "STATE_NOT_DURABLE" for record in self.audit.records)
        assert told == len(self.lost)


class FourEyesMachine(GovernorMachine):
    """The same where every way up takes two people."""

    def __init__(self) -> None:
        super().__init__()
        self.four_eyes = True
        self._start(Mode.MANUAL, self.governor.snapshot())


TestGovernor = GovernorMachine.TestCase
TestGovernor.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestGovernorWithFourEyes = FourEyesMachine.TestCase
TestGovernorWithFourEyes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
