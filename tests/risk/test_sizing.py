from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.sizing import Bound, Size, SizingConfig, annual_volatility, kelly_binary, kelly_continuous, size_position

CONFIG = SizingConfig()
CALM: dict[str, Any] = {
    "kelly": 2.0,
    "volatility": 0.2,
    "stop_distance": 0.02,
    "cost_rate": 0.0,
    "risk_max": 0.02,
    "leverage_max": 3.0,
}


def size(**changes: Any) -> Size:
    return size_position(CONFIG, **(CALM | changes))


def test_kelly_of_an_even_bet_is_the_difference_of_the_chances() -> None:
    assert kelly_binary(0.53, 1.0) == pytest.approx(0.06)


def test_kelly_of_a_bet_at_two_to_one() -> None:
    assert kelly_binary(0.5, 2.0) == pytest.approx(0.25)
    assert kelly_binary(1.0, 2.0) == 1.0
    assert kelly_binary(0.2, 2.0) < 0.0


@given(st.floats(0.01, 0.99), st.floats(0.1, 10.0))
def test_kelly_maximises_expected_log_growth(probability: float, payoff: float) -> None:
    best = kelly_binary(probability, payoff)
    if not 0.001 < best < 0.999:
        return

    def growth(bet: float) -> float:
        return probability * math.log1p(payoff * bet) + (1 - probability) * math.log1p(-bet)

    assert growth(best) >= growth(best - 0.001)
    assert growth(best) >= growth(min(best + 0.001, 0.9999))


def test_kelly_of_a_continuous_return_by_hand() -> None:
    assert kelly_continuous(0.05, 0.04) == pytest.approx(1.25)
    assert kelly_continuous(-0.05, 0.04) < 0.0


@pytest.mark.parametrize(
    "value",
    [
        kelly_continuous(0.05, 0.0),
        kelly_continuous(0.05, -1.0),
        kelly_continuous(math.nan, 0.04),
        kelly_continuous(0.05, math.nan),
        kelly_binary(math.nan, 1.0),
        kelly_binary(0.5, math.nan),
        kelly_binary(1.1, 1.0),
        kelly_binary(0.5, 0.0),
    ],
)
def test_kelly_of_what_is_no_bet_is_not_a_number(value: float) -> None:
    assert math.isnan(value)


def test_years_have_365_days() -> None:
    assert annual_volatility(0.01, 3_600.0) == pytest.approx(0.01 * math.sqrt(8_760.0))


@pytest.mark.parametrize(
    ("changes", "fraction", "bound"),
    [
        ({}, 0.5, Bound.KELLY),
        ({"volatility": 1.0}, 0.2, Bound.VOLATILITY),
        ({"stop_distance": 0.05}, 0.4, Bound.RISK_AT_STOP),
        ({"stop_distance": 0.05, "cost_rate": 0.05}, 0.2, Bound.RISK_AT_STOP),
        ({"leverage_max": 0.1}, 0.1, Bound.LEVERAGE),
        ({"leverage_max": -0.1}, 0.0, Bound.LEVERAGE),
        ({"kelly": None}, 1.0, Bound.VOLATILITY),
        ({"kelly": 0.0}, 0.0, Bound.NO_EDGE),
        ({"kelly": -1.0}, 0.0, Bound.NO_EDGE),
    ],
)
def test_the_tightest_bound_decides(changes: dict[str, Any], fraction: float, bound: Bound) -> None:
    result = size(**changes)

    assert result.fraction == pytest.approx(fraction)
    assert result.bound is bound


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", CALM)
def test_no_number_sizes_nothing(name: str, bad: float) -> None:
    assert size(**{name: bad}) == Size(0.0, Bound.NOT_A_NUMBER)


@pytest.mark.parametrize("changes", [{"volatility": 0.0}, {"stop_distance": 0.0}, {"cost_rate": -0.1}])
def test_impossible_inputs_size_nothing(changes: dict[str, float]) -> None:
    assert size(**changes) == Size(0.0, Bound.NOT_A_NUMBER)


@given(st.floats(0.0, 100.0), st.floats(0.01, 5.0), st.floats(0.001, 1.0), st.floats(0.0, 0.1), st.floats(0.0, 3.0))
def test_every_bound_holds(kelly: float, volatility: float, stop: float, cost: float, leverage: float) -> None:
    fraction = size(
        kelly=kelly, volatility=volatility, stop_distance=stop, cost_rate=cost, leverage_max=leverage
    ).fraction

    assert 0.0 <= fraction <= 0.25 * kelly
    assert fraction <= leverage
    assert fraction * volatility <= CONFIG.volatility_target * (1 + 1e-12)
    assert fraction * (stop + cost) <= 0.02 * (1 + 1e-12)
