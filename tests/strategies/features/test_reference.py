"""Every kernel equals its slow reference, on ordinary bars, still ones, spikes, and after a million bars."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import slow_reference
from generated_bars import flat, from_close, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.registry import BoundFeature, features
from strategies.features.spec import FeatureSpec
from strategies.features.verify import variations

ALL = [bound for feature in features().values() for bound in variations(feature)]
SLOW = [import_module(path.stem) for path in sorted(Path(__file__).parent.glob("slow_*.py"))]


def test_every_feature_has_one_slow_reference() -> None:
    # defined there, not imported from another of these files
    for name in features():
        homes = [slow.__name__ for slow in SLOW if getattr(vars(slow).get(name), "__module__", "") == slow.__name__]
        assert len(homes) == 1, (name, homes)


# these are made of distances as large as the spike, and have no more digits than those;
# and a spike is more of the smallest bricks than whole numbers have digits for
SPIKE_ATOL = {"squeeze": 1e-4, "renko": 1e4, "accelerator": 1e-4}


def reference(bound: BoundFeature, bars: BarColumns) -> np.ndarray:
    slow = next(slow for slow in SLOW if hasattr(slow, bound.feature.name))
    columns = getattr(slow, bound.feature.name)(bars, **bound.params)
    return np.array(columns).T.reshape(len(bars), len(bound.columns))


def batch(bound: BoundFeature, bars: BarColumns) -> np.ndarray:
    return FeatureSet([FeatureSpec(bound.feature.name, dict(bound.params))]).batch(bars)


def assert_equal(bound: BoundFeature, bars: BarColumns, *, rtol: float = 1e-9, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(batch(bound, bars), reference(bound, bars), rtol=rtol, atol=atol, equal_nan=True)


@pytest.mark.parametrize("bound", ALL, ids=lambda bound: bound.label)
def test_equals_the_slow_reference(bound: BoundFeature) -> None:
    assert_equal(bound, walk(260))


@pytest.mark.parametrize("bound", ALL, ids=lambda bound: bound.label)
def test_equals_the_slow_reference_where_nothing_moves(bound: BoundFeature) -> None:
    # 0.1 has no exact binary form: a mean that is off by its last bit would make a deviation out of nothing
    assert_equal(bound, flat(120), atol=0.0)


@pytest.mark.parametrize("bound", ALL, ids=lambda bound: bound.label)
def test_a_spike_is_forgotten_when_it_leaves_the_window(bound: BoundFeature) -> None:
    bars = walk(400)
    for column in bars[1:]:
        column[90] *= 1e9
    # recursive averages remember a spike at their own pace, in the reference too
    assert_equal(bound, bars, rtol=1e-7, atol=SPIKE_ATOL.get(bound.feature.name, 1e-7))


@given(
    closes=st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60),
    which=st.integers(0, len(ALL) - 1),
)
@settings(max_examples=80, deadline=None)
def test_equals_the_slow_reference_on_any_closes(closes: list[float], which: int) -> None:
    bound = ALL[which]
    bars = from_close(np.array(closes), np.linspace(0.0, 5.0, len(closes)))
    # a deviation of nearly equal prices loses digits to the prices' own size, whoever computes it
    assert_equal(bound, bars, rtol=1e-6, atol=1e-6 * max(closes))


WINDOWED = [
    FeatureSpec("sma"),
    FeatureSpec("wma"),
    FeatureSpec("bollinger"),
    FeatureSpec("zscore"),
    FeatureSpec("cci"),
    FeatureSpec("vwap"),
    FeatureSpec("mfi"),
    FeatureSpec("realised_volatility"),
    FeatureSpec("stochastic"),
]


def test_windows_do_not_drift_in_a_million_bars() -> None:
    rows = 1_000_000
    bars = walk(rows, seed=3, volume_scale=1e4)
    bars.volume[rows // 2] = 1e16  # a sum that is added to and taken from would keep this one's rounding for ever
    features_ = FeatureSet(WINDOWED)
    values = features_.batch(bars)

    for row in (*range(rows // 2 - 1, rows // 2 + 60, 3), rows - 1):
        # forty bars fill every window here: the same bits must come from them alone as from the whole million
        part = bars.slice(row - 39, row + 1)
        assert np.array_equal(values[row], features_.batch(part)[-1], equal_nan=True)
        for spec in WINDOWED:
            column = features_.column(FeatureSet([spec]).names[0])
            expected = getattr(slow_reference, spec.name)(part, **FeatureSet([spec]).features[0].params)[0][-1]
            assert values[row, column] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), spec.name


def test_recursive_averages_do_not_drift_in_a_million_bars() -> None:
    bars = walk(1_000_000, seed=4)
    ema, rsi, atr = FeatureSet([FeatureSpec("ema"), FeatureSpec("rsi"), FeatureSpec("atr")]).batch(bars)[-1]

    # what lies 2,000 bars back weighs less than 1e-60 in each of them
    tail = bars.slice(len(bars) - 2_000, len(bars))
    assert ema == pytest.approx(slow_reference.ema(tail, 20)[0][-1], rel=1e-12)
    assert rsi == pytest.approx(slow_reference.rsi(tail, 14)[0][-1], rel=1e-12)
    assert atr == pytest.approx(slow_reference.atr(tail, 14)[0][-1], rel=1e-12)


def test_on_balance_volume_is_exact_after_a_million_bars() -> None:
    bars = walk(1_000_000, seed=5, volume_scale=1e-3)
    bars.volume[1000] = 1e13
    sign = np.sign(np.diff(bars.close, prepend=bars.close[0]))

    level = FeatureSet([FeatureSpec("obv")]).batch(bars)[-1, 0]

    assert level == math.fsum((sign * bars.volume).tolist())
