"""What an operator may ask for, as plain data."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec


class Verb(Enum):
    """What an operator may ask for."""

    SET_MODE = "set_mode"
    APPROVE = "approve"
    AMEND = "amend"
    REJECT = "reject"
    KILL = "kill"
    CLEAR = "clear"
    SET_LIMIT = "set_limit"
    ORDER = "order"


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an operator asks for.

    `operator` is who, `role` the role that authorises it (empty for the configured one), `reason` why. `arguments`
    holds plain JSON values, by verb: SET_MODE ``mode``; APPROVE and REJECT ``key``; AMEND ``key, quantity``; KILL and
    CLEAR ``level, name``; SET_LIMIT ``path, value``; ORDER the fields of `risk.operator_orders.HandOrder`. `id` makes a
    repeated command harmless: the second of the same id does nothing.
    """

    id: str
    verb: Verb
    operator: str
    role: str
    reason: str
    arguments: dict[str, Any] = {}
