"""A running total that never drifts: adding and taking away floats in any order gives the exact sum."""

from __future__ import annotations

import math


class ExactSum:
    """
    Keep a sum of finite floats as non-overlapping partial sums, so that nothing is lost to rounding.

    After any sequence of `add` calls, `total()` equals ``math.fsum`` of all that was added, bit for bit; what was
    added and later taken away (``add(-x)``) leaves no trace. A plain running sum would carry a rounding error
    from every trade of a run into each later decision.

    References
    ----------
    Shewchuk (1997), Discrete & Computational Geometry 18(3), section 2.4 (grow-expansion).

    """

    __slots__ = ("_partials",)

    def __init__(self) -> None:
        self._partials: list[float] = []

    def add(self, value: float) -> None:
        """Add a finite value (below 1e300 in size, so that no intermediate sum overflows)."""
        partials = self._partials
        kept = 0
        for partial in partials:
            large, small = (value, partial) if abs(value) >= abs(partial) else (partial, value)
            value = large + small
            lost = small - (value - large)
            if lost:
                partials[kept] = lost
                kept += 1
        del partials[kept:]
        if value:
            partials.append(value)

    def replace(self, old: float, new: float) -> None:
        """Take away what was added before and add what stands in its place."""
        if old == new:
            return
        partials = self._partials
        if len(partials) == 1 and partials[0] == old and new:
            partials[0] = new  # the only part, as in an account with one position
            return
        self.add(-old)
        self.add(new)

    def total(self) -> float:
        """Return the sum of all that was added, correctly rounded once."""
        return math.fsum(self._partials)
