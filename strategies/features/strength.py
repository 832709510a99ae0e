"""Building blocks of bounded oscillators: relative strength, and the place of a value among the last ones."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import NAN, Doubles
from strategies.features.smoothing import AVERAGE_SIZE, ratio, wilder
from strategies.features.windows import filled, largest, push, smallest

STRENGTH_SIZE = 2 * AVERAGE_SIZE
"""Number of float64 a relative strength takes in a state: Wilder's averages of the gains and of the losses."""


@inline
def relative_strength(state: Doubles, at: int, window: int, change: float) -> float:
    """Take a change in; return Wilder's relative strength index, 0 to 100, 50 where nothing moves."""
    gain = wilder(state, at, window, max(change, 0.0))
    loss = wilder(state, at + AVERAGE_SIZE, window, max(-change, 0.0))
    return 100.0 * ratio(gain, gain + loss, 0.5) if state[at] == window else NAN


@inline
def place(state: Doubles, ring: int, window: int, value: float, otherwise: float) -> float:
    """Take a value into a ring; return its place in the ring's range, 0 to 100, or `otherwise` where that is zero."""
    start = push(state, ring, window, value)
    if not filled(state, ring, window):
        return NAN
    bottom = smallest(state, start, window)
    span = largest(state, start, window) - bottom
    return otherwise if span == 0.0 else 100.0 * (value - bottom) / span
