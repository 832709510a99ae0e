"""Check that numbers fit the decimals they will be stored with, so that storing alters none."""

from __future__ import annotations

from typing import Final

import numpy as np

from catalog.model import F64

NOISE_ULPS: Final = 8
"""How many units in the last place a number may be off: what adding a few floats leaves, far below any decimal."""


def first_misfit(values: F64, decimals: int) -> int | None:
    """
    Return the position of the first number that has more decimals than are stored, None where all fit.

    A number that lies within `NOISE_ULPS` of a multiple of ``10 ** -decimals`` fits: 1045.7824231499999 is
    1045.78242315 with the noise of floating point, not a number of thirteen decimals.
    """
    scaled = values * 10.0**decimals
    off = np.abs(scaled - np.rint(scaled)) > NOISE_ULPS * np.spacing(np.abs(scaled))
    return int(np.argmax(off)) if off.any() else None
