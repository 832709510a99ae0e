"""Value at risk and shortfall: definitions by hand, published properties, ugly inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from risk.measures.value_at_risk import VOLATILITY_FLOOR, filter_returns, filtered, historical, parametric

returns_of = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=120).map(np.array)
confidences = st.floats(0.5, 0.995)


def test_a_hundred_and_one_returns_put_the_quantile_on_an_order_statistic() -> None:
    returns = np.random.default_rng(3).permutation(np.arange(-50, 51) / 100.0)

    figures = historical(returns, 0.95)

    assert figures.var == pytest.approx(0.45)  # the sixth worst
    assert figures.cvar == pytest.approx(np.mean([0.50, 0.49, 0.48, 0.47, 0.46, 0.45]))


@given(returns_of, confidences)
def test_the_quantile_is_numpys_and_the_shortfall_the_mean_of_the_tail(returns: np.ndarray, confidence: float) -> None:
    figures = historical(returns, confidence)

    place = (len(returns) - 1) * (1.0 - confidence)
    assert figures.var == pytest.approx(-np.quantile(returns, 1.0 - confidence), abs=1e-12)
    if abs(place - round(place)) > 1e-6:
        worst = np.sort(returns)[: math.floor(place) + 1]
        assert figures.cvar == pytest.approx(-worst.mean(), abs=1e-12)


@given(returns_of, confidences, st.floats(0.0, 0.3))
def test_more_confidence_never_shows_less_and_the_shortfall_is_never_smaller(
    returns: np.ndarray, confidence: float, more: float
) -> None:
    lower, higher = historical(returns, confidence), historical(returns, min(0.999, confidence + more))

    assert higher.var >= lower.var - 1e-15
    assert higher.cvar >= lower.cvar - 1e-15
    assert lower.cvar >= lower.var


@given(returns_of, confidences, st.floats(0.01, 100.0), st.floats(-1.0, 1.0))
def test_figures_scale_with_size_and_shift_with_certain_cash(
    returns: np.ndarray, confidence: float, size: float, cash: float
) -> None:
    plain, changed = historical(returns, confidence), historical(size * returns + cash, confidence)

    assert changed.var == pytest.approx(size * plain.var - cash, abs=1e-9)
    assert changed.cvar == pytest.approx(size * plain.cvar - cash, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(2, 200), confidences)
def test_the_shortfall_of_a_sum_is_at_most_the_sum_of_shortfalls(seed: int, count: int, confidence: float) -> None:
    random = np.random.default_rng(seed)
    first = random.standard_t(3, count) * 0.02
    second = random.standard_t(3, count) * 0.02 + random.uniform(-1, 1) * first

    whole = historical(first + second, confidence).cvar

    assert whole <= historical(first, confidence).cvar + historical(second, confidence).cvar + 1e-12


def test_the_quantile_alone_is_not_subadditive() -> None:
    # two bonds that each default once in a hundred, never together: each alone shows no loss at 99 %
    first, second = np.zeros(200), np.zeros(200)
    first[:2] = -1.0
    second[2:4] = -1.0

    assert historical(first + second, 0.985).var > historical(first, 0.985).var + historical(second, 0.985).var


def test_parametric_figures_are_those_of_the_normal_distribution() -> None:
    weights, covariance = np.array([3.0, -2.0]), np.array([[0.04, 0.01], [0.01, 0.09]])
    deviation = math.sqrt(9 * 0.04 - 12 * 0.01 + 4 * 0.09)

    figures = parametric(weights, covariance, 0.99)

    assert figures.var == pytest.approx(stats.norm.ppf(0.99) * deviation)
    tail = stats.norm.expect(lambda loss: loss, lb=stats.norm.ppf(0.99), conditional=True)
    assert figures.cvar == pytest.approx(tail * deviation, rel=1e-6)


def test_the_filter_brings_past_returns_to_the_present_volatility() -> None:
    # by hand, in a plain loop
    returns, decay = np.random.default_rng(5).normal(0.0, 0.01, 60), 0.9
    returns[30:] *= 3.0
    variance = start = np.mean(returns**2)
    forecasts = []
    for value in returns:
        forecasts.append(variance)
        variance = max(start * VOLATILITY_FLOOR**2, decay * variance + (1 - decay) * value**2)
    expected = returns * np.sqrt(variance / np.array(forecasts))

    assert filter_returns(returns.reshape(-1, 1), decay)[:, 0] == pytest.approx(expected, rel=1e-12)
    assert filtered(returns, 0.99, decay) == pytest.approx(historical(expected, 0.99))


def test_after_a_storm_the_filtered_figure_is_larger_than_the_historical_one_and_after_calm_smaller() -> None:
    random = np.random.default_rng(6)
    calm, storm = random.normal(0.0, 0.005, 400), random.normal(0.0, 0.03, 100)

    assert filtered(np.r_[calm, storm], 0.99).var > historical(np.r_[calm, storm], 0.99).var
    assert filtered(np.r_[storm, calm], 0.99).var < 0.5 * historical(np.r_[storm, calm], 0.99).var


def test_the_filter_passes_over_missing_returns() -> None:
    returns = np.random.default_rng(7).normal(0.0, 0.01, (50, 1))
    gapped = np.insert(returns, 20, np.nan, axis=0)

    scaled = filter_returns(gapped, 0.94)

    assert np.isnan(scaled[20, 0])
    assert np.delete(scaled, 20, axis=0) == pytest.approx(filter_returns(returns, 0.94), rel=1e-12)


def test_a_price_that_never_moves_is_no_fault() -> None:
    assert filter_returns(np.zeros((5, 1)), 0.94) == pytest.approx(np.zeros((5, 1)))
    assert np.isnan(filter_returns(np.full((5, 1), np.nan), 0.94)).all()
    assert historical(np.zeros(5), 0.99) == (0.0, 0.0)


def test_a_still_stretch_does_not_blow_up_the_next_move() -> None:
    returns = np.r_[np.full(50, 0.01), np.zeros(400), np.full(50, 0.01)].reshape(-1, 1)

    assert np.abs(filter_returns(returns, 0.9)).max() <= 0.01 / VOLATILITY_FLOOR * 3.2


@pytest.mark.parametrize("place", [0, 3, 9])
def test_nan_in_gives_nan_out(place: int) -> None:
    returns = np.linspace(-0.1, 0.1, 10)
    returns[place] = np.nan

    assert all(map(math.isnan, historical(returns, 0.9)))
    assert all(map(math.isnan, parametric(np.array([1.0, np.nan]), np.eye(2), 0.9)))
    assert all(map(math.isnan, parametric(np.ones(2), np.full((2, 2), np.nan), 0.9)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: historical(np.zeros(0), 0.99),
        lambda: historical(np.zeros((2, 2)), 0.99),
        lambda: historical(np.zeros(5), 1.0),
        lambda: historical(np.zeros(5), math.nan),
        lambda: historical(np.zeros(5), 0.4),
        lambda: parametric(np.ones(2), np.eye(3), 0.99),
        lambda: filter_returns(np.zeros((5, 1)), 1.0),
        lambda: filter_returns(np.zeros(5), 0.9),
    ],
)
def test_wrong_shapes_and_ranges_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"must|need"):
        call()  # type: ignore[operator]
