"""Confirmed pivots: known only after the price has come back, at the extreme's own time, and never changed."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_bars import drawn, ts_of_point
from generated_bars import HOUR_NS, flat, from_close, walk
from slow_patterns import swings

from catalog.model import BarColumns
from strategies.features.patterns.detection import Pivot, PivotConfig, bound, pivots_in, turning_rows
from strategies.features.patterns.elliott import COUNTS
from strategies.features.patterns.elliott_detector import ElliottConfig
from strategies.features.patterns.pivots import KEPT

DAY_AND_A_BIT_NS = 86_400_000_000_001  # no multiple of anything a float64 could hold whole


def confirmed(bars: BarColumns, **config: float) -> list[tuple[int, Pivot]]:
    """Return confirmation time and pivot, of every pivot."""
    kernel = bound(COUNTS, ElliottConfig(**config))  # type: ignore[arg-type]
    return [(ts_ns, pivots_in(row[1 : 1 + 3 * KEPT])[-1]) for ts_ns, row in turning_rows(kernel, bars)]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"reversal_atr": 1.0, "atr_window": 1},
        {"reversal_atr": 0.0, "reversal_fraction": 0.02},
        {"reversal_atr": 3.0, "reversal_fraction": 0.03},
    ],
)
def test_pivots_are_those_of_the_slow_search(config: dict[str, float]) -> None:
    bars = walk(3000)
    filled = {"reversal_atr": 2.0, "reversal_fraction": 0.0, "atr_window": 14} | config

    _, expected = swings(bars, filled["reversal_atr"], filled["reversal_fraction"], int(filled["atr_window"]))

    assert len(expected) > 50
    assert confirmed(bars, **config) == [
        (bars.ts_ns[swing.known], Pivot(int(bars.ts_ns[swing.row]), swing.price)) for swing in expected
    ]


def test_a_pivot_is_known_on_the_bar_that_comes_back_far_enough_and_not_before() -> None:
    # 2 % of 110 is 2.2: 107.9 is not far enough, 107.7 is
    bars = from_close(np.array([100.0, 110.0, 107.9, 109.0, 107.7, 107.0]))

    found = confirmed(bars, reversal_atr=0.0, reversal_fraction=0.02)

    assert found[1:] == [(5 * HOUR_NS, Pivot(2 * HOUR_NS, 110.0))]
    assert found[0] == (2 * HOUR_NS, Pivot(HOUR_NS, 100.0))


def test_the_distance_is_met_exactly_at_its_border() -> None:
    # 25 % of 128 is 32, all of them exact numbers
    bars = from_close(np.array([64.0, 128.0, 96.0]))
    assert len(confirmed(bars, reversal_atr=0.0, reversal_fraction=0.25)) == 2

    bars.low[2] = np.nextafter(96.0, 97.0)
    assert len(confirmed(bars, reversal_atr=0.0, reversal_fraction=0.25)) == 1


def test_the_bar_that_makes_the_extreme_does_not_confirm_it() -> None:
    ones = np.ones(3)
    outside = BarColumns(
        np.arange(1, 4) * HOUR_NS,
        open=100.0 * ones,
        high=np.array([101.0, 120.0, 101.0]),
        low=np.array([100.0, 90.0, 100.0]),
        close=100.0 * ones,
        volume=ones,
    )
    found = confirmed(outside, reversal_atr=0.0, reversal_fraction=0.05)

    # the second bar reaches both new extremes: only the third can confirm one of them
    assert found == [(3 * HOUR_NS, Pivot(2 * HOUR_NS, 120.0))]


def test_of_equal_extremes_the_first_is_the_pivot() -> None:
    bars = from_close(np.array([100.0, 110.0, 109.0, 110.0, 100.0]))

    assert confirmed(bars, reversal_atr=0.0, reversal_fraction=0.05)[-1] == (5 * HOUR_NS, Pivot(2 * HOUR_NS, 110.0))


def test_highs_and_lows_alternate_and_lie_beyond_their_neighbours() -> None:
    prices = [pivot.price for _, pivot in confirmed(walk(5000))]
    moves = np.sign(np.diff(prices))

    assert (moves[1:] == -moves[:-1]).all()


def test_a_pivot_is_known_later_than_it_happened() -> None:
    assert all(ts_ns > pivot.ts_ns for ts_ns, pivot in confirmed(walk(5000)))


def test_times_are_exact_to_the_nanosecond() -> None:
    bars = drawn([100.0, 110.0, 104.0, 120.0], bar_ns=DAY_AND_A_BIT_NS)
    found = confirmed(bars, reversal_atr=0.0, reversal_fraction=0.01)

    assert [pivot.ts_ns for _, pivot in found] == [ts_of_point(number, DAY_AND_A_BIT_NS) for number in range(4)]


def test_a_market_that_stands_still_has_no_pivot() -> None:
    assert confirmed(flat(200)) == []
    assert confirmed(flat(200), reversal_atr=0.0, reversal_fraction=0.001) == []


def test_a_bar_that_is_not_usable_confirms_nothing_and_leaves_no_trace() -> None:
    bars = walk(600)
    holes = BarColumns(*(column.copy() for column in bars))
    holes.high[100:130] = np.nan
    kept = np.isfinite(holes.high)

    assert confirmed(holes) == confirmed(BarColumns(*(column[kept] for column in bars)))


def test_no_distance_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="reversal_atr or reversal_fraction above 0"):
        PivotConfig(reversal_atr=0.0)
