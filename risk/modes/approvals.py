"""The review queue of SemiAuto: what waits for an operator, until when, and exactly one outcome for each."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from risk.intent import Intent

TIMEOUT_NS = 30 * 1_000_000_000
"""No answer within this time is a rejection (SPEC 8.1)."""


class Outcome(Enum):
    """How a request ended."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    TIMEOUT = "TIMEOUT"
    WITHDRAWN = "WITHDRAWN"


class Request(msgspec.Struct, frozen=True):
    """One parked command: what it asks for, since when, and until when it may be answered."""

    key: str
    intents: tuple[Intent, ...]
    command: Any
    parked_ns: int
    expires_ns: int


class ApprovalQueue:
    """Hold parked commands; the first answer takes the request out, so every later one finds nothing."""

    def __init__(self, timeout_ns: int = TIMEOUT_NS) -> None:
        if timeout_ns <= 0:
            raise ValueError(f"timeout_ns must be positive, was {timeout_ns}")
        self.timeout_ns = timeout_ns
        self.counts = dict.fromkeys(Outcome, 0)
        self.response_ns: list[int] = []
        self._waiting: dict[str, Request] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def park(self, key: str, intents: tuple[Intent, ...], command: Any, ts_ns: int) -> Request:
        """Park a command; a key that already waits is a programmer's mistake."""
        if key in self._waiting:
            raise ValueError(f"{key} already waits for approval")
        request = Request(key, intents, command, ts_ns, ts_ns + self.timeout_ns)
        self._waiting[key] = request
        return request

    def settle(self, key: str, outcome: Outcome, ts_ns: int) -> Request | None:
        """Take a request out with its outcome; None if it had one before, or if a yes comes at or after expiry."""
        request = self._waiting.get(key)
        if request is None or (outcome is Outcome.APPROVED and ts_ns >= request.expires_ns):
            return None
        del self._waiting[key]
        self.counts[outcome] += 1
        if outcome in (Outcome.APPROVED, Outcome.REJECTED):
            self.response_ns.append(ts_ns - request.parked_ns)
        return request

    def waiting(self) -> tuple[Request, ...]:
        """Return what waits, oldest first."""
        return tuple(self._waiting.values())

    def key_of_order(self, client_order_id: str) -> str | None:
        """Return the key of the request that holds this order, if any."""
        for key, request in self._waiting.items():
            if any(intent.client_order_id == client_order_id for intent in request.intents):
                return key
        return None
