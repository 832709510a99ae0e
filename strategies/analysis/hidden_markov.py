"""Hidden Markov regimes: how likely each is now, from the observations so far and nothing later."""

# What most libraries call the regime at a time is smoothed, or the best path through all of the data: both use the
# observations that came afterwards, and a backtest on them trades on tomorrow. Only the forward pass is causal.

from __future__ import annotations

import math
from typing import Any

import msgspec
import numba as nb
import numpy as np

from catalog.model import F64

_SUM_TOLERANCE = 1e-6


class HiddenMarkov(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A Markov chain of k regimes, each with independent normal observations; in JSON plain arrays, nothing else.

    Attributes
    ----------
    columns : tuple of str
        What is observed, in order: d names.
    start : tuple of float
        k probabilities of the regime at the first observation.
    transition : tuple of tuple of float
        k rows: probability of each regime after that of the row.
    means, variances : tuple of tuple of float
        k rows of d numbers, in the units of the observations; variances above 0.

    """

    columns: tuple[str, ...]
    start: tuple[float, ...]
    transition: tuple[tuple[float, ...], ...]
    means: tuple[tuple[float, ...], ...]
    variances: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        regimes, width = len(self.start), len(self.columns)
        if not (regimes and width):
            raise ValueError(f"need at least one regime and one column, were {regimes} and {width}")
        for name, rows, columns in (
            ("transition", self.transition, regimes),
            ("means", self.means, width),
            ("variances", self.variances, width),
        ):
            if len(rows) != regimes or any(len(row) != columns for row in rows):
                raise ValueError(f"{name} must be {regimes} rows of {columns}, were {[len(row) for row in rows]}")
        for name, chances in (("start", self.start), *((f"transition row {i}", row) for i, row in self._rows())):
            if not all(0.0 <= chance <= 1.0 for chance in chances) or abs(sum(chances) - 1.0) > _SUM_TOLERANCE:
                raise ValueError(f"{name} must be probabilities that sum to 1, was {list(chances)}")
        if not all(math.isfinite(value) for row in self.means for value in row):
            raise ValueError("means must be finite")
        if not all(0.0 < value < math.inf for row in self.variances for value in row):
            raise ValueError("variances must be finite and above 0")

    def _rows(self) -> list[tuple[int, tuple[float, ...]]]:
        return list(enumerate(self.transition))


class RegimeFilter:
    """
    The forward pass of one series of observations, one at a time.

    An observation with a value that is not finite, or so large that its square is not, gives NaN and leaves no trace.

    Attributes
    ----------
    probabilities : float64[k]
        Of each regime, after the newest observation: one buffer, overwritten by the next `step`; copy it to keep it.
        NaN before the first and after one that is not finite.

    """

    __slots__ = ("_model", "_state", "_width", "probabilities")

    def __init__(self, model: HiddenMarkov) -> None:
        self._width = len(model.columns)
        self._model = _arrays(model)
        self._state = np.zeros(len(model.start) + 2)
        self.probabilities: F64 = np.full(len(model.start), np.nan)

    def step(self, observation: F64) -> F64:
        """
        Take one observation, float64[d], in; return the probabilities of the k regimes, the filter's own buffer.

        Raises
        ------
        ValueError
            If the observation is not d numbers.

        """
        if observation.shape != (self._width,):
            raise ValueError(f"an observation must have shape ({self._width},), was {observation.shape}")
        _advance(*self._model, self._state, observation, self.probabilities)
        return self.probabilities

    @property
    def log_likelihood(self) -> float:
        """Natural logarithm of the density of all observations so far, 0 before the first."""
        return float(self._state[-1])

    def reset(self) -> None:
        """Forget every observation."""
        self._state[:] = 0.0
        self.probabilities[:] = np.nan


def filtered(model: HiddenMarkov, observations: F64) -> tuple[F64, F64]:
    """
    Run the forward pass over a history.

    Parameters
    ----------
    model : HiddenMarkov
        k regimes of d columns.
    observations : float64[n, d]
        Ascending in time. A row with a value that is not finite gives NaN and leaves no trace.

    Returns
    -------
    probabilities : float64[n, k]
        Row i is known with observation i, and equals bit for bit what a `RegimeFilter` gives there.
    log_likelihoods : float64[n]
        Of the observations up to and with each row.

    Raises
    ------
    ValueError
        If the observations do not have d columns.

    References
    ----------
    Rabiner (1989), A Tutorial on Hidden Markov Models, Proc. IEEE 77(2), 257-286, section III.A, with scaling.

    """
    if observations.ndim != 2 or observations.shape[1] != len(model.columns):
        raise ValueError(f"observations must have shape (n, {len(model.columns)}), were {observations.shape}")
    rows = np.ascontiguousarray(observations, dtype=np.float64)
    probabilities = np.empty((len(rows), len(model.start)))
    log_likelihoods = np.empty(len(rows))
    _run(*_arrays(model), np.zeros(len(model.start) + 2), rows, probabilities, log_likelihoods)
    return probabilities, log_likelihoods


def _arrays(model: HiddenMarkov) -> tuple[F64, F64, F64, F64]:
    return (
        np.array(model.start),
        np.array(model.transition).reshape(len(model.start), len(model.start)),
        np.array(model.means),
        np.array(model.variances),
    )


def _compiled(function: Any) -> Any:
    try:
        return nb.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder for the cache can be written
        return nb.njit(error_model="numpy")(function)


@_compiled
def _advance(
    start: F64, transition: F64, means: F64, variances: F64, state: F64, observation: F64, probabilities: F64
) -> None:
    # state: probabilities after the last observation, whether there was one, log likelihood
    regimes = len(start)
    for value in observation:
        if not math.isfinite(value):
            probabilities[:] = math.nan
            return
    largest = -math.inf
    for regime in range(regimes):
        weight = start[regime]
        if state[regimes] > 0.0:
            weight = 0.0
            for before in range(regimes):
                weight += state[before] * transition[before, regime]
        log_density = math.log(weight) if weight > 0.0 else -math.inf
        for column in range(len(observation)):
            variance = variances[regime, column]
            distance = observation[column] - means[regime, column]
            log_density -= 0.5 * (math.log(2.0 * math.pi * variance) + distance * distance / variance)
        probabilities[regime] = log_density
        largest = max(largest, log_density)
    if largest == -math.inf:  # so far out that its square is no number any more
        probabilities[:] = math.nan
        return
    whole = 0.0
    for regime in range(regimes):
        # relative to the likeliest, so that an observation far from every regime still tells them apart
        probabilities[regime] = math.exp(probabilities[regime] - largest)
        whole += probabilities[regime]
    for regime in range(regimes):
        probabilities[regime] /= whole
        state[regime] = probabilities[regime]
    state[regimes] = 1.0
    state[regimes + 1] += largest + math.log(whole)


@_compiled
def _run(
    start: F64,
    transition: F64,
    means: F64,
    variances: F64,
    state: F64,
    observations: F64,
    probabilities: F64,
    log_likelihoods: F64,
) -> None:
    for row in range(len(observations)):
        _advance(start, transition, means, variances, state, observations[row], probabilities[row])
        log_likelihoods[row] = state[len(start) + 1]
