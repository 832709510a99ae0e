"""How much of a Sharpe ratio is left after luck, fat tails and the number of trials are taken off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, variance

EULER_MASCHERONI = 0.5772156649015329
NORMAL = NormalDist()


def probabilistic_sharpe(sharpe: float, benchmark: float, observations: int, skewness: float, kurtosis: float) -> float:
    """
    Return the probability that the true Sharpe ratio is above a benchmark.

    Parameters
    ----------
    sharpe, benchmark : float
        Sharpe ratios per period of the returns (daily for daily returns), not annualised.
    observations : int
        Number of returns.
    skewness, kurtosis : float
        Of the returns; kurtosis is 3 for a normal.

    Returns
    -------
    float
        ``Z((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurt - 1) / 4 SR^2))``; NaN below two returns, with a NaN
        argument, or where the moments make the variance negative.

    References
    ----------
    Bailey and Lopez de Prado (2012), "The Sharpe ratio efficient frontier", Journal of Risk 15(2), eq. 11.

    """
    spread = _estimation_variance(sharpe, skewness, kurtosis)
    if observations < 2 or not spread > 0.0 or math.isnan(benchmark):
        return math.nan
    return NORMAL.cdf((sharpe - benchmark) * math.sqrt(observations - 1) / math.sqrt(spread))


def expected_maximum_sharpe(trials: int, trial_variance: float) -> float:
    """
    Return the Sharpe ratio that the best of so many worthless trials is expected to show.

    Zero for a single trial. `trial_variance` is the variance of the trials' Sharpe ratios, per period.

    References
    ----------
    Bailey and Lopez de Prado (2014), "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), eq. 1.

    """
    if trials < 1:
        raise ValueError(f"trials must be at least 1, was {trials}")
    if trials == 1:
        return 0.0
    likely = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    rare = NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(trial_variance) * ((1.0 - EULER_MASCHERONI) * likely + EULER_MASCHERONI * rare)


def deflated_sharpe(
    sharpe: float, trial_sharpes: Sequence[float], observations: int, skewness: float, kurtosis: float
) -> float:
    """
    Return the probability that a Sharpe ratio is above what the best of that many lucky trials would show.

    Parameters
    ----------
    sharpe : float
        Of the run judged, per period.
    trial_sharpes : sequence of float
        Of every trial made on this strategy and data, this run's included, per period. NaN entries count as a
        trial but not into the variance.
    observations, skewness, kurtosis
        As in `probabilistic_sharpe`.

    Returns
    -------
    float
        The probabilistic Sharpe ratio against `expected_maximum_sharpe`; with one trial that is against zero.

    References
    ----------
    Bailey and Lopez de Prado (2014), "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), eq. 2.

    """
    known = [value for value in trial_sharpes if math.isfinite(value)]
    spread = variance(known) if len(known) > 1 else 0.0
    hurdle = expected_maximum_sharpe(max(len(trial_sharpes), 1), spread)
    return probabilistic_sharpe(sharpe, hurdle, observations, skewness, kurtosis)


def minimum_track_record(
    sharpe: float, benchmark: float, skewness: float, kurtosis: float, confidence: float = 0.95
) -> float:
    """
    Return how many returns are needed to hold, at a confidence, that the true Sharpe ratio is above a benchmark.

    ``1 + (1 - skew SR + (kurt - 1) / 4 SR^2) (Z(confidence) / (SR - SR*))^2``, Sharpe ratios per period. NaN where
    the ratio is not above the benchmark: no length would do.

    References
    ----------
    Bailey and Lopez de Prado (2012), "The Sharpe ratio efficient frontier", Journal of Risk 15(2), eq. 13.

    """
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0.5 and 1, was {confidence}")
    spread = _estimation_variance(sharpe, skewness, kurtosis)
    if not sharpe > benchmark or not spread > 0.0:
        return math.nan
    return 1.0 + spread * (NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def _estimation_variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    return 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
