"""How large a position should be: a fraction of Kelly's bet, held to a volatility target, and capped."""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated

import msgspec

DAYS_PER_YEAR = 365.0
"""Crypto trades every day."""

KELLY_FRACTION_MAX = 0.25


class SizingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How to size.

    `kelly_fraction` is the share of Kelly's bet that is taken, 0.25 at most: the inputs are estimates, and betting
    twice the true Kelly bet grows nothing. `volatility_target` is the annual standard deviation of returns that one
    position may bring to the account.
    """

    kelly_fraction: Annotated[float, msgspec.Meta(gt=0.0, le=KELLY_FRACTION_MAX)] = KELLY_FRACTION_MAX
    volatility_target: Annotated[float, msgspec.Meta(gt=0.0, le=5.0)] = 0.20


class Bound(Enum):
    """What decided a size."""

    KELLY = "KELLY"
    VOLATILITY = "VOLATILITY"
    RISK_AT_STOP = "RISK_AT_STOP"
    LEVERAGE = "LEVERAGE"
    NO_EDGE = "NO_EDGE"
    NOT_A_NUMBER = "NOT_A_NUMBER"


class Size(msgspec.Struct, frozen=True):
    """A position's notional as a fraction of equity, never negative, and what bound it."""

    fraction: float
    bound: Bound


def kelly_continuous(edge: float, variance: float) -> float:
    """
    Return Kelly's bet for returns that are spread continuously.

    Parameters
    ----------
    edge : float
        Expected return of the position over its holding time, after costs, as a fraction; plus in its own direction.
    variance : float
        Variance of that return over the same time.

    Returns
    -------
    float
        ``edge / variance``, as a multiple of equity; negative for a losing bet, NaN where the variance is not
        positive or an input is NaN.

    References
    ----------
    Thorp (2006), "The Kelly Criterion in Blackjack, Sports Betting, and the Stock Market", section 7.1.

    """
    return edge / variance if variance > 0.0 else math.nan


def kelly_binary(probability: float, payoff: float) -> float:
    """
    Return Kelly's bet for a win or a loss.

    Parameters
    ----------
    probability : float
        Chance of a win, 0 to 1.
    payoff : float
        What a win pays for each unit that a loss costs, such as target distance over stop distance.

    Returns
    -------
    float
        ``p - (1 - p) / b``: the fraction of equity to put at *risk*. Negative for a losing bet, NaN where an input
        is NaN or out of range. Divide by the stop distance to have it as notional.

    References
    ----------
    Kelly (1956), Bell System Technical Journal 35(4), 917-926; for odds other than even, Thorp (2006), section 2.

    """
    if not (0.0 <= probability <= 1.0 and payoff > 0.0):
        return math.nan
    return probability - (1.0 - probability) / payoff


def annual_volatility(bar_volatility: float, bar_seconds: float) -> float:
    """Return the annual standard deviation of returns from that of one bar, years having 365 days; NaN stays NaN."""
    return bar_volatility * math.sqrt(DAYS_PER_YEAR * 86_400.0 / bar_seconds)


def size_position(
    config: SizingConfig,
    *,
    kelly: float | None,
    volatility: float,
    stop_distance: float,
    cost_rate: float,
    risk_max: float,
    leverage_max: float,
) -> Size:
    """
    Return the largest size that every bound allows.

    Parameters
    ----------
    config : SizingConfig
        Kelly fraction and volatility target.
    kelly : float or None
        Kelly's full bet as a multiple of equity; None where the mode has Kelly sizing off.
    volatility : float
        Realised annual standard deviation of the instrument's returns.
    stop_distance : float
        Distance from entry to stop as a fraction of the entry.
    cost_rate : float
        Fees and slippage of entry and exit together, as a fraction of the notional.
    risk_max : float
        What the position may lose at its stop, fraction of equity, the mode's multiplier included.
    leverage_max : float
        What exposure is left to it, multiple of equity, the mode's bound included.

    Returns
    -------
    Size
        The fraction of equity and the bound that was tightest. A NaN, infinite or impossible input gives 0 and
        `Bound.NOT_A_NUMBER`; no positive edge gives 0 and `Bound.NO_EDGE`.

    """
    numbers = (volatility, stop_distance, cost_rate, risk_max, leverage_max, 0.0 if kelly is None else kelly)
    if not (all(map(math.isfinite, numbers)) and volatility > 0.0 and stop_distance > 0.0 and cost_rate >= 0.0):
        return Size(0.0, Bound.NOT_A_NUMBER)
    if kelly is not None and kelly <= 0.0:
        return Size(0.0, Bound.NO_EDGE)

    bounds = [
        (config.volatility_target / volatility, Bound.VOLATILITY),
        (risk_max / (stop_distance + cost_rate), Bound.RISK_AT_STOP),
        (leverage_max, Bound.LEVERAGE),
    ]
    if kelly is not None:
        bounds.append((config.kelly_fraction * kelly, Bound.KELLY))
    fraction, bound = min(bounds, key=lambda pair: pair[0])
    return Size(max(0.0, fraction), bound)
