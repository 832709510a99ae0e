"""Between the engine's fixed-point integers in a file and the floats that kernels work on."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from catalog.model import F64

RAW_BYTES: Final = 16
"""Width of a stored number: the engine's high-precision build, which Linux and macOS have."""

RAW_DECIMALS: Final = 16
"""The engine stores a number as an integer of ``10 ** -16``."""

_EXACT_UNITS: Final = 2.0**51  # below this, a unit count survives three roundings of floating point


def raw_integers(column: pa.ChunkedArray) -> np.ndarray:
    """Return the stored bytes of a column as uint64[n, 2]: low and high half of each signed 128-bit integer."""
    if column.type != pa.binary(RAW_BYTES):
        raise ValueError(
            f"expected {RAW_BYTES}-byte numbers, was {column.type}: written by another build of the engine"
        )
    array = column.combine_chunks()
    chunk = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    halves = np.frombuffer(chunk.buffers()[1], dtype="<u8").reshape(-1, 2)
    return halves[chunk.offset : chunk.offset + len(chunk)]


def floats_from_raw(column: pa.ChunkedArray, decimals: int) -> F64:
    """
    Return a stored column as float64[n], bit for bit what the engine's `as_double` gives for each value.

    That is the integer rounded to a float and divided by 1e16. It may be one unit in the last place from the
    float nearest to the decimal, and it is chosen because a strategy sees exactly this in ``on_bar``: features
    computed over a file equal those computed bar by bar.
    """
    halves = raw_integers(column)
    rough = halves[:, 1].view(np.int64) * 2.0**64 + halves[:, 0]
    units = np.rint(rough / 10.0 ** (RAW_DECIMALS - decimals))
    values = units * 10.0 ** (RAW_DECIMALS - decimals) / 10.0**RAW_DECIMALS
    for row in np.flatnonzero(np.abs(units) >= _EXACT_UNITS):
        raw = (int(halves[row, 1].view(np.int64)) << 64) + int(halves[row, 0])
        values[row] = float(raw) / 10.0**RAW_DECIMALS
    return np.asarray(values, dtype=np.float64)


def as_engine(values: F64, decimals: int) -> F64:
    """Return what `floats_from_raw` will give after the engine has stored these values with so many decimals."""
    units = np.rint(values * 10.0**decimals)
    stored = units * 10.0 ** (RAW_DECIMALS - decimals) / 10.0**RAW_DECIMALS
    factor = 10 ** (RAW_DECIMALS - decimals)
    for row in np.flatnonzero(np.abs(units) >= _EXACT_UNITS):
        stored[row] = float(int(units[row]) * factor) / 10.0**RAW_DECIMALS
    return np.asarray(stored, dtype=np.float64)
