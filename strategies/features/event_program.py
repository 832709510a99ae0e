"""Run kernels over one event, or over many: the same calls to the same machine code, as `program` does for bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numba import types

from catalog.model import F64
from strategies.features.compiling import address, compiled_driver, inline
from strategies.features.events import (
    ASK_PRICE,
    ASK_SIZE,
    BID_PRICE,
    BID_SIZE,
    FIRST_LEVEL,
    INTERVAL_HOURS,
    KIND_CODES,
    LEVELS,
    MARK,
    PRICE,
    RATE,
    REFERENCE,
    SIDE,
    SIZE,
    EventKind,
    Events,
    checked,
)
from strategies.features.kernel import NAN, Doubles, Feature
from strategies.features.pointers import call, doubles, words
from strategies.features.program import GUARD_WORDS, PRICE_MIN, SIZE_MAX

_TRADE, _QUOTE = KIND_CODES[EventKind.TRADE], KIND_CODES[EventKind.QUOTE]
_DEPTH, _FUNDING = KIND_CODES[EventKind.DEPTH], KIND_CODES[EventKind.FUNDING]
_RATE_MAX = 1.0  # a funding rate of 100 % an interval is a mistake; every venue caps it far below
_HOURS_MAX = 1e6
_HEADER = 6  # frame[0..5]: kernels, columns, kind, fields, address of the stream's event, address of the values
_ENTRY = 4  # then per kernel: code, parameters, state (addresses), place of its first column in bytes
_WORD = 8


class EventProgram:
    """
    Kernels of one kind of event bound to their parameters, with their states: one run over one series of events.

    An event is usable when its prices lie within 1e-100 and 1e100 and its sizes within 0 and 1e100, and

    - a trade has a size above 0 and a side of -1, 0 or 1;
    - a quote has its bid below its ask;
    - a book has both sides, bids descend, asks ascend, the best bid lies below the best ask, every level has a size,
      and only zeros follow a side's last level;
    - a funding payment has a rate within -1 and 1 and an interval above 0.

    Any other event gives NaN in every column and reaches no kernel. Not to be shared between threads.

    Parameters
    ----------
    kind : EventKind
    fields : int
        Of one event.
    features : sequence of (Feature, params, state_size)
        In the order of the columns. `params` is float64[p].

    """

    def __init__(self, kind: EventKind, fields: int, features: Sequence[tuple[Feature, F64, int]]) -> None:
        self.kind, self.fields = kind, fields
        widths = [len(feature.outputs) for feature, _, _ in features]
        self.width = sum(widths)
        self._values = np.full(self.width + 2 * GUARD_WORDS, NAN)
        self.values: F64 = self._values[GUARD_WORDS:-GUARD_WORDS]
        self._event = np.full(fields + 2 * GUARD_WORDS, NAN)
        self.event: F64 = self._event[GUARD_WORDS:-GUARD_WORDS]
        self._params = np.concatenate([np.asarray(params, dtype=np.float64) for _, params, _ in features] + [[0.0]])
        self._states = np.zeros(sum(size for _, _, size in features) + GUARD_WORDS * (len(features) + 1))
        frame = [len(features), self.width, KIND_CODES[kind], fields, self.event.ctypes.data, self.values.ctypes.data]
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
        """Forget every event."""
        self._states[:] = 0.0
        self._values[:] = NAN

    def run(self, events: Events, out: F64) -> None:
        """
        Step over all events, writing row i after event i.

        Parameters
        ----------
        events : Events
            n events of the program's kind and number of fields.
        out : float64[n, width]
            Contiguous.

        """
        given = checked(events)
        if given.kind is not self.kind or given.values.shape[1] != self.fields:
            raise ValueError(
                f"expected {self.kind.value} events of {self.fields} fields, "
                f"were {given.kind.value} of {given.values.shape[1]}"
            )
        if out.shape != (len(given), self.width) or out.dtype != np.float64 or not out.flags.c_contiguous:
            raise ValueError(
                f"out must be contiguous float64 of shape {(len(given), self.width)}, was {out.dtype} {out.shape}"
            )
        _run_driver()(
            self.frame_address, len(given), given.ts_ns.ctypes.data, given.values.ctypes.data, out.ctypes.data
        )

    def memory(self) -> tuple[F64, F64, F64, F64]:
        """Return parameters, states, values and the stream's event with the guard words around them, to verify."""
        return self._params, self._states, self._values, self._event


@cache
def _step_driver() -> Callable[..., None]:
    return compiled_driver(_step, types.void(types.int64, types.int64))


@cache
def _run_driver() -> Callable[..., None]:
    return compiled_driver(_run, types.void(*[types.int64] * 5))


# comparisons are written so that a NaN fails them


@inline
def _price(value: float) -> bool:
    return PRICE_MIN <= value <= SIZE_MAX


@inline
def _usable_trade(event: Doubles) -> bool:
    side = event[SIDE]
    return (
        _price(event[PRICE]) and PRICE_MIN <= event[SIZE] <= SIZE_MAX and (side == 0.0 or side == 1.0 or side == -1.0)  # noqa: PLR1714 - numba
    )


@inline
def _usable_quote(event: Doubles) -> bool:
    return (
        _price(event[BID_PRICE])
        and _price(event[ASK_PRICE])
        and event[BID_PRICE] < event[ASK_PRICE]
        and 0.0 <= event[BID_SIZE] <= SIZE_MAX
        and 0.0 <= event[ASK_SIZE] <= SIZE_MAX
    )


@inline
def _usable_depth(event: Doubles, fields: int) -> bool:
    levels = (fields - FIRST_LEVEL) // 4
    if event[LEVELS] != levels:
        return False
    asks = FIRST_LEVEL + 2 * levels
    if not event[FIRST_LEVEL] < event[asks]:
        return False
    return _usable_side(event, FIRST_LEVEL, levels, -1.0) and _usable_side(event, asks, levels, 1.0)


@inline
def _usable_side(event: Doubles, start: int, levels: int, direction: float) -> bool:
    ended = False
    for level in range(levels):
        price = event[start + level]
        size = event[start + levels + level]
        if price == 0.0 and size == 0.0:
            if level == 0:
                return False
            ended = True
            continue
        if ended or not (_price(price) and PRICE_MIN <= size <= SIZE_MAX):
            return False
        if level > 0 and not direction * price > direction * event[start + level - 1]:
            return False
    return True


@inline
def _usable_funding(event: Doubles) -> bool:
    return -_RATE_MAX <= event[RATE] <= _RATE_MAX and 0.0 < event[INTERVAL_HOURS] <= _HOURS_MAX


@inline
def _usable(kind: int, fields: int, event: Doubles) -> bool:
    if kind == _TRADE:
        return _usable_trade(event)
    if kind == _QUOTE:
        return _usable_quote(event)
    if kind == _DEPTH:
        return _usable_depth(event, fields)
    if kind == _FUNDING:
        return _usable_funding(event)
    return _price(event[MARK]) and _price(event[REFERENCE])


@inline
def _advance(frame_address: int, ts_ns: int, event_address: int, out_address: int) -> None:
    frame = words(frame_address)
    if not _usable(frame[2], frame[3], doubles(event_address)):
        values = doubles(out_address)
        for column in range(frame[1]):
            values[column] = NAN
        return
    for index in range(frame[0]):
        entry = _HEADER + _ENTRY * index
        call(frame[entry], ts_ns, event_address, frame[entry + 1], frame[entry + 2], out_address + frame[entry + 3])


def _step(frame_address: int, ts_ns: int) -> None:
    frame = words(frame_address)
    _advance(frame_address, ts_ns, frame[4], frame[5])


def _run(frame_address: int, rows: int, ts_ns: int, events: int, out_address: int) -> None:
    frame = words(frame_address)
    times = words(ts_ns)
    event_bytes = _WORD * frame[3]
    row_bytes = _WORD * frame[1]
    for row in range(rows):
        _advance(frame_address, times[row], events + event_bytes * row, out_address + row_bytes * row)
