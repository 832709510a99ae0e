"""Between the engine's fixed-point integers in a file and the floats that kernels work on."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np
import pyarrow as pa

from catalog.model import F64

RAW_BYTES: Final = 16
"""Width of a stored number: the engine's high-precision build, which Linux and macOS have."""

RAW_DECIMALS: Final = 16
"""The engine stores a number as an integer of ``10 ** -16``."""

_EXACT_UNITS: Final = 2.0**51  # below this, a unit count survives three roundings of floating point
_ROUGH_UNITS: Final = 2.0**46  # from here on, the product in floating point may be a unit off


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


def integers_to_store(values: F64, decimals: int) -> list[int]:
    """
    Return the integers the engine is to store for these values, each the nearest multiple of ``10 ** -decimals``.

    Made here, and not by the engine's own conversion from floats: that multiplies in floating point, and beyond
    2**51 units it stores 4215.88560312 as 4215.885603120001.
    """
    factor = 10 ** (RAW_DECIMALS - decimals)
    units = np.rint(values * 10.0**decimals)
    integers = [int(unit) * factor for unit in units.tolist()]
    for row in np.flatnonzero(np.abs(units) >= _ROUGH_UNITS).tolist():
        exact = Decimal(repr(float(values[row]))).scaleb(decimals)
        integers[row] = int(exact.to_integral_value(ROUND_HALF_EVEN)) * factor
    return integers


def as_engine(values: F64, decimals: int) -> F64:
    """Return what `floats_from_raw` will give after these values were stored with so many decimals."""
    integers = integers_to_store(values, decimals)
    return np.array([float(integer) for integer in integers], dtype=np.float64) / 10.0**RAW_DECIMALS
