"""Who a person is to the control modes: operator id, role and reason, and which transitions each role may ask for."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from risk.modes.table import Mode
from risk.modes.transitions import Guard, GuardResults, NotAllowed, decide

TEXT_MAX = 1_000
"""Longest reason that is kept; what is longer is cut, so that no text can fill the store."""

SYSTEM_ID = "system"
"""The operator id of everything the platform does by itself."""

type OperatorId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")]


class Role(Enum):
    """What a person, or the platform itself, is trusted with."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    RISK_OFFICER = "risk_officer"
    ADMIN = "admin"
    SYSTEM = "system"


class Authority(msgspec.Struct, frozen=True):
    """Who acts, as what, and why: the three things every transition carries."""

    operator: str
    role: Role
    reason: str

    @classmethod
    def of_system(cls, reason: str) -> Authority:
        """Return the authority of the platform itself, which may only become more restrictive."""
        return cls(SYSTEM_ID, Role.SYSTEM, reason)


PEOPLE = frozenset({Role.OPERATOR, Role.RISK_OFFICER, Role.ADMIN})
SUPERVISORS = frozenset({Role.RISK_OFFICER, Role.ADMIN})

MAY_APPROVE_MODE = SUPERVISORS
"""Whose yes is the approval that a mode change waits for."""

PERSONAL = frozenset({Guard.APPROVAL, Guard.PERSON_CLEARANCE})
"""Guards that follow from who asks and who approves; nobody can claim them."""

_NOBODY: frozenset[Role] = frozenset()
_DOWN = PEOPLE | {Role.SYSTEM}

MAY_ASK: dict[Mode, dict[Mode, frozenset[Role]]] = {
    Mode.MANUAL: {
        Mode.MANUAL: _DOWN,
        Mode.SEMI_AUTO: PEOPLE,
        Mode.FULL_AUTO: _NOBODY,
        Mode.EMERGENCY: _DOWN,
    },
    Mode.SEMI_AUTO: {
        Mode.MANUAL: _DOWN,
        Mode.SEMI_AUTO: _DOWN,
        Mode.FULL_AUTO: SUPERVISORS,
        Mode.EMERGENCY: _DOWN,
    },
    Mode.FULL_AUTO: {
        Mode.MANUAL: _NOBODY,
        Mode.SEMI_AUTO: _DOWN,
        Mode.FULL_AUTO: _DOWN,
        Mode.EMERGENCY: _DOWN,
    },
    Mode.EMERGENCY: {
        Mode.MANUAL: SUPERVISORS,
        Mode.SEMI_AUTO: _NOBODY,
        Mode.FULL_AUTO: _NOBODY,
        Mode.EMERGENCY: _DOWN,
    },
}
"""Which roles may ask for a transition, from (rows) to (columns); a transition that does not exist is nobody's."""


class AuthorisationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The people who may act, and how much supervision going up needs.

    `roles` maps operator ids to roles; whoever is not in it may do nothing. The approval of Manual to SemiAuto is given
    by a risk officer or an admin: by default also on their own request, since a house of one person has no second one.
    With `four_eyes` every transition to a less restrictive mode needs the approval of somebody else than who asked. A
    request waits `approval_timeout_s` for it.
    """

    roles: dict[OperatorId, Role] = {}
    four_eyes: bool = False
    approval_timeout_s: Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)] = 300.0

    def __post_init__(self) -> None:
        """Refuse a person who would pass for the platform."""
        for operator, role in self.roles.items():
            if operator == SYSTEM_ID or role is Role.SYSTEM:
                raise ValueError(f"{SYSTEM_ID!r} is the platform itself and no person's id or role, was {operator!r}")


class Code(Enum):
    """Why a change of mode was refused."""

    OPERATOR_MISSING = "OPERATOR_MISSING"
    REASON_MISSING = "REASON_MISSING"
    OPERATOR_UNKNOWN = "OPERATOR_UNKNOWN"
    ROLE_NOT_HELD = "ROLE_NOT_HELD"
    NOT_AUTHORISED = "NOT_AUTHORISED"
    NO_SUCH_TRANSITION = "NO_SUCH_TRANSITION"
    GUARD_NOT_MET = "GUARD_NOT_MET"
    OVERRULED = "OVERRULED"
    """At the same instant somebody asked for a more restrictive mode."""
    OWN_REQUEST = "OWN_REQUEST"
    NO_SUCH_REQUEST = "NO_SUCH_REQUEST"
    REQUEST_EXPIRED = "REQUEST_EXPIRED"
    REQUEST_REJECTED = "REQUEST_REJECTED"
    STATE_NOT_DURABLE = "STATE_NOT_DURABLE"


class Objection(msgspec.Struct, frozen=True):
    """One reason of a refusal, with what was expected and what was found."""

    code: Code
    detail: str

    def __str__(self) -> str:
        return f"{self.code.value}: {self.detail}"


def objection_to(who: Authority, config: AuthorisationConfig) -> Objection | None:
    """Object unless an authority names a configured person (or the platform), the role they hold, and a reason."""
    if not who.operator.strip():
        return Objection(Code.OPERATOR_MISSING, "an operator id is required, was empty")
    if not who.reason.strip():
        return Objection(Code.REASON_MISSING, "a reason is required, was empty")
    held = Role.SYSTEM if who.operator == SYSTEM_ID else config.roles.get(who.operator)
    if held is None:
        return Objection(Code.OPERATOR_UNKNOWN, f"operator {who.operator[:64]!r} is not configured")
    if held is not who.role:
        return Objection(Code.ROLE_NOT_HELD, f"{who.operator} is {held.value}, acted as {who.role.value}")
    return None


def authority_of(operator: str, role: str, reason: str, config: AuthorisationConfig) -> Authority | Objection:
    """Return the authority of a person's command; the platform's own is never taken from one."""
    held = next((each for each in Role if each.value == role), None)
    if held is None or held is Role.SYSTEM or operator == SYSTEM_ID:
        people = ", ".join(each.value for each in Role if each is not Role.SYSTEM)
        return Objection(
            Code.ROLE_NOT_HELD, f"a person acts as one of {people}, was {operator[:64]!r} as {role[:64]!r}"
        )
    who = Authority(operator, held, reason)
    return objection_to(who, config) or who


def may_approve(asker: Authority, approver: Authority, config: AuthorisationConfig) -> bool:
    """Return whether this person's yes is the approval of that person's request."""
    return objection_to_approval(asker, approver, config) is None


def objection_to_approval(asker: Authority, approver: Authority, config: AuthorisationConfig) -> Objection | None:
    """Object to an approval by somebody who may not approve or, where it takes two, by who asked."""
    if approver.role not in MAY_APPROVE_MODE:
        return Objection(Code.NOT_AUTHORISED, f"{approver.role.value} may not approve a change of mode")
    if config.four_eyes and approver.operator == asker.operator:
        return Objection(Code.OWN_REQUEST, f"{asker.operator} asked for it, somebody else must approve")
    return None


def missing_guards(
    before: Mode,
    target: Mode,
    guards: GuardResults,
    asker: Authority,
    config: AuthorisationConfig,
    *,
    approved: bool,
) -> tuple[Guard, ...]:
    """
    Return the guards of a transition that do not hold.

    Approval is `approved`, and clearance follows from who asks: neither is taken from `guards`. Where it takes two
    people, every less restrictive mode needs approval.
    """
    held = frozenset(guards) - PERSONAL
    if approved:
        held |= {Guard.APPROVAL}
    if asker.role in SUPERVISORS:
        held |= {Guard.PERSON_CLEARANCE}
    verdict = decide(before, target, held)
    missing = verdict.missing if isinstance(verdict, NotAllowed) else ()
    takes_two = config.four_eyes and target.priority < before.priority
    if takes_two and Guard.APPROVAL not in held and Guard.APPROVAL not in missing:
        return (*missing, Guard.APPROVAL)
    return missing


def unmet(guard: Guard) -> Objection:
    """Return the objection of a guard that does not hold."""
    return Objection(Code.GUARD_NOT_MET, f"{guard.value} does not hold")


def may_ask(role: Role, before: Mode, target: Mode) -> bool:
    """Return whether a role may ask for a transition."""
    return role in MAY_ASK[before][target]


def clipped(text: str) -> str:
    """Cut a text to what is kept of it."""
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 3] + "..."


def role_of(operator: str, claimed: str, config: AuthorisationConfig) -> str:
    """Return the role of a command: the claimed one, else its operator's configured one; a stranger's is the least."""
    held = config.roles.get(operator)
    return claimed or (Role.VIEWER if held is None else held).value
