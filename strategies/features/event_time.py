"""Building blocks of event kernels: seconds since an event, and intervals of the clock that have ended."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles

NS_PER_S = 1_000_000_000
MOMENT_SIZE = 2
"""Number of float64 a moment takes: whole seconds and nanoseconds, since one float64 would round to 256 ns."""


@inline
def remember(state: Doubles, at: int, ts_ns: int) -> None:
    """Keep a moment."""
    state[at] = ts_ns // NS_PER_S
    state[at + 1] = ts_ns % NS_PER_S


@inline
def seconds_since(state: Doubles, at: int, ts_ns: int) -> float:
    """Return the seconds from a moment that was kept; 0 where the clock went back."""
    return max((ts_ns // NS_PER_S - state[at]) + 1e-9 * (ts_ns % NS_PER_S - state[at + 1]), 0.0)


@inline
def interval_ended(state: Doubles, at: int, ts_ns: int, interval_s: float) -> bool:
    """
    Return whether this event is the first of another interval than the event before it, and keep its interval.

    Intervals are counted from 1970, so that two streams cut time alike. An interval without events is not seen. One
    place of the state, 0 before the first event, which ends nothing.
    """
    number = float(ts_ns // int(1e9 * interval_s)) + 1.0
    before = state[at]
    state[at] = number
    return before not in (0.0, number)
