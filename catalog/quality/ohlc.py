"""Check that a bar's four prices and its volume can be those of one bar."""

from __future__ import annotations

import numpy as np

from catalog.quality.finding import Action, Finding, Verdict
from catalog.sources.records import Records


def find_impossible_bars(records: Records) -> list[Finding]:
    """
    Quarantine bars whose high is not the highest, low not the lowest, or that have a price of 0 or less.

    NaN compares false and is left to the check for finite numbers.
    """
    values = records.values
    open_, high, low, close = (values[name] for name in ("open", "high", "low", "close"))
    faults = [
        (high < np.maximum(open_, close), "the high is below the open or the close", "high"),
        (low > np.minimum(open_, close), "the low is above the open or the close", "low"),
        (high < low, "the high is below the low", "high"),
        (np.minimum(np.minimum(open_, close), low) <= 0, "a price must be above 0", "low"),
    ]
    if "volume" in values:
        faults.append((values["volume"] < 0, "a volume must not be negative", "volume"))
    return [
        Finding("ohlc", Verdict.SCHEMA, Action.QUARANTINE, np.flatnonzero(bad), reason, column)
        for bad, reason, column in faults
        if bad.any()
    ]
