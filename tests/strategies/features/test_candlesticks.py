"""Candlestick patterns equal TA-Lib's on every bar, real or made to be hard, and its whole set is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import slow_candlesticks
import talib
from generated_bars import flat, walk
from hypothesis import given, settings
from hypothesis import strategies as st
from talib import abstract

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.kernel import Feature
from strategies.features.patterns.candlesticks import FEATURES, ta_lib_name
from strategies.features.spec import FeatureSpec

by_name = pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)


def assert_equal(feature: Feature, bars: BarColumns, **params: float) -> np.ndarray:
    ours = FeatureSet([FeatureSpec(feature.name, dict(params))]).batch(bars)[:, 0]
    expected = np.array(getattr(slow_candlesticks, feature.name)(bars, **params)[0])
    np.testing.assert_array_equal(ours, expected)
    return ours


@cache
def in_ticks(rows: int, seed: int, ticks: int) -> BarColumns:
    """Return bars of a few price steps each, with gaps: equal prices and ties with the averages are common."""
    random = np.random.default_rng(seed)
    sizes = np.array([0, 0, 1, 1, 2, 3, ticks, 2 * ticks])
    body = random.choice(sizes, rows) * np.repeat(random.choice([-1, 1], rows // 2 + 1), 2)[:rows]
    body = np.where(random.random(rows) < 0.3, -body, body)
    gap = random.choice([-ticks, -2, -1, 0, 0, 1, 2, ticks], rows)
    end = np.cumsum(body + gap) % (60 * ticks) + 1000
    start = end - body
    high = np.maximum(start, end) + random.choice([0, 0, 0, 1, 2, ticks], rows)
    low = np.minimum(start, end) - random.choice([0, 0, 0, 1, 2, ticks], rows)
    # 0.1 has no exact binary form: the sums round, and TA-Lib's rounding decides the ties
    return BarColumns(np.arange(1, rows + 1), *(0.1 * column for column in (start, high, low, end)), np.ones(rows))


def test_every_pattern_of_ta_lib_is_there() -> None:
    assert [ta_lib_name(feature) for feature in FEATURES] == talib.get_function_groups()["Pattern Recognition"]


@by_name
def test_defaults_are_those_of_ta_lib(feature: Feature) -> None:
    theirs = abstract.Function(ta_lib_name(feature))

    assert {param.name: param.default for param in feature.params} == dict(theirs.parameters)
    assert tuple(feature.warmup({})) == (theirs.lookback + 1,)


@by_name
def test_equals_ta_lib_on_ticks_and_finds_the_pattern_there(feature: Feature) -> None:
    found = [assert_equal(feature, in_ticks(400_000, seed, ticks)) for seed, ticks in ((1, 4), (2, 12))]

    # a comparison in which nothing is ever found would compare nothing
    assert any(np.nansum(np.abs(values)) > 0 for values in found)


@by_name
def test_equals_ta_lib_on_a_random_walk(feature: Feature) -> None:
    assert_equal(feature, walk(5_000, seed=11))


@by_name
def test_equals_ta_lib_on_real_bars(shared_data: Path, feature: Feature) -> None:
    for bars in real_bars(shared_data):
        assert_equal(feature, bars)


@cache
def real_bars(shared_data: Path) -> list[BarColumns]:
    files = sorted((shared_data / "ohlcv").glob("*/*.parquet"))
    assert len(files) > 10
    series = []
    for path in files[::3]:
        table = pd.read_parquet(path, columns=["open", "high", "low", "close", "volume"]).iloc[-15_000:]
        table = table[np.isfinite(table).all(axis=1) & (table[["open", "high", "low", "close"]] > 0).all(axis=1)]
        series.append(BarColumns(np.arange(len(table)), *(table[name].to_numpy(np.float64).copy() for name in table)))
    return series


@given(
    candles=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 4), st.integers(0, 4)), min_size=20, max_size=60
    ),
    penetration=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_equals_ta_lib_on_any_candles(candles: list[tuple[int, int, int, int]], penetration: float) -> None:
    start, end, above, below = (10.0 + np.array(column) for column in zip(*candles, strict=True))
    high = np.maximum(start, end) + above - 10.0
    low = np.minimum(start, end) - (below - 10.0)
    bars = BarColumns(np.arange(len(start)), *(0.1 * column for column in (start, high, low, end)), np.ones(len(start)))

    for feature in FEATURES:
        assert_equal(feature, bars, **{param.name: penetration for param in feature.params})


@by_name
def test_a_market_that_stands_still_gives_what_the_record_says(feature: Feature) -> None:
    values = assert_equal(feature, flat(60))

    assert values[-1] == float(feature.flat)
