"""Building block: the rises and the falls within a window of values."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles


@inline
def move_sums(state: Doubles, start: int, moves: int) -> tuple[float, float]:
    """Return the sum of the rises and of the falls, both positive, between the `moves` + 1 values at `start`."""
    up = down = 0.0
    for index in range(start, start + moves):
        change = state[index + 1] - state[index]
        up += max(change, 0.0)
        down += max(-change, 0.0)
    return up, down
