"""Check that every number is there and finite."""

from __future__ import annotations

import numpy as np

from catalog.quality.finding import Action, Finding, Verdict
from catalog.sources.records import Records


def find_non_finite(records: Records) -> list[Finding]:
    """Quarantine records with a missing or infinite number; one finding a column."""
    findings: list[Finding] = []
    for name, values in records.values.items():
        rows = np.flatnonzero(~np.isfinite(values))
        if len(rows):
            reason = "expected a finite number, found none or an infinite one"
            findings.append(Finding("finite", Verdict.SCHEMA, Action.QUARANTINE, rows, reason, name))
    return findings
