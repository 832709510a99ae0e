"""Sizes of bracket trades: the odds by hand, the bounds, and what the control mode takes away."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.modes.table import POWERS, Mode
from risk.sizing import Bound, Size, SizingConfig
from strategies.library.position_size import TradeSizeConfig, trade_size
from strategies.library.powers import StrategyPowers
from strategies.registry import decode_config

FREE = TradeSizeConfig(
    kelly=SizingConfig(kelly_fraction=0.25, volatility_target=5.0), risk_max=1.0, leverage_max=100.0, slippage_bps=0.0
)
ALL = StrategyPowers(leverage_max=100.0)


def size(config: TradeSizeConfig = FREE, powers: StrategyPowers = ALL, **changes: float) -> Size:
    given_ = {
        "strength": 0.5,
        "stop_distance": 0.02,
        "payoff": 1.5,
        "fee_rate": 0.0,
        "annual_volatility": 0.1,
    } | changes
    return trade_size(config, powers, **given_)


def test_kelly_by_hand_without_costs() -> None:
    # p = 1/2.5 + 0.2 * 0.5 = 0.5; risked p - (1 - p) / 1.5 = 1/6; a quarter of it over a stop of 2 %
    assert size().fraction == pytest.approx(0.25 * (1 / 6) / 0.02)
    assert size().bound is Bound.KELLY


def test_kelly_by_hand_with_costs() -> None:
    # fees of 0.1 % each way: a loss costs 2.2 %, a win pays 2.8 %
    expected = 0.25 * (0.5 - 0.5 / (2.8 / 2.2)) / 0.022

    assert size(fee_rate=0.001).fraction == pytest.approx(expected)


def test_no_strength_is_a_fair_game_and_costs_make_it_a_losing_one() -> None:
    assert size(strength=0.0).fraction == pytest.approx(0.0, abs=1e-12)
    assert size(strength=0.0, fee_rate=0.001) == Size(0.0, Bound.NO_EDGE)


def test_a_target_that_does_not_pay_its_costs_has_no_size() -> None:
    assert size(stop_distance=0.001, fee_rate=0.001).fraction == 0.0


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_strength_never_means_less_size_and_the_side_does_not_matter(a: float, b: float) -> None:
    weak, strong = sorted((a, b))

    assert size(strength=strong).fraction >= size(strength=weak).fraction - 1e-12
    assert size(strength=-strong) == size(strength=strong)


def test_each_bound_holds() -> None:
    tight_risk = TradeSizeConfig(kelly=FREE.kelly, risk_max=0.01, leverage_max=100.0, slippage_bps=0.0)
    tight_leverage = TradeSizeConfig(kelly=FREE.kelly, risk_max=1.0, leverage_max=0.5, slippage_bps=0.0)
    tight_volatility = TradeSizeConfig(
        kelly=SizingConfig(volatility_target=0.2), risk_max=1.0, leverage_max=100.0, slippage_bps=0.0
    )

    assert size(tight_risk) == Size(pytest.approx(0.5), Bound.RISK_AT_STOP)
    assert size(tight_leverage) == Size(0.5, Bound.LEVERAGE)
    assert size(tight_volatility, annual_volatility=0.8) == Size(0.25, Bound.VOLATILITY)


@pytest.mark.parametrize("name", ["strength", "stop_distance", "payoff", "fee_rate", "annual_volatility"])
def test_a_nan_gives_no_size(name: str) -> None:
    assert size(**{name: math.nan}).fraction == 0.0


def test_a_mode_without_kelly_still_bounds_the_size_and_scales_the_risk() -> None:
    powers = StrategyPowers(use_kelly=False, risk_multiplier=0.5, leverage_max=100.0)
    config = TradeSizeConfig(kelly=FREE.kelly, risk_max=0.02, leverage_max=100.0, slippage_bps=0.0)

    assert size(config, powers, strength=0.0) == Size(pytest.approx(0.5), Bound.RISK_AT_STOP)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_modes_powers_fit_the_strategys_configuration(mode: Mode) -> None:
    powers = StrategyPowers.of(POWERS[mode])

    config = decode_config("fused", {"instrument_ids": ["A.B"]} | msgspec.to_builtins(powers), where="here")

    assert config.powers() == powers


def test_powers_are_read_from_the_table_of_modes() -> None:
    read = {mode: StrategyPowers.of(POWERS[mode]) for mode in Mode}

    assert read[Mode.FULL_AUTO] == StrategyPowers()
    assert read[Mode.SEMI_AUTO] == StrategyPowers(
        use_model=False, use_kelly=False, risk_multiplier=0.75, leverage_max=2.0
    )
    assert read[Mode.MANUAL] == StrategyPowers(use_model=False, use_kelly=False, risk_multiplier=0.5, leverage_max=1.0)
    assert read[Mode.EMERGENCY] == StrategyPowers(
        generate_signals=False, use_model=False, use_kelly=False, risk_multiplier=0.0, leverage_max=0.0
    )
