"""What a venue's configuration refuses, which fees it chooses, and the delay of the opening tick."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig
from nautilus_trader.model.identifiers import InstrumentId
from venue_world import BTC, Feed, perp, run

from catalog.instruments import Kind
from errors import ConfigError
from research.venue.config import OPENING_PRINT_NS, FeesConfig, VenueConfig
from research.venue.fees import rates_of
from research.venue.venue import add_venue


@pytest.mark.parametrize(
    "document",
    [
        {"latency_ms": 0},
        {"latency": 50},
        {"slippage_bps": -1.0},
        {"leverage": 0.5},
        {"starting_balance": 0.0},
        {"margin_mode": "both"},
        {"funding": {"missing": "guess"}},
        {"fees": {"schedule": "explicit", "maker": "0.0002"}},
        {"fees": {"schedule": "spec", "maker": "0.0002", "taker": "0.0005"}},
        {"fees": {"schedule": "explicit", "maker": "0.0002", "taker": "5"}},
        {"fees": {"schedule": "explicit", "maker": "nan", "taker": "0.0005"}},
        {"fees": {"schedule": "vip"}},
        {"fees": {"schedule": "vip", "vip_tier": 10}},
        {"fees": {"vip_tier": 3}},
        {"liquidation": {"fee": 1.0}},
    ],
)
def test_refuses_what_is_unknown_or_out_of_range(document: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, VenueConfig)


def test_the_opening_print_comes_before_any_order_can_arrive() -> None:
    assert 0 < OPENING_PRINT_NS < VenueConfig(latency_ms=1).latency_ns


@pytest.mark.parametrize(
    ("fees", "rates"),
    [
        (FeesConfig(), ("0.0002", "0.0005")),
        (FeesConfig(schedule="explicit", maker="-0.00005", taker="0.0003"), ("-0.00005", "0.0003")),
        (FeesConfig(schedule="vip", vip_tier=0), ("0.0002", "0.0005")),
        (FeesConfig(schedule="vip", vip_tier=9), ("0", "0.00017")),
    ],
)
def test_the_schedule_gives_the_rates(fees: FeesConfig, rates: tuple[str, str]) -> None:
    assert rates_of([perp()], fees) == {InstrumentId.from_str(BTC): (Decimal(rates[0]), Decimal(rates[1]))}


def test_a_maker_rebate_is_paid_out() -> None:
    fees = FeesConfig(schedule="explicit", maker="-0.0001", taker="0")
    quiet = (100.0, 100.0, 100.0, 100.0)
    acts = {0: lambda s: s.market(1), 1: lambda s: s.limit(-1, 105.0)}
    result = run(Feed([quiet, quiet, (100.0, 106.0, 100.0, 106.0)]), acts, VenueConfig(slippage_bps=0.0, fees=fees))

    assert result.fees == [Decimal(0), Decimal("-0.0105")]
    assert result.balance == Decimal("10005.0105")


@pytest.mark.parametrize(
    ("venue", "specs", "fees", "told"),
    [
        ("BINANCE", [], FeesConfig(), "no instruments"),
        ("BYBIT", [perp()], FeesConfig(), "not of venue BYBIT"),
        ("BINANCE", [perp(), perp("ETHUSDC-PERP.BINANCE", settlement="USDC")], FeesConfig(), "USDC, USDT"),
        (
            "BINANCE",
            [perp(), perp("ETHUSDT.BINANCE", kind=Kind.SPOT, brackets=(), funding_interval_h=None)],
            FeesConfig(),
            "spot does not share",
        ),
        (
            "BINANCE",
            [perp("ETHUSDT.BINANCE", kind=Kind.SPOT, brackets=(), funding_interval_h=None)],
            FeesConfig(schedule="vip", vip_tier=1),
            "VIP schedule",
        ),
    ],
)
def test_instruments_that_do_not_fit_one_account_are_refused(
    venue: str, specs: list[Any], fees: FeesConfig, told: str
) -> None:
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    with pytest.raises(ConfigError, match=told):
        add_venue(engine, venue, specs, VenueConfig(fees=fees))
    engine.dispose()


def test_assumptions_name_every_choice() -> None:
    result = run(Feed([(100.0, 100.0, 100.0, 100.0)]), {}, VenueConfig())

    text = " ".join(result.venue.assumptions())
    for said in (
        "50 ms",
        "1 bp",
        "trades beyond its limit",
        "filled at the market",
        "nearer to the open",
        "own maker and taker rates",
        "a missing rate stops the run",
        "cross-margined at leverage 3",
        "insurance fund",
        "No mark prices for BTCUSDT-PERP.BINANCE",
    ):
        assert said in text
