"""Run a list of kernels over one bar, or over many: the same calls to the same machine code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numba import types

from catalog.model import F64, BarColumns
from strategies.features.compiling import address, compiled_driver, inline
from strategies.features.kernel import BAR_FIELDS, NAN, Feature
from strategies.features.pointers import call, doubles, words

SIZE_MAX = 1e100
PRICE_MIN = 1e-100
"""
A bar is usable when its prices lie within [1e-100, 1e100] and its volume within [0, 1e100].

Any other bar (NaN, infinite, zero or negative price, negative volume) is missing: every column is NaN on it and
no kernel sees it, so the bars after it give what they would have given without it. The bounds are wide of any
market, and close enough that no square or product of two such numbers overflows: a state stays finite.
"""

GUARD_WORDS = 4
_HEADER = 4  # frame[0..3]: kernels, columns, address of the bar, address of the values
_ENTRY = 4  # then per kernel: code, parameters, state (addresses), first column
_WORD = 8  # bytes of a float64


class Program:
    """
    Kernels bound to their parameters, with their states: one run over one series of bars.

    Holds every array that compiled code points into. Not to be shared between threads.

    Parameters
    ----------
    features : sequence of (Feature, params, state_size)
        In the order of the columns. `params` is float64[p].

    """

    def __init__(self, features: Sequence[tuple[Feature, F64, int]]) -> None:
        sizes = [size for _, _, size in features]
        widths = [len(feature.outputs) for feature, _, _ in features]
        self.width = sum(widths)
        self._values = np.full(self.width + 2 * GUARD_WORDS, NAN)
        self.values: F64 = self._values[GUARD_WORDS:-GUARD_WORDS]
        # guard words around all that kernels point into: NaN beside the bar, so that reading past it shows
        self._bar = np.full(BAR_FIELDS + 2 * GUARD_WORDS, NAN)
        self._params = np.concatenate([np.asarray(params, dtype=np.float64) for _, params, _ in features] + [[0.0]])
        self._states = np.zeros(sum(sizes) + GUARD_WORDS * (len(sizes) + 1))

        frame = [len(features), self.width, self._bar[GUARD_WORDS:].ctypes.data, self.values.ctypes.data]
        param_at, state_at, column = 0, GUARD_WORDS, 0
        for (feature, params, size), width in zip(features, widths, strict=True):
            frame += [
                address(feature.kernel),
                self._params.ctypes.data + _WORD * param_at,
                self._states.ctypes.data + _WORD * state_at,
                _WORD * column,
            ]
            param_at += len(params)
            state_at += size + GUARD_WORDS
            column += width
        self._frame = np.array(frame, dtype=np.int64)
        self.frame_address = int(self._frame.ctypes.data)
        self.step = _step_driver()

    def reset(self) -> None:
        """Forget every bar."""
        self._states[:] = 0.0
        self._values[:] = NAN

    def run(self, bars: BarColumns, out: F64) -> None:
        """
        Step over all bars, writing row i after bar i.

        Parameters
        ----------
        bars : BarColumns
            n bars.
        out : float64[n, width]
            Contiguous.

        """
        rows = len(bars)
        if out.shape != (rows, self.width) or out.dtype != np.float64 or not out.flags.c_contiguous:
            raise ValueError(
                f"out must be contiguous float64 of shape {(rows, self.width)}, was {out.dtype} {out.shape}"
            )
        ts_ns = np.ascontiguousarray(bars.ts_ns, dtype=np.int64)
        columns = [np.ascontiguousarray(column, dtype=np.float64) for column in bars[1:]]
        shapes = {column.shape for column in (ts_ns, *columns)}
        if shapes != {(rows,)}:
            raise ValueError(f"bar columns must be 1-D and equally long, were {sorted(shapes)}")
        addresses = [column.ctypes.data for column in (ts_ns, *columns)]
        _run_driver()(self.frame_address, rows, *addresses, out.ctypes.data)

    def memory(self) -> tuple[F64, F64, F64]:
        """Return parameters, states and values with the guard words around them, for `verify`."""
        return self._params, self._states, self._values


@cache
def _step_driver() -> Callable[..., None]:
    return compiled_driver(_step, types.void(types.int64, types.int64, *[types.float64] * BAR_FIELDS))


@cache
def _run_driver() -> Callable[..., None]:
    return compiled_driver(_run, types.void(*[types.int64] * (BAR_FIELDS + 4)))


@inline
def _advance(
    frame_address: int,
    ts_ns: int,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    out_address: int,
) -> None:
    frame = words(frame_address)
    # comparisons a NaN fails
    if not (
        PRICE_MIN <= open_ <= SIZE_MAX
        and PRICE_MIN <= high <= SIZE_MAX
        and PRICE_MIN <= low <= SIZE_MAX
        and PRICE_MIN <= close <= SIZE_MAX
        and 0.0 <= volume <= SIZE_MAX
    ):
        values = doubles(out_address)
        for column in range(frame[1]):
            values[column] = NAN
        return
    bar = doubles(frame[2])
    bar[0] = open_
    bar[1] = high
    bar[2] = low
    bar[3] = close
    bar[4] = volume
    for index in range(frame[0]):
        entry = _HEADER + _ENTRY * index
        call(frame[entry], ts_ns, frame[2], frame[entry + 1], frame[entry + 2], out_address + frame[entry + 3])


def _step(frame_address: int, ts_ns: int, open_: float, high: float, low: float, close: float, volume: float) -> None:
    _advance(frame_address, ts_ns, open_, high, low, close, volume, words(frame_address)[3])


def _run(
    frame_address: int,
    rows: int,
    ts_ns: int,
    open_: int,
    high: int,
    low: int,
    close: int,
    volume: int,
    out_address: int,
) -> None:
    stride = _WORD * words(frame_address)[1]
    times = words(ts_ns)
    opens, highs, lows, closes, volumes = (
        doubles(open_),
        doubles(high),
        doubles(low),
        doubles(close),
        doubles(volume),
    )
    for row in range(rows):
        _advance(
            frame_address,
            times[row],
            opens[row],
            highs[row],
            lows[row],
            closes[row],
            volumes[row],
            out_address + stride * row,
        )
