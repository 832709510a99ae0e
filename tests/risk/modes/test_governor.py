"""The governor: the whole matrix of requests, and storing before effect."""

from __future__ import annotations

import pytest

from risk.modes.authorisation import Authority, Code, Role
from risk.modes.changes import (
    AwaitsApproval,
    ModeChange,
    Unchanged,
)
from risk.modes.table import Mode
from risk.modes.transitions import Guard
from risk.modes.triggers import Trigger
from tests.risk.modes.governed import (
    ADA,
    BY_ROLE,
    FACTS,
    LATER,
    OTTO,
    SUBSETS,
    E,
    F,
    M,
    S,
    codes,
    in_mode,
    world,
)

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
