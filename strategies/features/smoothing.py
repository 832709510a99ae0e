"""Building blocks that remember everything a little: exponential averages, true range, guarded ratios."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import NAN, Doubles

AVERAGE_SIZE = 2
"""Number of float64 an exponential average takes in a state: count, average (a sum while seeding)."""


@inline
def exponential(state: Doubles, at: int, window: int, value: float) -> float:
    """Take a value into the average with weight 2 / (window + 1), seeded by the mean of the first `window`."""
    return _seeded(state, at, window, value, 2.0 / (window + 1.0))


@inline
def wilder(state: Doubles, at: int, window: int, value: float) -> float:
    """Take a value into Wilder's average, weight 1 / window, seeded by the mean of the first `window`."""
    return _seeded(state, at, window, value, 1.0 / window)


@inline
def _seeded(state: Doubles, at: int, window: int, value: float, weight: float) -> float:
    count = state[at]
    if count < window:
        count += 1.0
        state[at] = count
        state[at + 1] += value
        if count < window:
            return NAN
        state[at + 1] /= window
        return state[at + 1]
    state[at + 1] += weight * (value - state[at + 1])
    return state[at + 1]


@inline
def true_range(high: float, low: float, close_before: float) -> float:
    """Return the largest of high - low, |high - close before| and |low - close before| (Wilder 1978)."""
    return max(high, close_before) - min(low, close_before)


@inline
def ratio(numerator: float, denominator: float, otherwise: float) -> float:
    """Divide, or return `otherwise` where the denominator is zero."""
    if denominator == 0.0:
        return otherwise
    return numerator / denominator
