"""The review queue of SemiAuto: what waits for an operator, until when, and exactly one outcome for each."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from risk.intent import Intent

TIMEOUT_NS = 30 * 1_000_000_000
"""No answer within this time is a rejection (SPEC 8.1)."""

WAITING_MAX = 500
"""Requests that may wait at once; nobody reads more in half a minute, and a strategy gone wild must meet a wall."""


class Outcome(Enum):
    """How a request ended."""

    APPROVED = "APPROVED"
    AMENDED = "AMENDED"
    """Approved with a smaller quantity."""
    REJECTED = "REJECTED"
    TIMEOUT = "TIMEOUT"
    WITHDRAWN = "WITHDRAWN"
    """Its sender cancelled it, the mode changed, a kill switch was engaged, or a restart lost it."""

    @property
    def answered(self) -> bool:
        """Return whether a person said it."""
        return self in {Outcome.APPROVED, Outcome.AMENDED, Outcome.REJECTED}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """
    One parked command: what it asks for, since when, and until when it may be answered.

    `intents` are the orders of the command as they stand, an amendment included; `asked_quantity` (base units) is
    what the first of them asked for when it was parked, and `mark` the price then, None where there was none.
    """

    key: str
    intents: tuple[Intent, ...]
    command: Any
    parked_ns: int
    expires_ns: int
    asked_quantity: float
    mark: float | None = None


class Ended(msgspec.Struct, frozen=True):
    """A request and its one outcome."""

    request: Request
    outcome: Outcome
    ts_ns: int

    @property
    def waited_ns(self) -> int:
        """Return how long the request waited."""
        return self.ts_ns - self.request.parked_ns


class ApprovalQueue:
    """
    Hold parked commands.

    Whatever ends a request first takes it out, so everything later finds nothing. From the instant of expiry on there
    is one end left, TIMEOUT, whichever of answer, cancel and alarm is heard first.
    """

    def __init__(self, timeout_ns: int = TIMEOUT_NS, waiting_max: int = WAITING_MAX) -> None:
        if timeout_ns <= 0:
            raise ValueError(f"timeout_ns must be positive, was {timeout_ns}")
        if waiting_max < 1:
            raise ValueError(f"waiting_max must be at least 1, was {waiting_max}")
        self.timeout_ns = timeout_ns
        self.waiting_max = waiting_max
        self.counts = dict.fromkeys(Outcome, 0)
        self._waiting: dict[str, Request] = {}
        self._key_of_order: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def park(
        self, key: str, intents: tuple[Intent, ...], command: Any, ts_ns: int, mark: float | None = None
    ) -> Request:
        """Park a command; a key that already waits, or one more than may wait, is a programmer's mistake."""
        if key in self._waiting:
            raise ValueError(f"{key} already waits for approval")
        if len(self._waiting) >= self.waiting_max:
            raise ValueError(f"at most {self.waiting_max} requests may wait for approval")
        request = Request(
            key=key,
            intents=intents,
            command=command,
            parked_ns=ts_ns,
            expires_ns=ts_ns + self.timeout_ns,
            asked_quantity=intents[0].quantity,
            mark=mark,
        )
        self._waiting[key] = request
        self._key_of_order.update((intent.client_order_id, key) for intent in intents)
        return request

    def amend(self, key: str, intents: tuple[Intent, ...]) -> None:
        """Let a request wait on with other quantities of the same orders."""
        self._waiting[key] = msgspec.structs.replace(self._waiting[key], intents=intents)

    def settle(self, key: str, outcome: Outcome, ts_ns: int) -> Ended | None:
        """Take a request out with its outcome, TIMEOUT from its expiry on; None if it had one before."""
        request = self._waiting.pop(key, None)
        if request is None:
            return None
        for intent in request.intents:
            self._key_of_order.pop(intent.client_order_id, None)
        ended = Ended(request, Outcome.TIMEOUT if ts_ns >= request.expires_ns else outcome, ts_ns)
        self.counts[ended.outcome] += 1
        return ended

    def get(self, key: str) -> Request | None:
        """Return a request that waits, None where there is none of that key."""
        return self._waiting.get(key)

    def waiting(self) -> tuple[Request, ...]:
        """Return what waits, oldest first."""
        return tuple(self._waiting.values())

    def key_of_order(self, client_order_id: str) -> str | None:
        """Return the key of the request that holds this order, if any."""
        return self._key_of_order.get(client_order_id)
