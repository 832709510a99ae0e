"""The portfolio's figures against a slow reference, what is unknown, and the same again from the same calls."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.limits import CorrelationLimitConfig, RiskMethod, ValueAtRiskLimitConfig
from risk.measures.backtests import christoffersen
from risk.measures.covariance import ledoit_wolf
from risk.measures.portfolio import PortfolioRisk
from risk.measures.value_at_risk import Figures, filter_returns, historical, normal_multiples, parametric

HOUR = 3_600_000_000_000
NAMES = ("A", "B", "C")
ROWS = 120
CONFIG = ValueAtRiskLimitConfig(window=100, observations_min=20, horizon_h=24, confidence=0.95)
MIX = np.array([[1.0, 0.8, 0.1], [0.0, 0.6, 0.3], [0.0, 0.0, 1.2]])


def paths(seed: int = 1, rows: int = ROWS) -> np.ndarray:
    random = np.random.default_rng(seed)
    returns = random.standard_t(4, (rows, 3)) * 0.005 @ MIX
    return np.asarray(100.0 * np.cumprod(1.0 + returns, axis=0))


def fed(config: ValueAtRiskLimitConfig = CONFIG, prices: np.ndarray | None = None) -> PortfolioRisk:
    portfolio = PortfolioRisk(config, CorrelationLimitConfig())
    given_prices = paths() if prices is None else prices
    for hour, row in enumerate(given_prices, start=1):
        for name, price in zip(NAMES, row, strict=False):
            portfolio.on_mark(name, float(price), hour * HOUR)
    portfolio.on_mark("A", float(given_prices[-1, 0]), (len(given_prices) + 1) * HOUR)  # closes the last row
    return portfolio


def hold(portfolio: PortfolioRisk, notionals: Iterable[float]) -> None:
    for name, notional in zip(NAMES, notionals, strict=False):
        portfolio.hold(name, notional, max(0.0, notional), max(0.0, -notional))


def slow(config: ValueAtRiskLimitConfig, prices: np.ndarray, notionals: np.ndarray) -> Figures:
    """Return the figures from whole arrays, by the public functions."""
    returns = (prices[1:] / prices[:-1] - 1.0)[-config.window :]
    scale = math.sqrt(config.horizon_h / config.sample_h)
    if config.method is RiskMethod.PARAMETRIC:
        figures = parametric(notionals, ledoit_wolf(returns).covariance, config.confidence)
    else:
        filtered = config.method is RiskMethod.FILTERED
        scenarios = filter_returns(returns, config.decay) if filtered else returns
        figures = historical(scenarios @ notionals, config.confidence)
    return Figures(max(0.0, figures.var) * scale, max(0.0, figures.cvar) * scale)


notionals_of = st.lists(st.floats(-1e5, 1e5), min_size=3, max_size=3).map(np.array)


@pytest.mark.parametrize("method", RiskMethod)
@settings(max_examples=30)
@given(held=notionals_of, place=st.integers(0, 2), added=st.floats(-1e5, 1e5))
def test_equals_the_public_functions_before_and_with_an_order(
    method: RiskMethod, held: np.ndarray, place: int, added: float
) -> None:
    config = ValueAtRiskLimitConfig(method=method, window=100, observations_min=20, confidence=0.95)
    portfolio = PORTFOLIOS[method]
    hold(portfolio, held)
    after = held.copy()
    after[place] += added
    committed = after[place] if added * held[place] >= 0 else held[place]

    present = portfolio.present()
    figures = portfolio.with_order(NAMES[place], added, committed)

    assert present == pytest.approx(slow(config, paths(), held), rel=1e-9, abs=1e-6)
    expected = [slow(config, paths(), after)]
    if committed != after[place]:
        expected.append(slow(config, paths(), held))
    assert figures == pytest.approx([max(pair) for pair in zip(*expected, strict=True)], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("method", RiskMethod)
@settings(max_examples=30)
@given(held=notionals_of, place=st.integers(0, 3), added=st.floats(-1e5, 1e5), resting=st.floats(0.0, 1e5))
def test_the_quick_bounds_hold(method: RiskMethod, held: np.ndarray, place: int, added: float, resting: float) -> None:
    portfolio = PORTFOLIOS[method]
    hold(portfolio, held)
    portfolio.hold("B", held[1], max(0.0, held[1] + resting), max(0.0, -held[1]))
    name = (*NAMES, "UNKNOWN")[place]
    known = (*held, 0.0)[place] + (resting if name == "B" else 0.0)
    for committed in (added, known + added):
        bound = portfolio.at_most(name, added, committed)
        figures = portfolio.with_order(name, added, committed)
        assert figures.var <= bound
        assert figures.cvar <= bound
    for direction in (1.0, -1.0):
        assert portfolio.cluster(name, direction) <= portfolio.cluster_at_most(name)


PORTFOLIOS = {
    method: fed(ValueAtRiskLimitConfig(method=method, window=100, observations_min=20, confidence=0.95))
    for method in RiskMethod
}


@pytest.mark.parametrize("method", RiskMethod)
def test_asking_changes_nothing_and_equal_calls_give_equal_bits(method: RiskMethod) -> None:
    config = ValueAtRiskLimitConfig(method=method, window=100, observations_min=20)
    first, second = fed(config), fed(config)
    for portfolio in (first, second):
        hold(portfolio, (1_000.0, -500.0, 250.0))
    before = first.present()
    for _ in range(3):
        first.with_order("B", 700.0)
        first.cluster("A", 1.0)

    assert first.present() == before == second.present()
    assert first.with_order("C", -99.0) == second.with_order("C", -99.0)


def test_a_young_instrument_is_assumed_to_fall_with_everything_else() -> None:
    portfolio = fed()
    hold(portfolio, (1_000.0,))
    alone = portfolio.present()
    portfolio.on_mark("NEW", 5.0, (ROWS + 1) * HOUR)

    figures = portfolio.with_order("NEW", -300.0)

    ratio = normal_multiples(CONFIG.confidence)[1] / normal_multiples(CONFIG.confidence)[0]
    assert figures.var == pytest.approx(alone.var + 300.0 * CONFIG.move_assumed)
    assert figures.cvar == pytest.approx(alone.cvar + 300.0 * CONFIG.move_assumed * ratio)


def test_nothing_known_at_all_still_lets_a_small_order_be_judged() -> None:
    portfolio = PortfolioRisk(CONFIG, CorrelationLimitConfig())

    assert portfolio.present() == (0.0, 0.0)
    assert portfolio.with_order("A", 200.0).var == pytest.approx(20.0)
    assert portfolio.with_order("A", 200.0).cvar > 20.0


@pytest.mark.parametrize("method", RiskMethod)
def test_what_joined_later_adds_its_own_figure_until_it_covers_the_window(method: RiskMethod) -> None:
    config = ValueAtRiskLimitConfig(method=method, window=100, observations_min=20, confidence=0.95)
    prices = paths()
    portfolio = PortfolioRisk(config, CorrelationLimitConfig())
    for hour, row in enumerate(prices, start=1):
        portfolio.on_mark("A", float(row[0]), hour * HOUR)
        if hour > 60:
            portfolio.on_mark("B", float(row[1]), hour * HOUR)
    portfolio.on_mark("A", 1.0, 200 * HOUR)
    portfolio.hold("A", 1_000.0, 1_000.0, 0.0)
    own = PortfolioRisk(config, CorrelationLimitConfig())
    for hour, row in enumerate(prices[60:], start=1):
        own.on_mark("B", float(row[1]), hour * HOUR)
    own.on_mark("B", 1.0, 200 * HOUR)

    together = portfolio.with_order("B", -400.0)

    if method is RiskMethod.HISTORICAL:
        assert together.var == pytest.approx(portfolio.present().var + own.with_order("B", -400.0).var)
    assert together.var > portfolio.present().var
    assert together.cvar >= together.var


def test_correlations_are_those_of_the_sampled_returns_whenever_they_are_asked_for() -> None:
    prices = paths()
    returns = prices[1:] / prices[:-1] - 1.0
    asked_at_end, asked_often = fed(), PortfolioRisk(CONFIG, CorrelationLimitConfig())
    for hour, row in enumerate(prices, start=1):
        for name, price in zip(NAMES, row, strict=True):
            asked_often.on_mark(name, float(price), hour * HOUR)
        asked_often.correlation("A", "B")
    asked_often.on_mark("A", 1.0, (ROWS + 1) * HOUR)

    weights = CorrelationLimitConfig().decay ** np.arange(ROWS - 1)[::-1]
    weighted = returns.T @ (weights[:, None] * returns)
    expected = weighted[0, 1] / math.sqrt(weighted[0, 0] * weighted[1, 1])
    assert asked_at_end.correlation("A", "B") == pytest.approx(expected)
    assert asked_often.correlation("A", "B") == asked_at_end.correlation("A", "B")


def test_thousands_of_positions_are_taken_over_in_no_time() -> None:
    portfolio = PortfolioRisk(CONFIG, CorrelationLimitConfig())
    before = time.process_time()
    for number in range(10_000):
        portfolio.hold(f"X{number}", 10.0, 10.0, 0.0)

    assert portfolio.present().var == pytest.approx(10_000.0)
    assert portfolio.cluster("X0", 1.0) == pytest.approx(99_990.0)
    assert time.process_time() - before < 5.0


def test_working_orders_count_and_hedge_nothing() -> None:
    portfolio = fed()
    hold(portfolio, (1_000.0,))
    long_alone = portfolio.present()
    portfolio.hold("B", 0.0, 0.0, 5_000.0)  # a short that rests

    resting = portfolio.present()

    assert resting.var >= long_alone.var
    portfolio.hold("B", -500.0, 0.0, 500.0)  # one that is held does hedge
    assert portfolio.present().var < long_alone.var


def test_nan_anywhere_is_nan_in_the_answer() -> None:
    for method in RiskMethod:
        portfolio = fed(ValueAtRiskLimitConfig(method=method, window=100, observations_min=20))
        hold(portfolio, (1_000.0,))
        assert all(map(math.isnan, portfolio.with_order("A", math.nan)))
        assert math.isnan(portfolio.at_most("A", math.nan, 1.0))
        assert math.isnan(portfolio.at_most("A", 1.0, math.nan))
        assert all(map(math.isnan, portfolio.with_order("NEW", math.nan)))
        portfolio.hold("B", math.nan, 0.0, 0.0)
        assert all(map(math.isnan, portfolio.present()))
        assert all(map(math.isnan, portfolio.with_order("A", 1.0)))
        assert math.isnan(portfolio.cluster("A", 1.0))
        assert math.isnan(portfolio.at_most("A", 1.0, 1.0))
        assert math.isnan(portfolio.cluster_at_most("A"))
        portfolio.hold("B", 0.0, 0.0, 0.0)
        assert portfolio.present().var > 0.0


def test_an_instrument_that_fell_silent_is_assumed_again() -> None:
    prices = paths()
    portfolio = fed(prices=prices)
    for hour in range(len(prices) + 1, len(prices) + 95):  # of a window of 100, B keeps fewer than 20 returns
        portfolio.on_mark("A", 100.0 + hour % 3, hour * HOUR)

    assert portfolio.with_order("B", 100.0).var == pytest.approx(100.0 * CONFIG.move_assumed)


def test_the_worst_loss_grows_with_confidence_and_horizon() -> None:
    for method in RiskMethod:
        figures = []
        for confidence, horizon in ((0.95, 24), (0.99, 24), (0.99, 96)):
            portfolio = fed(
                ValueAtRiskLimitConfig(
                    method=method, window=100, observations_min=20, confidence=confidence, horizon_h=horizon
                )
            )
            hold(portfolio, (1_000.0, 500.0, -200.0))
            figures.append(portfolio.present())
        assert figures[0].var < figures[1].var
        assert figures[2].var == pytest.approx(2.0 * figures[1].var)


def test_one_day_forecasts_of_real_prices_hold_about_as_often_as_they_say(shared_data: Path) -> None:
    """Five years of daily forecasts on hourly returns, as the default configuration makes them."""
    folder = shared_data / "ohlcv" / "binance_usdm_perp_1h"
    closes = pd.DataFrame(
        {name: pd.read_parquet(folder / f"{name}.parquet").set_index("ts")["close"] for name in ("BTCUSDT", "ETHUSDT")}
    ).dropna()
    prices, config = closes.to_numpy(), ValueAtRiskLimitConfig()
    portfolio = PortfolioRisk(config, CorrelationLimitConfig())
    hits: list[bool] = []
    forecast, base = math.inf, prices[0]
    for hour, row in enumerate(prices, start=1):
        if hour % 24 == 2 and forecast < math.inf:
            hits.append(bool((row / base - 1.0).mean() < -forecast))
        for name, price in zip(("A", "B"), row, strict=True):
            portfolio.on_mark(name, float(price), hour * HOUR)
        if hour % 24 == 2 and hour > config.window + 24:
            portfolio.hold("A", 0.5, 0.5, 0.0)
            portfolio.hold("B", 0.5, 0.5, 0.0)
            forecast, base = portfolio.present().var, row

    coverage = christoffersen(np.array(hits), config.confidence)

    assert coverage.observations > 1_700
    assert 0.005 < coverage.hits / coverage.observations < 0.02
    assert coverage.independence.p_value > 0.05
    assert coverage.conditional.p_value > 0.01
