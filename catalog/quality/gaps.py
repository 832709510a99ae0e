"""Check that no record is missing between the first and the last."""

from __future__ import annotations

import numpy as np

from catalog.model import I64
from catalog.quality.finding import Action, Finding, Gap, Verdict


def find_gaps(ts_ns: I64, step_ns: int, tolerance_ns: int = 0) -> tuple[list[Gap], list[Finding]]:
    """
    Find the runs of missing records; the record after each is flagged `GAP`. Nothing is filled.

    Parameters
    ----------
    ts_ns : int64[n]
        Times, ascending, without duplicates.
    step_ns : int
        Time between two records.
    tolerance_ns : int
        How far a stamp may be from its due time: 0 for bars.

    """
    distance = np.diff(ts_ns)
    after = np.flatnonzero(distance > step_ns + tolerance_ns)
    steps = np.rint(distance[after] / step_ns).astype(np.int64)
    gaps = [
        Gap(int(ts_ns[row]) + step_ns, int(ts_ns[row]) + int(count - 1) * step_ns, int(count - 1))
        for row, count in zip(after, steps, strict=True)
        if count > 1
    ]
    if not gaps:
        return [], []
    rows = (after + 1)[steps > 1]
    return gaps, [Finding("gaps", Verdict.GAP, Action.FLAG, rows, "records are missing before this one")]
