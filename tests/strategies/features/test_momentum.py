"""Momentum features equal what Stock Indicators, TA-Lib, Tulip and Achelis publish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib
from generated_bars import from_close, walk
from published import (
    assert_same,
    stock_indicator_bars,
    stock_indicators,
    ta_lib_bars,
    table,
    tulip_cases,
)

from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

STOCK_INDICATORS = [
    ("pvo", FeatureSpec("pvo"), {"pvo": "pvo", "signal": "signal", "histogram": "histogram"}),
    ("trix", FeatureSpec("trix", {"window": 14}), {"trix": "trix", "ema3": "average"}),
    ("stc", FeatureSpec("stc"), {"stc": ""}),
    ("smi", FeatureSpec("smi"), {"smi": "smi", "signal": "signal"}),
    ("uo", FeatureSpec("ultimate_oscillator"), {"ultimate": ""}),
    ("fisher", FeatureSpec("fisher", {"window": 10}), {"fisher": "fisher", "trigger": "trigger"}),
    ("roc", FeatureSpec("momentum", {"window": 14}), {"momentum": ""}),
    ("roc", FeatureSpec("roc_bands", {"window": 14}), {"roc": "roc"}),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


def test_ppo_is_composed_of_the_published_averages(shared_data: Path) -> None:
    published = table(shared_data / "indicators" / "skender" / "macd.csv")

    ppo, _, _ = FeatureSet([FeatureSpec("ppo")]).batch(stock_indicator_bars(shared_data)).T

    assert_same(ppo, 100 * published["macd"] / published["slowEma"])


def test_the_bands_of_the_rate_are_composed_of_the_published_rate(shared_data: Path) -> None:
    rate = table(shared_data / "indicators" / "skender" / "roc.csv")["roc"]

    bands = FeatureSet([FeatureSpec("roc_bands", {"window": 14, "band_window": 5})])
    _, _, upper, lower = bands.batch(stock_indicator_bars(shared_data)).T

    expected = [np.sqrt(np.mean(rate[row - 4 : row + 1] ** 2)) if row >= 4 else np.nan for row in range(len(rate))]
    assert_same(upper, expected)
    assert_same(lower, -np.array(expected))


# our specification, our column, TA-Lib's values of the bars, bars until the seeds no longer differ
TA_LIB = [
    (FeatureSpec("ppo"), 0, lambda b: talib.PPO(b.close, 12, 26, 1), 180),
    (FeatureSpec("pvo"), 0, lambda b: talib.PVO(b.volume, 12, 26, 1), 180),
    (FeatureSpec("trix", {"window": 5}), 0, lambda b: talib.TRIX(b.close, 5), 120),
    (FeatureSpec("tsi"), 0, lambda b: talib.TSI(b.close, 25, 13), 0),
    (FeatureSpec("dpo", {"window": 20}), 0, lambda b: talib.DPO(b.close, 20), 0),
    (FeatureSpec("awesome"), 0, lambda b: talib.AO(b.high, b.low, 5, 34), 0),
    (FeatureSpec("accelerator"), 0, lambda b: talib.AC(b.high, b.low, 5, 34, 5), 0),
    (FeatureSpec("momentum"), 0, lambda b: talib.MOM(b.close, 10), 0),
    (FeatureSpec("cmo"), 0, lambda b: talib.CMOU(b.close, 14), 0),
    (FeatureSpec("ultimate_oscillator"), 0, lambda b: talib.ULTOSC(b.high, b.low, b.close), 0),
]


@pytest.mark.parametrize(("spec", "column", "theirs", "fades"), TA_LIB, ids=lambda value: getattr(value, "name", None))
def test_equals_ta_lib(shared_data: Path, spec: FeatureSpec, column: int, theirs: Any, fades: int) -> None:
    for bars in (ta_lib_bars(shared_data), stock_indicator_bars(shared_data)):
        ours = FeatureSet([spec]).batch(bars)[:, column]
        assert_same(ours[fades:], theirs(bars)[fades:])


def test_stochastic_rsi_equals_ta_lib(shared_data: Path) -> None:
    bars = stock_indicator_bars(shared_data)

    k, d = FeatureSet([FeatureSpec("stochastic_rsi")]).batch(bars).T

    theirs_k, theirs_d = talib.STOCHRSI(bars.close, 14, 14, 3, 0)
    # TA-Lib waits for d before it gives k
    assert_same(np.where(np.isnan(d), np.nan, k), theirs_k)
    assert_same(d, theirs_d)


TULIP = [
    ("dpo", "c", lambda p: FeatureSpec("dpo", {"window": p[0]}), ("",)),
    ("cmo", "c", lambda p: FeatureSpec("cmo", {"window": p[0]}), ("",)),
    ("mom", "c", lambda p: FeatureSpec("momentum", {"window": p[0]}), ("",)),
    (
        "ultosc",
        "hlc",
        lambda p: FeatureSpec("ultimate_oscillator", {"short": p[0], "middle": p[1], "long": p[2]}),
        ("",),
    ),
    (
        "stochrsi",
        "c",
        lambda p: FeatureSpec("stochastic_rsi", {"rsi_window": p[0], "window": p[0]}),
        ("k",),
        0.01,
    ),
]


@pytest.mark.parametrize("case", TULIP, ids=lambda case: case[0])
def test_equals_achelis_and_tulip(shared_data: Path, case: Any) -> None:
    assert tulip_cases(shared_data, *case) >= 1


def test_the_detrended_price_is_known_on_its_bar() -> None:
    # the value a chart draws eight bars back stands on the bar that completes it
    bars = walk(60)

    dpo = FeatureSet([FeatureSpec("dpo", {"window": 14})]).batch(bars)[:, 0]

    assert dpo[40] == pytest.approx(bars.close[32] - bars.close[27:41].mean(), rel=1e-9)


def test_connors_rsi_of_a_worked_example() -> None:
    # two rises, a fall, a rise: changes 1, 1, -1, 2 and streaks 0, 1, 2, -1, 1
    bars = from_close(np.array([10.0, 11.0, 12.0, 11.0, 13.0]))

    spec = FeatureSpec("connors_rsi", {"window": 1, "streak_window": 1, "rank_window": 3})
    value = FeatureSet([spec]).batch(bars)[-1, 0]

    # the last change and the last streak rose: both strengths are 100; its return is above all three before it
    assert value == pytest.approx(100.0)


def test_the_schaff_cycle_spans_its_range_on_a_wave() -> None:
    wave = 100 + 10 * np.sin(np.arange(600) / 12)

    schaff, stc = FeatureSet([FeatureSpec("schaff"), FeatureSpec("stc")]).batch(from_close(wave))[100:].T

    for values in (schaff, stc):
        assert values.min() < 1
        assert values.max() > 99
        assert ((values >= -1e-9) & (values <= 100 + 1e-9)).all()
