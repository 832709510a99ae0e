"""The Elliott waves as tables: kinds of count, degrees, and the Fibonacci ratios each wave is held against."""

# Sources: Frost and Prechter, Elliott Wave Principle (1978 and later), for rules, ratios and names of degrees. The
# order of degrees is theirs; durations are the approximate ones in common use (Wikipedia, "Elliott wave principle"),
# and the borders between them a choice of this file, for the book gives none: a degree is relative.

from __future__ import annotations

from enum import IntEnum


class Wave(IntEnum):
    """What has been counted, numbered as the features report it; 0 stands for nothing."""

    COMPLEX = 1
    """W-X-Y-X-Z, a triple three: three corrections of three legs, joined by two X waves."""
    IMPULSE = 2
    """Waves 1 to 5."""
    IMPULSE_TO_4 = 3
    """Waves 1 to 4; the fifth lies ahead."""
    ZIGZAG = 4
    """A-B-C, wave B within wave A."""
    FLAT = 5
    """A-B-C, wave B back to the start of wave A or beyond."""


class Degree(IntEnum):
    """The nine degrees, from the smallest."""

    SUBMINUETTE = 1
    MINUETTE = 2
    MINUTE = 3
    MINOR = 4
    INTERMEDIATE = 5
    PRIMARY = 6
    CYCLE = 7
    SUPERCYCLE = 8
    GRAND_SUPERCYCLE = 9


_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S
_YEAR_S = 365.25 * _DAY_S

DEGREE_FROM_S: tuple[float, ...] = (
    _HOUR_S,
    _DAY_S,
    7 * _DAY_S,
    28 * _DAY_S,
    0.5 * _YEAR_S,
    2 * _YEAR_S,
    20 * _YEAR_S,
    100 * _YEAR_S,
)
"""Seconds from first to last pivot from which on a count is a Minuette, a Minute ... a Grand Supercycle."""

# Each wave as a multiple of another. A ratio fits if it lies within the tolerance, relative, of one of them.
RETRACEMENT = (0.382, 0.5, 0.618, 0.786)
"""Wave 2 of wave 1; B of A in a zigzag; X of the three before it."""
WAVE_3 = (1.0, 1.618, 2.618)
"""Wave 3 of wave 1."""
WAVE_4 = (0.236, 0.382, 0.5)
"""Wave 4 of wave 3."""
EQUALITY = (0.618, 1.0, 1.618)
"""Wave 5 of wave 1; C of A in a zigzag; Y of W and Z of Y."""
FLAT_B = (1.0, 1.236, 1.382)
"""B of A in a flat: regular, then expanded."""
FLAT_C = (1.0, 1.618, 2.618)
"""C of A in a flat."""

FIFTH_TARGETS = (0.618, 1.0, 1.618)
"""Ends of wave 5, as multiples of wave 1 from the end of wave 4."""
CORRECTION_TARGETS = (0.382, 0.5, 0.618)
"""Ends of the correction of an impulse, as shares of it."""
RESUMPTION_TARGETS = (0.618, 1.0, 1.618)
"""Ends of the move after a correction, as multiples of it from its end."""
