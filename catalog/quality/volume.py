"""Check for bars in which nothing was traded: thin markets, halts, and feeds that repeat the last price."""

from __future__ import annotations

import numpy as np

from catalog.quality.finding import Action, Finding, Verdict
from catalog.sources.records import Records


def find_untraded_bars(records: Records) -> list[Finding]:
    """
    Flag bars without volume: `STALE` where the price stood still, `INCONSISTENT` where it moved.

    They are kept, because both happen in truth: a halt has flat bars, and some venues let an index price move a
    bar without trades. The report says how many, and how long the longest run of stale bars is.
    """
    values = records.values
    untraded = values["volume"] == 0
    if not untraded.any():
        return []
    flat = untraded & (values["high"] == values["low"])
    moved = untraded & ~flat
    findings: list[Finding] = []
    if flat.any():
        rows = np.flatnonzero(flat)
        reason = f"no volume and one price: a halt, or a feed that repeats itself (longest run {longest_run(flat)})"
        findings.append(Finding("volume", Verdict.STALE, Action.FLAG, rows, reason, "volume"))
    if moved.any():
        reason = "the price moved without volume"
        findings.append(Finding("volume", Verdict.INCONSISTENT, Action.FLAG, np.flatnonzero(moved), reason, "volume"))
    return findings


def longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of true values."""
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(lengths.max(initial=0))
