"""Check that no instant has two records."""

from __future__ import annotations

import numpy as np

from catalog.quality.finding import Action, Finding, Verdict
from catalog.sources.records import Records


def find_duplicates(records: Records, tolerance_ns: int) -> list[Finding]:
    """
    Drop repetitions of a record, and quarantine every record of an instant with contradicting ones.

    Of equal records the first is kept. Of contradicting ones none is: nothing here knows which is true.

    Parameters
    ----------
    records : Records
        Ascending in time.
    tolerance_ns : int
        Records closer than this to the one before are of the same instant: 0 for bars, a minute for funding,
        whose stamps jitter by milliseconds.

    """
    ts = records.ts_ns
    same = np.diff(ts) <= tolerance_ns
    if not same.any():
        return []
    group = np.concatenate(([0], np.cumsum(~same)))
    start = np.concatenate(([0], np.flatnonzero(~same) + 1))
    first = start[group]
    differs = np.zeros(len(ts), dtype=bool)
    for values in records.values.values():
        differs |= values != values[first]
    contradicted = np.zeros(len(start), dtype=bool)
    contradicted[group[differs]] = True
    conflicting = np.flatnonzero(contradicted[group])
    repeated = np.flatnonzero((first != np.arange(len(ts))) & ~contradicted[group])
    findings: list[Finding] = []
    if len(repeated):
        reason = "repeats the record of this instant"
        findings.append(Finding("duplicates", Verdict.DUPLICATE, Action.DROP, repeated, reason))
    if len(conflicting):
        reason = "contradicts another record of this instant"
        findings.append(Finding("duplicates", Verdict.INCONSISTENT, Action.QUARANTINE, conflicting, reason))
    return findings
