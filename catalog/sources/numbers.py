"""Turn a column of a source file into numbers, naming the first value that is none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.model import F64
from catalog.sources.table import SourceTable


def numbers(table: SourceTable, name: str) -> F64:
    """
    Return a column as float64[n]; a missing value becomes NaN, for the checks to find.

    Raises
    ------
    RefusedFileError
        If a value is text that is not a number, with its line.

    """
    column = table.columns[name]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
    elif not (
        pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    ):
        raise table.refusal(f"expected numbers, found the type {column.type}", column=name)
    try:
        parsed = column.cast(pa.float64())
    except pa.ArrowInvalid:
        record, value = _first_text(column)
        raise table.refusal(f"expected a number, found {value!r}", record=record, column=name) from None
    values = parsed.to_numpy() if parsed.null_count == 0 else pc.fill_null(parsed, np.nan).to_numpy()
    return np.array(values, dtype=np.float64)


def _first_text(column: pa.ChunkedArray) -> tuple[int, str]:
    for record, value in enumerate(column.to_pylist()):
        try:
            pa.scalar(value).cast(pa.float64())
        except pa.ArrowInvalid:
            return record, str(value)
    raise AssertionError("a column refused as a whole has a value that is no number")
