"""Planted turns, trends and levels are found, on the bar that confirms them and not before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from generated_bars import HOUR_NS, from_close, walk

from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec
from strategies.features.verify import generated_bars

TEN_PERCENT = {"reversal_atr": 0.0, "reversal_fraction": 0.1}


def run(name: str, closes: np.ndarray, **params: float) -> dict[str, np.ndarray]:
    features = FeatureSet([FeatureSpec(name, TEN_PERCENT | params, label="f")])
    rows = features.batch(from_close(closes))
    return {column.removeprefix("f."): rows[:, place] for place, column in enumerate(features.names)}


def path(*turns: float, bars: int = 10) -> np.ndarray:
    """Return closes that go straight from one price to the next."""
    legs = [np.linspace(a, b, bars, endpoint=False) for a, b in pairwise(turns)]
    return np.concatenate([*legs, [turns[-1]]])


def test_a_swing_is_known_when_the_price_has_come_back_from_it() -> None:
    closes = path(100, 120, 90)  # high on row 10; 10 % of 120 is 12, reached on row 14

    found = run("confirmed_swings", closes)

    assert np.isnan(found["high"][:14]).all()
    assert (found["high"][14:] == 120).all()
    assert (found["high_pivot_ts"][14:] == 11 * HOUR_NS / 1e9).all()
    assert (found["high_confirmed_ts"][14:] == 15 * HOUR_NS / 1e9).all()
    # the first bar was a low, known once the price was 10 % above it
    assert found["low"][5] == 100
    assert found["low_confirmed_ts"][5] == 6 * HOUR_NS / 1e9
    assert found["direction"].tolist() == [0] * 5 + [1] * 9 + [-1] * 7


def test_a_swing_never_changes_once_known_and_is_in_the_past() -> None:
    bars = walk(3_000, seed=9)
    features = FeatureSet([FeatureSpec("confirmed_swings", label="f")])
    rows = features.batch(bars)
    for side in ("high", "low"):
        price, pivot, known = (
            rows[:, features.column(f"f.{side}{part}")] for part in ("", "_pivot_ts", "_confirmed_ts")
        )
        seen = ~np.isnan(price)
        assert (pivot[seen] < known[seen]).all()
        assert (known[seen] <= bars.ts_ns[seen] / 1e9).all()
        # the price is the extreme of the bar it names
        at = np.round(pivot[seen] * 1e9 / HOUR_NS).astype(int) - 1
        np.testing.assert_array_equal(price[seen], (bars.high if side == "high" else bars.low)[at])
        # it changes only on the bar that confirms another
        changed = np.flatnonzero(np.diff(price[seen]) != 0) + 1
        np.testing.assert_array_equal(known[seen][changed], bars.ts_ns[seen][changed] / 1e9)
        assert len(changed) > 30


@pytest.mark.parametrize(
    ("turns", "trend"),
    [
        ((100, 130, 110, 150, 120, 140), 1),
        ((150, 120, 140, 100, 125, 90), -1),
        ((100, 140, 110, 150, 100, 130), 0),  # higher high, lower low
    ],
)
def test_the_trend_is_that_of_the_last_two_highs_and_lows(turns: tuple[float, ...], trend: int) -> None:
    assert run("market_structure", path(*turns))["trend"][-1] == trend


def test_a_break_is_told_once_for_each_swing() -> None:
    found = run("market_structure", path(100, 130, 110, 150, 115, 105))

    up, down = np.flatnonzero(found["break"] == 1), np.flatnonzero(found["break"] == -1)
    assert up.tolist() == [26]  # 130 is passed between rows 25 (130) and 26 (134)
    assert down.tolist() == [46]  # 110, the low that row 20 made, is passed on the way to 105


def test_levels_are_where_the_price_turned_and_are_counted() -> None:
    found = run("support_resistance", path(100, 130, 100.2, 130.3, 100.1, 118), tolerance=0.005)

    assert found["support"][-1] == 100.2
    assert found["support_touches"][-1] == 3
    assert found["resistance"][-1] == 130
    assert found["resistance_touches"][-1] == 2


def test_a_broken_resistance_becomes_support() -> None:
    found = run("support_resistance", path(100, 130, 110, 160))

    assert found["resistance"][23] == 130  # at 125, on the way up
    assert found["support"][-1] == 130
    assert np.isnan(found["resistance"][-1])


def test_a_random_walk_has_each_trend_a_third_of_the_time_and_it_says_nothing() -> None:
    bars = generated_bars(100_000, seed=12)
    rows = FeatureSet([FeatureSpec("market_structure")]).batch(bars)[100:]
    trend, breaks = rows.T

    for state in (-1, 0, 1):
        assert (trend == state).mean() == pytest.approx(1 / 3, abs=0.04)
    assert 1 / (breaks != 0).mean() == pytest.approx(23, rel=0.1)
    # no look-ahead: the next return is as likely up as down, whatever the trend or the break
    following = np.diff(np.log(bars.close[100:]))
    for signal in (trend[:-1], breaks[:-1]):
        gain = signal * following
        assert abs(gain.mean()) < 4 * gain.std() / np.sqrt(len(gain))
