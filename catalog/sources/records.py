"""Read any supported file into records: times and the numbers that belong to a kind of data."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catalog.model import F64, I64
from catalog.sources import columns
from catalog.sources.arrow_files import read_feather, read_parquet
from catalog.sources.delimited import read_delimited
from catalog.sources.numbers import numbers
from catalog.sources.stamps import stamps
from catalog.sources.table import SourceTable
from errors import ConfigError


class DataKind(Enum):
    """What a data set holds."""

    BARS = "bars"
    MARK = "mark"
    FUNDING = "funding"


class Records(NamedTuple):
    """
    Records in the order of some file: `place` is the line or row each came from, `ts_ns` its time.

    `values` holds float64[n] columns: open, high, low, close and volume of bars, the first four of mark-price
    bars, rate of funding. Missing numbers are NaN.
    """

    place: I64
    ts_ns: I64
    values: dict[str, F64]

    def __len__(self) -> int:  # records, not fields
        return len(self.ts_ns)

    def take(self, index: I64) -> Records:
        """Return the records at these positions, in that order."""
        return Records(self.place[index], self.ts_ns[index], {name: v[index] for name, v in self.values.items()})


class Source(NamedTuple):
    """A file's records as it has them, with what is needed to speak about the file."""

    table: SourceTable
    records: Records
    notes: tuple[str, ...]


def read_source(path: Path, data: DataKind, base: str) -> Source:
    """
    Read a Parquet, Feather or CSV file.

    Parameters
    ----------
    path : Path
        File ending in ``.parquet``, ``.feather``, ``.csv`` or ``.csv.gz``.
    data : DataKind
        Which columns are wanted.
    base : str
        Base currency, to tell the base volume from the quote volume.

    Raises
    ------
    RefusedFileError
        If the file is damaged, lacks a column, or holds text where a number or time is wanted.
    ConfigError
        If the file does not exist or its name ends in nothing known.

    """
    table = _read(path)
    if not len(table):
        raise table.refusal("the file has no record")
    time = columns.time_column(table)
    funding = data is DataKind.FUNDING
    wanted = {"rate": columns.rate_column(table)} if funding else dict(columns.price_columns(table))
    if data is DataKind.BARS:
        wanted["volume"] = columns.volume_column(table, base)
    used = {time, *wanted.values()}
    unused = [name for name in table.columns if name not in used]
    notes = (*table.notes, *((f"columns not read: {', '.join(unused)}",) if unused else ()))
    place = np.arange(table.first_place, table.first_place + len(table), dtype=np.int64)
    values = {name: numbers(table, column) for name, column in wanted.items()}
    return Source(table, Records(place, stamps(table, time), values), notes)


def _read(path: Path) -> SourceTable:
    if not path.is_file():
        raise ConfigError("file not found", where=str(path))
    name = path.name.lower()
    if name.endswith(".parquet"):
        return read_parquet(path)
    if name.endswith(".feather"):
        return read_feather(path)
    if name.endswith((".csv", ".csv.gz", ".txt")):
        return read_delimited(path)
    raise ConfigError("a data file ends in .parquet, .feather, .csv or .csv.gz", where=str(path))
