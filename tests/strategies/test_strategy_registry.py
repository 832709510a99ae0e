"""The allow-list: nothing else is imported; configurations are decoded strictly and say where they are wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from errors import ConfigError
from strategies.library.powers import StrategyPowers
from strategies.registry import STRATEGIES, build, decode_config, resolve

FUSED: dict[str, Any] = {"instrument_ids": ["BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE"]}
CROSS: dict[str, Any] = {
    "instrument_id": "BTCUSDT-PERP.BINANCE",
    "bar_type": "BTCUSDT-PERP.BINANCE-1-HOUR-LAST-EXTERNAL",
    "trade_size": "0.1",
}


@pytest.mark.parametrize(
    "name", ["os:system", "", "Fused", "fused ", "strategies.library.fused:FusedStrategy", "__class__"]
)
def test_anything_unregistered_is_refused_with_the_list_of_what_is_allowed(name: str) -> None:
    with pytest.raises(ConfigError, match="must be one of ema_cross, fused") as caught:
        resolve(name, where="run.toml, key strategy.name")

    assert caught.value.where == "run.toml, key strategy.name"
    assert repr(name) in str(caught.value)


def test_resolving_imports_no_engine() -> None:
    code = (
        "import sys; from strategies.registry import resolve; resolve('fused'); print('nautilus_trader' in sys.modules)"
    )

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "False"


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_registered_path_leads_to_a_class(name: str) -> None:
    entry = resolve(name)

    assert isinstance(entry.strategy_class(), type)
    assert isinstance(entry.config_class(), type)


@pytest.mark.parametrize(("name", "table"), [("fused", FUSED), ("ema_cross", CROSS)])
def test_a_registered_strategy_is_built_from_its_table(name: str, table: dict[str, Any]) -> None:
    strategy = build(name, table, where="run.toml")

    assert type(strategy) is resolve(name).strategy_class()
    assert type(strategy.config) is resolve(name).config_class()


def test_nested_tables_and_features_are_decoded() -> None:
    table = FUSED | {
        "bar": "30-MINUTE",
        "fusion": {"technical_weight": 0.7, "learned_weight": 0.3},
        "technical": {"momentum": {"weight": 0.0}},
        "sizing": {"kelly": {"volatility_target": 0.3}},
        "features": [{"name": "ema", "params": {"window": 50}}],
        "use_model": False,
    }

    config = decode_config("fused", table, where="run.toml")

    assert [str(bar_type) for bar_type in config.bar_types()] == [
        "BTCUSDT-PERP.BINANCE-30-MINUTE-LAST-EXTERNAL",
        "ETHUSDT-PERP.BINANCE-30-MINUTE-LAST-EXTERNAL",
    ]
    assert config.fusion.technical_weight == 0.7
    assert config.technical.momentum.weight == 0.0
    assert config.sizing.kelly.volatility_target == 0.3
    assert config.features[0].params == {"window": 50}
    assert config.powers() == StrategyPowers(use_model=False)


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"entry_strenght": 0.3}, "strategy.config", "unknown field `entry_strenght`"),
        ({"entry_strength": 0.0}, "strategy.config.entry_strength", "> 0.0"),
        ({"entry_strength": 1.1}, "strategy.config.entry_strength", "<= 1.0"),
        ({"entry_strength": float("nan")}, "strategy.config.entry_strength", "float"),
        ({"entry_strength": "0.3"}, "strategy.config.entry_strength", "Expected `float`, got `str`"),
        ({"max_holding_bars": 1.5}, "strategy.config.max_holding_bars", "Expected `int`, got `float`"),
        ({"allow_short": 1}, "strategy.config.allow_short", "Expected `bool`, got `int`"),
        ({"fusion": {"stop_atr": -1.0}}, "strategy.config.fusion.stop_atr", "> 0.0"),
        ({"fusion": {"nope": 1}}, "strategy.config.fusion", "unknown field `nope`"),
        ({"sizing": {"kelly": {"kelly_fraction": 0.5}}}, "strategy.config.sizing.kelly.kelly_fraction", "<= 0.25"),
        ({"technical": {"trend": {"adx_floor": 50.0}}}, "strategy.config.technical.trend", "adx_floor < adx_full"),
        ({"instrument_ids": []}, "strategy.config", "at least one instrument"),
        ({"instrument_ids": ["A.B", "A.B"]}, "strategy.config", "must differ"),
        ({"instrument_ids": ["BTCUSDT"]}, "strategy.config.instrument_ids[0]", "InstrumentId"),
        ({"instrument_ids": "A.B"}, "strategy.config.instrument_ids", "Expected `array`"),
        ({"bar": "1-HOURS"}, "strategy.config", "1-HOURS"),
        ({"strategy_id": "mine"}, "strategy.config.strategy_id", "order_id_tag"),
        ({"use_uuid_client_order_ids": True}, "strategy.config.use_uuid_client_order_ids", "same on every run"),
    ],
)
def test_a_wrong_table_is_refused_with_key_and_reason(change: dict[str, Any], key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_config("fused", FUSED | change, where="run.toml", prefix="strategy.config")

    assert caught.value.where == f"run.toml, key {key}"
    assert reason in caught.value.reason


def test_the_engines_own_strategy_is_decoded_as_strictly() -> None:
    with pytest.raises(ConfigError, match="fast_ema_period"):
        decode_config("ema_cross", CROSS | {"fast_ema_period": -5}, where="run.toml")
    with pytest.raises(ConfigError, match="instrument_id"):
        decode_config("ema_cross", CROSS | {"instrument_id": 7}, where="run.toml")


def test_what_a_strategys_constructor_refuses_is_a_configuration_error_too() -> None:
    with pytest.raises(ConfigError, match="fast_ema_period") as caught:
        build("ema_cross", CROSS | {"fast_ema_period": 20, "slow_ema_period": 10}, where="run.toml", prefix="s")

    assert caught.value.where == "run.toml, key s"


@pytest.mark.parametrize(
    "change",
    [
        {"features": [{"name": "crystal_ball"}]},
        {"volatility": "crystal_ball"},
        {"technical": {"trend": {"spread": "crystal_ball"}}},
    ],
)
def test_an_unknown_feature_is_refused_before_anything_runs(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="crystal_ball") as caught:
        build("fused", FUSED | change, where="run.toml")

    assert caught.value.where == "run.toml"
