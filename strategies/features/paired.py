"""Building blocks over two rings of equal length: a straight line through pairs, computed afresh from them."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles
from strategies.features.smoothing import ratio
from strategies.features.windows import mean


@inline
def products(state: Doubles, first: int, second: int, count: int) -> float:
    """Return the sum of products of distances to the means of `count` values from `first` and from `second` on."""
    first_mean = mean(state, first, count)
    second_mean = mean(state, second, count)
    even = odd = 0.0
    index = 0
    while index + 2 <= count:
        even += (state[first + index] - first_mean) * (state[second + index] - second_mean)
        odd += (state[first + index + 1] - first_mean) * (state[second + index + 1] - second_mean)
        index += 2
    if index < count:
        even += (state[first + index] - first_mean) * (state[second + index] - second_mean)
    return even + odd


@inline
def slope(state: Doubles, x: int, y: int, count: int) -> float:
    """Return the least-squares slope of y on x, with intercept; 0 where all x are equal."""
    return ratio(products(state, x, y, count), products(state, x, x, count), 0.0)


@inline
def r_squared(state: Doubles, x: int, y: int, count: int) -> float:
    """Return the share of the variance of y that the line explains; 0 where either does not vary."""
    together = products(state, x, y, count)
    share = ratio(together, products(state, x, x, count), 0.0) * ratio(together, products(state, y, y, count), 0.0)
    return min(share, 1.0)
