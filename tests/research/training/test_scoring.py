"""Scores equal scikit-learn's, and what can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from research.training.metrics import auc, score


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 200), decimals=st.sampled_from([1, 2, 12]))
def test_scores_equal_scikit_learn(seed: int, count: int, decimals: int) -> None:
    random = np.random.default_rng(seed)
    rises = (random.random(count) < 0.4).astype(np.float64)
    rises[:2] = [0.0, 1.0]
    probability = np.round(random.random(count), decimals)  # few decimals make ties
    found = score(probability, rises, np.full(count, 0.4))

    assert found["auc"] == pytest.approx(reference.roc_auc_score(rises, probability), rel=1e-12)
    assert found["brier"] == pytest.approx(reference.brier_score_loss(rises, probability), rel=1e-12)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(rises, probability > 0.5))
    clipped = np.clip(probability, 1e-15, 1 - 1e-15)
    assert found["logloss"] == pytest.approx(reference.log_loss(rises, clipped), rel=1e-9)
    assert found["logloss_base"] == pytest.approx(reference.log_loss(rises, np.full(count, 0.4)), rel=1e-9)
    assert (found["base_rate"], found["rows"]) == (rises.mean(), count)


def test_auc_by_hand() -> None:
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.75
    assert auc(np.full(4, 0.5), np.array([0.0, 0.0, 1.0, 1.0])) == 0.5


def test_auc_of_rows_that_are_all_alike_is_unknown() -> None:
    assert math.isnan(auc(np.array([0.1, 0.9]), np.ones(2)))


def test_a_certain_and_wrong_forecast_costs_much_but_not_infinity() -> None:
    assert 30 < score(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.full(2, 0.5))["logloss"] < 40


def test_refuses_nothing_to_score() -> None:
    with pytest.raises(ValueError, match="equal 1-D shapes"):
        score(np.zeros(0), np.zeros(0), np.zeros(0))
