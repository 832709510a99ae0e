"""What is recorded explains the account: every fee, profit and forced close has its row."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import OrderSide
from workspace import Workspace

from research.backtest.recorder import Recorder
from risk.controller import gate_of
from tests.risk.engine_world import CASH, INSTRUMENT, SECOND, Scripted, play

CONFIG = """
[run]
name = "explained"
instruments = ["BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE"]
bar = "1-HOUR"
start = "2021-04-01"
end = "2021-05-31"

[strategy]
name = "ema_cross"

[strategy.params]
trade_size = "SIZE"
fast_ema_period = 10
slow_ema_period = 30

[report]
random_runs = 1
mlflow = false

[venue]
starting_balance = 9000.0
LEVERAGE

[limits.position]
enabled = false
[limits.leverage]
enabled = false
[limits.margin]
enabled = false
[limits.daily_loss]
enabled = false
[limits.drawdown]
enabled = false
[limits.value_at_risk]
enabled = false
[limits.correlation]
enabled = false
[control.triggers.drawdown]
enabled = false
[control.guardian.ladder]
enabled = false
[control.stops]
enabled = false
[control.kill]
daily_loss_max = 1.0
[control.breakers]
position = {enabled = false}
strategy = {enabled = false}
venue = {enabled = false}
system = {enabled = false}
"""


def market(side: OrderSide, quantity: float) -> Any:
    return lambda strategy: strategy.submit_order(
        strategy.order_factory.market(INSTRUMENT, side, strategy.quantity(quantity))
    )


@pytest.fixture(scope="module")
def turned() -> tuple[Scripted, Recorder]:
    """Return a strategy that turned its position twice with a single order, and what was recorded of it."""
    kept: dict[str, Recorder] = {}

    def prepare(engine: Any) -> None:
        watch = gate_of(engine.trader).gate.watch
        kept["recorder"] = recorder = Recorder(
            gate_of(engine.trader).gate.view,
            SECOND,
            lambda _key, price: price,
            lambda: math.nan,
            lambda key: engine.cache.order(key).init_event,
        )
        watch.observers.append(recorder)

    script = {
        3: market(OrderSide.BUY, 0.04),
        6: market(OrderSide.SELL, 0.05),
        9: market(OrderSide.BUY, 0.06),
        12: market(OrderSide.BUY, 0.01),
        15: market(OrderSide.SELL, 0.06),
    }
    prices = [50_000.0 + 10.0 * step for step in range(30)]
    strategy, _ = play(script, prices=prices, prepare=prepare)
    return strategy, kept["recorder"]


def test_an_order_that_turns_a_position_pays_for_both_round_trips(turned: tuple[Scripted, Recorder]) -> None:
    _, recorder = turned

    assert [(row.side, row.quantity_peak) for row in recorder.positions] == [
        ("LONG", 0.04),
        ("SHORT", pytest.approx(0.01)),
        ("LONG", pytest.approx(0.06)),
    ]
    for row in recorder.positions:
        sign = 1.0 if row.side == "LONG" else -1.0
        gross = sign * (row.exit_price - row.entry_price) * row.quantity_peak
        assert row.fees > 0.0
        assert row.realized_pnl == pytest.approx(gross - row.fees, abs=1e-6)
    assert sum(row.fees for row in recorder.positions) == pytest.approx(sum(fill.fee for fill in recorder.fills))


def test_round_trips_explain_the_change_of_cash(turned: tuple[Scripted, Recorder]) -> None:
    strategy, recorder = turned

    cash = strategy.cache.account_for_venue(INSTRUMENT.venue).balance_total(USDT).as_double()
    assert strategy.positions == []
    assert sum(row.realized_pnl for row in recorder.positions) == pytest.approx(cash - CASH, abs=1e-6)


def test_equity_is_sampled_once_at_each_close(turned: tuple[Scripted, Recorder]) -> None:
    _, recorder = turned

    stamps = [row.ts_ns for row in recorder.equity]
    assert stamps == sorted(set(stamps))
    assert len(stamps) == 29  # the host takes the last one


@pytest.mark.xdist_group("usdm")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "leverage"), [("0.100", "leverage = 3.0"), ("1.500", "leverage = 20.0")])
def test_every_cent_of_a_real_run_is_explained(usdm: Workspace, size: str, leverage: str) -> None:
    path = usdm.config(f"explained-{size}.toml", CONFIG.replace("SIZE", size).replace("LEVERAGE", leverage))
    answer = usdm.json("backtest", "run", path, "--no-strict")
    folder, summary = Path(answer["folder"]), answer["summary"]
    orders, fills, positions, equity = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("orders", "fills", "positions", "equity")
    )
    audit = [msgspec.json.decode(line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]
    funding = math.fsum(record["data"]["amount"] for record in audit if record["kind"] == "FUNDING")

    start = summary["start_equity"]
    last = equity.iloc[-1]
    assert last.cash - start == pytest.approx(positions.realized_pnl.sum() + funding, abs=1e-4)
    assert positions.funding.sum() == pytest.approx(funding, abs=1e-6)
    assert fills.fee.sum() == pytest.approx(positions.fees.sum(), abs=1e-6)
    closed = positions[positions.ts_closed_ns.notna()]
    gross = np.where(closed.side == "LONG", 1.0, -1.0) * (closed.exit_price - closed.entry_price) * closed.quantity_peak
    assert np.allclose(closed.realized_pnl, gross - closed.fees, atol=1e-4)
    assert equity.ts_ns.is_unique
    assert set(fills.client_order_id) <= set(orders.client_order_id)

    forced = [record["data"] for record in audit if record["kind"] == "LIQUIDATION"]
    terms = [record["data"] for record in audit if record["kind"] == "LIQUIDATION_TERMS"]
    assert summary["liquidations"] == len(forced) == len(terms)
    assert (summary["liquidations"] > 0) == (leverage == "leverage = 20.0")
    assert {data["client_order_id"] for data in terms} == set(fills[fills.role == "LIQUIDATION"].client_order_id)
    assert (closed.exit_role == "LIQUIDATION").sum() == len(forced)
