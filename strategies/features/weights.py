"""Building blocks: weighted sums over a window, with weights of any kind or those of a fitted line."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles


@inline
def weighted_lift(state: Doubles, values: int, weights: int, count: int) -> float:
    """Return the sum of weight times distance to the oldest value; zero to the bit for equal values."""
    origin = state[values]
    first = second = third = fourth = 0.0
    index = 0
    while index + 4 <= count:
        first += state[weights + index] * (state[values + index] - origin)
        second += state[weights + index + 1] * (state[values + index + 1] - origin)
        third += state[weights + index + 2] * (state[values + index + 2] - origin)
        fourth += state[weights + index + 3] * (state[values + index + 3] - origin)
        index += 4
    while index < count:
        first += state[weights + index] * (state[values + index] - origin)
        index += 1
    return (first + second) + (third + fourth)


@inline
def line_end(state: Doubles, start: int, count: int) -> float:
    """Return where the least squares line through `count` values ends, exact for equal values and for two."""
    origin = state[start + count - 1]
    first = second = 0.0
    weight = 6.0 - 2.0 * (count + 1.0)
    index = start
    stop = start + count
    while index + 2 <= stop:
        first += weight * (state[index] - origin)
        second += (weight + 6.0) * (state[index + 1] - origin)
        weight += 12.0
        index += 2
    if index < stop:
        first += weight * (state[index] - origin)
    return origin + (first + second) / (count * (count + 1.0))
