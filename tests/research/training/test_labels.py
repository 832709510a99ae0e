"""The label of a bar is what a trade decided at its close would have met."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import BarColumns
from research.training.labels import fixed_horizon
from tests.research.training.stores import hourly_bars


def bars_with_opens(*opens: float) -> BarColumns:
    values = np.array(opens, np.float64)
    wild = np.full(len(opens), 1e6)  # closes that would turn every label round
    return BarColumns(10 * np.arange(1, len(opens) + 1), values, wild, wild, wild[::-1] / 2, wild)


def test_return_runs_from_the_next_open_to_the_open_a_horizon_later() -> None:
    labels = fixed_horizon(bars_with_opens(1, 2, 3, 6, 3, 3), 2)

    assert labels.forward_return == pytest.approx([np.log(6 / 2), np.log(3 / 3), np.log(3 / 6)])
    assert labels.rises.tolist() == [1.0, 0.0, 0.0]
    assert labels.end_ns.tolist() == [40, 50, 60]


def test_an_unchanged_price_does_not_rise() -> None:
    assert fixed_horizon(bars_with_opens(1, 5, 5), 1).rises.tolist() == [0.0]


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_too_few_bars_give_no_label(count: int) -> None:
    labels = fixed_horizon(hourly_bars(count, seed=1), 3)

    assert len(labels) == len(labels.end_ns) == 0


@given(count=st.integers(0, 60), horizon=st.integers(1, 20), seed=st.integers(0, 9))
def test_a_label_ends_after_the_horizon_and_uses_nothing_later(count: int, horizon: int, seed: int) -> None:
    bars = hourly_bars(count, seed=seed)
    labels = fixed_horizon(bars, horizon)

    assert len(labels) == max(0, count - horizon - 1)
    assert np.all(labels.end_ns - bars.ts_ns[: len(labels)] == (horizon + 1) * 3_600 * 10**9)
    for row in range(len(labels)):
        known = int(np.searchsorted(bars.ts_ns, labels.end_ns[row], side="right"))
        assert fixed_horizon(bars.slice(0, known), horizon).forward_return[row] == labels.forward_return[row]


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
def test_refuses_an_open_that_is_no_price(bad: float) -> None:
    with pytest.raises(ValueError, match="bar 1 has"):
        fixed_horizon(bars_with_opens(1, bad, 3, 4), 1)


def test_refuses_a_horizon_below_one() -> None:
    with pytest.raises(ValueError, match="at least 1, was 0"):
        fixed_horizon(bars_with_opens(1, 2, 3), 0)
