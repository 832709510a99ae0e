"""Check that bars begin at whole multiples of their length."""

from __future__ import annotations

import numpy as np

from catalog.quality.finding import Action, Finding, Verdict
from catalog.sources.records import Records


def find_off_grid(records: Records, step_ns: int) -> list[Finding]:
    """
    Quarantine bars that do not lie on the grid of the others: bars of an odd length, or stamps with jitter.

    The grid's phase is that of most bars, so that a day that begins at 08:00 UTC is a grid as well.
    """
    phase = records.ts_ns % step_ns
    if not len(phase) or (phase == phase[0]).all():
        return []
    phases, counts = np.unique(phase, return_counts=True)
    rows = np.flatnonzero(phase != phases[np.argmax(counts)])
    reason = "the bar's time is off the grid of the other bars"
    return [Finding("grid", Verdict.SCHEMA, Action.QUARANTINE, rows, reason)]
