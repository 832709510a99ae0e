"""What the whole stack costs, against the engine's own example strategy on the same bars; and what an order costs."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from catalog.model import BarColumns, FundingColumns
from catalog.spec_files import shipped_spec
from research.backtest import config as configs
from research.backtest import feed, host
from research.backtest.feed import Market
from research.backtest.host import Played, play
from research.backtest.markets import Stage
from tests.bench.gate_share import Share

pytestmark = pytest.mark.bench

NAME = "BTCUSDT-PERP.BINANCE"
HOUR_NS = 3_600_000_000_000
RUNS = 3
SHARE_MAX = 0.35
"""A guard against a slip; the target is 2 %, which handlers in Python do not reach."""


def read_bars(path: Path) -> BarColumns:
    table = pq.read_table(path)
    columns = [
        np.ascontiguousarray(table[name].to_numpy().astype(float))
        if name in table.column_names
        else np.zeros(len(table))
        for name in ("open", "high", "low", "close", "volume")
    ]
    return BarColumns(table["ts"].cast("int64").to_numpy() * 1_000_000 + HOUR_NS, *columns)


@pytest.fixture(scope="module")
def stage(shared_data: Path) -> Stage:
    rates = pq.read_table(shared_data / "funding/binance_usdm/BTCUSDT.parquet")
    funding = FundingColumns(rates["ts"].cast("int64").to_numpy() * 1_000_000, rates["funding_rate"].to_numpy())
    market = Market(
        NAME,
        "1-HOUR",
        read_bars(shared_data / "ohlcv/binance_usdm_perp_1h/BTCUSDT.parquet"),
        read_bars(shared_data / "mark/binance_usdm_perp_1h/BTCUSDT.parquet"),
        funding,
    )
    return Stage([market], {NAME: shipped_spec(NAME)}, HOUR_NS, [], "bench")


def run_config(strategy: str, params: dict, warmup_bars: int = 0) -> configs.RunConfig:
    return msgspec.convert(
        {
            "run": {
                "name": "bench",
                "instruments": [NAME],
                "bar": "1-HOUR",
                "start": "2019-09-09",
                "end": "2024-12-31",
                "warmup_bars": warmup_bars,
            },
            "strategy": {"name": strategy, "params": params},
            "venue": {"starting_balance": 1_000_000.0, "funding": {"missing": "zero"}},
            "limits": {"drawdown": {"max": 0.9}, "daily_loss": {"max": 0.5}},
            "control": {"triggers": {"drawdown": {"enabled": False}}},
        },
        configs.RunConfig,
    )


@pytest.fixture(scope="module")
def model(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a small schedule on the bench's own bars, so that the model speaks through most of the run."""
    from research.training.config import TrainConfig
    from research.training.dataset import build
    from research.training.train import train_schedule

    class Store:
        def __getattr__(self, name: str):
            raise AttributeError(name)

        def bars(self, *_: object) -> BarColumns:
            return stage.markets[0].bars

        def spec(self, _: str):
            return stage.specs[NAME]

        def datasets(self) -> list:
            return []

        def fingerprint(self, *_: str) -> str:
            return "bench"

    document = {
        "name": "bench", "instruments": [NAME], "bar": "1-HOUR", "start": "2019-09-09", "end": "2024-12-31",
        "horizon_bars": 12, "embargo_bars": 24, "folds": {"count": 4, "train_days": 200},
        "booster": {"rounds": 300, "max_depth": 5},
    }  # fmt: skip
    config = msgspec.convert(document, TrainConfig)
    folder = tmp_path_factory.mktemp("model") / "schedule"
    train_schedule(build(Store(), config), config, lambda: None).schedule.save(folder)
    return folder


def stock_seconds(stage: Stage) -> tuple[float, int]:
    """Return CPU seconds and orders of the engine's EMA-cross example as shipped."""
    from nautilus_trader.backtest.config import BacktestEngineConfig
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.common.config import LoggingConfig
    from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
    from nautilus_trader.model.enums import AccountType, OmsType
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    instrument = stage.specs[NAME].instrument()
    engine.add_venue(
        Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(1_000_000, instrument.quote_currency)],
        base_currency=instrument.quote_currency,
        default_leverage=Decimal(10),
    )
    engine.add_instrument(instrument)
    market = stage.markets[0]
    engine.add_data(feed.build([market], {NAME: instrument}, HOUR_NS, HOUR_NS // 2).bars)
    engine.add_strategy(
        EMACross(
            EMACrossConfig(
                instrument_id=instrument.id,
                bar_type=market.bar_type,
                fast_ema_period=10,
                slow_ema_period=20,
                trade_size=Decimal("0.1"),
            )
        )
    )
    began = time.process_time()
    engine.run()
    seconds = time.process_time() - began
    orders = engine.cache.orders_total_count()
    engine.dispose()
    return seconds, orders


def stack_seconds(
    config: configs.RunConfig, stage: Stage, model: Path | None, logs: Path | None
) -> tuple[float, Played]:
    """Return CPU seconds of the engine's run with everything of ours in it, and what it played."""
    spent: list[float] = []
    original = host.BacktestEngine.run

    def timed(engine: object, *args: object, **kwargs: object) -> None:
        began = time.process_time()
        original(engine, *args, **kwargs)
        spent.append(time.process_time() - began)

    class TimedEngine(host.BacktestEngine):
        run = timed

    replaced, host.BacktestEngine = host.BacktestEngine, TimedEngine
    try:
        played = play(config, stage, model, logs)
    finally:
        host.BacktestEngine = replaced
    return spent[0], played


def test_the_whole_stack_costs_at_most_half_of_the_engines_example(
    stage: Stage, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = run_config("fused", {"entry_strength": 0.515})
    stack_seconds(config, stage, model, tmp_path)  # kernels compile once
    ratios = []
    for _ in range(RUNS):
        stock, stock_orders = stock_seconds(stage)
        ours, played = stack_seconds(config, stage, model, tmp_path)
        orders = len(played.recorder.orders)
        ratios.append(ours / stock)
        with capsys.disabled():
            print(
                f"\nwhole stack {ours:.2f} s CPU, {orders} orders, {len(played.recorder.fills)} fills; "
                f"engine's EMA cross {stock:.2f} s CPU, {stock_orders} orders; ratio {ours / stock:.3f}"
            )
    assert not played.model_failures
    assert orders >= 0.95 * stock_orders
    assert sorted(ratios)[RUNS // 2] <= 0.5


def test_what_the_gate_takes_of_a_backtest(
    stage: Stage, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gate, watch, control room and guardian together; the quietest run, as other programs' time counts as theirs."""
    config = run_config("fused", {"entry_strength": 0.515})
    play(config, stage, model, tmp_path)  # kernels compile once
    shares = []
    for _ in range(RUNS):
        share = Share()
        with pytest.MonkeyPatch.context() as patch:
            share.install(patch)
            began = time.perf_counter()
            played = play(config, stage, model, tmp_path)
            seconds = time.perf_counter() - began
        shares.append(share.seconds() / seconds)
        with capsys.disabled():
            each_us = 1e6 * share.seconds() / played.bars
            print(
                f"\ngate {share.seconds():.2f} s of {seconds:.2f} s: {shares[-1]:.1%} (target 2 %), "
                f"{each_us:.1f} us a bar, {len(played.controller.gate.decisions)} verdicts"
            )
    assert min(shares) < SHARE_MAX


def test_an_order_costs_the_same_at_twenty_thousand_as_at_one_thousand(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from strategies import registry

    entry = registry.StrategyEntry("churn", "churn:Churn", "churn:ChurnConfig")
    monkeypatch.setattr(registry, "STRATEGIES", {**registry.STRATEGIES, "churn": entry})
    config = run_config("churn", {})
    market = stage.markets[0]

    def cost_ms(orders: int) -> float:
        bars = market.bars.slice(0, 2 * orders + 2)
        cut = msgspec.structs.replace(stage, markets=[msgspec.structs.replace(market, bars=bars)])
        seconds, played = stack_seconds(config, cut, None, None)
        assert len(played.recorder.orders) >= orders
        assert len(played.recorder.fills) == sum(row.status == "FILLED" for row in played.recorder.orders.values())
        assert len(played.recorder.positions) * 2 >= len(played.recorder.fills) - 1
        return 1e3 * seconds / len(played.recorder.orders)

    cost_ms(1_000)
    ratios = []
    for _ in range(RUNS):
        few, many = cost_ms(1_000), cost_ms(20_000)
        ratios.append(many / few)
        with capsys.disabled():
            print(
                f"\nan order with its two bars: {few:.3f} ms at 1,000, {many:.3f} ms at 20,000; ratio {many / few:.3f}"
            )
    assert sorted(ratios)[RUNS // 2] <= 1.2


@pytest.mark.parametrize(("arguments", "limit_s"), [(["--help"], 0.5), (["backtest", "list"], 1.0)])
def test_light_commands_answer_at_once(
    arguments: list[str], limit_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", "from bot4 import main; main()", *arguments]
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
        spent.append(time.perf_counter() - began)
    with capsys.disabled():
        print(f"\nbot4 {' '.join(arguments)}: {sorted(spent)[2]:.3f} s (limit {limit_s} s)")
    assert sorted(spent)[2] < limit_s
