"""No look-ahead, end to end: cutting the future off changes no decision before the cut."""

from __future__ import annotations

import random

import msgspec
import pytest

from catalog.store.parquet import Catalog
from research.backtest.config import ModelSection, ModeSection, ReportSection, RunConfig, RunSection
from research.backtest.host import play
from research.backtest.markets import Stage, read_stage
from research.training import registry
from risk.modes.table import Mode

CUTS = 30


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return RunConfig(
        run=RunSection(
            name="cut",
            instruments=("BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE"),
            bar="1-HOUR",
            start="2021-04-20",
            end="2021-06-05",
            warmup_bars=200,
        ),
        model=ModelSection(name="usdm-1h"),
        mode=ModeSection(mode=Mode.FULL_AUTO),
        report=ReportSection(mlflow=False),
    )


def until(stage: Stage, cut_ns: int) -> Stage:
    """Return the stage as it was known at an instant: nothing that closed or was published later."""
    markets = []
    for market in stage.markets:
        parts = {}
        for name in ("bars", "marks"):
            columns = getattr(market, name)
            parts[name] = columns.slice(0, int(columns.ts_ns.searchsorted(cut_ns, side="right")))
        kept = int(market.funding.ts_ns.searchsorted(cut_ns, side="right"))
        parts["funding"] = type(market.funding)(*(column[:kept] for column in market.funding))
        markets.append(msgspec.structs.replace(market, **parts))
    return msgspec.structs.replace(stage, markets=markets)


def lines_until(folder, cut_ns: int) -> list[bytes]:
    lines = (folder / "decisions.jsonl").read_bytes().splitlines()
    return [line for line in lines if msgspec.json.decode(line)["ts"] <= cut_ns]


@pytest.mark.xdist_group("usdm")
@pytest.mark.timeout(600)
def test_cutting_the_future_changes_no_earlier_decision(usdm, config, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BOT4_HOME", str(usdm.home))
    stage = read_stage(Catalog(usdm.home / "catalog"), config)
    model = registry.resolve("usdm-1h")
    whole = tmp_path / "whole"
    whole.mkdir()
    play(config, stage, model, logs=whole)
    assert len((whole / "decisions.jsonl").read_bytes().splitlines()) > 100

    drawn = random.Random(20_201_123)
    first, last = config.run.start_ns, config.run.end_ns
    for number in range(CUTS):
        cut_ns = drawn.randrange(first + (last - first) // 10, last)
        folder = tmp_path / f"cut{number}"
        folder.mkdir()
        play(config, until(stage, cut_ns), model, logs=folder)

        assert lines_until(folder, cut_ns) == lines_until(whole, cut_ns), f"cut {number} at {cut_ns}"
