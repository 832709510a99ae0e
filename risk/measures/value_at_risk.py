"""Value at risk and expected shortfall of a series of returns: historical, normal, and filtered historical."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numba import njit

from catalog.model import F64

VOLATILITY_FLOOR = 0.1
"""A filter's volatility is never taken below this share of the sample's: a still hour would blow up the next move."""


class Figures(NamedTuple):
    """Value at risk and expected shortfall (CVaR): losses, so plus is bad; both NaN where an input is."""

    var: float
    cvar: float


UNKNOWN = Figures(math.nan, math.nan)


def historical(returns: F64, confidence: float) -> Figures:
    """
    Return value at risk and expected shortfall of past returns, as they were.

    Parameters
    ----------
    returns : float64[n]
        Returns (or profits) of one period each, in any order; n at least 1.
    confidence : float
        Between 0.5 and 1, such as 0.99.

    Returns
    -------
    Figures
        In the unit of `returns`. The value at risk is minus the ``1 - confidence`` quantile, interpolated between
        order statistics (definition 7 of Hyndman and Fan); the shortfall is minus the mean of the
        ``floor((n - 1) * (1 - confidence)) + 1`` worst returns, so it is never the smaller of the two. Both are NaN
        where a return is NaN, and negative where even the tail is a gain.

    Raises
    ------
    ValueError
        If `returns` is empty or not 1-D, or the confidence out of range.

    References
    ----------
    Jorion (2006), "Value at Risk", 3rd ed., chapter 10. Acerbi and Tasche (2002), Journal of Banking & Finance 26(7),
    1487-1503: the mean of the worst cases is coherent, the quantile is not.

    """
    tail_share = _tail_share(confidence)
    if returns.ndim != 1 or len(returns) < 1:
        raise ValueError(f"returns must be a 1-D array of at least one, had shape {returns.shape}")
    return Figures(*tail_loss(np.ascontiguousarray(returns, dtype=np.float64), tail_share))


def parametric(weights: F64, covariance: F64, confidence: float) -> Figures:
    """
    Return value at risk and expected shortfall of a portfolio whose returns are normal with mean 0.

    Parameters
    ----------
    weights : float64[k]
        Signed notionals, or fractions of equity.
    covariance : float64[k, k]
        Of one period's returns; `risk.measures.covariance.ledoit_wolf` gives one that is safe to use.
    confidence : float
        Between 0.5 and 1.

    Returns
    -------
    Figures
        In the unit of `weights`: ``z * sd`` and ``pdf(z) / (1 - confidence) * sd``. NaN where an input is NaN.

    Raises
    ------
    ValueError
        If shapes don't fit or the confidence is out of range.

    References
    ----------
    RiskMetrics Technical Document (1996), 4th ed., J.P. Morgan/Reuters, section 1.2. McNeil, Frey and Embrechts
    (2015), "Quantitative Risk Management", example 2.14, for the shortfall.

    """
    if weights.ndim != 1 or covariance.shape != (len(weights), len(weights)):
        raise ValueError(f"need weights [k] and covariance [k, k], had {weights.shape} and {covariance.shape}")
    of_var, of_cvar = normal_multiples(confidence)
    variance = float(weights @ covariance @ weights)
    if math.isnan(variance):
        return UNKNOWN
    deviation = math.sqrt(max(0.0, variance))
    return Figures(of_var * deviation, of_cvar * deviation)


def filtered(returns: F64, confidence: float, decay: float = 0.94) -> Figures:
    """
    Return value at risk and expected shortfall of past returns brought to the present volatility.

    Parameters
    ----------
    returns : float64[n]
        Returns of one period each, the oldest first; n at least 1.
    confidence : float
        Between 0.5 and 1.
    decay : float
        Weight of the past in the volatility filter, above 0 and below 1.

    Returns
    -------
    Figures
        As `historical` gives them for ``filter_returns(returns)``. NaN where all returns are NaN.

    Raises
    ------
    ValueError
        As `historical` and `filter_returns`.

    References
    ----------
    Barone-Adesi, Giannopoulos and Vosper (1999), Journal of Futures Markets 19(5), 583-602. Hull and White (1998),
    Journal of Risk 1(1), 5-19, whose scaling this is.

    """
    return historical(filter_returns(returns.reshape(-1, 1), decay)[:, 0], confidence)


def filter_returns(returns: F64, decay: float) -> F64:
    """
    Scale each past return by volatility now over volatility then.

    Parameters
    ----------
    returns : float64[n, k]
        A column an instrument, the oldest row first. NaN marks a missing return.
    decay : float
        Weight of the past, above 0 and below 1: ``v[t+1] = decay * v[t] + (1 - decay) * r[t]**2``.

    Returns
    -------
    float64[n, k]
        ``r[t] * sd[n] / sd[t]``, where ``sd[t]`` was forecast from the returns before `t` and ``sd[n]`` is the
        forecast for the period after the last row. The filter starts from the mean square of its column, passes over
        missing returns, which stay NaN, and never falls below `VOLATILITY_FLOOR` of that start.

    Raises
    ------
    ValueError
        If `returns` is not 2-D or the decay out of range.

    References
    ----------
    Hull and White (1998), Journal of Risk 1(1), 5-19, equation 2, with the variance of RiskMetrics (1996).

    """
    if returns.ndim != 2:
        raise ValueError(f"returns must be 2-D, had shape {returns.shape}")
    if not 0.0 < decay < 1.0:
        raise ValueError(f"decay must lie between 0 and 1, was {decay}")
    return np.asarray(_filter(np.asarray(returns, dtype=np.float64), decay, VOLATILITY_FLOOR))


def normal_multiples(confidence: float) -> tuple[float, float]:
    """Return how many standard deviations of a normal loss value at risk and expected shortfall are."""
    tail_share = _tail_share(confidence)
    normal = NormalDist()
    quantile = normal.inv_cdf(confidence)
    return quantile, normal.pdf(quantile) / tail_share


def _tail_share(confidence: float) -> float:
    if not 0.5 <= confidence < 1.0:
        raise ValueError(f"confidence must be at least 0.5 and below 1, was {confidence}")
    return 1.0 - confidence


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def tail_loss(returns: F64, tail_share: float) -> tuple[float, float]:
    """Return quantile loss and mean tail loss of unchecked input; see `historical`."""
    count = returns.shape[0]
    place = (count - 1) * tail_share
    whole = int(place + 1e-9)  # 1 - 0.9 is a little below 0.1: an exact place must not fall to the one below
    kept = min(whole + 2, count)
    worst = np.empty(kept)
    filled = 0
    for index in range(count):
        value = returns[index]
        if value != value:  # noqa: PLR0124 (NaN, in compiled code)
            return np.nan, np.nan
        if filled == kept and value >= worst[kept - 1]:
            continue
        if filled < kept:
            filled += 1
        slot = filled - 1
        while slot > 0 and worst[slot - 1] > value:
            worst[slot] = worst[slot - 1]
            slot -= 1
        worst[slot] = value
    quantile = worst[whole]
    if whole + 1 < kept:
        quantile += max(0.0, place - whole) * (worst[whole + 1] - worst[whole])
    total = 0.0
    for index in range(whole + 1):
        total += worst[index]
    # a mean of equal numbers may round past them
    return -quantile, max(-total / (whole + 1), -quantile)


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _filter(returns: F64, decay: float, floor: float) -> F64:
    rows, columns = returns.shape
    out = np.full((rows, columns), np.nan)
    forecast = np.empty(rows)
    for column in range(columns):
        total = 0.0
        known = 0
        for row in range(rows):
            value = returns[row, column]
            if value == value:  # noqa: PLR0124
                total += value * value
                known += 1
        if known == 0:
            continue
        start = total / known
        least = start * floor * floor
        variance = start
        for row in range(rows):
            value = returns[row, column]
            forecast[row] = variance
            if value == value:  # noqa: PLR0124
                variance = max(least, decay * variance + (1.0 - decay) * value * value)
        for row in range(rows):
            value = returns[row, column]
            if start > 0.0:
                out[row, column] = value * np.sqrt(variance / forecast[row])
            else:
                out[row, column] = value
    return out
