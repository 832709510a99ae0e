"""Who may do what: every role, verb and mode, and every role and transition, cell by cell."""

from __future__ import annotations

import msgspec
import pytest

from risk.ask import Verb
from risk.modes.authorisation import (
    MAY_APPROVE_MODE,
    MAY_ASK,
    TEXT_MAX,
    AuthorisationConfig,
    Authority,
    Code,
    Objection,
    Role,
    authority_of,
    clipped,
    may_approve,
    may_ask,
    objection_to,
)
from risk.modes.permissions import PERMISSIONS, permitted
from risk.modes.table import Mode
from risk.modes.transitions import TRANSITIONS
from tests.risk.modes.governed import ADA, CONFIG, OTTO, RUTH, VERA

# rows: verb and role; the letters of the modes in which it may be used
MODES = {"M": Mode.MANUAL, "S": Mode.SEMI_AUTO, "F": Mode.FULL_AUTO, "E": Mode.EMERGENCY}
#            viewer operator risk_officer admin system
VERBS = {
    "set_mode": ("", "MSFE", "MSFE", "MSFE", "MSFE"),
    "approve": ("", "S", "MSE", "MSE", ""),
    "amend": ("", "S", "S", "S", ""),
    "reject": ("", "MSFE", "MSFE", "MSFE", "MSFE"),
    "kill": ("", "MSFE", "MSFE", "MSFE", "MSFE"),
    "clear": ("", "", "MSFE", "MSFE", ""),
    "set_limit": ("", "", "MSF", "MSF", ""),
    "order": ("", "MSFE", "E", "MSFE", ""),
}
ROLES = ("viewer", "operator", "risk_officer", "admin", "system")

# rows: from and to; who may ask
DOWN = {"operator", "risk_officer", "admin", "system"}
SUPERVISORS = {"risk_officer", "admin"}
ASKS: dict[str, set[str]] = {
    "MM": DOWN, "MS": DOWN - {"system"}, "MF": set(), "ME": DOWN,
    "SM": DOWN, "SS": DOWN, "SF": SUPERVISORS, "SE": DOWN,
    "FM": set(), "FS": DOWN, "FF": DOWN, "FE": DOWN,
    "EM": SUPERVISORS, "ES": set(), "EF": set(), "EE": DOWN,
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("letter", MODES)
def test_every_verb_of_every_role_in_every_mode(verb: str, role: str, letter: str) -> None:
    expected = letter in VERBS[verb][ROLES.index(role)]

    assert permitted(Role(role), Verb(verb), MODES[letter]) is expected


def test_no_verb_and_no_role_is_without_a_row() -> None:
    assert {verb.value for verb in Verb} == set(VERBS)
    assert {role.value for role in Role} == set(ROLES)
    assert all(set(row) == set(Role) for row in PERMISSIONS.values())


@pytest.mark.parametrize("cell", ASKS)
@pytest.mark.parametrize("role", ROLES)
def test_every_transition_of_every_role(cell: str, role: str) -> None:
    assert may_ask(Role(role), MODES[cell[0]], MODES[cell[1]]) is (role in ASKS[cell])


def test_the_platform_itself_only_becomes_more_restrictive() -> None:
    asked = [(a, b) for a in Mode for b in Mode if may_ask(Role.SYSTEM, a, b)]

    assert all(target.priority >= before.priority for before, target in asked)
    assert (Mode.FULL_AUTO, Mode.EMERGENCY) in asked


def test_what_does_not_exist_may_nobody_ask_for() -> None:
    for before in Mode:
        for target in Mode:
            assert bool(MAY_ASK[before][target]) is TRANSITIONS[before][target].exists


def test_approvals_come_from_supervisors() -> None:
    assert {role.value for role in MAY_APPROVE_MODE} == SUPERVISORS


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (Authority("", Role.ADMIN, "reason"), Code.OPERATOR_MISSING),
        (Authority("  ", Role.ADMIN, "reason"), Code.OPERATOR_MISSING),
        (Authority("ada", Role.ADMIN, ""), Code.REASON_MISSING),
        (Authority("ada", Role.ADMIN, " \n\t"), Code.REASON_MISSING),
        (Authority("eve", Role.ADMIN, "reason"), Code.OPERATOR_UNKNOWN),
        (Authority("Ada", Role.ADMIN, "reason"), Code.OPERATOR_UNKNOWN),
        (Authority("otto", Role.ADMIN, "reason"), Code.ROLE_NOT_HELD),
        (Authority("ada", Role.OPERATOR, "reason"), Code.ROLE_NOT_HELD),
        (Authority("ada", Role.SYSTEM, "reason"), Code.ROLE_NOT_HELD),
        (Authority("system", Role.ADMIN, "reason"), Code.ROLE_NOT_HELD),
    ],
)
def test_an_authority_that_is_none_is_objected_to(who: Authority, code: Code) -> None:
    objection = objection_to(who, CONFIG)

    assert objection is not None
    assert objection.code is code


@pytest.mark.parametrize("who", [VERA, OTTO, RUTH, ADA, Authority.of_system("a check failed")])
def test_configured_people_and_the_platform_are_who_they_say(who: Authority) -> None:
    assert objection_to(who, CONFIG) is None


def test_nobody_may_act_without_configuration() -> None:
    objection = objection_to(ADA, AuthorisationConfig())

    assert objection is not None
    assert objection.code is Code.OPERATOR_UNKNOWN


@pytest.mark.parametrize(("operator", "role"), [("system", "system"), ("ada", "system"), ("system", "admin")])
def test_a_command_never_speaks_for_the_platform(operator: str, role: str) -> None:
    assert isinstance(authority_of(operator, role, "reason", CONFIG), Objection)


def test_a_command_is_read_as_the_person_it_names() -> None:
    assert authority_of("ruth", "risk_officer", "risk looks good", CONFIG) == RUTH
    unknown = authority_of("ruth", "queen", "reason", CONFIG)
    assert isinstance(unknown, Objection)
    assert unknown.code is Code.ROLE_NOT_HELD


def test_two_pairs_of_eyes_are_two_people() -> None:
    strict = msgspec.structs.replace(CONFIG, four_eyes=True)

    assert may_approve(RUTH, RUTH, CONFIG)
    assert not may_approve(RUTH, RUTH, strict)
    assert may_approve(ADA, RUTH, strict)
    assert may_approve(OTTO, RUTH, strict)
    assert not may_approve(RUTH, OTTO, CONFIG)


@pytest.mark.parametrize("roles", [{"system": Role.ADMIN}, {"ada": Role.SYSTEM}])
def test_no_person_is_configured_as_the_platform(roles: dict[str, Role]) -> None:
    with pytest.raises(ValueError, match="platform itself"):
        AuthorisationConfig(roles=roles)


@pytest.mark.parametrize("operator", ["", " ada", "ada\n", "-ada", "a" * 65, "ad a", "ada/../x"])
def test_operator_ids_are_plain_names(operator: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"roles": {operator: "admin"}}, AuthorisationConfig)


def test_long_reasons_are_cut() -> None:
    assert clipped("x" * TEXT_MAX) == "x" * TEXT_MAX
    assert len(clipped("x" * (TEXT_MAX + 1))) == TEXT_MAX
