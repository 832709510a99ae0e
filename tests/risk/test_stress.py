"""Scenarios by hand, liquidation inside a shock, historical figures against the data they come from."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from catalog.instruments import LeverageBracket
from risk.limits import DrawdownBase, DrawdownLimitConfig, LimitsConfig
from risk.modes.table import Mode
from risk.stress import Limit, headrooms, run_scenario, run_scenarios, shock, value_at_risk
from risk.stress_portfolio import StressPortfolio, StressPosition
from risk.stress_scenarios import HISTORICAL, Family, Scenario, parametric

TIER = (
    LeverageBracket(
        notional_floor=0.0, notional_cap=1e9, maintenance_rate=0.01, maintenance_amount=0.0, leverage_max=50.0
    ),
)


def perp(
    quantity: float, mark: float = 100.0, symbol: str = "BTCUSDT-PERP.BINANCE", **changes: object
) -> StressPosition:
    given: dict[str, object] = {"entry_price": mark, "brackets": TIER}
    return StressPosition(instrument=symbol, signed_quantity=quantity, mark=mark, **(given | changes))  # type: ignore[arg-type]


def account(*positions: StressPosition, cash: float = 10_000.0, **changes: object) -> StressPortfolio:
    return StressPortfolio(cash=cash, positions=positions, **changes)  # type: ignore[arg-type]


def fall(by: float, **changes: object) -> Scenario:
    return Scenario(name="fall", family=Family.PARAMETRIC, note="", other=-by, **changes)  # type: ignore[arg-type]


def test_a_fall_costs_the_notional_times_the_move() -> None:
    outcome = run_scenario(account(perp(50.0, entry_price=90.0)), fall(0.1))

    assert outcome.pnl == pytest.approx(-500.0)
    assert outcome.equity == pytest.approx(10_000.0)
    assert outcome.pnl_fraction == pytest.approx(-500.0 / 10_500.0)
    assert outcome.drawdown == pytest.approx(500.0 / 10_500.0)
    assert outcome.leverage == pytest.approx(50.0 * 90.0 / 10_000.0)
    assert outcome.liquidated == ()


def test_each_asset_falls_by_its_own_and_the_rest_by_other() -> None:
    scenario = Scenario(name="", family=Family.HISTORICAL, note="", shocks={"BTC": -0.1, "ETH": 0.2}, other=-0.5)
    portfolio = account(
        perp(10.0),
        perp(10.0, symbol="ETH-USDT-SWAP.BINANCE"),
        perp(-10.0, symbol="1000PEPEUSDT-PERP.BINANCE"),
        perp(10.0, symbol="LTCUSDT.BINANCE", spot=True, brackets=()),
    )

    assert [position.of_asset for position in portfolio.positions] == ["BTC", "ETH", "PEPE", "LTC"]
    assert run_scenario(portfolio, scenario).pnl == pytest.approx(-100.0 + 200.0 + 500.0 - 500.0)


def test_hedges_fail_moves_each_price_against_its_position() -> None:
    portfolio = account(perp(10.0), perp(-20.0, symbol="ETHUSDT-PERP.BINANCE"))

    assert run_scenario(portfolio, fall(0.0, against=0.1)).pnl == pytest.approx(-300.0)


def test_a_cross_account_that_is_used_up_is_lost_whole_but_not_more() -> None:
    # 100,000 of notional on 10,000: gone after 9.09 %, as 1 % of maintenance is asked of what is left
    portfolio = account(perp(1_000.0), perp(5.0, symbol="ETHUSDT.BINANCE", spot=True, brackets=()), cash=10_000.0)

    survives = run_scenario(portfolio, Scenario(name="", family=Family.PARAMETRIC, note="", shocks={"BTC": -0.09}))
    dies = run_scenario(portfolio, Scenario(name="", family=Family.PARAMETRIC, note="", shocks={"BTC": -0.3}))

    assert survives.liquidated == ()
    assert survives.liquidation_distance < 0.002
    assert dies.liquidated == ("BINANCE",)
    assert dies.pnl == pytest.approx(-10_000.0)  # the coins in the wallet stay
    assert dies.equity == pytest.approx(500.0)
    assert Limit.LIQUIDATION in dies.broken
    assert dies.liquidation_distance == 0.0


def test_an_isolated_position_loses_its_margin_and_no_more() -> None:
    portfolio = account(perp(1_000.0, isolated_margin=2_000.0), perp(10.0, symbol="ETHUSDT-PERP.BINANCE"))

    outcome = run_scenario(portfolio, fall(0.1))

    assert outcome.liquidated == ("BTCUSDT-PERP.BINANCE",)
    assert outcome.pnl == pytest.approx(-2_000.0 - 100.0)
    assert outcome.leverage == pytest.approx(900.0 / 7_900.0)


def test_an_isolated_position_outlives_the_cross_account_beside_it() -> None:
    portfolio = account(perp(1_000.0), perp(-10.0, symbol="ETHUSDT-PERP.BINANCE", isolated_margin=2_000.0))

    outcome = run_scenario(portfolio, fall(0.3))

    assert outcome.liquidated == ("BINANCE",)
    assert outcome.equity == pytest.approx(2_000.0 + 300.0)


def test_a_contract_without_brackets_is_judged_on_the_safe_side() -> None:
    known, unknown = account(perp(500.0)), account(perp(500.0, brackets=()))

    assert run_scenario(unknown, fall(0.1)).liquidation_distance < run_scenario(known, fall(0.1)).liquidation_distance


def test_a_spread_costs_half_of_it_and_funding_is_paid_by_one_side() -> None:
    hedged = account(perp(10.0), perp(-30.0, symbol="ETHUSDT-PERP.BINANCE"))
    funding = {"funding_rate": 0.001, "funding_payments": 3}

    assert run_scenario(hedged, fall(0.0, spread_bps=100.0)).pnl == pytest.approx(-4_000.0 * 0.005)
    assert run_scenario(hedged, fall(0.0, **funding)).pnl == pytest.approx(2_000.0 * 0.003)
    spot = account(perp(10.0, symbol="BTCUSDT.BINANCE", spot=True, brackets=()))
    assert run_scenario(spot, fall(0.0, **funding)).pnl == 0.0


def test_a_lost_venue_takes_balance_and_positions_and_leaves_the_rest() -> None:
    portfolio = account(
        perp(10.0, entry_price=90.0),
        perp(-20.0, symbol="BTCUSDT-PERP.BYBIT"),
        perp(5.0, symbol="BTCUSDT-PERP.OKX"),
        balances={"BINANCE": 6_000.0, "BYBIT": 3_000.0, "OKX": 1_000.0},
    )

    lost = {venue: run_scenario(portfolio, fall(0.0, venue_lost=venue)) for venue in portfolio.venues}

    assert lost["BINANCE"].pnl == pytest.approx(-6_100.0)
    assert lost["BYBIT"].pnl == pytest.approx(-3_000.0)
    assert lost["BINANCE"].leverage == pytest.approx(2_500.0 / 4_000.0)
    all_at_one = account(*portfolio.positions, balances={"BINANCE": 10_000.0, "BYBIT": 0.0})
    assert run_scenario(all_at_one, fall(0.0, venue_lost="BINANCE")).equity == pytest.approx(0.0)
    alone = account(perp(10.0))
    assert run_scenario(alone, fall(0.0, venue_lost="BINANCE")).equity == 0.0


def test_volatility_and_correlation_act_on_the_value_at_risk() -> None:
    portfolio = account(
        perp(10.0),
        perp(10.0, symbol="ETHUSDT-PERP.BINANCE"),
        daily_volatility={"BTC": 0.03, "ETH": 0.04},
        correlation=0.5,
    )
    quantile = 2.3263478740408408

    assert value_at_risk(portfolio) == pytest.approx(quantile * math.sqrt(30**2 + 40**2 + 2 * 0.5 * 30 * 40))
    as_one = shock(portfolio, fall(0.0, volatility_times=2.0, correlation=1.0))
    assert value_at_risk(as_one) == pytest.approx(quantile * 2 * 70.0)
    outcome = run_scenario(portfolio, fall(0.0, volatility_times=10.0))
    assert outcome.pnl == 0.0
    assert outcome.broken == (Limit.VALUE_AT_RISK,)


@pytest.mark.parametrize("base", DrawdownBase)
def test_drawdown_counts_from_the_base_that_is_configured(base: DrawdownBase) -> None:
    limits = LimitsConfig(drawdown=DrawdownLimitConfig(base=base, max=0.05))
    equities = {"peak_equity": 12_000.0, "start_equity": 10_000.0, "day_start_equity": 10_500.0}
    portfolio = account(perp(1.0), limits=limits, **equities)

    outcome = run_scenario(portfolio, fall(0.0))

    expected = {DrawdownBase.PEAK: 1 - 10 / 12, DrawdownBase.START: 0.0, DrawdownBase.DAY: 1 - 10 / 10.5}[base]
    assert outcome.drawdown == pytest.approx(expected)
    assert (Limit.DRAWDOWN in outcome.broken) is (base is DrawdownBase.PEAK)
    assert outcome.broken == outcome.broken_before


@pytest.mark.parametrize(("mode", "leverage"), [(Mode.MANUAL, 1.0), (Mode.SEMI_AUTO, 2.0), (Mode.FULL_AUTO, 3.0)])
def test_limits_are_those_of_the_mode(mode: Mode, leverage: float) -> None:
    just, beyond = account(perp(100.0 * leverage), mode=mode), account(perp(100.0 * leverage + 1), mode=mode)

    assert headrooms(just)[Limit.LEVERAGE] == pytest.approx(0.0)
    assert headrooms(beyond)[Limit.LEVERAGE] == pytest.approx(-100.0)


def test_limits_that_are_off_cannot_break() -> None:
    off = LimitsConfig(
        **{
            name: msgspec.structs.replace(getattr(LimitsConfig(), name), enabled=False)
            for name in ("drawdown", "daily_loss", "value_at_risk", "leverage")
        }
    )

    assert headrooms(account(perp(1.0), limits=off)).keys() == {Limit.LIQUIDATION}
    assert headrooms(account(limits=off)) == {}


def test_an_empty_account_survives_everything_but_the_loss_of_its_venue() -> None:
    portfolio = account(balances={"BINANCE": 10_000.0})

    outcomes = run_scenarios(portfolio, HISTORICAL + parametric(portfolio.venues))

    assert {outcome.pnl for outcome in outcomes[:-1]} == {0.0}
    assert outcomes[-1].pnl == -10_000.0
    assert all(outcome.liquidation_distance == math.inf for outcome in outcomes)


def test_there_are_the_five_falls_and_one_loss_for_each_venue() -> None:
    assert [scenario.name[:7] for scenario in HISTORICAL] == ["2020-03", "2021-05", "2022-05", "2022-11", "2024-08"]
    scenarios = HISTORICAL + parametric(["A", "B"])
    assert [scenario.venue_lost for scenario in scenarios][-2:] == ["A", "B"]
    assert len({scenario.name for scenario in scenarios}) == len(scenarios)
    assert all(scenario.other == min(scenario.shocks.values()) for scenario in HISTORICAL)


@pytest.mark.parametrize("scenario", HISTORICAL, ids=lambda scenario: scenario.name)
def test_historical_falls_are_what_the_bars_say(scenario: Scenario, shared_data: Path) -> None:
    until = pd.Timestamp(scenario.note.partition(" UTC")[0].removeprefix("to "), tz="UTC")

    closes: dict[str, pd.Series] = {}

    def fell(asset: str, kind: str, at: pd.Timestamp) -> float:
        if asset not in closes:
            bars = pd.read_parquet(shared_data / "ohlcv" / kind / f"{asset}USDT.parquet", columns=["ts", "close"])
            closes[asset] = bars.set_index("ts")["close"]
        opened = at - pd.Timedelta("1h")
        return float(closes[asset][opened] / closes[asset][opened - pd.Timedelta("24h")] - 1.0)

    large = {asset: fell(asset, "binance_usdm_perp_1h", until) for asset in ("BTC", "ETH")}
    for asset, move in scenario.shocks.items():
        measured = large[asset] if asset in large else fell(asset, "binance_spot_1h", until)
        assert move == pytest.approx(measured, abs=5e-5)
    # and no other 24 hours around it were worse for the two together
    for hours in range(-36, 37):
        at = until + pd.Timedelta(hours=hours)
        others = [fell(asset, "binance_usdm_perp_1h", at) for asset in large]
        assert sum(others) >= sum(large.values()) - 1e-12
