"""Sampling on a fixed grid: what belongs to which row, gaps, late comers, and the ring's wrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.measures.return_grid import ReturnGrid

HOUR = 3_600_000_000_000


def test_a_mark_at_the_instant_belongs_to_the_row_that_ends_there() -> None:
    grid = ReturnGrid(1, 10)

    assert not grid.on_mark("A", 100.0, HOUR)
    assert not grid.on_mark("A", 110.0, 2 * HOUR - 1)
    assert not grid.on_mark("A", 120.0, 2 * HOUR)
    assert grid.rows_ever == 0  # 2:00 itself is not over yet
    assert grid.on_mark("A", 999.0, 2 * HOUR + 1)

    assert grid.returns() == pytest.approx(np.array([[0.2]]))


def test_no_mark_no_return_and_the_next_covers_the_gap() -> None:
    grid = ReturnGrid(1, 10)
    for hour, (first, second) in enumerate([(100.0, 50.0), (101.0, None), (102.0, 60.0), (103.0, 60.0)], start=1):
        grid.on_mark("A", first, hour * HOUR)
        if second is not None:
            grid.on_mark("B", second, hour * HOUR)
    grid.on_mark("A", 1.0, 5 * HOUR)

    returns = grid.returns()
    assert returns[:, 0] == pytest.approx([0.01, 1 / 101, 1 / 102])
    assert math.isnan(returns[0, 1])
    assert returns[1:, 1] == pytest.approx([0.2, 0.0])


def test_a_stretch_without_any_mark_is_no_row() -> None:
    grid = ReturnGrid(1, 10)
    for hour, price in ((1, 100.0), (2, 101.0), (30, 50.5), (31, 50.5)):
        grid.on_mark("A", price, hour * HOUR)

    assert grid.returns()[:, 0] == pytest.approx([0.01, -0.5])


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
def test_a_price_that_is_none_is_left_out(bad: float) -> None:
    grid = ReturnGrid(1, 10)
    for hour, price in ((1, 100.0), (2, bad), (3, 110.0), (4, 1.0)):
        grid.on_mark("A", price, hour * HOUR)

    assert grid.returns()[:, 0] == pytest.approx([0.1])


def test_who_was_there_from_the_first_row_kept_is_covered() -> None:
    grid = ReturnGrid(1, 4)
    covered = []
    for hour in range(1, 10):
        grid.on_mark("A", 100.0 + hour, hour * HOUR)
        if hour >= 3:
            grid.on_mark("B", 50.0 + hour, hour * HOUR)
        covered.append((grid.covers(grid.place("A")), grid.covers(grid.place("B"))))

    # B's first return is row 2 of all; rows kept begin at row 2 once six were sampled, at hour 8
    assert covered == [(False, False)] * 2 + [(True, False)] * 5 + [(True, True)] * 2


@given(st.integers(1, 8), st.lists(st.floats(1.0, 100.0), min_size=2, max_size=60))
def test_the_window_holds_the_last_returns_in_order(window: int, prices: list[float]) -> None:
    grid = ReturnGrid(2, window)
    column = grid.place("A")
    for index, price in enumerate([*prices, 1.0], start=1):
        grid.on_mark("A", price, index * 2 * HOUR)
        grid.place(f"late {index}")

    expected = np.array(prices[1:]) / np.array(prices[:-1]) - 1.0
    returns = grid.returns()
    assert returns[:, column] == pytest.approx(expected[-window:])
    assert np.isnan(np.delete(returns, column, axis=1)).all()
    assert grid.rows_ever == len(prices) - 1
