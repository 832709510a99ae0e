"""Figures against published values, by hand at the edges, and as properties."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.reports import metrics

DAY = metrics.NS_PER_DAY
PERIODS = {"daily": 252.0, "weekly": 52.0, "monthly": 12.0, "yearly": 1.0}


class Published:
    """Cases of empyrical's own tests, with the series they name."""

    def __init__(self, folder: Path) -> None:
        with gzip.open(folder / "risk" / "empyrical_expected.json.gz") as file:
            self.document: dict[str, Any] = json.load(file)

    def returns(self, argument: Any) -> np.ndarray:
        values = self.document["series"][argument["series"]]["values"] if "series" in argument else argument["values"]
        return np.array([math.nan if value is None else value for value in values])

    def cases(self, metric: str) -> list[dict[str, Any]]:
        return [
            case
            for case in self.document["cases"]
            if case["metric"] == metric
            and case["returns"].get("series", "") not in {"df_simple", "df_week", "df_month"}
        ]


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Published:
    return Published(shared_data)


def growth(returns: np.ndarray) -> np.ndarray:
    """Return an equity curve with these returns, starting at one; a missing return changes nothing, as there."""
    return np.cumprod(np.r_[1.0, 1.0 + np.nan_to_num(returns)])


def known(returns: np.ndarray) -> np.ndarray:
    """Return the returns that are there; empyrical's means and deviations skip the missing ones."""
    return returns[~np.isnan(returns)]


def agrees(ours: float, expected: float | str | None, tolerance: float = 1e-9) -> bool:
    if expected is None:
        return math.isnan(ours)
    return ours == pytest.approx(float(expected), rel=1e-9, abs=tolerance)


def test_drawdown_total_and_annual_return_are_empyricals(published: Published) -> None:
    checked = 0
    for case in published.cases("max_drawdown"):
        returns = published.returns(case["returns"])
        # empyrical has no drawdown of no return; an account with only its start has one, of zero
        if len(returns):
            assert agrees(metrics.max_drawdown(growth(returns)), case["expected"]), case
            checked += 1
    for case in published.cases("cum_returns_final"):
        returns = published.returns(case["returns"])
        if len(returns) and case["starting_value"] == 0:
            # published to four digits
            assert agrees(metrics.total_return(growth(returns)), case["expected"], 5e-5), case
            checked += 1
    for name in ("annual_ret", "cagr"):
        for case in published.cases(name):
            returns = published.returns(case["returns"])
            years = len(returns) / PERIODS[case["period"]]
            assert agrees(metrics.cagr(growth(returns), years), case["expected"]), case
            checked += 1
    assert checked == 15


def test_calmar_and_downside_risk_are_empyricals(published: Published) -> None:
    for case in published.cases("calmar"):
        returns = published.returns(case["returns"])
        equity, years = growth(returns), len(returns) / PERIODS[case["period"]]
        assert agrees(metrics.calmar(metrics.cagr(equity, years), metrics.max_drawdown(equity)), case["expected"]), case
    checked = 0
    for case in published.cases("downside_risk"):
        required = case["required_return"]
        if isinstance(required, float):
            ours = metrics.downside_deviation(
                known(published.returns(case["returns"])), PERIODS[case["period"]], required
            )
            assert agrees(ours, case["expected"]), case
            checked += 1
    assert checked >= 7


def test_sharpe_ratio_is_empyricals_where_it_is_a_number(published: Published) -> None:
    checked = 0
    for case in published.cases("sharpe_ratio"):
        free = case["risk_free"]
        excess = published.returns(case["returns"]) - (free if isinstance(free, float) else published.returns(free))
        ours = metrics.sharpe(known(excess), 252.0)
        # a series without variation is infinite there and undefined here
        assert math.isnan(ours) if case["expected"] == "inf" else agrees(ours, case["expected"]), case
        checked += 1
    assert checked == 8


def test_daily_equity_takes_midnight_as_the_end_of_the_day_and_repeats_missing_days() -> None:
    ts_ns = np.array([DAY + 1, 2 * DAY, 2 * DAY + 5, 5 * DAY])
    daily = metrics.daily_equity(ts_ns, np.array([101.0, 102.0, 103.0, 104.0]), 100.0)
    assert daily.day.tolist() == [0, 1, 2, 3, 4]
    assert daily.equity.tolist() == [100.0, 102.0, 103.0, 103.0, 104.0]


def test_daily_equity_drops_rows_that_are_not_numbers() -> None:
    daily = metrics.daily_equity(np.array([1, DAY + 1]), np.array([math.nan, 5.0]))
    assert daily.equity.tolist() == [5.0, 5.0]
    assert len(metrics.daily_equity(np.array([1]), np.array([math.nan])).day) == 0


def test_returns_end_with_the_ruin() -> None:
    assert metrics.simple_returns(np.array([100.0, 50.0, -10.0, 30.0])).tolist() == [-0.5, -1.2]
    assert metrics.simple_returns(np.array([0.0, 1.0])).tolist() == []


def test_nothing_and_one_point_have_no_figures() -> None:
    for curve in (np.empty(0), np.array([100.0])):
        returns = metrics.simple_returns(curve)
        for figure in (metrics.volatility, metrics.sharpe, metrics.sortino, metrics.skewness, metrics.kurtosis):
            assert math.isnan(figure(returns))
    assert math.isnan(metrics.max_drawdown(np.empty(0)))
    assert math.isnan(metrics.longest_drawdown_days(np.empty(0, np.int64), np.empty(0)))
    assert metrics.max_drawdown(np.array([100.0])) == 0.0
    assert math.isnan(metrics.cagr(np.array([100.0, 110.0]), 0.0))
    assert math.isnan(metrics.win_rate(np.empty(0)))


def test_constant_returns_have_no_ratio() -> None:
    assert math.isnan(metrics.sharpe(np.full(50, 0.01)))
    assert math.isnan(metrics.sharpe(np.zeros(50)))
    assert math.isnan(metrics.skewness(np.full(50, 0.01)))
    assert math.isnan(metrics.sortino(np.full(50, 0.01)))


def test_growth_of_a_ruined_account_is_minus_one_and_of_an_instant_gain_undefined() -> None:
    assert metrics.cagr(np.array([100.0, 0.0]), 2.0) == -1.0
    assert metrics.cagr(np.array([100.0, -40.0]), 2.0) == -1.0
    assert metrics.total_return(np.array([100.0, -40.0])) == -1.4
    assert math.isnan(metrics.cagr(np.array([100.0, 200.0]), 1e-6))
    assert math.isnan(metrics.total_return(np.array([0.0, 10.0])))


def test_years_have_365_days() -> None:
    returns = np.array([0.01, -0.02, 0.03])
    assert metrics.volatility(returns) == pytest.approx(np.std(returns, ddof=1) * math.sqrt(365))
    assert metrics.sharpe(returns) == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * math.sqrt(365))


def test_longest_drawdown_runs_from_the_peak_to_its_recovery_or_the_end() -> None:
    ts_ns = DAY * np.arange(8)
    assert metrics.longest_drawdown_days(ts_ns, np.array([1.0, 2, 1, 1, 2, 3, 2, 3])) == 3.0
    assert metrics.longest_drawdown_days(ts_ns, np.array([1.0, 2, 1, 2, 3, 2, 2, 2])) == 3.0
    assert metrics.longest_drawdown_days(ts_ns, np.arange(1.0, 9.0)) == 0.0


def test_trade_figures_by_hand() -> None:
    profits = np.array([30.0, -10.0, 0.0, -5.0])
    assert metrics.win_rate(profits) == 0.25
    assert metrics.profit_factor(profits) == 2.0
    assert math.isnan(metrics.profit_factor(np.array([1.0, 2.0])))
    assert metrics.turnover(1000.0, 100.0, 0.5) == 20.0
    assert math.isnan(metrics.turnover(1000.0, 0.0, 0.5))


def test_time_weights_count_how_long_a_row_lasted() -> None:
    ts_ns = np.array([0, 1, 4])
    assert metrics.time_share(ts_ns, np.array([True, False, True])) == 0.25
    assert metrics.time_mean(ts_ns, np.array([4.0, 8.0, 99.0])) == 7.0
    assert metrics.time_mean(ts_ns, np.array([math.nan, 8.0, 99.0])) == 8.0
    assert math.isnan(metrics.time_share(np.array([5]), np.array([True])))


curves = st.lists(st.floats(0.5, 2.0), min_size=2, max_size=60).map(lambda steps: 100.0 * np.cumprod(steps))


@given(curves, st.floats(0.01, 1000.0))
def test_figures_do_not_depend_on_the_currency(curve: np.ndarray, scale: float) -> None:
    assert metrics.max_drawdown(curve * scale) == pytest.approx(metrics.max_drawdown(curve), abs=1e-9)
    assert metrics.total_return(curve * scale) == pytest.approx(metrics.total_return(curve), abs=1e-9)


@given(curves)
def test_drawdown_is_the_worst_of_all_pairs(curve: np.ndarray) -> None:
    worst = min(curve[j] / curve[i] - 1.0 for i in range(len(curve)) for j in range(i, len(curve)))
    assert metrics.max_drawdown(curve) == pytest.approx(worst, abs=1e-12)
    assert -1.0 <= metrics.max_drawdown(curve) <= 0.0


@given(st.floats(-1e12, 1e12) | st.sampled_from([math.nan, math.inf, -math.inf]))
def test_only_finite_numbers_are_written(value: float) -> None:
    assert metrics.finite(value) == (value if math.isfinite(value) else None)
