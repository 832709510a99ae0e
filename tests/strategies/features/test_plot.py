"""What the picture shows: which features lie on the price, and that any of them can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
from generated_bars import walk

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.plot import Chart, html, overlays, png
from strategies.features.registry import features
from strategies.features.spec import FeatureSpec


def falling(rows: int = 200) -> BarColumns:
    """A market that loses nine tenths, so that zero lies nearer to its low than its high does."""
    close = np.geomspace(1000.0, 100.0, rows)
    hours = np.arange(1, rows + 1, dtype=np.int64) * 3_600_000_000_000
    return BarColumns(hours, close * 1.01, close * 1.02, close * 0.99, close, np.ones(rows))


@pytest.mark.parametrize(
    ("name", "on_price"), [("ema", True), ("donchian", True), ("atr", False), ("macd", False), ("rsi", False)]
)
@pytest.mark.parametrize("bars", [walk(200), falling()], ids=["walk", "falling"])
def test_what_lies_where_prices_do_is_an_overlay(name: str, on_price: bool, bars: BarColumns) -> None:
    drawn = FeatureSet([FeatureSpec(name)])
    page = html(Chart("x", bars, drawn, drawn.batch(bars)))

    # the price has a pane of its own, and each feature that is no overlay has one more
    assert page.count('"top":') == (1 if on_price else 2)


def test_a_feature_that_is_never_warm_is_no_overlay() -> None:
    assert not overlays(walk(50), np.full((50, 1), np.nan))


def drawn_with_a_missing_bar(names: list[str]) -> None:
    bars = walk(420)
    bars.close[410] = np.nan
    drawn = FeatureSet([FeatureSpec(name) for name in names])
    values = drawn.batch(bars)

    assert png(Chart("x", bars.slice(360, 420), drawn, values[360:])).startswith(b"\x89PNG")


def test_a_feature_of_each_family_can_be_drawn_also_where_a_bar_is_missing() -> None:
    drawn_with_a_missing_bar(list({feature.family: feature.name for feature in features().values()}.values()))


@pytest.mark.slow
def test_every_feature_can_be_drawn_also_where_a_bar_is_missing() -> None:
    names = list(features())
    for begin in range(0, len(names), 20):
        drawn_with_a_missing_bar(names[begin : begin + 20])
