"""Building blocks that remember everything a little: exponential averages, true range, guarded ratios."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import NAN, Doubles

AVERAGE_SIZE = 3
"""Number of float64 an exponential average takes in a state: count up to the window, average, share it keeps."""


@inline
def exponential(state: Doubles, at: int, window: int, value: float) -> float:
    """Take a value into the average with weight 2 / (window + 1), seeded by the mean of the first `window`."""
    if state[at] < window:
        state[at + 2] = (window - 1.0) / (window + 1.0)  # a division a bar would cost more than all the rest
    return seeded(state, at, window, value, state[at + 2])


@inline
def wilder(state: Doubles, at: int, window: int, value: float) -> float:
    """Take a value into Wilder's average, weight 1 / window, seeded by the mean of the first `window`."""
    if state[at] < window:
        state[at + 2] = (window - 1.0) / window
    return seeded(state, at, window, value, state[at + 2])


@inline
def seeded(state: Doubles, at: int, window: int, value: float, decay: float) -> float:
    """Take a value into an average that keeps `decay` of the past, seeded by the mean of the first `window`."""
    # both branches leave an average of equal values exactly on that value, and a window of 1 on the newest one
    count = state[at]
    if count < window:
        count += 1.0
        state[at] = count
        state[at + 1] += (value - state[at + 1]) / count
        return state[at + 1] if count == window else NAN
    state[at + 1] = follow(state[at + 1], value, decay)
    return state[at + 1]


@inline
def follow(average: float, value: float, decay: float) -> float:
    """Return the average after one more value, keeping `decay` of the past; exact for equal values."""
    return value + decay * (average - value)


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
