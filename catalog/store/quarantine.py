"""The table of records kept out of a data set, each with the reason."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.model import I64
from catalog.quality.finding import Action
from catalog.quality.validator import Checked

_VALUES: Final = ("open", "high", "low", "close", "volume", "rate")
SCHEMA: Final = pa.schema(
    [
        ("source", pa.string()),
        ("source_sha256", pa.string()),
        ("place", pa.int64()),
        ("ts_ns", pa.int64()),
        *((name, pa.float64()) for name in _VALUES),
        ("check", pa.string()),
        ("verdict", pa.string()),
        ("action", pa.string()),
        ("column", pa.string()),
        ("reason", pa.string()),
    ]
)
"""Columns of the table: where the record stood, what it said, and what was wrong. A column it lacks is null."""


def rows_kept_out(checked: Checked, within: np.ndarray, *, source: str, source_sha256: str) -> pa.Table:
    """
    Return the dropped and quarantined records as a table, one row a fault.

    Parameters
    ----------
    checked : Checked
        What the validator found.
    within : bool[n]
        Which of the source's records count: on an extension, those outside the range already stored.
    source, source_sha256 : str
        The file they come from.

    """
    parts: list[pa.Table] = []
    for finding in checked.findings:
        rows: I64 = finding.rows[within[finding.rows]]
        if finding.action is Action.FLAG or not len(rows):
            continue
        records = checked.source.take(rows)
        texts = {
            "source": source,
            "source_sha256": source_sha256,
            "check": finding.check,
            "verdict": finding.verdict.value,
            "action": finding.action.value,
            "column": finding.column,
            "reason": finding.reason,
        }
        columns: dict[str, pa.Array] = {name: pa.array([text] * len(rows)) for name, text in texts.items()}
        columns["place"], columns["ts_ns"] = pa.array(records.place), pa.array(records.ts_ns)
        for name in _VALUES:
            known = records.values.get(name)
            columns[name] = pa.array(known) if known is not None else pa.nulls(len(rows), pa.float64())
        parts.append(pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA))
    return pa.concat_tables(parts) if parts else SCHEMA.empty_table()


def read_quarantine(path: Path) -> pa.Table:
    """Return a stored table, empty where the data set has none."""
    return pq.read_table(path) if path.exists() else SCHEMA.empty_table()


def encode_quarantine(table: pa.Table) -> bytes:
    """Return the table as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
