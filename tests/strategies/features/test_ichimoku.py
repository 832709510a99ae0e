"""Ichimoku's lines are the published ones; what is read from them says what it should."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from generated_bars import HOUR_NS, from_close, walk

from catalog.model import BarColumns
from errors import ConfigError
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

ICHIMOKU = FeatureSet([FeatureSpec("ichimoku", label="i")])

# row: conversion, base, leading a, leading b, and the lagging line, which is the close of 26 bars later; from the
# tests of Stock Indicators (Ichimoku.Tests.cs), on its 502 default quotes
STOCK_INDICATORS = {
    51: (224.465, 221.94, 214.8325, np.nan, 226.35),
    249: (257.15, 253.085, 246.3125, 241.685, 259.21),
    475: (265.575, 263.965, 274.9475, 274.95, 245.28),
    501: (241.26, 251.505, 264.77, 269.82, np.nan),
}


def column(rows: np.ndarray, output: str) -> np.ndarray:
    return rows[:, ICHIMOKU.column(f"i.{output}")]


def test_lines_are_the_published_ones(shared_data: Path) -> None:
    with (shared_data / "indicators" / "skender_quotes" / "default.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    fields = [np.array([float(row[name]) for row in table]) for name in ("open", "high", "low", "close", "volume")]
    bars = BarColumns(np.arange(1, 503) * 24 * HOUR_NS, *fields)

    rows = ICHIMOKU.batch(bars)

    lines = ("conversion", "base", "leading_a", "leading_b")
    for row, expected in STOCK_INDICATORS.items():
        for name, value in zip(lines, expected, strict=False):
            assert column(rows, name)[row] == pytest.approx(value, rel=1e-9, nan_ok=True), (row, name)
        if row + 26 < 502:
            drawn = bars.close[row] + column(rows, "lagging")[row + 26]
            assert drawn == pytest.approx(expected[4], rel=1e-9)
    filled = [int(np.isfinite(column(rows, name)).sum()) for name in (*lines, "lagging")]
    assert filled == [494, 477, 451, 425, 476]


def test_the_cloud_ahead_is_the_cloud_26_bars_later() -> None:
    rows = ICHIMOKU.batch(walk(300))

    for edge in ("a", "b"):
        projected, leading = column(rows, f"projected_{edge}"), column(rows, f"leading_{edge}")
        np.testing.assert_array_equal(leading[26:], projected[:-26])


@pytest.mark.parametrize("direction", [1, -1])
def test_a_steady_trend_has_full_strength(direction: int) -> None:
    last = ICHIMOKU.batch(from_close(100.0 * 1.01 ** (direction * np.arange(120.0))))[-1:]

    assert column(last, "strength") == 100
    assert column(last, "direction") == direction
    # all lines lie behind the price: the nearest one is the conversion line, and ahead there is only the extreme
    nearest, ahead = ("support", "resistance") if direction > 0 else ("resistance", "support")
    assert column(last, nearest) == column(last, "conversion")
    assert column(last, ahead) == pytest.approx(100.0 * 1.01 ** (direction * 119))


def test_support_and_resistance_enclose_the_close() -> None:
    bars = walk(2_000, seed=3)
    rows = ICHIMOKU.batch(bars)[100:]
    close = bars.close[100:]

    assert (column(rows, "support") <= close).all()
    assert (column(rows, "resistance") >= close).all()
    assert set(np.unique(column(rows, "strength"))) <= {0, 20, 40, 60, 80, 100}
    assert (column(rows, "strength") > 0).mean() > 0.9
    assert ((column(rows, "direction") == 0) == (column(rows, "strength") == 0)).all()


def test_windows_out_of_order_are_refused() -> None:
    with pytest.raises(ConfigError, match="need conversion <= base <= span"):
        FeatureSet([FeatureSpec("ichimoku", {"conversion": 30})])
