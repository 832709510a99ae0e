"""Which role may use which of an operator's verbs in which mode: the whole table, as data."""

from __future__ import annotations

from risk.ask import Verb
from risk.modes.authorisation import Role
from risk.modes.table import Mode

_NEVER: frozenset[Mode] = frozenset()
_ALWAYS = frozenset(Mode)
_SEMI_AUTO = frozenset({Mode.SEMI_AUTO})
_EMERGENCY = frozenset({Mode.EMERGENCY})
_WHERE_SOMETHING_WAITS = frozenset({Mode.MANUAL, Mode.SEMI_AUTO, Mode.EMERGENCY})
_UNLESS_EMERGENCY = _ALWAYS - _EMERGENCY

PERMISSIONS: dict[Verb, dict[Role, frozenset[Mode]]] = {
    # what a role may change the mode to is in `risk.modes.authorisation.MAY_ASK`
    Verb.SET_MODE: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _ALWAYS,
        Role.RISK_OFFICER: _ALWAYS,
        Role.ADMIN: _ALWAYS,
        Role.SYSTEM: _ALWAYS,
    },
    # orders wait for an answer in SemiAuto alone, changes of mode wait for a supervisor's wherever there is a way up
    Verb.APPROVE: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _SEMI_AUTO,
        Role.RISK_OFFICER: _WHERE_SOMETHING_WAITS,
        Role.ADMIN: _WHERE_SOMETHING_WAITS,
        Role.SYSTEM: _NEVER,
    },
    # whoever may say yes to an order may also say yes to less
    Verb.AMEND: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _SEMI_AUTO,
        Role.RISK_OFFICER: _SEMI_AUTO,
        Role.ADMIN: _SEMI_AUTO,
        Role.SYSTEM: _NEVER,
    },
    # saying no, and stopping, never adds risk
    Verb.REJECT: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _ALWAYS,
        Role.RISK_OFFICER: _ALWAYS,
        Role.ADMIN: _ALWAYS,
        Role.SYSTEM: _ALWAYS,
    },
    Verb.KILL: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _ALWAYS,
        Role.RISK_OFFICER: _ALWAYS,
        Role.ADMIN: _ALWAYS,
        Role.SYSTEM: _ALWAYS,
    },
    # a kill switch must be cleared by a person, also in Emergency, which ends only when risk is normal again
    Verb.CLEAR: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _NEVER,
        Role.RISK_OFFICER: _ALWAYS,
        Role.ADMIN: _ALWAYS,
        Role.SYSTEM: _NEVER,
    },
    # no limit stops a closing order, so none need be changed while everything is being closed
    Verb.SET_LIMIT: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _NEVER,
        Role.RISK_OFFICER: _UNLESS_EMERGENCY,
        Role.ADMIN: _UNLESS_EMERGENCY,
        Role.SYSTEM: _NEVER,
    },
    # who watches the risk does not trade, but helps to close in Emergency
    Verb.ORDER: {
        Role.VIEWER: _NEVER,
        Role.OPERATOR: _ALWAYS,
        Role.RISK_OFFICER: _EMERGENCY,
        Role.ADMIN: _ALWAYS,
        Role.SYSTEM: _NEVER,
    },
}


def permitted(role: Role, verb: Verb, mode: Mode) -> bool:
    """Return whether a role may use a verb while a mode is in force."""
    return mode in PERMISSIONS[verb][role]
