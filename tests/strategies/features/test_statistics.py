"""Rolling statistics equal what Stock Indicators, TA-Lib, Tulip, pandas and SciPy compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib
from generated_bars import from_close, walk
from published import assert_same, stock_indicator_bars, stock_indicators, ta_lib_bars, tulip_cases
from scipy import stats  # type: ignore[import-untyped]

from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

STOCK_INDICATORS = [
    ("stdev", FeatureSpec("stdev"), {"stdDev": "deviation", "mean": "mean"}),
    ("sma-analysis", FeatureSpec("sma_analysis"), {"mad": "mad", "mse": "mse", "mape": "mape"}),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


@pytest.mark.parametrize(
    ("theirs", "name", "output", "cases"),
    [
        ("stddev", "stdev", "deviation", 2),
        ("md", "sma_analysis", "mad", 1),
        ("var", "sma_analysis", "mse", 1),
        ("linreg", "regression", "end", 1),
        ("linregslope", "regression", "slope", 1),
        ("linregintercept", "regression", "intercept", 1),
        ("tsf", "regression", "forecast", 1),
    ],
)
def test_equals_achelis_and_tulip(shared_data: Path, theirs: str, name: str, output: str, cases: int) -> None:
    found = tulip_cases(shared_data, theirs, "c", lambda p: FeatureSpec(name, {"window": p[0]}), (output,))
    assert found == cases


def test_equals_ta_lib(shared_data: Path) -> None:
    for bars in (ta_lib_bars(shared_data), stock_indicator_bars(shared_data)):
        slope, intercept, r_squared, end, forecast = FeatureSet([FeatureSpec("regression")]).batch(bars).T
        assert_same(slope, talib.LINEARREG_SLOPE(bars.close, 14))
        assert_same(intercept, talib.LINEARREG_INTERCEPT(bars.close, 14))
        assert_same(end, talib.LINEARREG(bars.close, 14))
        assert_same(forecast, talib.TSF(bars.close, 14))
        numbers = np.arange(len(bars), dtype=np.float64)
        assert_same(r_squared, talib.CORREL(bars.close, numbers, 14) ** 2, rtol=1e-6)

        deviation, mean = FeatureSet([FeatureSpec("stdev")]).batch(bars).T
        assert_same(deviation, talib.STDDEV(bars.close, 14), rtol=1e-7)
        assert_same(mean, talib.SMA(bars.close, 14))

        correlation = FeatureSet([FeatureSpec("volume_correlation")]).batch(bars)[:, 0]
        assert_same(correlation, talib.CORREL(bars.close, bars.volume, 30), rtol=1e-7)


@pytest.mark.parametrize(("name", "window"), [("skew", 20), ("skew", 3), ("kurtosis", 20), ("kurtosis", 4)])
def test_skew_and_kurtosis_equal_pandas_and_scipy(name: str, window: int) -> None:
    rng = np.random.default_rng(3)
    closes = 100.0 * np.exp(np.cumsum(rng.standard_t(3, 300) * 0.01))
    ours = FeatureSet([FeatureSpec(name, {"window": window})]).batch(from_close(closes))[:, 0]

    rolling = pd.Series(closes).rolling(window)
    np.testing.assert_allclose(ours, (rolling.skew() if name == "skew" else rolling.kurt()).to_numpy(), rtol=1e-6)
    exact = stats.skew if name == "skew" else stats.kurtosis
    part = closes[-window:]
    assert ours[-1] == pytest.approx(exact(part, bias=False), rel=1e-9)


def test_return_moments_equal_scipy() -> None:
    bars = walk(200)
    returns = np.diff(np.log(bars.close))[-50:]

    skew, kurtosis = FeatureSet([FeatureSpec("return_moments")]).batch(bars)[-1]

    assert skew == pytest.approx(stats.skew(returns, bias=False), rel=1e-9)
    assert kurtosis == pytest.approx(stats.kurtosis(returns, bias=False), rel=1e-9)


def test_hurst_tells_trends_from_reversals() -> None:
    rng = np.random.default_rng(6)
    noise = rng.normal(0.0, 0.01, 400)
    persistent = np.convolve(noise, np.ones(20), mode="same")
    feature = FeatureSet([FeatureSpec("hurst", {"window": 300})])

    def last(returns: np.ndarray) -> float:
        return float(feature.batch(from_close(100.0 * np.exp(np.cumsum(returns))))[-1, 0])

    assert last(np.diff(noise)) < last(noise) < last(persistent)


def test_entropy_of_the_example_of_bandt_and_pompe() -> None:
    # their series 4, 7, 9, 10, 6, 11, 3 has H(2) = 0.918 and H(3) = 1.522 bits
    bars = from_close(np.array([4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0]))

    second = FeatureSet([FeatureSpec("entropy", {"window": 7, "order": 2})]).batch(bars)[-1, 0]
    third = FeatureSet([FeatureSpec("entropy", {"window": 7, "order": 3})]).batch(bars)[-1, 0]

    assert second == pytest.approx(0.918, abs=5e-4)
    assert third * np.log2(6) == pytest.approx(1.522, abs=5e-4)


def test_autocorrelation_of_returns_that_alternate_and_that_repeat() -> None:
    alternating = 100.0 * np.exp(np.cumsum(np.tile([0.01, -0.01], 60)))
    features = FeatureSet([FeatureSpec("autocorrelation", {"lag": lag}, label=f"lag{lag}") for lag in (1, 2)])

    one, two = features.batch(from_close(alternating))[-1]

    assert one == pytest.approx(-49 / 50, rel=1e-9)
    assert two == pytest.approx(48 / 50, rel=1e-9)


@pytest.mark.parametrize("price", [1e-100, 1e100])
def test_no_power_of_the_widest_prices_overflows(price: float) -> None:
    rng = np.random.default_rng(1)
    bars = from_close(np.clip(price * np.exp(rng.normal(0.0, 1.0, 150)), 1e-100, 1e100), rng.random(150) * 1e100)
    names = ("stdev", "skew", "kurtosis", "regression", "volume_correlation", "autocorrelation", "hurst")

    rows = FeatureSet([FeatureSpec(name) for name in names]).batch(bars)

    assert np.isfinite(rows[-1]).all()
