"""What supervision takes: how requests ended, and how long people needed to answer."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import msgspec

from risk.modes.approvals import Outcome

RESPONSES_KEPT = 10_000
"""Response times kept for the percentiles of a node that runs for months; counts are of all."""


class ReviewStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """
    How requests ended.

    `ended` counts all, and is the sum of the five outcomes; `refused_at_recheck` counts those among the approved and
    amended that the rules refused on the world as it was by then. `approval_rate` is (approved + amended) / ended,
    `time_out_rate` timed_out / ended. Response times are those of answers, in seconds, by nearest rank. None where
    there is nothing to divide or to rank.
    """

    ended: int = 0
    approved: int = 0
    amended: int = 0
    rejected: int = 0
    timed_out: int = 0
    withdrawn: int = 0
    refused_at_recheck: int = 0
    approval_rate: float | None = None
    time_out_rate: float | None = None
    response_p50_s: float | None = None
    response_p90_s: float | None = None
    response_p99_s: float | None = None


class ResponseTally:
    """
    Count ends of requests.

    Parameters
    ----------
    kept : int or None
        Response times kept for the percentiles, the latest; None keeps all, for a run that ends.

    """

    def __init__(self, kept: int | None = RESPONSES_KEPT) -> None:
        self._counts = dict.fromkeys(Outcome, 0)
        self._refused = 0
        self._waited_s: deque[float] = deque(maxlen=kept)

    def add(self, outcome: Outcome, waited_s: float, *, refused_at_recheck: bool = False) -> None:
        """Count one end; `waited_s` is how long the request waited, seconds."""
        self._counts[outcome] += 1
        self._refused += refused_at_recheck
        if outcome.answered:
            self._waited_s.append(waited_s)

    def statistics(self) -> ReviewStatistics:
        """Return the figures so far."""
        counts = self._counts
        ended = sum(counts.values())
        passed = counts[Outcome.APPROVED] + counts[Outcome.AMENDED]
        waited_s = sorted(self._waited_s)
        return ReviewStatistics(
            ended=ended,
            approved=counts[Outcome.APPROVED],
            amended=counts[Outcome.AMENDED],
            rejected=counts[Outcome.REJECTED],
            timed_out=counts[Outcome.TIMEOUT],
            withdrawn=counts[Outcome.WITHDRAWN],
            refused_at_recheck=self._refused,
            approval_rate=passed / ended if ended else None,
            time_out_rate=counts[Outcome.TIMEOUT] / ended if ended else None,
            response_p50_s=nearest_rank(waited_s, 0.5),
            response_p90_s=nearest_rank(waited_s, 0.9),
            response_p99_s=nearest_rank(waited_s, 0.99),
        )


def nearest_rank(ascending: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least `share` of the values do not exceed; None where there is none."""
    if not ascending:
        return None
    return ascending[max(0, math.ceil(share * len(ascending) - 1e-9) - 1)]
