"""Measure from the audit log what supervision took: outcomes, response times, and prices that moved meanwhile."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from research.reports.metrics import finite
from research.reports.record import AuditLine
from research.reports.schema import Supervision
from risk.modes.approvals import Outcome
from risk.modes.response_times import ResponseTally
from risk.review_trail import APPROVAL


class Wait(NamedTuple):
    """What a request that was sent cost by waiting, and its notional when it was made; NaN where a price is missing."""

    cost: float
    notional: float


def supervision_of(audit: Iterable[AuditLine]) -> Supervision | None:
    """
    Return the figures of supervision, None where nothing waited for an operator.

    What was not sent has no cost here: what it would have earned is a guess, and is not counted. Of a list command the
    first order, the entry, counts.
    """
    tally, waits = ResponseTally(kept=None), []
    for line in audit:
        if line.kind != APPROVAL:
            continue
        outcome = Outcome(line.data["outcome"])
        passed = outcome in {Outcome.APPROVED, Outcome.AMENDED}
        sent = bool(line.data.get("sent", passed))
        tally.add(outcome, float(line.data["waited_s"]), refused_at_recheck=passed and not sent)
        if sent:
            waits.append(wait_of(line.data))
    counts = tally.statistics()
    if not counts.ended:
        return None
    priced = [wait for wait in waits if math.isfinite(wait.cost)]
    cost, notional = math.fsum(wait.cost for wait in priced), math.fsum(wait.notional for wait in priced)
    return Supervision(
        requests=counts.ended,
        approved=counts.approved,
        amended=counts.amended,
        rejected=counts.rejected,
        timed_out=counts.timed_out,
        withdrawn=counts.withdrawn,
        refused_at_recheck=counts.refused_at_recheck,
        approval_rate=counts.approval_rate,
        response_p50_s=counts.response_p50_s,
        response_p90_s=counts.response_p90_s,
        sent_notional=finite(notional) if priced else None,
        cost=finite(cost) if priced else None,
        cost_bps=finite(1e4 * cost / notional) if notional > 0.0 else None,
        unpriced=len(waits) - len(priced),
    )


def wait_of(data: Mapping[str, Any]) -> Wait:
    """Return what one sent request cost by waiting: the move from its price to the answer's, plus against the order."""
    before, after = data.get("mark_parked"), data.get("mark")
    if before is None or after is None:
        return Wait(math.nan, math.nan)
    quantity = float(data["quantity"])
    sign = 1.0 if data["side"] == "BUY" else -1.0
    return Wait(sign * (float(after) - float(before)) * quantity, quantity * float(before))
