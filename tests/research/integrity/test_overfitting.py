"""Deflated and probabilistic Sharpe ratios against the examples of the papers that define them."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.integrity.overfitting import (
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
)

# Bailey and Lopez de Prado (2014), "A numerical example": an annualised Sharpe ratio of 2.5 over 1,250 days (250 a
# year), the variance of the trials' annualised ratios 1/2, skewness -3, kurtosis 10
DAYS = 250
DAILY = 2.5 / math.sqrt(DAYS)
TRIAL_VARIANCE = 0.5 / DAYS


def test_hurdle_of_a_hundred_trials_is_the_published_one() -> None:
    assert expected_maximum_sharpe(100, TRIAL_VARIANCE) == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(("trials", "published"), [(100, 0.9004), (46, 0.9505)])
def test_deflated_ratio_is_the_published_one(trials: int, published: float) -> None:
    hurdle = expected_maximum_sharpe(trials, TRIAL_VARIANCE)
    assert probabilistic_sharpe(DAILY, hurdle, 1250, -3.0, 10.0) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize(("skewness", "kurtosis", "published"), [(-2.448, 10.164, 0.913), (0.0, 3.0, 0.982)])
def test_probabilistic_ratio_is_the_published_one(skewness: float, kurtosis: float, published: float) -> None:
    # Bailey and Lopez de Prado (2012): 24 monthly returns with a ratio of 0.458
    assert probabilistic_sharpe(0.458, 0.0, 24, skewness, kurtosis) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(("periods", "years"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_track_record_of_normal_returns_is_the_published_one(periods: int, years: float) -> None:
    # Bailey and Lopez de Prado (2012): how long an annualised ratio of 2 must be seen to be above 1 at 95 %
    scale = math.sqrt(periods)
    needed = minimum_track_record(2.0 / scale, 1.0 / scale, 0.0, 3.0)
    assert needed / periods == pytest.approx(years, abs=0.006)


def test_single_trial_is_deflated_against_zero() -> None:
    assert deflated_sharpe(0.1, [0.1], 500, 0.0, 3.0) == probabilistic_sharpe(0.1, 0.0, 500, 0.0, 3.0)


def test_trials_without_a_ratio_count_but_do_not_spread() -> None:
    with_broken = deflated_sharpe(0.1, [0.1, 0.05, math.nan], 500, 0.0, 3.0)
    hurdle = expected_maximum_sharpe(3, variance([0.1, 0.05]))
    assert with_broken == probabilistic_sharpe(0.1, hurdle, 500, 0.0, 3.0)


def test_more_trials_raise_the_hurdle() -> None:
    hurdles = [expected_maximum_sharpe(trials, 0.01) for trials in range(2, 200)]
    assert all(low < high for low, high in pairwise([0.0, *hurdles]))


def test_track_record_ends_where_the_probability_is_reached() -> None:
    needed = minimum_track_record(0.1, 0.02, -0.5, 6.0, confidence=0.9)
    assert probabilistic_sharpe(0.1, 0.02, math.ceil(needed), -0.5, 6.0) >= 0.9
    assert probabilistic_sharpe(0.1, 0.02, math.floor(needed), -0.5, 6.0) < 0.9


def test_undefined_inputs_give_no_number() -> None:
    assert math.isnan(probabilistic_sharpe(0.1, 0.0, 1, 0.0, 3.0))
    assert math.isnan(probabilistic_sharpe(math.nan, 0.0, 100, 0.0, 3.0))
    assert math.isnan(probabilistic_sharpe(1.0, 0.0, 100, 5.0, 3.0))
    assert math.isnan(minimum_track_record(0.05, 0.05, 0.0, 3.0))


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="trials must be at least 1, was 0"):
        expected_maximum_sharpe(0, 0.1)
    with pytest.raises(ValueError, match="confidence"):
        minimum_track_record(0.1, 0.0, 0.0, 3.0, confidence=1.0)


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(2, 5000))
def test_probability_falls_with_the_benchmark(sharpe: float, benchmark: float, observations: int) -> None:
    low = probabilistic_sharpe(sharpe, benchmark, observations, 0.0, 3.0)
    assert 0.0 <= probabilistic_sharpe(sharpe, benchmark + 0.1, observations, 0.0, 3.0) <= low <= 1.0
