"""Judge value-at-risk forecasts by how often, and how bunched, losses went beyond them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type Hits = npt.NDArray[np.bool_]


class LikelihoodRatio(NamedTuple):
    """A test statistic and the chance of one at least as large if the forecasts are right."""

    statistic: float
    p_value: float


class Coverage(NamedTuple):
    """All three tests of one series of hits, and the counts they rest on."""

    hits: int
    observations: int
    unconditional: LikelihoodRatio
    independence: LikelihoodRatio
    conditional: LikelihoodRatio


def kupiec(hits: int, observations: int, confidence: float) -> LikelihoodRatio:
    """
    Test whether losses beyond the value at risk came as often as they should (proportion of failures).

    Parameters
    ----------
    hits : int
        Periods whose loss was beyond the forecast.
    observations : int
        Periods forecast, at least 1.
    confidence : float
        Of the forecasts, between 0 and 1: 0.99 expects a hit in a hundred.

    Returns
    -------
    LikelihoodRatio
        Chi-squared with one degree of freedom where the forecasts are right. Too few hits count against them as
        well; no hit and only hits are ordinary outcomes.

    Raises
    ------
    ValueError
        If counts or confidence are out of range.

    References
    ----------
    Kupiec (1995), "Techniques for Verifying the Accuracy of Risk Measurement Models", Journal of Derivatives 3(2),
    73-84.

    """
    if not (0 <= hits <= observations and observations >= 1):
        raise ValueError(f"need 0 <= hits <= observations and one at least, were {hits} and {observations}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, was {confidence}")
    expected = 1.0 - confidence
    misses = observations - hits
    told = _log_likelihood(hits, misses, expected)
    seen = _log_likelihood(hits, misses, hits / observations)
    return _ratio(told, seen, degrees=1)


def christoffersen(hits: Hits, confidence: float) -> Coverage:
    """
    Test whether losses beyond the value at risk came as often as they should, and independently of each other.

    Parameters
    ----------
    hits : bool[n]
        Whether each period's loss was beyond its forecast, in order of time; n at least 2.
    confidence : float
        Of the forecasts, between 0 and 1.

    Returns
    -------
    Coverage
        `independence` (one degree of freedom) against a first-order Markov chain; `conditional` (two) is its sum with
        the coverage of the periods that have a predecessor, as published; `unconditional` is Kupiec's over all
        periods. Without a hit, or with hits alone, there is nothing to bunch: independence is 0.

    Raises
    ------
    ValueError
        If there are fewer than two periods or the confidence is out of range.

    References
    ----------
    Christoffersen (1998), "Evaluating Interval Forecasts", International Economic Review 39(4), 841-862.

    """
    if hits.ndim != 1 or len(hits) < 2:
        raise ValueError(f"hits must be a 1-D array of at least two, had shape {hits.shape}")
    flags = hits.astype(bool)
    unconditional = kupiec(int(flags.sum()), len(flags), confidence)
    before, after = flags[:-1], flags[1:]
    calm_calm = int(np.sum(~before & ~after))
    calm_hit = int(np.sum(~before & after))
    hit_calm = int(np.sum(before & ~after))
    hit_hit = int(np.sum(before & after))

    hit, calm = calm_hit + hit_hit, calm_calm + hit_calm
    alone = _log_likelihood(hit, calm, hit / (hit + calm))
    chain = _log_likelihood(calm_hit, calm_calm, _share(calm_hit, calm_calm))
    chain += _log_likelihood(hit_hit, hit_calm, _share(hit_hit, hit_calm))
    told = _log_likelihood(hit, calm, 1.0 - confidence)
    return Coverage(
        hits=int(flags.sum()),
        observations=len(flags),
        unconditional=unconditional,
        independence=_ratio(alone, chain, degrees=1),
        conditional=_ratio(told, chain, degrees=2),
    )


def _share(hits: int, misses: int) -> float:
    return hits / (hits + misses) if hits + misses else 0.0


def _log_likelihood(hits: int, misses: int, chance: float) -> float:
    """Return the log-likelihood of a sequence of hits and misses; an outcome that did not happen costs nothing."""
    total = 0.0
    if hits:
        total += hits * math.log(chance)
    if misses:
        total += misses * math.log1p(-chance)
    return total


def _ratio(restricted: float, free: float, degrees: int) -> LikelihoodRatio:
    statistic = max(0.0, -2.0 * (restricted - free))
    # the survival function of chi-squared, in closed form for one and two degrees of freedom
    p_value = math.erfc(math.sqrt(0.5 * statistic)) if degrees == 1 else math.exp(-0.5 * statistic)
    return LikelihoodRatio(statistic, p_value)
