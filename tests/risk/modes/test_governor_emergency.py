"""The governor: Emergencies, the way out of them, and what is told to the audit log and the statistics."""

from __future__ import annotations

import pytest

from risk.modes.authorisation import Code, Role
from risk.modes.changes import (
    CLOSE_WITHIN_NS,
    AwaitsApproval,
    Unchanged,
    contradiction_in,
)
from risk.modes.table import Mode
from risk.modes.transitions import Guard
from risk.modes.triggers import Trigger
from tests.risk.modes.governed import (
    ADA,
    FACTS,
    LATER,
    OTTO,
    RUTH,
    SECOND,
    STRICT,
    SYSTEM,
    E,
    F,
    M,
    S,
    codes,
    in_mode,
    parked,
)

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
    assert [each.data["in_time"] for each in made.records("EMERGENCY_ALL_CLOSED")] == [True]
    assert made.governor.statistics.figures(LATER + 3)[E].closed_after_s == pytest.approx(2e-9)


@pytest.mark.parametrize(("late_ns", "in_time"), [(0, True), (1, False)])
def test_closing_within_four_hours_is_measured(late_ns: int, in_time: bool) -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)

    made.governor.note_recovery({Guard.POSITIONS_CLOSED}, LATER + CLOSE_WITHIN_NS + late_ns)

    assert made.records("EMERGENCY_ALL_CLOSED")[0].data["in_time"] is in_time


def test_the_end_of_an_emergency_is_on_record() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    made.governor.request(M, RUTH, LATER + SECOND, FACTS)

    record = made.governor.last_emergency
    assert record is not None
    assert record.ended_ns == LATER + SECOND
    assert made.governor.recovery is None
    assert contradiction_in(made.governor.snapshot()) is None


# -- what is told --------------------------------------------------------------------------------------------


def test_everything_that_is_asked_is_in_the_audit_log_with_who_and_why() -> None:
    made = in_mode(M)
    made.governor.request(M, OTTO, LATER)
    waiting = made.governor.request(S, OTTO, LATER + 1, FACTS)
    assert isinstance(waiting, AwaitsApproval)
    made.governor.approve(waiting.key, RUTH, LATER + 2, FACTS)
    made.governor.request(F, OTTO, LATER + 3, FACTS)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown 0.051", LATER + 4)

    told = [(record.ts - LATER, record.kind) for record in made.audit.records]
    assert told == [
        (-SECOND, "MODE_START"),
        (0, "MODE_UNCHANGED"),
        (1, "MODE_AWAITS_APPROVAL"),
        (2, "MODE_REQUEST_ENDED"),
        (2, "MODE_CHANGE"),
        (3, "MODE_REFUSED"),
        (4, "MODE_CHANGE"),
    ]
    change, refused, emergency = (made.audit.records[index].data for index in (4, 5, 6))
    assert (change["before"], change["after"]) == ("Manual", "SemiAuto")
    assert (change["operator"], change["role"], change["reason"]) == ("otto", "operator", "trading")
    assert (change["approved_by"], change["trigger"]) == ("ruth", None)
    assert (refused["before"], refused["target"], refused["operator"]) == ("SemiAuto", "FullAuto", "otto")
    assert (refused["role"], refused["reason"]) == ("operator", "trading")
    assert refused["objections"][0]["code"] == "NOT_AUTHORISED"
    assert (emergency["trigger"], emergency["operator"], emergency["role"]) == ("DRAWDOWN", "system", "system")


def test_a_person_changing_the_mode_withdraws_what_waits() -> None:
    made = in_mode(S, config=STRICT)
    waiting = made.governor.request(F, ADA, LATER, FACTS)
    assert isinstance(waiting, AwaitsApproval)
    made.governor.request(M, OTTO, LATER + 1)

    assert made.governor.pending is None
    assert codes(made.governor.approve(waiting.key, RUTH, LATER + 2, FACTS)) == {Code.NO_SUCH_REQUEST}
    assert made.governor.mode is M


def test_what_people_do_is_counted_in_the_mode_in_which_they_do_it() -> None:
    made, waiting = parked()  # one action
    made.governor.approve(waiting.key, RUTH, LATER + 1, FACTS)  # two
    made.governor.request(S, OTTO, LATER + 2)
    made.governor.request(M, SYSTEM, LATER + SECOND)
    again = made.governor.request(S, OTTO, LATER + 2 * SECOND)
    assert isinstance(again, AwaitsApproval)
    made.governor.reject(again.key, ADA, LATER + 3 * SECOND)

    figures = made.governor.statistics.figures(LATER + 4 * SECOND)
    assert {mode: each.operator_actions for mode, each in figures.items()} == {M: 4, S: 1, F: 0, E: 0}
    assert {mode: each.changes_into for mode, each in figures.items()} == {M: 1, S: 1, F: 0, E: 0}
    assert figures[S].seconds == pytest.approx(1.0)
    assert figures[M].seconds == pytest.approx(4.0)


def test_the_way_out_is_looked_at_only_in_an_emergency() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    made.governor.request(M, RUTH, LATER + 1, FACTS)
    was = made.governor.snapshot()

    made.governor.note_recovery(FACTS, LATER + 2)

    assert made.governor.snapshot() == was
    assert made.records("EMERGENCY_ALL_CLOSED") == []
