"""What it costs to judge one order against the whole portfolio: 500 scenarios, 20 instruments."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from risk.limits import CorrelationLimitConfig, RiskMethod, ValueAtRiskLimitConfig
from risk.measures.portfolio import PortfolioRisk

pytestmark = pytest.mark.bench

HOUR = 3_600_000_000_000
CALLS = 2_000
BLOCKS = 10


def busy(method: RiskMethod) -> PortfolioRisk:
    portfolio = PortfolioRisk(ValueAtRiskLimitConfig(method=method), CorrelationLimitConfig())
    random, prices = np.random.default_rng(1), np.full(20, 100.0)
    for hour in range(1, 521):
        prices *= np.exp(0.01 * random.standard_normal(20) + 0.01 * random.standard_normal())
        for number, price in enumerate(prices.tolist()):
            portfolio.on_mark(f"X{number}", price, hour * HOUR)
    for number in range(20):
        portfolio.hold(f"X{number}", 100.0, 100.0, 0.0)
    return portfolio


def microseconds(call: Callable[[], object]) -> float:
    """Return the processor time of one call, in the quietest of some blocks."""
    call()
    blocks = []
    for _ in range(BLOCKS):
        start = time.thread_time_ns()
        for _ in range(CALLS):
            call()
        blocks.append((time.thread_time_ns() - start) / CALLS / 1e3)
    return min(blocks)


@pytest.mark.parametrize("method", RiskMethod)
def test_figures_with_one_order_more(method: RiskMethod) -> None:
    portfolio = busy(method)
    held = [100.0]

    def after_a_mark() -> object:
        held[0] *= 1.0001
        portfolio.hold("X3", held[0], held[0], 0.0)
        return portfolio.with_order("X3", 500.0, 600.0)

    figures = microseconds(lambda: portfolio.with_order("X3", 500.0, 600.0))
    fresh = microseconds(after_a_mark)
    bound = microseconds(lambda: portfolio.at_most("X3", 500.0, 600.0))
    cluster = microseconds(lambda: portfolio.cluster("X3", 1.0))
    print(
        f"\n{method.value}: figures {figures:.2f} us, after a mark {fresh:.2f}, bound {bound:.2f}, "
        f"cluster {cluster:.2f}"
    )
    assert figures < 15.0
    assert bound < figures
