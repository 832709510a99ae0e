"""Shrunk covariance against scikit-learn, and what shrinking is for."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import sklearn.covariance

from risk.measures.covariance import ledoit_wolf
from risk.measures.value_at_risk import historical


@pytest.mark.parametrize(("rows", "columns"), [(500, 20), (60, 4), (10, 30), (2, 3), (40, 1)])
def test_equals_scikit_learn(rows: int, columns: int) -> None:
    random = np.random.default_rng(rows * columns)
    returns = random.normal(0.001, 0.02, (rows, columns)) @ random.normal(0.0, 1.0, (columns, columns))

    shrunk = ledoit_wolf(returns)

    expected, shrinkage = sklearn.covariance.ledoit_wolf(returns)
    assert shrunk.shrinkage == pytest.approx(shrinkage, rel=1e-9, abs=1e-12)
    assert shrunk.covariance == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_fewer_observations_than_instruments_still_give_a_usable_matrix() -> None:
    returns = np.random.default_rng(1).normal(0.0, 0.02, (10, 30))

    assert np.linalg.eigvalsh(np.cov(returns.T)).min() < 1e-12
    assert np.linalg.eigvalsh(ledoit_wolf(returns).covariance).min() > 1e-6


def test_nan_and_wrong_shapes() -> None:
    returns = np.random.default_rng(1).normal(0.0, 0.02, (10, 3))
    returns[2, 1] = np.nan

    assert np.isnan(ledoit_wolf(returns).covariance).all()
    with pytest.raises(ValueError, match="2-D"):
        ledoit_wolf(np.zeros(3))
    with pytest.raises(ValueError, match="not empty"):
        ledoit_wolf(np.zeros((0, 3)))


def stock_returns(folder: Path) -> tuple[list[str], np.ndarray]:
    with (folder / "stock_prices.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = sorted(set(rows[0]) - {"Date", "SPY"})
    prices = np.array([[float(row[name]) for name in names] for row in rows])
    return names, (prices[1:] / prices[:-1] - 1.0)[-200:]


def test_riskfolios_weights_of_least_shortfall_have_the_least_by_our_definition(shared_data: Path) -> None:
    folder = shared_data / "portfolio" / "riskfolio"
    names, returns = stock_returns(folder)
    with (folder / "Classic_MinRisk.csv").open() as file:
        rows = {row[""]: row for row in csv.DictReader(file)}

    def shortfall(measure: str) -> float:
        weights = np.array([float(rows[name][measure]) for name in names])
        return historical(returns @ weights, 0.95).cvar

    least = shortfall("CVaR")
    others = [measure for measure in rows[names[0]] if measure not in {"", "CVaR"}]
    assert len(others) == 17
    assert all(least <= shortfall(measure) + 1e-9 for measure in others)
    # and no small shift between two stocks makes it less
    base = np.array([float(rows[name]["CVaR"]) for name in names])
    for giver in np.flatnonzero(base > 1e-3):
        for taker in range(len(names)):
            shifted = base.copy()
            shifted[giver] -= 1e-3
            shifted[taker] += 1e-3
            assert historical(returns @ shifted, 0.95).cvar >= least - 1e-8
