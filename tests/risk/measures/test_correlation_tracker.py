"""Exponentially weighted correlations: a slow reference, missing returns, clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.measures.correlation import CorrelationTracker

NAN = math.nan


def slow(returns: np.ndarray, decay: float, first: int, second: int) -> float:
    """Return the weighted correlation over the rows in which both are known."""
    both = ~np.isnan(returns[:, [first, second]]).any(axis=1)
    left, right = returns[both, first], returns[both, second]
    weights = decay ** np.arange(len(left))[::-1]
    return float((weights * left * right).sum() / math.sqrt((weights * left**2).sum() * (weights * right**2).sum()))


def tracked(returns: np.ndarray, decay: float = 0.97, observations_min: int = 5) -> CorrelationTracker:
    tracker = CorrelationTracker(decay, observations_min)
    tracker.update(returns)
    return tracker


@given(st.integers(0, 2**32 - 1), st.floats(0.8, 0.999), st.floats(0.0, 0.6))
def test_equals_the_weighted_sums_whatever_is_missing(seed: int, decay: float, missing: float) -> None:
    random = np.random.default_rng(seed)
    returns = random.normal(0.0, 0.01, (80, 3)) @ random.normal(0.0, 1.0, (3, 3))
    returns[random.random(returns.shape) < missing] = np.nan

    matrix = tracked(returns, decay).matrix()

    for first, second in ((0, 1), (0, 2), (1, 2)):
        if (~np.isnan(returns[:, [first, second]]).any(axis=1)).sum() >= 5:
            assert matrix[first, second] == pytest.approx(slow(returns, decay, first, second), abs=1e-9)
        else:
            assert math.isnan(matrix[first, second])
    assert np.nan_to_num(matrix) == pytest.approx(np.nan_to_num(matrix.T))
    assert np.nanmax(np.abs(matrix)) <= 1.0
    assert (np.diag(matrix) == 1.0).all()


def test_perfect_and_inverse_correlation() -> None:
    moves = np.random.default_rng(1).normal(0.0, 0.01, 50)

    matrix = tracked(np.column_stack((moves, 3.0 * moves, -0.5 * moves))).matrix()

    assert matrix[0, 1] == pytest.approx(1.0)
    assert matrix[0, 2] == pytest.approx(-1.0)


def test_rows_at_once_and_one_by_one_are_the_same_to_the_last_bit() -> None:
    returns = np.random.default_rng(9).normal(0.0, 0.01, (40, 3))
    returns[5:9, 1] = np.nan
    singly = CorrelationTracker(0.97, 5)
    for row in returns:
        singly.update(row.reshape(1, -1))

    assert (singly.matrix() == tracked(returns).matrix()).all()


def test_few_observations_and_constant_prices_tell_nothing() -> None:
    moves = np.random.default_rng(1).normal(0.0, 0.01, (4, 2))

    assert math.isnan(tracked(moves).correlation(0, 1))
    assert not math.isnan(tracked(np.vstack((moves, moves))).correlation(0, 1))
    assert math.isnan(tracked(np.column_stack((np.ones(20), np.zeros(20)))).correlation(0, 1))
    assert math.isnan(tracked(moves).correlation(0, 7))


def test_instruments_may_come_later() -> None:
    tracker = CorrelationTracker(0.97, 5)
    random = np.random.default_rng(2)
    tracker.update(random.normal(0.0, 0.01, (10, 1)))
    for move in random.normal(0.0, 0.01, 10):
        tracker.update(np.array([[move, 2.0 * move, NAN]]))

    assert len(tracker) == 3
    assert tracker.correlation(0, 1) == pytest.approx(1.0)
    assert math.isnan(tracker.correlation(0, 2))


def test_a_cluster_counts_what_would_lose_together() -> None:
    moves = np.random.default_rng(3).normal(0.0, 0.01, 200)
    other = np.random.default_rng(4).normal(0.0, 0.01, 200)
    tracker = tracked(np.column_stack((moves, moves, -moves, other)))
    sides = np.array([[100.0, 20.0, 3.0, 0.5], [0.0, 7.0, 40.0, 0.25]])

    assert tracker.cluster(0, 1.0, sides, 0.8) == 20.0 + 40.0  # its longs, and the shorts of its mirror
    assert tracker.cluster(0, -1.0, sides, 0.8) == 7.0 + 3.0
    unknown = np.column_stack((sides, [9.0, 11.0]))
    assert tracker.cluster(0, 1.0, unknown, 0.8) == 20.0 + 40.0 + 11.0  # the larger side of what is not known
    sides[0, 3] = NAN
    assert math.isnan(tracker.cluster(0, 1.0, sides, 0.8))


@pytest.mark.parametrize(("decay", "observations"), [(0.0, 5), (1.0, 5), (NAN, 5), (0.9, 1)])
def test_impossible_settings_are_refused(decay: float, observations: int) -> None:
    with pytest.raises(ValueError, match="must"):
        CorrelationTracker(decay, observations)
