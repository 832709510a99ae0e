"""Building blocks for the straight line through, and the dependence between, values that stand in rings."""

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles
from strategies.features.smoothing import ratio
from strategies.features.windows import lift


@inline
def slope(state: Doubles, start: int, count: int) -> float:
    """Return the least-squares slope per step of `count` values, at least 2; exactly 0 for equal ones."""
    origin = state[start]
    middle = 0.5 * (count - 1.0)
    first = second = 0.0
    index = 0
    while index + 2 <= count:
        first += (index - middle) * (state[start + index] - origin)
        second += (index + 1.0 - middle) * (state[start + index + 1] - origin)
        index += 2
    if index < count:
        first += (index - middle) * (state[start + index] - origin)
    return 12.0 * (first + second) / (count * (count * count - 1.0))


@inline
def covariance(state: Doubles, left: int, right: int, count: int, left_lift: float, right_lift: float) -> float:
    """Return the population covariance of two runs of values; the lifts are what `lift` gave for each."""
    left_origin = state[left]
    right_origin = state[right]
    products = 0.0
    for index in range(count):
        products += (state[left + index] - left_origin - left_lift) * (state[right + index] - right_origin - right_lift)
    return products / count


@inline
def correlation(state: Doubles, left: int, right: int, count: int) -> float:
    """Return Pearson's correlation of two runs of values, 0 where one of them does not move."""
    left_lift = lift(state, left, count)
    right_lift = lift(state, right, count)
    shared = covariance(state, left, right, count, left_lift, right_lift)
    # one root at a time: the product of two variances may be larger than any float64
    left_deviation = math.sqrt(covariance(state, left, left, count, left_lift, left_lift))
    right_deviation = math.sqrt(covariance(state, right, right, count, right_lift, right_lift))
    return min(1.0, max(-1.0, ratio(ratio(shared, left_deviation, 0.0), right_deviation, 0.0)))
