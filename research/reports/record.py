"""Load the tables and logs of a run folder, refusing a folder that is incomplete or torn with the run's name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pandas as pd

from errors import PreconditionError
from research.reports.runs import read_manifest
from research.reports.schema import TABLES, Manifest

Frame = Any
"""A pandas DataFrame; pandas carries no types here."""


class DecisionLine(msgspec.Struct, frozen=True):
    """The fields of a decision line that reports count."""

    verdict: str
    code: str | None = None
    instrument: str = ""
    seq: int = -1


class AuditLine(msgspec.Struct, frozen=True):
    """One record of the audit log."""

    kind: str
    data: dict[str, Any] = {}
    ts: int | str = 0


class Record(NamedTuple):
    """Everything a run wrote, before it is judged."""

    folder: Path
    manifest: Manifest
    orders: Frame
    fills: Frame
    positions: Frame
    equity: Frame
    decisions: list[DecisionLine]
    audit: list[AuditLine]


def read_record(folder: Path) -> Record:
    """
    Read a run's manifest, tables and logs.

    Raises
    ------
    PreconditionError
        If a file or a column is missing, or a file is torn; the text names run, file and line.

    """
    return Record(
        folder=folder,
        manifest=read_manifest(folder),
        orders=read_table(folder, "orders.parquet"),
        fills=read_table(folder, "fills.parquet"),
        positions=read_table(folder, "positions.parquet"),
        equity=read_table(folder, "equity.parquet"),
        decisions=list(_lines(folder, "decisions.jsonl", DecisionLine)),
        audit=list(_lines(folder, "audit.jsonl", AuditLine)),
    )


def read_table(folder: Path, name: str) -> Frame:
    """Read one Parquet table of a run, with at least its documented columns, ascending in its first column."""
    path = folder / name
    if not path.is_file():
        raise PreconditionError(f"run {folder.name}: {name} is missing; the run did not finish")
    try:
        frame = pd.read_parquet(path, to_pandas_kwargs={"integer_object_nulls": True})
    except (OSError, ValueError) as error:
        raise PreconditionError(f"run {folder.name}: {name} is corrupt: {error}") from None
    absent = [column for column in TABLES[name] if column not in frame.columns]
    if absent:
        raise PreconditionError(f"run {folder.name}: {name} lacks the columns {', '.join(absent)}")
    return frame.sort_values(TABLES[name][0], kind="stable", ignore_index=True)


def _lines[T](folder: Path, name: str, into: type[T]) -> Iterator[T]:
    path = folder / name
    if not path.is_file():
        raise PreconditionError(f"run {folder.name}: {name} is missing; the run did not finish")
    decoder = msgspec.json.Decoder(into)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise PreconditionError(f"run {folder.name}: {name} line {number} is corrupt: {error}") from None
