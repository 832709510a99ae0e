"""The governor: requests of one instant, approvals, and the way down by itself."""

from __future__ import annotations

from typing import Any

import pytest

from risk.modes.authorisation import Authority, Code, Role
from risk.modes.changes import (
    AwaitsApproval,
    ModeChange,
    RefusedTransition,
    Unchanged,
    contradiction_in,
)
from risk.modes.instant import Instant
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
    T0,
    VERA,
    E,
    F,
    M,
    S,
    codes,
    in_mode,
    parked,
)

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


def test_the_same_request_twice_at_once_is_no_conflict() -> None:
    made = in_mode(S)
    made.governor.request(M, OTTO, LATER)

    assert made.governor.request(M, ADA, LATER) == Unchanged(M)


def test_an_instant_is_undone_only_from_full_auto_to_manual() -> None:
    undone = {
        (began, mode, target)
        for began in Mode
        for mode in Mode
        for target in Mode
        if Instant(T0, began).undoes(mode, target)
    }

    assert undone == {(S, F, M), (M, F, M)}


def test_a_clock_that_goes_back_gets_around_nothing() -> None:
    made = in_mode(S)
    made.governor.request(M, OTTO, LATER)

    assert codes(made.governor.request(S, ADA, LATER - 10, FACTS)) == {Code.OVERRULED}
    assert isinstance(made.governor.request(E, ADA, LATER - 10), ModeChange)


def test_a_demotion_overrules_a_simultaneous_request_to_go_up() -> None:
    made = in_mode(S)
    made.governor.demote(S, "model failed", LATER)

    assert codes(made.governor.request(F, ADA, LATER, FACTS)) == {Code.OVERRULED}
    made.governor.demote(M, "positions disagree", LATER + 1)
    assert codes(made.governor.request(S, ADA, LATER + 1, FACTS)) == {Code.OVERRULED}
    assert isinstance(made.governor.request(S, ADA, LATER + 2, FACTS), ModeChange)


def test_an_emergency_overrules_its_own_end_at_the_same_time() -> None:
    made = in_mode(F)
    made.governor.emergency(Trigger.DRAWDOWN, "drawdown", LATER)
    assert codes(made.governor.request(M, ADA, LATER, FACTS)) == {Code.OVERRULED}

    made.governor.emergency(Trigger.SECURITY_BREACH, "intruder", LATER + 1)
    assert codes(made.governor.request(M, ADA, LATER + 1, FACTS)) == {Code.OVERRULED}
    assert isinstance(made.governor.request(M, ADA, LATER + 2, FACTS), ModeChange)


def test_an_approved_change_overrules_a_simultaneous_request_to_go_further_up() -> None:
    made, waiting = parked()
    made.governor.approve(waiting.key, RUTH, LATER + 1, FACTS)
    assert made.governor.mode is S

    # at the beginning of this instant the mode was Manual, and going back there is possible at once
    assert isinstance(made.governor.request(F, ADA, LATER + 1, FACTS), RefusedTransition)
    assert isinstance(made.governor.request(M, OTTO, LATER + 1), ModeChange)


# -- approval ------------------------------------------------------------------------------------------------


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
    assert made.records("MODE_REQUEST_ENDED")[0].data["outcome"] == "REPLACED"
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


def test_a_demotion_within_a_demotion_takes_no_step_twice() -> None:
    made = in_mode(F)

    def apply(mode: Mode, reason: str) -> None:
        made.apply(mode, reason)
        if mode is S:
            made.governor.demote(M, "positions disagree too", LATER)

    made.governor._apply = apply
    made.governor.demote(M, "positions disagree", LATER)

    assert [each.after for each in made.governor.history] == [S, M]
    assert contradiction_in(made.governor.snapshot()) is None
