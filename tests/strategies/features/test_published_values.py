"""Features equal the values others published, wherever the definition is the same."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_bars import HOUR_NS

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

# file, specification, {their column: our output}
STOCK_INDICATORS = [
    ("sma", FeatureSpec("sma", {"window": 20}), {"sma": ""}),
    ("sma-analysis", FeatureSpec("sma", {"window": 20}), {"sma": ""}),
    ("ema", FeatureSpec("ema", {"window": 20}), {"ema": ""}),
    ("wma", FeatureSpec("wma", {"window": 14}), {"wma": ""}),
    ("rsi", FeatureSpec("rsi", {"window": 14}), {"rsi": ""}),
    ("macd", FeatureSpec("macd"), {"macd": "macd", "signal": "signal", "histogram": "histogram"}),
    ("macd", FeatureSpec("ema", {"window": 12}), {"fastEma": ""}),
    ("macd", FeatureSpec("ema", {"window": 26}), {"slowEma": ""}),
    (
        "bb",
        FeatureSpec("bollinger", {"window": 20, "deviations": 2}),
        {"sma": "middle", "upperBand": "upper", "lowerBand": "lower", "percentB": "percent_b", "width": "width"},
    ),
    ("bb", FeatureSpec("zscore", {"window": 20}), {"zScore": ""}),
    ("stdev", FeatureSpec("zscore", {"window": 14}), {"zScore": ""}),
    ("atr", FeatureSpec("atr", {"window": 14}), {"atr": ""}),
    ("adx", FeatureSpec("adx", {"window": 14}), {"adx": "adx", "pdi": "plus_di", "mdi": "minus_di"}),
    ("stoch", FeatureSpec("stochastic"), {"k": "k", "d": "d", "oscillator": "k", "signal": "d"}),
    ("cci", FeatureSpec("cci", {"window": 20}), {"cci": ""}),
    ("donchian", FeatureSpec("donchian"), {"upperBand": "upper", "centerline": "middle", "lowerBand": "lower"}),
    ("roc", FeatureSpec("roc", {"window": 14}), {"roc": ""}),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    expected = _csv(shared_data / "indicators" / "skender" / f"{name}.csv")

    features = FeatureSet([spec])
    rows = features.batch(_stock_indicator_bars(shared_data))

    for theirs, output in columns.items():
        ours = rows[:, features.column(_column(features, output))]
        # the same rows are empty: the warm-up is the same too
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected[theirs]), err_msg=theirs)
        np.testing.assert_allclose(ours, expected[theirs], rtol=1e-9, atol=1e-11, equal_nan=True, err_msg=theirs)


@pytest.mark.parametrize("window", [1, 2, 20, 100, 501, 502])
def test_rolling_vwap_equals_the_anchored_one_where_its_window_reaches_the_anchor(
    shared_data: Path, window: int
) -> None:
    anchored = _csv(shared_data / "indicators" / "skender" / "vwap.csv")["vwap"]

    rolling = FeatureSet([FeatureSpec("vwap", {"window": window})]).batch(_stock_indicator_bars(shared_data))[:, 0]

    assert rolling[window - 1] == pytest.approx(anchored[window - 1], rel=1e-9)


def test_keltner_is_composed_of_the_published_average_and_range(shared_data: Path) -> None:
    ema = _csv(shared_data / "indicators" / "skender" / "ema.csv")["ema"]
    atr = _csv(shared_data / "indicators" / "skender" / "atr.csv")["atr"]

    spec = FeatureSpec("keltner", {"window": 20, "atr_window": 14, "multiplier": 2})
    upper, middle, lower = FeatureSet([spec]).batch(_stock_indicator_bars(shared_data)).T

    np.testing.assert_allclose(middle, ema, rtol=1e-9)
    np.testing.assert_allclose(upper, ema + 2 * atr, rtol=1e-9)
    np.testing.assert_allclose(lower, ema - 2 * atr, rtol=1e-9)


# Tulip's name, the inputs it takes, our specification, our outputs in its order, factor
TULIP = [
    ("sma", "c", lambda p: FeatureSpec("sma", {"window": p[0]}), ("",), 1.0),
    ("wma", "c", lambda p: FeatureSpec("wma", {"window": p[0]}), ("",), 1.0),
    ("rsi", "c", lambda p: FeatureSpec("rsi", {"window": p[0]}), ("",), 1.0),
    (
        "bbands",
        "c",
        lambda p: FeatureSpec("bollinger", {"window": p[0], "deviations": p[1]}),
        ("lower", "middle", "upper"),
        1.0,
    ),
    (
        "stoch",
        "hlc",
        lambda p: FeatureSpec("stochastic", {"window": p[0], "smooth_k": p[1], "smooth_d": p[2]}),
        ("k", "d"),
        1.0,
    ),
    ("cci", "hlc", lambda p: FeatureSpec("cci", {"window": p[0]}), ("",), 1.0),
    ("obv", "cv", lambda _: FeatureSpec("obv"), ("",), 1.0),
    ("mfi", "hlcv", lambda p: FeatureSpec("mfi", {"window": p[0]}), ("",), 1.0),
    ("willr", "hlc", lambda p: FeatureSpec("williams_r", {"window": p[0]}), ("",), 1.0),
    ("roc", "c", lambda p: FeatureSpec("roc", {"window": p[0]}), ("",), 0.01),
]


@pytest.mark.parametrize("book", ["atoz", "untest"])
@pytest.mark.parametrize("case", TULIP, ids=lambda case: case[0])
def test_equals_achelis_and_tulip(shared_data: Path, book: str, case: Any) -> None:
    theirs, inputs, make, outputs, factor = case
    entries = json.loads((shared_data / "indicators" / "tulip" / f"{book}.json").read_text())
    entry = next((entry for entry in entries if entry["indicator"] == theirs), None)
    if entry is None:
        assert (theirs, book) == ("roc", "atoz"), f"{theirs} has gone from {book}.json"
        return
    given, expected = entry["arrays"][: len(inputs)], entry["arrays"][len(inputs) :]

    features = FeatureSet([make([int(option) for option in entry["options"]])])
    rows = features.batch(_bars_of(inputs, given))

    assert len(expected) == len(outputs)
    for output, values in zip(outputs, expected, strict=True):
        ours = factor * rows[:, features.column(_column(features, output))]
        # printed with three or four decimals, the last one by hand
        np.testing.assert_allclose(ours[-len(values) :], values, rtol=2e-5, atol=1e-3, err_msg=output)


def test_equals_ta_lib_wherever_it_printed_a_value(shared_data: Path) -> None:
    table = _csv(shared_data / "indicators" / "talib" / "ref_bars_252.csv")
    bars = BarColumns(
        np.arange(1, 253) * HOUR_NS,
        *(table[name] for name in ("open", "high", "low", "close", "volume")),
    )
    compared: dict[str, int] = {}
    for row in json.loads((shared_data / "indicators" / "talib" / "expected.json").read_text()):
        for spec, output, index, value in _ta_lib_values(row):
            features = FeatureSet([spec])
            ours = features.batch(bars)[int(row["expectedBegIdx"]) + index, features.column(_column(features, output))]
            assert ours == pytest.approx(value, abs=0.01), (row, spec)
            compared[spec.name] = compared.get(spec.name, 0) + 1

    assert set(compared) == {"sma", "ema", "wma", "rsi", "cci", "williams_r", "mfi", "stochastic"}
    assert min(compared.values()) >= 4


def _ta_lib_values(row: dict[str, Any]) -> list[tuple[FeatureSpec, str, int, float]]:
    """Return what TA-Lib's regression row says about one of our features: specification, output, offset, value."""
    if row["expectedRetCode"] != "TA_SUCCESS" or row["expectedNbElement"] == 0:
        return []
    if row.get("compatibility", "TA_COMPATIBILITY_DEFAULT") != "TA_COMPATIBILITY_DEFAULT":
        return []
    # an unstable period or a start past the first value seeds a recursive average elsewhere
    if row.get("unstablePeriod", 0) != 0:
        return []
    name = row.get("theFunction") or row.get("id") or row.get("testId")
    if name == "TEST_STOCH" and row["optInMAType_1"] == row["optInMAType_2"] == "TA_MAType_SMA":
        window, smooth_k, smooth_d = (row[f"optInPeriod_{index}"] for index in range(3))
        spec = FeatureSpec("stochastic", {"window": window, "smooth_k": smooth_k, "smooth_d": smooth_d})
        return [
            (spec, output, row[f"oneOfTheExpectedOutRealIndex{index}"], row[f"oneOfTheExpectedOutReal{index}"])
            for index, output in enumerate(("k", "d"))
        ]
    averages = {"TA_MAType_SMA": "sma", "TA_MAType_EMA": "ema", "TA_MAType_WMA": "wma"}
    if name == "TA_ANY_MA_TEST" and row["optInMAType_1"] in averages:
        feature = averages[row["optInMAType_1"]]
        if feature == "ema" and row["startIdx"] != 0:
            return []
        spec = FeatureSpec(feature, {"window": row["optInTimePeriod"]})
        return [(spec, "", row["oneOfTheExpectedOutRealIndex"], row["oneOfTheExpectedOutReal"])]
    ours = {"TA_RSI_TEST": "rsi", "TA_CCI_TEST": "cci", "TA_WILLR_TEST": "williams_r", "TA_MFI_TEST": "mfi"}.get(name)
    if ours is None or (ours == "rsi" and row["startIdx"] != 0):
        return []
    spec = FeatureSpec(ours, {"window": row.get("optInTimePeriod", row.get("optInTimePeriod1"))})
    return [(spec, "", row["oneOfTheExpectedOutRealIndex0"], row["oneOfTheExpectedOutReal0"])]


def _stock_indicator_bars(shared_data: Path) -> BarColumns:
    table = _csv(shared_data / "indicators" / "skender_quotes" / "default.csv")
    rows = len(table["close"])
    return BarColumns(
        np.arange(1, rows + 1) * 24 * HOUR_NS,
        *(table[name] for name in ("open", "high", "low", "close", "volume")),
    )


def _bars_of(inputs: str, arrays: list[list[float]]) -> BarColumns:
    given = {name: np.asarray(values, dtype=np.float64) for name, values in zip(inputs, arrays, strict=True)}
    close = given["c"]
    ones = np.ones(len(close))
    return BarColumns(
        np.arange(1, len(close) + 1) * HOUR_NS,
        close,
        given.get("h", close),
        given.get("l", close),
        close,
        given.get("v", ones),
    )


def _column(features: FeatureSet, output: str) -> str:
    label = features.features[0].label
    return f"{label}.{output}" if output else label


def _csv(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    table: dict[str, np.ndarray] = {}
    for name in rows[0]:
        if name not in {"timestamp", "date"}:
            table[name] = np.array([float(row[name]) if row[name] else np.nan for row in rows])
    return table
