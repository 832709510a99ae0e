"""`verify` passes every registered feature, and catches a kernel for each promise it can break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import broken_kernels
import numpy as np
import pyarrow.parquet as pq
import pytest
from broken_kernels import bound
from generated_bars import flat, walk

from catalog.model import BarColumns
from strategies.features.registry import bind, features
from strategies.features.spec import FeatureSpec
from strategies.features.verify import Check, variations, verify


@pytest.mark.parametrize("name", list(features()))
def test_every_feature_holds_on_generated_bars(name: str) -> None:
    for each in variations(features()[name]):
        assert verify(each) == []


@pytest.mark.parametrize("name", list(features()))
def test_every_feature_holds_on_bars_that_stand_still(name: str) -> None:
    for each in variations(features()[name]):
        assert verify(each, flat(120), cuts=10) == []


@pytest.mark.parametrize("name", list(features()))
def test_every_feature_holds_on_bars_without_volume_and_movement(name: str) -> None:
    assert verify(bind(FeatureSpec(name)), walk(400), cuts=20) == []


def test_every_feature_holds_on_real_bars(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "ohlcv" / "binance_usdm_perp_1h" / "BTCUSDT.parquet").slice(0, 3000)
    columns = [table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")]
    bars = BarColumns(np.arange(len(columns[0]), dtype=np.int64), *columns)
    for feature in features().values():
        for each in variations(feature):
            assert verify(each, bars, cuts=15) == []


@pytest.mark.parametrize(
    ("kernel", "check"),
    [
        (broken_kernels.looks_ahead, Check.PREFIX),
        (broken_kernels.looks_ahead, Check.STREAM_IS_BATCH),
        (broken_kernels.reads_past_the_bar, Check.WARMUP),
        (broken_kernels.overruns_its_state, Check.MEMORY),
        (broken_kernels.forgets_an_output, Check.MEMORY),
        (broken_kernels.remembers_between_runs, Check.MEMORY),
        (broken_kernels.allocates, Check.ALLOCATION),
        (broken_kernels.stays_silent, Check.WARMUP),
        (broken_kernels.grows_without_bound, Check.WARMUP),
    ],
)
def test_a_broken_kernel_is_caught(kernel: Callable[..., None], check: Check) -> None:
    failures = verify(bound(kernel))

    assert check in {failure.check for failure in failures}
    assert all(failure.label == kernel.__name__ and failure.detail for failure in failures)


def test_a_value_before_the_declared_warmup_is_caught() -> None:
    failures = verify(bound(broken_kernels.speaks_too_early, warmup=5))

    assert [failure.check for failure in failures] == [Check.WARMUP]


def test_one_bar_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 bars"):
        verify(bind(FeatureSpec("sma")), walk(1))
