"""Trend features equal what Stock Indicators, TA-Lib and Tulip publish, and what their definitions promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib
from generated_bars import flat, walk
from published import (
    assert_same,
    stock_indicator_bars,
    stock_indicators,
    ta_lib_bars,
    table,
    tulip_cases,
)

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

STOCK_INDICATORS = [
    ("adx", FeatureSpec("dx", {"window": 14}), {"dx": ""}),
    ("adx", FeatureSpec("adxr", {"window": 14}), {"adxr": ""}),
    ("vortex", FeatureSpec("vortex", {"window": 14}), {"pvi": "plus", "nvi": "minus"}),
    (
        "gator",
        FeatureSpec("gator"),
        {
            "upper": "upper",
            "lower": "lower",
            "upperIsExpanding": "upper_expanding",
            "lowerIsExpanding": "lower_expanding",
        },
    ),
    ("bop", FeatureSpec("bop"), {"bop": ""}),
    ("chexit", FeatureSpec("chandelier", {"window": 22, "multiplier": 3}), {"chandelierExit": "long"}),
    ("psar", FeatureSpec("psar", {"step": 0.02, "maximum": 0.2}), {"sar": "sar", "isReversal": "reversal"}),
    ("vol-stop", FeatureSpec("volatility_stop"), {"sar": "stop", "isStop": "reversal"}),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


def test_the_alligators_lines_are_as_far_apart_as_the_published_gator_says(shared_data: Path) -> None:
    gator = table(shared_data / "indicators" / "skender" / "gator.csv")

    jaw, teeth, lips = FeatureSet([FeatureSpec("alligator")]).batch(stock_indicator_bars(shared_data)).T

    assert_same(np.abs(jaw - teeth), gator["upper"])
    assert_same(-np.abs(teeth - lips), gator["lower"])


def test_the_side_of_the_volatility_stop_is_the_published_band(shared_data: Path) -> None:
    published = table(shared_data / "indicators" / "skender" / "vol-stop.csv")

    stop, direction, _ = FeatureSet([FeatureSpec("volatility_stop")]).batch(stock_indicator_bars(shared_data)).T

    assert_same(np.where(direction == 1, stop, np.nan), published["lowerBand"])
    assert_same(np.where(direction == -1, stop, np.nan), published["upperBand"])


def _supertrend(bars: BarColumns, window: int, multiplier: float) -> tuple[np.ndarray, np.ndarray]:
    line, direction = talib.SUPERTREND(bars.high, bars.low, bars.close, window, multiplier)
    return line, np.where(np.isnan(line), np.nan, direction)


# our specification, TA-Lib's values of the bars, in the order of our outputs
TA_LIB = [
    (FeatureSpec("aroon", {"window": 14}), lambda b: [*talib.AROON(b.high, b.low, 14)[::-1]]),
    (FeatureSpec("vortex", {"window": 14}), lambda b: talib.VORTEX(b.high, b.low, b.close, 14)),
    (FeatureSpec("elder_ray", {"window": 13}), lambda b: talib.ERI(b.high, b.low, b.close, 13)),
    (FeatureSpec("bop", {"window": 1}), lambda b: [talib.BOP(b.open, b.high, b.low, b.close)]),
    (FeatureSpec("supertrend"), lambda b: _supertrend(b, 10, 3.0)),
]


@pytest.mark.parametrize(("spec", "theirs"), TA_LIB, ids=lambda value: getattr(value, "name", None))
def test_equals_ta_lib(shared_data: Path, spec: FeatureSpec, theirs: Any) -> None:
    for bars in (ta_lib_bars(shared_data), stock_indicator_bars(shared_data)):
        rows = FeatureSet([spec]).batch(bars)
        for column, values in enumerate(theirs(bars)):
            assert_same(rows[:, column], values)


def test_supertrend_equals_ta_lib_from_the_first_turn_on_whatever_the_first_trend(shared_data: Path) -> None:
    bars = stock_indicator_bars(shared_data)

    rows = FeatureSet([FeatureSpec("supertrend", {"window": 5, "multiplier": 1.5})]).batch(bars)

    # the close of the first bar lies below the middle: down here, up in TA-Lib
    assert rows[5, 1] == -1
    for column, values in enumerate(_supertrend(bars, 5, 1.5)):
        assert_same(rows[15:, column], values[15:])


TULIP = [
    ("aroon", "hl", lambda p: FeatureSpec("aroon", {"window": p[0]}), ("down", "up")),
    ("aroonosc", "hl", lambda p: FeatureSpec("aroon", {"window": p[0]}), ("oscillator",)),
    ("bop", "ohlc", lambda _: FeatureSpec("bop", {"window": 1}), ("",)),
]


@pytest.mark.parametrize("case", TULIP, ids=lambda case: case[0])
def test_equals_achelis_and_tulip(shared_data: Path, case: Any) -> None:
    assert tulip_cases(shared_data, *case) >= 1


def test_the_parabolic_stop_equals_ta_lib_once_it_has_turned_except_on_the_turn_itself(shared_data: Path) -> None:
    bars = stock_indicator_bars(shared_data)

    sar, _, reversal = FeatureSet([FeatureSpec("psar")]).batch(bars).T

    later = (reversal == 0) & (np.arange(len(sar)) > 60)
    np.testing.assert_allclose(sar[later], talib.SAR(bars.high, bars.low, 0.02, 0.2)[later], rtol=1e-9)


@pytest.mark.parametrize("name", ["supertrend", "atr_stop"])
def test_a_trend_lasts_until_a_close_crosses_its_line_and_the_line_never_gives_way(name: str) -> None:
    bars = walk(600)

    line, direction = FeatureSet([FeatureSpec(name, {"window": 7})]).batch(bars).T

    for row in range(8, 600):
        assert (direction[row] == 1) == (bars.close[row] > line[row])
        if direction[row] == direction[row - 1]:
            assert direction[row] * (line[row] - line[row - 1]) >= 0


@pytest.mark.parametrize("name", ["psar", "volatility_stop"])
def test_a_stop_that_was_never_hit_gives_nothing(name: str) -> None:
    assert np.isnan(FeatureSet([FeatureSpec(name)]).batch(flat(50))).all()
