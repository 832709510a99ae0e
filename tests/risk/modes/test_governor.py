"""The governor: the whole matrix of requests, storing before effect, one instant, approvals, restarts."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import msgspec
import pytest

from risk.modes.authorisation import AuthorisationConfig, Authority, Code, Role
from risk.modes.changes import (
    CLOSE_WITHIN_NS,
    HISTORY_MAX,
    Answer,
    AwaitsApproval,
    GovernorSnapshot,
    ModeChange,
    RefusedTransition,
    Unchanged,
    contradiction_in,
)
from risk.modes.table import Mode
from risk.modes.transitions import Guard
from risk.modes.triggers import Trigger
from tests.risk.modes.governed import (
    ADA,
    BY_ROLE,
    CONFIG,
    FACTS,
    OTTO,
    RUTH,
    SECOND,
    SYSTEM,
    T0,
    VERA,
    World,
    in_mode,
    world,
)

STRICT = msgspec.structs.replace(CONFIG, four_eyes=True)
LATER = T0 + SECOND
M, S, F, E = Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO, Mode.EMERGENCY
CHECKED = (
    Guard.SYSTEMS_HEALTHY,
    Guard.MODELS_READY,
    Guard.LIMITS_CONFIGURED,
    Guard.POSITIONS_CLOSED,
    Guard.RISK_NORMAL,
)
SUBSETS = [frozenset(each) for each in chain.from_iterable(combinations(CHECKED, size) for size in range(6))]


def codes(answer: Answer) -> set[Code]:
    assert isinstance(answer, RefusedTransition)
    return {objection.code for objection in answer.objections}


# what a request comes to, by from, to and role: "no" is refused, "at once", "same", "asks" waits for approval, and
# names of guards must hold; "-" means the role may not ask. Columns: operator, risk officer, admin, system
VALIDATION = "SYSTEMS_HEALTHY MODELS_READY LIMITS_CONFIGURED"
RECOVERY = "POSITIONS_CLOSED RISK_NORMAL"
OUTCOMES: dict[tuple[Mode, Mode], tuple[str, str, str, str]] = {
    (M, M): ("same", "same", "same", "same"),
    (M, S): ("asks", "at once", "at once", "-"),
    (M, F): ("no", "no", "no", "no"),
    (M, E): ("at once", "at once", "at once", "at once"),
    (S, M): ("at once", "at once", "at once", "at once"),
    (S, S): ("same", "same", "same", "same"),
    (S, F): ("-", VALIDATION, VALIDATION, "-"),
    (S, E): ("at once", "at once", "at once", "at once"),
    (F, M): ("no", "no", "no", "no"),
    (F, S): ("at once", "at once", "at once", "at once"),
    (F, F): ("same", "same", "same", "same"),
    (F, E): ("at once", "at once", "at once", "at once"),
    (E, M): ("-", RECOVERY, RECOVERY, "-"),
    (E, S): ("no", "no", "no", "no"),
    (E, F): ("no", "no", "no", "no"),
    (E, E): ("same", "same", "same", "same"),
}
ROLES = (Role.OPERATOR, Role.RISK_OFFICER, Role.ADMIN, Role.SYSTEM)


@pytest.mark.parametrize(("before", "target"), OUTCOMES)
@pytest.mark.parametrize("role", Role)
def test_every_request_with_every_combination_of_guards(before: Mode, target: Mode, role: Role) -> None:
    outcome = "-" if role is Role.VIEWER else OUTCOMES[before, target][ROLES.index(role)]
    assert len(SUBSETS) == 32

    for guards in SUBSETS:
        made = in_mode(before)
        answer = made.governor.request(target, BY_ROLE[role], LATER, guards)
        changed = isinstance(answer, ModeChange)
        if outcome == "no" or (role is Role.VIEWER and OUTCOMES[before, target][0] == "no"):
            assert codes(answer) == {Code.NO_SUCH_TRANSITION}
        elif outcome == "-":
            assert codes(answer) == {Code.NOT_AUTHORISED}
        elif outcome == "same":
            assert answer == Unchanged(before)
        elif outcome == "asks":
            assert isinstance(answer, AwaitsApproval)
        elif outcome == "at once" or set(outcome.split()) <= {guard.value for guard in guards}:
            assert changed
        else:
            assert codes(answer) == {Code.GUARD_NOT_MET}
        assert made.governor.mode is (target if changed else before)
        assert made.governor.snapshot().mode is made.governor.mode
        assert made.effects[-1][0] is made.governor.mode


@pytest.mark.parametrize("claimed", [{Guard.APPROVAL}, {Guard.PERSON_CLEARANCE}, set(Guard)])
def test_approval_and_clearance_cannot_be_claimed(claimed: set[Guard]) -> None:
    assert isinstance(in_mode(M).governor.request(S, OTTO, LATER, claimed), AwaitsApproval)
    assert codes(in_mode(E).governor.request(M, OTTO, LATER, claimed)) == {Code.NOT_AUTHORISED}


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (Authority("", Role.ADMIN, "reason"), Code.OPERATOR_MISSING),
        (Authority("ada", Role.ADMIN, " "), Code.REASON_MISSING),
        (Authority("eve", Role.ADMIN, "reason"), Code.OPERATOR_UNKNOWN),
        (Authority("otto", Role.ADMIN, "reason"), Code.ROLE_NOT_HELD),
    ],
)
def test_nobody_gets_in_without_being_somebody(who: Authority, code: Code) -> None:
    made = in_mode(S)

    answer = made.governor.request(M, who, LATER, FACTS)

    assert codes(answer) == {code}
    assert made.governor.mode is S
    assert len(made.records("MODE_REFUSED")) == 1


# -- stored before in effect ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "target"), [(M, S), (S, F), (F, S), (S, M), (E, M)])
def test_a_change_is_stored_before_it_takes_effect(before: Mode, target: Mode) -> None:
    made = in_mode(before)
    made.calls.clear()

    made.governor.request(target, ADA, LATER, FACTS)

    assert made.calls == ["persist", f"apply {target.value}"]
    assert made.stored is not None
    assert made.stored.mode is target
    assert made.stored.history[-1].ts_ns == LATER


def test_nobody_sees_a_change_while_it_is_being_stored() -> None:
    made = in_mode(S)
    seen: list[tuple[Mode, Mode]] = []
    persist = made.persist

    def watching() -> None:
        seen.append((made.governor.mode, made.governor.snapshot().mode))
        persist()

    made.governor._ledger._persist = watching
    made.governor.request(F, ADA, LATER, FACTS)

    assert seen == [(S, F)]


@pytest.mark.parametrize(("before", "target"), [(M, S), (S, F), (F, S), (S, M), (E, M)])
def test_a_change_that_cannot_be_stored_does_not_happen(before: Mode, target: Mode) -> None:
    made = in_mode(before)
    was = made.governor.snapshot()
    made.effects.clear()
    made.failing = True

    answer = made.governor.request(target, ADA, LATER, FACTS)

    assert codes(answer) == {Code.STATE_NOT_DURABLE}
    assert made.governor.snapshot() == was
    assert made.effects == []
    assert made.losses == ["disk full"]
    assert len(made.records("STATE_NOT_DURABLE")) == 1


def test_without_a_hook_a_lost_state_is_an_emergency() -> None:
    made = world(S, hook=False)
    made.failing = True

    answer = made.governor.request(F, ADA, LATER, FACTS)

    assert codes(answer) == {Code.STATE_NOT_DURABLE}
    assert made.governor.mode is E
    assert made.governor.last_emergency is not None
    assert made.governor.last_emergency.trigger is Trigger.SYSTEM_FAILURE


@pytest.mark.parametrize("before", [M, S, F])
def test_emergency_waits_for_no_store(before: Mode) -> None:
    made = in_mode(before)
    made.failing = True
    made.calls.clear()

    answer = made.governor.emergency(Trigger.DRAWDOWN, "drawdown 0.051", LATER)

    assert isinstance(answer, ModeChange)
    assert made.calls == ["apply Emergency", "persist"]
    assert made.governor.mode is E
    assert made.losses == ["disk full"]
    assert len(made.records("MODE_CHANGE")) == 1


def test_emergency_is_stored_even_where_its_effect_raises_and_the_effect_is_tried_again() -> None:
    made = in_mode(F)
    working = made.apply

    def broken(mode: Mode, reason: str) -> None:
        raise RuntimeError("gate is broken")

    made.governor._apply = broken
    with pytest.raises(RuntimeError, match="gate is broken"):
        made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    assert made.stored is not None
    assert made.stored.mode is E

    made.governor._apply = working
    made.governor.emergency(Trigger.MANUAL, "again", LATER + 1, ADA)
    made.governor.emergency(Trigger.MANUAL, "and again", LATER + 2, ADA)
    assert made.effects[-1] == (E, "again")


def test_a_store_that_raises_anything_does_not_stop_an_emergency() -> None:
    made = in_mode(S)

    def dead() -> None:
        raise OSError("no such device")

    made.governor._ledger._persist = dead
    made.governor.emergency(Trigger.SYSTEM_FAILURE, "disk", LATER)

    assert made.governor.mode is E
    assert made.losses == ["no such device"]


# -- one instant ---------------------------------------------------------------------------------------------


def test_after_a_more_restrictive_request_a_less_restrictive_one_at_the_same_time_is_refused() -> None:
    made = in_mode(S)
    made.governor.request(M, OTTO, LATER)

    assert codes(made.governor.request(S, ADA, LATER, FACTS)) == {Code.OVERRULED}
    assert made.governor.mode is M
    assert isinstance(made.governor.request(S, ADA, LATER + 1, FACTS), ModeChange)


def test_asking_to_stay_overrules_a_simultaneous_request_to_go_up() -> None:
    made = in_mode(M)
    made.governor.request(M, OTTO, LATER)

    assert codes(made.governor.request(S, ADA, LATER, FACTS)) == {Code.OVERRULED}


def test_an_instant_that_went_up_goes_down_again_by_single_steps() -> None:
    made = in_mode(S)
    made.governor.request(F, ADA, LATER, FACTS)
    assert made.governor.mode is F

    answer = made.governor.request(M, OTTO, LATER)

    assert isinstance(answer, ModeChange)
    assert made.governor.mode is M
    assert [(each.before, each.after) for each in made.governor.history] == [(S, F), (F, S), (S, M)]


def test_the_way_from_full_auto_to_manual_stays_closed_at_other_times() -> None:
    made = in_mode(S)
    made.governor.request(F, ADA, LATER, FACTS)

    assert codes(made.governor.request(M, OTTO, LATER + 1)) == {Code.NO_SUCH_TRANSITION}


@pytest.mark.parametrize("before", Mode)
@pytest.mark.parametrize(("first", "second"), [(a, b) for a in Mode for b in Mode])
def test_of_two_requests_at_once_the_more_restrictive_wins_in_either_order(
    before: Mode, first: Mode, second: Mode
) -> None:
    alone = {
        target: not isinstance(in_mode(before).governor.request(target, ADA, LATER, FACTS), RefusedTransition)
        for target in (first, second)
    }
    granted = [target for target in (first, second) if alone[target]]

    made = in_mode(before)
    made.governor.request(first, ADA, LATER, FACTS)
    made.governor.request(second, ADA, LATER, FACTS)

    if granted:
        assert made.governor.mode.priority >= max(target.priority for target in granted)
    assert made.governor.mode in {before, first, second}


def test_a_clock_that_goes_back_gets_around_nothing() -> None:
    made = in_mode(S)
    made.governor.request(M, OTTO, LATER)

    assert codes(made.governor.request(S, ADA, LATER - 10, FACTS)) == {Code.OVERRULED}
    assert isinstance(made.governor.request(E, ADA, LATER - 10), ModeChange)


# -- approval ------------------------------------------------------------------------------------------------


def parked(config: AuthorisationConfig = CONFIG, who: Authority = OTTO) -> tuple[World, AwaitsApproval]:
    made = in_mode(M, config=config)
    waiting = made.governor.request(S, who, LATER, FACTS)
    assert isinstance(waiting, AwaitsApproval)
    assert made.governor.mode is M
    assert made.governor.pending == waiting
    return made, waiting


def test_an_operators_request_waits_for_a_supervisor() -> None:
    made, waiting = parked()

    answer = made.governor.approve(waiting.key, RUTH, LATER + SECOND, FACTS)

    assert isinstance(answer, ModeChange)
    assert (answer.operator, answer.reason, answer.approved_by) == ("otto", "trading", "ruth")
    assert made.governor.mode is S
    assert made.governor.pending is None


def test_a_supervisors_own_request_is_approved_by_asking() -> None:
    answer = in_mode(M).governor.request(S, RUTH, LATER)

    assert isinstance(answer, ModeChange)
    assert answer.approved_by == "ruth"


@pytest.mark.parametrize(("before", "target"), [(M, S), (S, F), (E, M)])
def test_with_four_eyes_every_way_up_takes_a_second_person(before: Mode, target: Mode) -> None:
    made = in_mode(before, config=STRICT)
    waiting = made.governor.request(target, RUTH, LATER, FACTS)
    assert isinstance(waiting, AwaitsApproval)

    assert codes(made.governor.approve(waiting.key, RUTH, LATER + 1, FACTS)) == {Code.OWN_REQUEST}
    assert made.governor.mode is before
    assert isinstance(made.governor.approve(waiting.key, ADA, LATER + 2, FACTS), ModeChange)
    assert made.governor.mode is target


@pytest.mark.parametrize(("before", "target"), [(F, S), (S, M), (M, E)])
def test_with_four_eyes_every_way_down_takes_one(before: Mode, target: Mode) -> None:
    assert isinstance(in_mode(before, config=STRICT).governor.request(target, OTTO, LATER), ModeChange)


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (OTTO, Code.NOT_AUTHORISED),
        (VERA, Code.NOT_AUTHORISED),
        (SYSTEM, Code.NOT_AUTHORISED),
        (Authority("eve", Role.ADMIN, "yes"), Code.OPERATOR_UNKNOWN),
        (Authority("ada", Role.ADMIN, ""), Code.REASON_MISSING),
    ],
)
def test_a_yes_of_somebody_else_leaves_the_request_waiting(who: Authority, code: Code) -> None:
    made, waiting = parked()

    assert codes(made.governor.approve(waiting.key, who, LATER + 1, FACTS)) == {code}
    assert made.governor.pending == waiting
    assert made.governor.mode is M


@pytest.mark.parametrize(("delay_ns", "changes"), [(300 * SECOND - 1, True), (300 * SECOND, False)])
def test_a_request_waits_five_minutes_and_no_longer(delay_ns: int, changes: bool) -> None:
    made, waiting = parked()

    answer = made.governor.approve(waiting.key, RUTH, LATER + delay_ns, FACTS)

    assert isinstance(answer, ModeChange) is changes
    assert made.governor.pending is None
    if not changes:
        assert codes(answer) == {Code.REQUEST_EXPIRED}
        assert codes(made.governor.approve(waiting.key, RUTH, LATER + 1, FACTS)) == {Code.NO_SUCH_REQUEST}


def test_an_approval_counts_once() -> None:
    made, waiting = parked()
    made.governor.approve(waiting.key, RUTH, LATER + 1, FACTS)
    made.governor.request(M, OTTO, LATER + 2)

    assert codes(made.governor.approve(waiting.key, RUTH, LATER + 3, FACTS)) == {Code.NO_SUCH_REQUEST}
    assert made.governor.mode is M


def test_the_guards_are_looked_at_again_at_the_approval() -> None:
    made = in_mode(S, config=STRICT)
    waiting = made.governor.request(F, RUTH, LATER, FACTS)
    assert isinstance(waiting, AwaitsApproval)

    answer = made.governor.approve(waiting.key, ADA, LATER + 1, FACTS - {Guard.MODELS_READY})

    assert codes(answer) == {Code.GUARD_NOT_MET}
    assert made.governor.mode is S
    assert made.governor.pending is None


def test_any_change_of_mode_withdraws_what_waits() -> None:
    made, waiting = parked()
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER + 1)

    assert made.governor.pending is None
    assert codes(made.governor.approve(waiting.key, RUTH, LATER + 2, FACTS)) == {Code.NO_SUCH_REQUEST}
    assert made.records("MODE_REQUEST_ENDED")[0].data["outcome"] == "WITHDRAWN"


def test_a_newer_request_replaces_the_one_that_waits() -> None:
    made, waiting = parked()
    newer = made.governor.request(S, OTTO, LATER + 1)

    assert made.governor.pending == newer
    assert codes(made.governor.approve(waiting.key, RUTH, LATER + 2)) == {Code.NO_SUCH_REQUEST}
    assert isinstance(newer, AwaitsApproval)
    assert isinstance(made.governor.approve(newer.key, RUTH, LATER + 2), ModeChange)


def test_an_approval_is_overruled_by_a_simultaneous_request_to_stay() -> None:
    made, waiting = parked()
    made.governor.request(M, OTTO, LATER + 5)

    assert codes(made.governor.approve(waiting.key, RUTH, LATER + 5)) == {Code.OVERRULED}
    assert made.governor.mode is M


@pytest.mark.parametrize(("who", "ended"), [(OTTO, True), (ADA, True), (VERA, False)])
def test_a_no_ends_the_request_when_it_comes_from_somebody_who_may_ask(who: Authority, ended: bool) -> None:
    made, waiting = parked()

    answer = made.governor.reject(waiting.key, who, LATER + 1)

    assert codes(answer) == {Code.REQUEST_REJECTED if ended else Code.NOT_AUTHORISED}
    assert (made.governor.pending is None) is ended


# -- down by itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "target", "path"),
    [(F, S, [(F, S)]), (F, M, [(F, S), (S, M)]), (S, M, [(S, M)]), (S, S, []), (M, S, []), (E, M, [])],
)
def test_a_demotion_takes_the_steps_that_exist(before: Mode, target: Mode, path: list[Any]) -> None:
    made = in_mode(before)
    known = len(made.governor.history)

    made.governor.demote(target, "model failed", LATER)

    steps = made.governor.history[known:]
    assert [(each.before, each.after) for each in steps] == path
    assert all((each.operator, each.role) == ("system", Role.SYSTEM) for each in steps)


def test_a_demotion_that_brings_on_an_emergency_stops_there() -> None:
    made = in_mode(F)

    def apply(mode: Mode, reason: str) -> None:
        made.apply(mode, reason)
        if mode is S:
            made.governor.emergency(Trigger.SYSTEM_FAILURE, "the effect failed", LATER)

    made.governor._apply = apply
    made.governor.demote(M, "positions disagree", LATER)

    assert made.governor.mode is E
    assert [each.after for each in made.governor.history] == [S, E]
    assert made.effects[-1][0] is E


def test_a_demotion_is_no_way_to_an_emergency() -> None:
    with pytest.raises(ValueError, match="trigger"):
        in_mode(F).governor.demote(E, "why", LATER)


# -- emergency and recovery ----------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("before", [M, S, F])
def test_every_trigger_begins_an_emergency_from_every_mode(before: Mode, trigger: Trigger) -> None:
    made = in_mode(before)

    made.governor.emergency(trigger, "because", LATER)

    record = made.governor.last_emergency
    assert record is not None
    assert (record.ts_ns, record.before, record.trigger, record.reason) == (LATER, before, trigger, "because")
    assert made.governor.history[-1].trigger is trigger
    assert made.stored == made.governor.snapshot()


def test_a_second_emergency_keeps_the_first_on_record() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    was = made.governor.snapshot()
    made.effects.clear()

    assert made.governor.emergency(Trigger.SECURITY_BREACH, "intruder", LATER + 1) == Unchanged(E)
    assert made.governor.snapshot() == was
    assert made.effects == []
    assert made.records("EMERGENCY_AGAIN")[0].data["trigger"] == "SECURITY_BREACH"


def test_a_persons_request_for_emergency_names_the_person() -> None:
    made = in_mode(F)
    made.governor.request(E, OTTO, LATER)

    record = made.governor.last_emergency
    assert record is not None
    assert (record.operator, record.trigger) == ("otto", Trigger.MANUAL)
    assert made.governor.history[-1].role is Role.OPERATOR


def test_the_way_out_is_planned_and_kept_up_to_date() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    plan = made.governor.recovery
    assert plan is not None
    assert plan.close_by_ns == LATER + CLOSE_WITHIN_NS == LATER + 4 * 3_600 * SECOND

    made.governor.note_recovery({Guard.RISK_NORMAL}, LATER + 1)
    made.governor.note_recovery({Guard.RISK_NORMAL, Guard.POSITIONS_CLOSED, Guard.PERSON_CLEARANCE}, LATER + 2)
    made.governor.note_recovery({Guard.POSITIONS_CLOSED}, LATER + 3)

    plan, record = made.governor.recovery, made.governor.last_emergency
    assert plan is not None
    assert record is not None
    met = {step.guard: step.met_ns for step in plan.steps}
    assert met == {Guard.POSITIONS_CLOSED: LATER + 2, Guard.RISK_NORMAL: None, Guard.PERSON_CLEARANCE: None}
    assert record.closed_ns == LATER + 2
    assert [each.data["in_time"] for each in made.records("EMERGENCY_CLOSED")] == [True]
    assert made.governor.statistics.figures(LATER + 3)[E].closed_after_s == pytest.approx(2e-9)


@pytest.mark.parametrize(("late_ns", "in_time"), [(0, True), (1, False)])
def test_closing_within_four_hours_is_measured(late_ns: int, in_time: bool) -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)

    made.governor.note_recovery({Guard.POSITIONS_CLOSED}, LATER + CLOSE_WITHIN_NS + late_ns)

    assert made.records("EMERGENCY_CLOSED")[0].data["in_time"] is in_time


def test_the_end_of_an_emergency_is_on_record() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    made.governor.request(M, RUTH, LATER + SECOND, FACTS)

    record = made.governor.last_emergency
    assert record is not None
    assert record.ended_ns == LATER + SECOND
    assert made.governor.recovery is None
    assert contradiction_in(made.governor.snapshot()) is None


# -- start and restart ---------------------------------------------------------------------------------------


def after_restart(made: World, mode: Mode, **changes: Any) -> World:
    assert made.stored is not None
    stored = msgspec.json.decode(msgspec.json.encode(made.stored), type=GovernorSnapshot)
    assert stored == made.stored
    return world(mode, restored=stored, now_ns=LATER + 60 * SECOND, **changes)


def test_the_first_start_stores_its_state_and_takes_effect() -> None:
    made = world(S)

    assert made.calls == ["persist", "apply SemiAuto"]
    assert made.stored == GovernorSnapshot(mode=S)


def test_a_restart_takes_up_mode_history_and_emergency() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)

    again = after_restart(made, E)

    assert again.governor.snapshot() == made.governor.snapshot()
    assert again.effects == [(E, "configured")]


@pytest.mark.parametrize(("stored", "started", "steps"), [(F, S, 1), (F, M, 2), (S, M, 1), (S, S, 0), (F, F, 0)])
def test_a_restart_below_the_stored_mode_is_a_change_like_any_other(stored: Mode, started: Mode, steps: int) -> None:
    again = after_restart(in_mode(stored), started)

    assert again.governor.mode is started
    assert len(again.governor.history) == steps
    assert again.stored == again.governor.snapshot()
    assert contradiction_in(again.governor.snapshot()) is None


@pytest.mark.parametrize(("stored", "started"), [(M, S), (M, F), (S, F), (E, M), (E, S)])
def test_a_restart_above_the_stored_mode_is_a_mistake(stored: Mode, started: Mode) -> None:
    with pytest.raises(ValueError, match="at most the stored"):
        after_restart(in_mode(stored), started)


@pytest.mark.parametrize("stored", [M, S, F])
def test_a_start_in_doubt_is_an_emergency_with_a_record(stored: Mode) -> None:
    again = after_restart(in_mode(stored), E, reason="the stored state is in doubt: torn")

    record = again.governor.last_emergency
    assert record is not None
    assert (record.trigger, record.before) == (Trigger.SYSTEM_FAILURE, stored)
    assert "torn" in record.reason
    assert again.effects[-1][0] is E


def test_a_start_from_nothing_in_doubt_is_an_emergency_with_a_record() -> None:
    made = world(E, reason="no mode is stored")

    assert made.governor.mode is E
    assert contradiction_in(made.governor.snapshot()) is None


@pytest.mark.parametrize(("stored", "started"), [(None, S), (F, S), (F, F), (S, S), (E, E)])
def test_a_start_that_cannot_be_stored_is_an_emergency(stored: Mode | None, started: Mode) -> None:
    restored = None if stored is None else in_mode(stored).stored
    made = world(started, restored=restored, begun=False, now_ns=LATER)
    made.failing = True

    made.governor.begin(LATER)

    assert made.governor.mode is E
    assert made.effects[-1][0] is E
    assert made.losses


def test_before_the_start_nothing_is_less_restrictive_than_it_will_be() -> None:
    made = world(S, restored=in_mode(F).stored, begun=False)

    assert made.governor.mode is S
    with pytest.raises(ValueError, match="begin"):
        made.governor.request(M, OTTO, LATER)
    with pytest.raises(ValueError, match="begin"):
        made.governor.demote(M, "why", LATER)


def test_an_emergency_before_the_start_is_not_undone_by_it() -> None:
    made = world(S, begun=False)
    made.governor.emergency(Trigger.EXCHANGE_OUTAGE, "BINANCE is out", T0)
    made.governor.begin(T0)

    assert made.governor.mode is E
    assert [mode for mode, _ in made.effects] == [E]


def test_a_governor_begins_once() -> None:
    made = world(S)

    with pytest.raises(ValueError, match="once"):
        made.governor.begin(LATER)


def test_the_history_keeps_the_last_changes() -> None:
    made = in_mode(S)
    for index in range(HISTORY_MAX + 5):
        target = M if index % 2 == 0 else S
        assert isinstance(made.governor.request(target, ADA, LATER + index, FACTS), ModeChange)

    history = made.governor.history
    assert len(history) == HISTORY_MAX
    assert history[-1].ts_ns == LATER + HISTORY_MAX + 4
    assert history[0].ts_ns == LATER + 5
    assert len(made.records("MODE_CHANGE")) == HISTORY_MAX + 5
    assert contradiction_in(made.governor.snapshot()) is None


def test_a_reason_is_kept_but_not_without_end() -> None:
    made = in_mode(S)
    made.governor.request(M, Authority("ada", Role.ADMIN, "x" * 100_000), LATER)

    assert len(made.governor.history[-1].reason) == 1_000


CHANGE = ModeChange(ts_ns=T0, before=S, after=M, operator="ada", role=Role.ADMIN, reason="r")


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        (GovernorSnapshot(mode=F, history=(CHANGE,)), "ends in Manual"),
        (GovernorSnapshot(mode=M, history=(msgspec.structs.replace(CHANGE, before=F),)), "does not exist"),
        (GovernorSnapshot(mode=M, history=(msgspec.structs.replace(CHANGE, before=M),)), "does not exist"),
        (GovernorSnapshot(mode=M, history=(CHANGE, CHANGE)), "gap"),
        (GovernorSnapshot(mode=M, history=(CHANGE,) * 201), "201"),
        (GovernorSnapshot(mode=E), "missing"),
    ],
)
def test_contradictions_are_found(snapshot: GovernorSnapshot, text: str) -> None:
    found = contradiction_in(snapshot)

    assert found is not None
    assert text in found


def test_a_mode_that_contradicts_its_emergency_is_found() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    state = made.governor.snapshot()

    assert contradiction_in(msgspec.structs.replace(state, mode=M, history=())) is not None
    assert contradiction_in(msgspec.structs.replace(state, recovery=None)) is not None
    made.governor.request(M, RUTH, LATER + 1, FACTS)
    ended = made.governor.snapshot()
    assert contradiction_in(ended) is None
    assert contradiction_in(msgspec.structs.replace(ended, mode=E, history=())) is not None
