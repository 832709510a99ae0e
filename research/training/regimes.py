"""Fit the parameters of regime models to a history; the models themselves are in `strategies`."""

from __future__ import annotations

from typing import Any

import numpy as np

from catalog.model import F64
from errors import PreconditionError
from strategies.analysis.hidden_markov import HiddenMarkov

_ITERATIONS = 200
_VARIANCE_MIN = 1e-12
_HELD = 1e12


def fit_hidden_markov(
    observations: F64, columns: tuple[str, ...], regimes: int, *, seed: int, restarts: int = 5
) -> HiddenMarkov:
    """
    Fit a hidden Markov model with independent normal observations by expectation maximisation.

    Parameters
    ----------
    observations : float64[n, d]
        Ascending in time, all finite: the training part of a history and nothing later.
    columns : tuple of str
        Names of the d columns.
    regimes : int
        Number of regimes, at least 1.
    seed : int
        Of the first guesses; the same seed gives the same model.
    restarts : int
        First guesses tried; the one that ends with the greatest likelihood is kept.

    Returns
    -------
    HiddenMarkov
        Its regimes ordered by the variance of the first column, the calmest first, so that a number keeps its meaning
        from one fit to the next.

    Raises
    ------
    PreconditionError
        If hmmlearn is not installed, no attempt succeeds, or there are fewer than 10 observations a regime.
    ValueError
        If the shape does not fit, or an observation is not finite.

    """
    rows = _checked(observations, len(columns), regimes)
    best = _best([_model(regimes, seed + attempt) for attempt in range(restarts)], rows)
    return _ordered(best, columns)


def fit_markov_volatility(returns: F64, *, seed: int, restarts: int = 5) -> dict[str, float]:
    """
    Fit the parameters of the feature `markov_volatility`: two deviations around a mean of 0, and how long each lasts.

    Parameters
    ----------
    returns : float64[n]
        Log returns, ascending in time, all finite.
    seed, restarts : int
        As in `fit_hidden_markov`.

    Returns
    -------
    dict
        ``calm``, ``turbulent`` (deviation of a bar's log return), ``calm_stays``, ``turbulent_stays``: what a
        `FeatureSpec` takes.

    Raises
    ------
    PreconditionError, ValueError
        As `fit_hidden_markov`.

    """
    rows = _checked(returns.reshape(-1, 1), 1, 2)
    random = np.random.default_rng(seed)
    attempts = []
    for attempt in range(restarts):
        # means held at 0 by a prior: hmmlearn counts a regime's observations only where it fits means
        model = _model(2, seed + attempt, init_params="s", means_prior=0.0, means_weight=_HELD)
        model.means_ = np.zeros((2, 1))
        model.transmat_ = np.array([[0.95, 0.05], [0.05, 0.95]])
        spread = float(np.mean(rows**2)) * np.sort(random.uniform(0.1, 4.0, 2))
        model.covars_ = np.maximum(spread, _VARIANCE_MIN).reshape(2, 1)
        attempts.append(model)
    fitted = _ordered(_best(attempts, rows), ("return",))
    return {
        "calm": float(np.sqrt(fitted.variances[0][0])),
        "turbulent": float(np.sqrt(fitted.variances[1][0])),
        "calm_stays": fitted.transition[0][0],
        "turbulent_stays": fitted.transition[1][1],
    }


def _checked(observations: F64, width: int, regimes: int) -> F64:
    if observations.ndim != 2 or observations.shape[1] != width:
        raise ValueError(f"observations must have shape (n, {width}), were {observations.shape}")
    if regimes < 1:
        raise ValueError(f"regimes must be at least 1, were {regimes}")
    if not np.isfinite(observations).all():
        raise ValueError("observations must be finite; leave out the rows that are not warm")
    if len(observations) < 10 * regimes:
        raise PreconditionError(
            f"{regimes} regimes need at least {10 * regimes} observations, were {len(observations)}"
        )
    return np.ascontiguousarray(observations, dtype=np.float64)


def _model(regimes: int, seed: int, **more: Any) -> Any:
    try:
        from hmmlearn.hmm import GaussianHMM  # type: ignore[import-untyped]  # ships no types
    except ImportError as error:
        raise PreconditionError("fitting regimes needs hmmlearn, which is not installed") from error
    # its priors on means and variances would pull the fit away from what the data say, more so for small returns
    return GaussianHMM(
        regimes,
        covariance_type="diag",
        min_covar=_VARIANCE_MIN,
        covars_prior=_VARIANCE_MIN,
        covars_weight=1.0,
        n_iter=_ITERATIONS,
        random_state=seed,
        **more,
    )


def _best(attempts: list[Any], rows: F64) -> Any:
    fitted = []
    for model in attempts:
        try:
            score = float(model.fit(rows).score(rows))
        except ValueError:  # a regime that no observation belongs to any more
            continue
        if np.isfinite(score):
            fitted.append((score, model))
    if not fitted:
        raise PreconditionError(f"none of {len(attempts)} fits succeeded; fewer regimes may fit")
    return max(fitted, key=lambda pair: pair[0])[1]


def _ordered(model: Any, columns: tuple[str, ...]) -> HiddenMarkov:
    variances = np.array([np.diag(covariance) for covariance in model.covars_])
    order = np.argsort(variances[:, 0], kind="stable")
    transition = model.transmat_[np.ix_(order, order)]
    return HiddenMarkov(
        columns=columns,
        start=_chances(model.startprob_[order]),
        transition=tuple(_chances(row) for row in transition),
        means=tuple(tuple(row) for row in model.means_[order].tolist()),
        variances=tuple(tuple(row) for row in variances[order].tolist()),
    )


def _chances(row: F64) -> tuple[float, ...]:
    return tuple((np.clip(row, 0.0, 1.0) / row.sum()).tolist())
