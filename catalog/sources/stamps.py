"""Turn a column of times into UTC nanoseconds, whatever unit or text form the file uses."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from catalog.model import I64
from catalog.sources.table import SourceTable

_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EARLIEST_NS: Final = 1_230_940_800 * 10**9  # 2009-01-03, the first Bitcoin block
_LATEST_NS: Final = 4_102_444_800 * 10**9  # 2100-01-01
_TEXT_FORMS: Final = ("ISO8601", "%Y-%m-%d %I-%p")  # the second is CryptoDataDownload's twelve-hour form


def stamps(table: SourceTable, name: str) -> I64:
    """
    Return a column of times as int64[n] UTC nanoseconds.

    Timestamps and dates are taken as they are; a zone is converted, no zone means UTC. Integers are seconds,
    milliseconds, microseconds or nanoseconds since 1970, told apart by their size. Text is ISO 8601 or
    ``2019-10-17 09-AM``.

    Raises
    ------
    RefusedFileError
        If a time is missing, cannot be read, or lies outside 2009 to 2100, with its line.

    """
    column = table.columns[name].combine_chunks()
    if column.null_count:
        record = int(np.flatnonzero(pc.is_null(column).to_numpy(zero_copy_only=False))[0])
        raise table.refusal("the time is missing", record=record, column=name)
    kind = column.type
    if pa.types.is_timestamp(kind):
        ns = column.cast(pa.int64()).to_numpy(zero_copy_only=False) * (10**9 // _PER_SECOND[kind.unit])
    elif pa.types.is_date(kind):
        ns = column.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy(zero_copy_only=False) * 10**6
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        ns = _from_numbers(table, name, column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), column)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        ns = _from_text(table, name, column)
    else:
        raise table.refusal(f"expected times, found the type {kind}", column=name)
    _refuse_outside(table, name, ns)
    return np.asarray(ns, dtype=np.int64)


def _from_numbers(table: SourceTable, name: str, values: np.ndarray, column: pa.Array) -> I64:
    if not np.isfinite(values).all():
        raise table.refusal("the time is missing", record=int(np.flatnonzero(~np.isfinite(values))[0]), column=name)
    # one second in 2009 is 1.2e9; the limits lie in the middle of the decades between the units
    powers = np.searchsorted(np.array([1e11, 1e14, 1e17]), np.abs(values))
    if (powers != powers[0]).any():
        record = int(np.flatnonzero(powers != powers[0])[0])
        raise table.refusal(f"the unit of the times changes at {values[record]:.0f}", record=record, column=name)
    factor = 10 ** (9 - 3 * int(powers[0])) if len(values) else 1
    if pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False) * factor, dtype=np.int64)
    whole, part = np.divmod(values, 1.0)
    return np.asarray(whole.astype(np.int64) * factor + np.rint(part * factor).astype(np.int64), dtype=np.int64)


def _from_text(table: SourceTable, name: str, column: pa.Array) -> I64:
    trimmed = pc.utf8_trim_whitespace(column)
    if pc.all(pc.match_substring_regex(trimmed, r"^[0-9]+(\.[0-9]+)?$")).as_py():
        try:
            number = trimmed.cast(pa.int64())
        except pa.ArrowInvalid:
            number = trimmed.cast(pa.float64())
        return _from_numbers(table, name, number.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), number)
    text = pd.Series(trimmed.to_numpy(zero_copy_only=False), dtype=object)
    parsed = [pd.to_datetime(text, format=form, utc=True, errors="coerce") for form in _TEXT_FORMS]
    best = min(parsed, key=lambda times: int(times.isna().sum()))
    missing = best.isna().to_numpy()
    if missing.any():
        record = int(np.flatnonzero(missing)[0])
        raise table.refusal(f"expected a time, found {text.iloc[record]!r}", record=record, column=name)
    return np.asarray(best.dt.as_unit("ns").astype("int64").to_numpy(), dtype=np.int64)


def _refuse_outside(table: SourceTable, name: str, ns: I64) -> None:
    outside = np.flatnonzero((ns < _EARLIEST_NS) | (ns >= _LATEST_NS))
    if len(outside):
        record = int(outside[0])
        raise table.refusal(f"expected a time from 2009 to 2100, found {ns[record]} ns", record=record, column=name)
