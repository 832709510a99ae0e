"""What the checks answer: approved, or refused with a code and the two numbers that disagreed."""

from __future__ import annotations

from enum import Enum, StrEnum

import msgspec


class Reason(Enum):
    """Why an intent was refused; the operator's guide lists what to do about each."""

    MODE_FORBIDS = "MODE_FORBIDS"
    POSITION_LIMIT_EXCEEDED = "POSITION_LIMIT_EXCEEDED"
    LEVERAGE_EXCEEDED = "LEVERAGE_EXCEEDED"
    DAILY_LOSS_EXCEEDED = "DAILY_LOSS_EXCEEDED"
    DRAWDOWN_EXCEEDED = "DRAWDOWN_EXCEEDED"
    PRICE_OUTSIDE_COLLAR = "PRICE_OUTSIDE_COLLAR"
    NO_REFERENCE_PRICE = "NO_REFERENCE_PRICE"
    CONCURRENT_POSITIONS_EXCEEDED = "CONCURRENT_POSITIONS_EXCEEDED"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    DUPLICATE_ORDER = "DUPLICATE_ORDER"
    ORDER_RATE_EXCEEDED = "ORDER_RATE_EXCEEDED"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    REDUCE_ONLY_INCREASES = "REDUCE_ONLY_INCREASES"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    APPROVAL_TIMEOUT = "APPROVAL_TIMEOUT"
    APPROVAL_REJECTED = "APPROVAL_REJECTED"
    OPERATOR_UNIDENTIFIED = "OPERATOR_UNIDENTIFIED"
    KELLY_FRACTION_EXCEEDED = "KELLY_FRACTION_EXCEEDED"
    VAR_LIMIT_EXCEEDED = "VAR_LIMIT_EXCEEDED"
    CVAR_LIMIT_EXCEEDED = "CVAR_LIMIT_EXCEEDED"
    CORRELATION_LIMIT_EXCEEDED = "CORRELATION_LIMIT_EXCEEDED"
    CIRCUIT_BREAKER_OPEN = "CIRCUIT_BREAKER_OPEN"
    KILL_SWITCH_ENGAGED = "KILL_SWITCH_ENGAGED"
    STATE_NOT_DURABLE = "STATE_NOT_DURABLE"


class Refusal(msgspec.Struct, frozen=True):
    """A rule's no: its code, what was measured, and the limit it broke (None where a number has no meaning)."""

    reason: Reason
    measured: float | None = None
    limit: float | None = None
    detail: str = ""

    def __str__(self) -> str:
        figures = "" if self.measured is None else f": measured={self.measured:.10g}"
        if self.limit is not None:
            figures += f"{',' if figures else ':'} limit={self.limit:.10g}"
        return f"{self.reason.value}{figures}" + (f" ({self.detail})" if self.detail else "")


class Basis(StrEnum):
    """What let an intent pass."""

    LIMITS = "limits"
    """It adds risk, and every rule agreed. Where the mode asks for an approval, this is what it is asked for."""
    REDUCES = "reduces"
    """It only reduces or closes, and nothing may stop that."""
    PARENT = "parent"
    """It is a child within the quantity its parent was approved for."""


class Approved(msgspec.Struct, frozen=True):
    """The gate's yes, and what it rests on."""

    basis: Basis


class Parked(msgspec.Struct, frozen=True):
    """Neither yet: the intent waits for an operator until `expires_ns`."""

    expires_ns: int


type Verdict = Approved | Refusal | Parked
