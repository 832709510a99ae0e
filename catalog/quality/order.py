"""Check that records ascend in time, and say how to sort them if not."""

from __future__ import annotations

import numpy as np

from catalog.model import I64
from catalog.quality.finding import Action, Finding, Verdict
from catalog.sources.records import Records


def find_disorder(records: Records) -> tuple[I64 | None, list[Finding]]:
    """
    Return the stable order that sorts the records by time, None where they are sorted already.

    Sorting loses nothing, so records out of order are valid: they are flagged and counted, not quarantined.
    """
    ts = records.ts_ns
    falls = ts[1:] < ts[:-1]
    if not falls.any():
        return None, []
    if falls.all():
        reason = "the file is in descending order; sorted"
        rows = np.arange(1, len(ts), dtype=np.int64)
        order = np.arange(len(ts) - 1, -1, -1, dtype=np.int64)
    else:
        reason = "the record is earlier than one above it; sorted"
        rows = np.flatnonzero(ts < np.maximum.accumulate(ts))
        order = np.argsort(ts, kind="stable")
    return order, [Finding("order", Verdict.VALID, Action.FLAG, rows, reason)]
