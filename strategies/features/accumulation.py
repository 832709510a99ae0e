"""Building block: a sum over a whole history that does not lose small terms beside large ones."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles

SUM_SIZE = 2
"""Number of float64 a compensated sum takes in a state: the sum, and what rounding took from it."""


@inline
def accumulate(state: Doubles, at: int, value: float) -> float:
    """Add a value to a compensated sum (Neumaier 1974) and return the sum."""
    level = state[at] + value
    if abs(state[at]) >= abs(value):
        state[at + 1] += (state[at] - level) + value
    else:
        state[at + 1] += (value - level) + state[at]
    state[at] = level
    return level + state[at + 1]
