"""What the review desk leaves: the audit record of each request that ended, and what waited when a process ended."""

from __future__ import annotations

from typing import Any

import msgspec

from risk.audit import AuditLog
from risk.intent import Side
from risk.modes.approvals import Ended, Outcome, Request
from risk.verdict import Approved, Refusal

APPROVAL = "APPROVAL"
"""Kind of the audit record of a request that ended."""


class By(msgspec.Struct, frozen=True):
    """Who answers, why, and the id of the command: a second command of the same id does nothing."""

    operator: str
    reason: str = ""
    command_id: str | None = None


class ParkedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a request that waits, so that a restart can say what was lost."""

    key: str
    strategy: str
    instrument: str
    side: Side
    quantity: float
    parked_ns: int
    expires_ns: int


class ReviewSnapshot(msgspec.Struct, frozen=True):
    """What waits for approval, oldest first."""

    requests: tuple[ParkedRequest, ...] = ()


def record_of(ended: Ended, by: By, verdict: Approved | Refusal, mark: float | None) -> dict[str, Any]:
    """
    Return the audit record of a request that ended.

    Of a list command it describes the first order, the entry. `quantity` is what was approved, `asked_quantity` what
    was asked for; `mark_parked` and `mark` are the prices at request and end, null where there was none; `sent` tells
    that the rules agreed at release.
    """
    first = ended.request.intents[0]
    return {
        "key": ended.request.key,
        "outcome": ended.outcome.value,
        "operator": by.operator or None,
        "reason": by.reason,
        "command": by.command_id,
        "waited_s": ended.waited_ns / 1e9,
        "strategy": first.strategy,
        "instrument": first.instrument,
        "side": first.side.value,
        "asked_quantity": ended.request.asked_quantity,
        "quantity": first.quantity,
        "mark_parked": ended.request.mark,
        "mark": mark,
        "sent": isinstance(verdict, Approved),
        "verdict": str(verdict) if isinstance(verdict, Refusal) else verdict.basis.value,
    }


def parked_request(request: Request) -> ParkedRequest:
    """Return what is kept of a request that waits."""
    first = request.intents[0]
    return ParkedRequest(
        key=request.key,
        strategy=first.strategy,
        instrument=first.instrument,
        side=first.side,
        quantity=first.quantity,
        parked_ns=request.parked_ns,
        expires_ns=request.expires_ns,
    )


def lost_requests(snapshot: ReviewSnapshot, now_ns: int, audit: AuditLog) -> int:
    """
    End in the audit log what waited when the process ended; return how many requests there were.

    The engine's orders are gone with the process, so nothing of it can trade any more, whatever an operator answers.
    What had expired by `now_ns` ends as TIMEOUT, the rest as WITHDRAWN.
    """
    for lost in snapshot.requests:
        outcome = Outcome.TIMEOUT if now_ns >= lost.expires_ns else Outcome.WITHDRAWN
        data = {
            "key": lost.key,
            "outcome": outcome.value,
            "operator": None,
            "reason": "lost in a restart",
            "command": None,
            "waited_s": (now_ns - lost.parked_ns) / 1e9,
            "strategy": lost.strategy,
            "instrument": lost.instrument,
            "side": lost.side.value,
            "asked_quantity": lost.quantity,
            "quantity": lost.quantity,
            "mark_parked": None,
            "mark": None,
            "sent": False,
            "verdict": "",
        }
        audit.append(now_ns, APPROVAL, data)
    return len(snapshot.requests)
