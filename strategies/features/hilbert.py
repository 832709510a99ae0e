"""Building block: Ehlers's Hilbert transform of a smoothed price, and the period it measures."""

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles
from strategies.features.windows import push, ring_size

TAPS = 7
PERIOD, IN_PHASE, QUADRATURE = range(3)
_I2, _Q2, _RE, _IM, _RINGS = range(3, 8)
_RING = ring_size(TAPS)
HILBERT_SIZE = _RINGS + 4 * _RING
"""
Number of float64 the block takes: period, in-phase and quadrature part (for its users), smoothed parts and their
products, then the last seven values each of price, detrended price, quadrature and in-phase part.
"""

_PERIOD_MIN, _PERIOD_MAX = 6.0, 50.0


@inline
def weighted_four(state: Doubles, newest: int) -> float:
    """Return the mean of four values, weighted 4 (at `newest`), 3, 2, 1; exact for equal ones."""
    value = state[newest]
    return value + 0.1 * (
        3.0 * (state[newest - 1] - value) + 2.0 * (state[newest - 2] - value) + (state[newest - 3] - value)
    )


@inline
def _quarter_turn(state: Doubles, newest: int, gain: float) -> float:
    """Return the Hilbert transform of the last seven values: turned by 90 degrees, three bars late."""
    return gain * (0.0962 * (state[newest] - state[newest - 6]) + 0.5769 * (state[newest - 2] - state[newest - 4]))


@inline
def hilbert(state: Doubles, at: int, smooth: float) -> None:
    """Take a smoothed price in; leave period, in-phase and quadrature part in ``state[at]`` to ``state[at + 2]``."""
    before = state[at + PERIOD]
    gain = 0.075 * before + 0.54
    rings = at + _RINGS
    newest = push(state, rings, TAPS, smooth) + TAPS - 1
    detrended = _quarter_turn(state, newest, gain)
    push(state, rings + _RING, TAPS, detrended)
    quadrature = _quarter_turn(state, newest + _RING, gain)
    in_phase = state[newest + _RING - 3]
    push(state, rings + 2 * _RING, TAPS, quadrature)
    push(state, rings + 3 * _RING, TAPS, in_phase)

    # add the phasors turned by another 90 degrees, and smooth
    i2 = 0.2 * (in_phase - _quarter_turn(state, newest + 2 * _RING, gain)) + 0.8 * state[at + _I2]
    q2 = 0.2 * (quadrature + _quarter_turn(state, newest + 3 * _RING, gain)) + 0.8 * state[at + _Q2]
    # homodyne discriminator: multiply by the bar before, conjugated
    real = 0.2 * (i2 * state[at + _I2] + q2 * state[at + _Q2]) + 0.8 * state[at + _RE]
    imaginary = 0.2 * (i2 * state[at + _Q2] - q2 * state[at + _I2]) + 0.8 * state[at + _IM]
    state[at + _I2], state[at + _Q2], state[at + _RE], state[at + _IM] = i2, q2, real, imaginary

    period = 0.0
    if real != 0.0 and imaginary != 0.0:
        angle = math.atan(imaginary / real)
        # an angle too small to be told from zero is a period beyond any bound
        period = 2.0 * math.pi / angle if angle != 0.0 else _PERIOD_MAX
    period = min(period, 1.5 * before)
    period = max(period, 0.67 * before)
    period = min(max(period, _PERIOD_MIN), _PERIOD_MAX)
    state[at + PERIOD] = 0.2 * period + 0.8 * before
    state[at + IN_PHASE], state[at + QUADRATURE] = in_phase, quadrature
