"""Building block: Wilder's directional movement, smoothed."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, Doubles
from strategies.features.smoothing import AVERAGE_SIZE, ratio, true_range, wilder

RANGE = 3
PLUS = RANGE + AVERAGE_SIZE
MINUS = PLUS + AVERAGE_SIZE
DIRECTION_SIZE = MINUS + AVERAGE_SIZE
"""
Number of float64 the block takes: high, low and close before (0 = none yet), then the averages of the true range and
of +DM and -DM, each a count and a value.
"""


@inline
def move_directions(state: Doubles, window: int, bar: Doubles) -> bool:
    """Take a bar in, its state starting at ``state[0]``; return whether the averages are seeded."""
    high, low, close_before = state[0], state[1], state[2]
    state[0], state[1], state[2] = bar[HIGH], bar[LOW], bar[CLOSE]
    if close_before == 0.0:
        return False
    up = bar[HIGH] - high
    down = low - bar[LOW]
    wilder(state, RANGE, window, true_range(bar[HIGH], bar[LOW], close_before))
    wilder(state, PLUS, window, up if up > down and up > 0.0 else 0.0)
    wilder(state, MINUS, window, down if down > up and down > 0.0 else 0.0)
    return state[RANGE] == window


@inline
def direction_strength(state: Doubles) -> float:
    """Return the directional index DX, 0 to 100."""
    plus, minus = state[PLUS + 1], state[MINUS + 1]
    return 100.0 * ratio(abs(plus - minus), plus + minus, 0.0)
