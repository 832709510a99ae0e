"""Planted regimes come back from the fit, in a fixed order, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from errors import PreconditionError
from research.training.regimes import fit_hidden_markov, fit_markov_volatility
from strategies.analysis.hidden_markov import filtered
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec


def planted(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    stays, states = (0.98, 0.95), [0]
    while len(states) < rows:
        states.append(states[-1] if random.random() < stays[states[-1]] else 1 - states[-1])
    deviation = np.where(states, 0.02, 0.005)
    return random.normal(0.0, deviation), np.array(states)


def test_a_hidden_markov_model_is_found_again() -> None:
    returns, states = planted(8_000, 1)
    observations = np.column_stack((returns, states + np.random.default_rng(2).normal(0.0, 0.7, len(states))))

    model = fit_hidden_markov(observations[:6_000], ("return", "activity"), 2, seed=3, restarts=2)

    assert np.sqrt(np.array(model.variances)) == pytest.approx(np.array([[0.005, 0.7], [0.02, 0.7]]), rel=0.1)
    assert [model.transition[0][0], model.transition[1][1]] == pytest.approx([0.98, 0.95], abs=0.01)
    assert [row[1] for row in model.means] == pytest.approx([0.0, 1.0], abs=0.1)
    # on the part it was not fitted on, filtered without later bars
    told = filtered(model, observations[6_000:])[0].argmax(axis=1)
    assert (told == states[6_000:]).mean() > 0.95


def test_the_same_seed_gives_the_same_model() -> None:
    observations = planted(500, 4)[0][:, None]

    fits = [fit_hidden_markov(observations, ("return",), 2, seed=5, restarts=2) for _ in range(2)]

    assert fits[0] == fits[1]


def test_switching_volatility_is_found_again_and_taken_by_the_feature() -> None:
    returns, _ = planted(8_000, 6)

    params = fit_markov_volatility(returns, seed=7, restarts=2)

    assert params["calm"] == pytest.approx(0.005, rel=0.05)
    assert params["turbulent"] == pytest.approx(0.02, rel=0.05)
    assert params["calm_stays"] == pytest.approx(0.98, abs=0.01)
    assert params["turbulent_stays"] == pytest.approx(0.95, abs=0.015)
    FeatureSet([FeatureSpec("markov_volatility", params)])


def test_too_little_to_fit_is_refused() -> None:
    with pytest.raises(PreconditionError, match="3 regimes need at least 30 observations, were 29"):
        fit_hidden_markov(np.zeros((29, 1)), ("return",), 3, seed=1)
    with pytest.raises(ValueError, match="must be finite"):
        fit_hidden_markov(np.full((99, 1), np.nan), ("return",), 3, seed=1)
    with pytest.raises(ValueError, match=r"shape \(n, 1\)"):
        fit_hidden_markov(np.zeros((99, 2)), ("return",), 3, seed=1)
