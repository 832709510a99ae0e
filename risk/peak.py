"""The highest equity since the start, or of the last days, in constant time an update."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

DAY_NS = 86_400_000_000_000


class EquityBases(msgspec.Struct, frozen=True):
    """
    What losses are measured from, as it outlives a restart; equities in quote currency.

    `peak` holds the days that may still be the highest of the window, each with its highest equity; `settled` is the
    last equity that was known, at `ts_ns` or before.
    """

    ts_ns: int
    start: float
    day_start: float
    settled: float
    peak: tuple[tuple[int, float], ...]


class RollingPeak:
    """
    Keep the highest settled equity of the last `window_days` UTC days, of all time where that is None.

    A day leaves the window as a whole, so the peak is that of at least the last ``window_days - 1`` full days and
    the present one. One entry a day at most, kept in descending order of equity (a monotone queue).
    """

    __slots__ = ("_days", "_window_days")

    def __init__(self, window_days: int | None) -> None:
        self._window_days = window_days
        self._days: deque[tuple[int, float]] = deque()

    def settle(self, ts_ns: int, equity: float) -> None:
        """Take in the equity of an instant that is over."""
        days = self._days
        if days and days[-1][1] >= equity and days[-1][0] == ts_ns // DAY_NS:
            return
        if days and self._window_days is None and days[0][1] >= equity:
            return
        while days and days[-1][1] <= equity:
            days.pop()
        days.append((ts_ns // DAY_NS, equity))

    def days(self) -> tuple[tuple[int, float], ...]:
        """Return the days since the epoch that may still be the highest, each with its equity."""
        return tuple(self._days)

    def take_over(self, days: Iterable[tuple[int, float]]) -> None:
        """Take in what was settled before a restart."""
        known = sorted((*days, *self._days))
        self._days.clear()
        for day, equity in known:
            self.settle(day * DAY_NS, equity)

    def highest(self, ts_ns: int, otherwise: float) -> float:
        """Return the peak of the window that ends at `ts_ns`; `otherwise` where nothing in it was settled."""
        days = self._days
        if self._window_days is not None:
            oldest = ts_ns // DAY_NS - self._window_days + 1
            while days and days[0][0] < oldest:
                days.popleft()
        return days[0][1] if days else otherwise
