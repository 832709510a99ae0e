"""Sample returns of many instruments on one fixed UTC grid, from marks as they come."""

from __future__ import annotations

import math

import numpy as np

from catalog.model import F64

_HOUR_NS = 3_600_000_000_000


class ReturnGrid:
    """
    Keep the last returns of every instrument that was ever marked.

    Parameters
    ----------
    sample_h : int
        Hours between samples; the grid's instants are multiples of it since 1970, UTC.
    window : int
        Rows kept.

    Notes
    -----
    A sample is the last mark up to and including a grid instant. It is taken when time has moved past that instant,
    so a decision at 12:00 itself still rests on the samples up to 11:00. An instrument without a mark since the last
    instant has no return in that row (NaN), and its next return covers the time since its last sample. A stretch in
    which nothing at all was marked is no row: the row after it covers it.

    """

    def __init__(self, sample_h: int, window: int) -> None:
        self._step_ns = sample_h * _HOUR_NS
        self._window = window
        self._ends_ns = -1
        self._marked: dict[str, float] = {}
        self._places: dict[str, int] = {}
        self._prices: list[float] = []
        self._first_rows: list[int] = []
        self._buffer = np.full((2 * window, 0), math.nan)
        self._start = self._stop = 0
        self._rows_ever = 0

    @property
    def rows_ever(self) -> int:
        """How many rows were sampled since the start; it changes when there is something new to know."""
        return self._rows_ever

    def place(self, instrument: str) -> int:
        """Return the column of an instrument, a new one where it is not known."""
        place = self._places.get(instrument)
        if place is None:
            place = self._places[instrument] = len(self._prices)
            self._prices.append(math.nan)
            self._first_rows.append(-1)
        return place

    def on_mark(self, instrument: str, price: float, ts_ns: int) -> bool:
        """Take a mark; True where it closed a row. A price that is no positive number is left out."""
        closed = False
        if ts_ns > self._ends_ns:
            closed = bool(self._marked) and self._close_row()
            self._ends_ns = -(-ts_ns // self._step_ns) * self._step_ns
        if 0.0 < price < math.inf:
            self._marked[instrument] = price
        return closed

    def returns(self) -> F64:
        """
        Return the rows kept, float64[rows, k], the oldest first; a view that the next mark may overwrite.

        There are at least as many columns as places given out; those beyond are NaN.
        """
        self._widen()
        return self._buffer[self._start : self._stop]

    def since(self, row: int) -> F64:
        """Return the rows kept that came after the first `row` of all, float64[rows, k]; a view as `returns`."""
        return self._buffer[max(self._start, self._stop - (self._rows_ever - row)) : self._stop]

    def covers(self, place: int) -> bool:
        """Return whether an instrument was there in all the rows kept, even where it had no mark."""
        first = self._first_rows[place]
        return 0 <= first <= self._rows_ever - (self._stop - self._start)

    def _close_row(self) -> bool:
        """Turn the marks since the last instant into a row; False where they are first samples only."""
        for instrument in self._marked:
            if instrument not in self._places:
                self.place(instrument)
        if len(self._prices) > self._buffer.shape[1]:
            self._widen()
        stop = self._stop
        if stop == len(self._buffer):
            stop = self._make_room()
        moved = False
        for instrument, price in self._marked.items():
            place = self._places[instrument]
            before = self._prices[place]
            if before > 0.0:
                self._buffer[stop, place] = price / before - 1.0
                moved = True
                if self._first_rows[place] < 0:
                    self._first_rows[place] = self._rows_ever
            self._prices[place] = price
        self._marked.clear()
        if moved:
            self._stop = stop + 1
            self._start = max(self._start, self._stop - self._window)
            self._rows_ever += 1
        return moved

    def _widen(self) -> None:
        """Make columns for all places, twice as many as there were where they are too few."""
        missing = len(self._prices) - self._buffer.shape[1]
        if missing > 0:
            more = np.full((2 * self._window, max(missing, self._buffer.shape[1])), math.nan)
            self._buffer = np.hstack((self._buffer, more))

    def _make_room(self) -> int:
        """Move the rows that stay to the top of the buffer; return where the next one goes."""
        kept = self._window - 1
        self._buffer[:kept] = self._buffer[self._stop - kept :]
        self._buffer[kept:] = math.nan
        self._start, self._stop = 0, kept
        return kept
