"""Check that a funding rate can be one."""

from __future__ import annotations

from typing import Final

import numpy as np

from catalog.quality.finding import Action, Finding, Verdict
from catalog.sources.records import Records

RATE_MAX: Final = 0.05
"""Venues cap a payment at 0.75 % to 4 % of notional; anything above is another unit, such as percent."""


def find_impossible_rates(records: Records) -> list[Finding]:
    """Quarantine funding rates beyond what any venue pays in one interval."""
    bad = np.abs(records.values["rate"]) > RATE_MAX
    if not bad.any():
        return []
    reason = f"a funding rate is a fraction between -{RATE_MAX} and {RATE_MAX}"
    return [Finding("rate", Verdict.SCHEMA, Action.QUARANTINE, np.flatnonzero(bad), reason, "rate")]
