"""Building blocks over the last n values: each answer is computed afresh from those n values alone."""

# A running sum that adds the new value and subtracts the old one drifts, and one huge value spoils it for ever.
# Here every sum is taken over the window, oldest value first, so an answer depends on the n values and on nothing
# before them, to the last bit. A ring that stores each value twice keeps the window contiguous; four partial sums
# let the processor overlap the additions: 20 values cost about 6 ns.

from __future__ import annotations

from strategies.features.compiling import inline, usable_in_kernels
from strategies.features.kernel import Doubles

RING_HEADER = 2


@usable_in_kernels
def ring_size(window: float) -> int:
    """Return the number of float64 a ring of `window` values takes in a state: count, position, values twice."""
    return RING_HEADER + 2 * int(window)


@inline
def push(state: Doubles, ring: int, window: int, value: float) -> int:
    """Put a value into the ring that starts at ``state[ring]``; return where its `window` newest values start."""
    position = int(state[ring + 1])
    values = ring + RING_HEADER
    state[values + position] = value
    state[values + position + window] = value
    position += 1
    if position == window:
        position = 0
    state[ring] += 1.0
    state[ring + 1] = position
    return values + position


@inline
def newest(state: Doubles, ring: int) -> int:
    """Return where the values of the ring start, as `push` left it."""
    return ring + RING_HEADER + int(state[ring + 1])


@inline
def filled(state: Doubles, ring: int, window: int) -> bool:
    """Return whether the ring has been given at least `window` values."""
    return state[ring] >= window


@inline
def total(state: Doubles, start: int, count: int) -> float:
    """Return the sum of `count` values."""
    return excess(state, start, count, 0.0)


@inline
def excess(state: Doubles, start: int, count: int, origin: float) -> float:
    """Return the sum of the differences to `origin`."""
    first = second = third = fourth = 0.0
    index = start
    stop = start + count
    while index + 4 <= stop:
        first += state[index] - origin
        second += state[index + 1] - origin
        third += state[index + 2] - origin
        fourth += state[index + 3] - origin
        index += 4
    while index < stop:
        first += state[index] - origin
        index += 1
    return (first + second) + (third + fourth)


@inline
def lift(state: Doubles, start: int, count: int) -> float:
    """Return how far the mean lies above the oldest value, rounded as the differences are, not as the values."""
    return excess(state, start, count, state[start]) / count


@inline
def mean(state: Doubles, start: int, count: int) -> float:
    """Return the mean, exact for equal values."""
    return state[start] + lift(state, start, count)


@inline
def variance(state: Doubles, start: int, count: int, lifted: float) -> float:
    """Return the population variance; `lifted` is what `lift` gave."""
    origin = state[start]
    first = second = third = fourth = 0.0
    index = start
    stop = start + count
    while index + 4 <= stop:
        a = state[index] - origin - lifted
        b = state[index + 1] - origin - lifted
        c = state[index + 2] - origin - lifted
        d = state[index + 3] - origin - lifted
        first += a * a
        second += b * b
        third += c * c
        fourth += d * d
        index += 4
    while index < stop:
        a = state[index] - origin - lifted
        first += a * a
        index += 1
    return ((first + second) + (third + fourth)) / count


@inline
def mean_distance(state: Doubles, start: int, count: int, lifted: float) -> float:
    """Return the mean absolute distance to the mean; `lifted` is what `lift` gave."""
    origin = state[start]
    first = second = third = fourth = 0.0
    index = start
    stop = start + count
    while index + 4 <= stop:
        first += abs(state[index] - origin - lifted)
        second += abs(state[index + 1] - origin - lifted)
        third += abs(state[index + 2] - origin - lifted)
        fourth += abs(state[index + 3] - origin - lifted)
        index += 4
    while index < stop:
        first += abs(state[index] - origin - lifted)
        index += 1
    return ((first + second) + (third + fourth)) / count


@inline
def ramp_mean(state: Doubles, start: int, count: int) -> float:
    """Return the mean weighted 1, 2 ... `count` from the oldest to the newest value, exact for equal values."""
    origin = state[start]
    first = second = third = fourth = 0.0
    index = 0
    while index + 4 <= count:
        first += (index + 1.0) * (state[start + index] - origin)
        second += (index + 2.0) * (state[start + index + 1] - origin)
        third += (index + 3.0) * (state[start + index + 2] - origin)
        fourth += (index + 4.0) * (state[start + index + 3] - origin)
        index += 4
    while index < count:
        first += (index + 1.0) * (state[start + index] - origin)
        index += 1
    return origin + ((first + second) + (third + fourth)) / (0.5 * count * (count + 1.0))


@inline
def largest(state: Doubles, start: int, count: int) -> float:
    """Return the largest of `count` values."""
    first = second = third = fourth = state[start]
    index = start
    stop = start + count
    while index + 4 <= stop:
        a, b, c, d = state[index], state[index + 1], state[index + 2], state[index + 3]
        first = max(first, a)
        second = max(second, b)
        third = max(third, c)
        fourth = max(fourth, d)
        index += 4
    while index < stop:
        a = state[index]
        first = max(first, a)
        index += 1
    first = max(second, first)
    third = max(fourth, third)
    return max(third, first)


@inline
def smallest(state: Doubles, start: int, count: int) -> float:
    """Return the smallest of `count` values."""
    first = second = third = fourth = state[start]
    index = start
    stop = start + count
    while index + 4 <= stop:
        a, b, c, d = state[index], state[index + 1], state[index + 2], state[index + 3]
        first = min(first, a)
        second = min(second, b)
        third = min(third, c)
        fourth = min(fourth, d)
        index += 4
    while index < stop:
        a = state[index]
        first = min(first, a)
        index += 1
    first = min(second, first)
    third = min(fourth, third)
    return min(third, first)
