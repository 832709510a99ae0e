"""Correlation of instruments, exponentially weighted and kept up to date row by row."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from catalog.model import F64


class CorrelationTracker:
    """
    Keep the correlation matrix of a growing set of instruments.

    Parameters
    ----------
    decay : float
        Weight of the past, above 0 and below 1: ``s = decay * s + x * y`` for each pair and row.
    observations_min : int
        Rows in which both of a pair must have had a return before their correlation is told.

    Notes
    -----
    Returns are taken as they are, with mean 0, as RiskMetrics does. Each pair has sums of its own, over the rows in
    which both returns are known; so a missing return changes nothing of the pair, and no correlation lies outside
    -1 to 1, whatever is missing. The matrix need not be positive definite where returns are missing.

    References
    ----------
    RiskMetrics Technical Document (1996), 4th ed., J.P. Morgan/Reuters, section 5.2.

    """

    def __init__(self, decay: float, observations_min: int) -> None:
        if not 0.0 < decay < 1.0:
            raise ValueError(f"decay must lie between 0 and 1, was {decay}")
        if observations_min < 2:
            raise ValueError(f"observations_min must be at least 2, was {observations_min}")
        self._decay = decay
        self._observations_min = observations_min
        self._products = np.zeros((0, 0))
        self._squares = np.zeros((0, 0))
        self._counts = np.zeros((0, 0))

    def __len__(self) -> int:
        return len(self._counts)

    def update(self, returns: F64) -> None:
        """
        Take rows of returns, in order of time; many at once or one after the other is the same to the last bit.

        Parameters
        ----------
        returns : float64[n, k]
            One return an instrument and row, NaN where it has none; k may grow from call to call, the places stay.

        """
        self._grow(returns.shape[1])
        _update(returns, self._decay, self._products, self._squares, self._counts)

    def correlation(self, first: int, second: int) -> float:
        """Return the correlation of two instruments by their places; NaN while too few returns are known."""
        count = len(self._counts)
        if first == second:
            return 1.0
        if first >= count or second >= count or self._counts[first, second] < self._observations_min:
            return math.nan
        scale = math.sqrt(float(self._squares[first, second]) * float(self._squares[second, first]))
        if scale == 0.0:
            return math.nan
        return max(-1.0, min(1.0, float(self._products[first, second]) / scale))

    def matrix(self) -> F64:
        """Return all correlations, float64[k, k]: 1 on the diagonal, NaN where too few returns are known."""
        count = len(self)
        return np.array([[self.correlation(row, column) for column in range(count)] for row in range(count)]).reshape(
            count, count
        )

    def cluster(self, place: int, direction: float, sides: F64, threshold: float) -> float:
        """
        Return the exposure that would lose together with one instrument.

        Parameters
        ----------
        place : int
            The instrument; its own exposure is not counted.
        direction : float
            Plus for an exposure that gains when it rises, minus for one that gains when it falls.
        sides : float64[2, m]
            Notional of each instrument, long and short, neither negative; m may exceed the instruments known here.
        threshold : float
            Correlation from which on, in size, instruments count as one.

        Returns
        -------
        float
            The sum of exposures on the same side of instruments with a correlation of at least `threshold`, and on
            the other side of those with at most ``-threshold``. An instrument whose correlation is not known counts
            with its larger side. Exposures that would gain are not subtracted. NaN where an exposure is.

        """
        return float(
            _cluster(
                place,
                0 if direction > 0.0 else 1,
                sides,
                threshold,
                self._products,
                self._squares,
                self._counts,
                self._observations_min,
            )
        )

    def _grow(self, count: int) -> None:
        known = len(self._counts)
        if count <= known:
            return
        for name in ("_products", "_squares", "_counts"):
            grown = np.zeros((count, count))
            grown[:known, :known] = getattr(self, name)
            setattr(self, name, grown)


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _update(returns: F64, decay: float, products: F64, squares: F64, counts: F64) -> None:
    rows, columns = returns.shape
    for row in range(rows):
        for first in range(columns):
            left = returns[row, first]
            if left != left:  # noqa: PLR0124 (NaN, in compiled code)
                continue
            for second in range(columns):
                right = returns[row, second]
                if right != right:  # noqa: PLR0124
                    continue
                products[first, second] = decay * products[first, second] + left * right
                squares[first, second] = decay * squares[first, second] + left * left
                counts[first, second] += 1.0


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _cluster(
    place: int,
    side: int,
    sides: F64,
    threshold: float,
    products: F64,
    squares: F64,
    counts: F64,
    observations_min: int,
) -> float:
    total = 0.0
    known = counts.shape[0]
    for other in range(sides.shape[1]):
        same, opposite = sides[side, other], sides[1 - side, other]
        if other == place or (same == 0.0 and opposite == 0.0):
            continue
        if same != same or opposite != opposite:  # noqa: PLR0124
            return np.nan
        if place >= known or other >= known or counts[place, other] < observations_min:
            total += max(same, opposite)
            continue
        scale = np.sqrt(squares[place, other] * squares[other, place])
        if scale == 0.0:
            total += max(same, opposite)
            continue
        correlation = products[place, other] / scale
        if correlation >= threshold:
            total += same
        elif correlation <= -threshold:
            total += opposite
    return total
