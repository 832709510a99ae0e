"""Run the checks in order over a file's records, and keep the good ones, the bad ones and the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from catalog.model import I64
from catalog.quality.duplicates import find_duplicates
from catalog.quality.finding import Action, Finding, Gap, Verdict
from catalog.quality.finite import find_non_finite
from catalog.quality.gaps import find_gaps
from catalog.quality.grid import find_off_grid
from catalog.quality.ohlc import find_impossible_bars
from catalog.quality.order import find_disorder
from catalog.quality.rate import find_impossible_rates
from catalog.quality.volume import find_untraded_bars
from catalog.sources.records import DataKind, Records

FUNDING_TOLERANCE_NS: Final = 60 * 10**9
"""How far a funding stamp may lie from its due time. Venues stamp payments some milliseconds late."""


class Checked(NamedTuple):
    """
    Records after the checks.

    `clean` is ascending and free of duplicates; every record of `source` is either in it or named by a finding
    that drops or quarantines it. The rows of `findings` are positions in `source`.
    """

    source: Records
    clean: Records
    findings: list[Finding]
    gaps: list[Gap]

    def count(self, action: Action) -> int:
        """Return how many records met this action; a record found twice counts once."""
        rows = [finding.rows for finding in self.findings if finding.action is action]
        return len(np.unique(np.concatenate(rows))) if rows else 0

    def verdicts(self) -> np.ndarray:
        """Return a `Verdict` for each source record, object[n]: the first in check order that is not VALID."""
        verdicts = np.full(len(self.source), Verdict.VALID, dtype=object)
        for finding in reversed(self.findings):
            if finding.verdict is not Verdict.VALID:
                verdicts[finding.rows] = finding.verdict
        return verdicts


def validate(records: Records, data: DataKind, step_ns: int) -> Checked:
    """
    Check records: numbers, shape of the bar, order, grid, duplicates, gaps, untraded bars.

    A record that one check takes out is not seen by the later ones, so a bar with a NaN cannot make its good
    twin look contradicted. Gaps come last, over what is left: a quarantined bar is a missing bar.

    Parameters
    ----------
    records : Records
        In any order; times are bar closes, or funding times.
    data : DataKind
        Which checks apply.
    step_ns : int
        Length of a bar, or time between two funding payments.

    """
    funding = data is DataKind.FUNDING
    kept = _Kept(records)
    kept.judge(find_non_finite(kept.records))
    kept.judge(find_impossible_rates(kept.records) if funding else find_impossible_bars(kept.records))
    order, disorder = find_disorder(kept.records)
    kept.judge(disorder)
    if order is not None:
        kept.reorder(order)
    if not funding:
        kept.judge(find_off_grid(kept.records, step_ns))
    kept.judge(find_duplicates(kept.records, FUNDING_TOLERANCE_NS if funding else 0))
    gaps, missing = find_gaps(kept.records.ts_ns, step_ns, FUNDING_TOLERANCE_NS if funding else 0)
    kept.judge(missing)
    if data is DataKind.BARS:
        kept.judge(find_untraded_bars(kept.records))
    return Checked(records, kept.records, kept.findings, gaps)


class _Kept:
    """The records still standing, and where each came from."""

    def __init__(self, source: Records) -> None:
        self.records = source
        self.findings: list[Finding] = []
        self._origin: I64 = np.arange(len(source), dtype=np.int64)

    def judge(self, findings: Iterable[Finding]) -> None:
        out = np.zeros(len(self.records), dtype=bool)
        for finding in findings:
            if finding.action is not Action.FLAG:
                out[finding.rows] = True
            self.findings.append(finding._replace(rows=self._origin[finding.rows]))
        if out.any():
            self.reorder(np.flatnonzero(~out))

    def reorder(self, index: I64) -> None:
        self.records = self.records.take(index)
        self._origin = self._origin[index]
