"""Rows hold what was known at their time, in the order of time, with the label that followed."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.model import BarColumns
from errors import ConfigError, PreconditionError
from research.training.dataset import build
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from tests.research.training.stores import HOUR_NS, MemoryStore, hourly_bars, small_config, two_markets


def test_rows_are_ordered_by_time_and_then_by_instrument() -> None:
    dataset = build(two_markets(), small_config())

    places = list(zip(dataset.ts_ns.tolist(), dataset.instrument.tolist(), strict=True))
    assert places == sorted(places)
    assert set(dataset.instrument.tolist()) == {0, 1}
    assert {len(column) for column in dataset[:6]} == {len(dataset.ts_ns)}


def test_a_row_holds_the_features_of_its_own_instrument_at_its_own_time() -> None:
    store, config = two_markets(), small_config()
    dataset = build(store, config)
    features = FeatureSet(config.features)

    for number, instrument in enumerate(config.instruments):
        bars = store.bars(instrument, config.bar, config.start_ns, config.end_ns)
        mine = dataset.instrument == number
        first, last = features.warmup_bars - 1, len(bars) - config.horizon_bars - 1
        assert dataset.ts_ns[mine].tolist() == bars.ts_ns[first:last].tolist()
        assert np.array_equal(dataset.rows[mine], features.batch(bars)[first:last].astype(np.float32), equal_nan=True)
    assert not np.isnan(dataset.rows[:100]).any()  # warm from the first row on


def test_rows_known_by_a_time_do_not_change_when_later_bars_arrive() -> None:
    config = small_config()
    whole = build(two_markets(), config)
    for cut in (300, 777, 1_500):
        end_ns = int(whole.ts_ns[0]) + cut * HOUR_NS
        store = two_markets()
        shorter = MemoryStore({name: store.bars(name, "1-HOUR", 0, end_ns) for name in config.instruments})
        part = build(shorter, config)
        known = whole.label_end_ns <= end_ns
        for found, expected in zip(part[:6], whole[:6], strict=True):
            assert np.array_equal(found, expected[known], equal_nan=True)


def test_ignored_columns_are_blank_and_the_layout_is_that_of_the_whole_row() -> None:
    plain = build(two_markets(), small_config())
    blanked = build(two_markets(), small_config(columns_ignored=["rsi_7"]))

    assert blanked.layout_hash == plain.layout_hash
    assert np.isnan(blanked.rows[:, 1]).all()
    assert np.array_equal(blanked.rows[:, [0, 2]], plain.rows[:, [0, 2]], equal_nan=True)


def test_without_features_the_default_set_is_taken() -> None:
    dataset = build(two_markets(), small_config(features=[]))

    assert dataset.features == DEFAULT_SPECS
    assert dataset.layout_hash == FeatureSet(DEFAULT_SPECS).layout_hash


def test_the_fingerprint_follows_the_bars() -> None:
    one, same, other = (build(two_markets(seed=seed), small_config()).data_fingerprint for seed in (1, 1, 2))

    assert one == same != other


def test_refuses_columns_that_do_not_exist_or_all_of_them() -> None:
    with pytest.raises(ConfigError, match="columns_ignored names sma_5; there are roc_1, rsi_7, zscore_12"):
        build(two_markets(), small_config(columns_ignored=["sma_5"]))
    with pytest.raises(ConfigError, match="nothing is left"):
        build(two_markets(), small_config(columns_ignored=["roc_1", "rsi_7", "zscore_12"]))


def test_refuses_too_few_bars() -> None:
    bars = hourly_bars(40, seed=1)
    config = small_config(instruments=["A.TEST"])
    least = FeatureSet(config.features).warmup_bars - 1 + config.horizon_bars + 2

    assert len(build(MemoryStore({"A.TEST": bars.slice(0, least)}), config).ts_ns) == 1
    with pytest.raises(PreconditionError, match=f"A.TEST has {least - 1} bars of 1-HOUR"):
        build(MemoryStore({"A.TEST": bars.slice(0, least - 1)}), config)


def test_refuses_features_beyond_float32() -> None:
    bars = hourly_bars(100, seed=1)
    huge = BarColumns(bars.ts_ns, *(column * 1e60 for column in bars[1:]))
    config = small_config(instruments=["A.TEST"], features=[{"name": "sma", "params": {"window": 5}}])

    with pytest.raises(PreconditionError, match="column sma_5 exceeds"):
        build(MemoryStore({"A.TEST": huge}), config)
