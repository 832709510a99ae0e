"""A paper session on stored bars decides what the backtest engine decides on its recording; it needs no other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from parity_world import SUPERVISED, first_difference, lines, run_and_replay, trail

import settings
from catalog.sample.ingest import ingest_sample
from live.node_config import NodeConfig

BTC, ETH = "BTCUSD.BITFINEX", "ETHUSD.BITFINEX"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "catalog"
    ingest_sample(root, ("BTCUSD", "ETHUSD"))
    return root


def bars_config(folder: Path, **venue: Any) -> NodeConfig:
    """Five days of half-hour bars of two instruments in five seconds, for the fused strategy and a crossing."""
    crossing = {"bar_type": f"{ETH}-30-MINUTE-LAST-EXTERNAL", "trade_size": "0.5", "instrument_id": ETH}
    crossing |= {"fast_ema_period": 2, "slow_ema_period": 5, "request_bars": False}  # type: ignore[dict-item]
    fused = {
        "bar": "30-MINUTE",
        "instrument_ids": [BTC],
        "allow_short": False,
        "entry_strength": 0.05,
        "exit_strength": 0.05,
        "max_holding_bars": 6,
        "cooldown_bars": 0,
        "fusion": {"stop_atr": 6.0},
        "sizing": {"edge_at_full_strength": 0.5, "slippage_bps": 0.0},
    }
    document = {
        "node": {"name": "bars", "folder": str(folder), "heartbeat_ms": 20},
        "feed": {
            "source": "catalog",
            "instruments": [BTC, ETH],
            "bar": "30-MINUTE",
            "start": "2019-06-01",
            "end": "2019-06-05",
            "bar_seconds": 0.025,
            "at_end": "wait",
        },
        "mode": {"mode": "FullAuto"},
        "control": SUPERVISED,
        "venue": {"starting_balance": 100_000.0, "latency_ms": 2} | venue,
        "strategy": [{"name": "fused", "params": fused}, {"name": "ema_cross", "params": crossing}],
    }
    return settings.decode(document, NodeConfig, where="test")


def test_bars_decide_the_same_in_paper_and_in_replay(sample: Path, tmp_path: Path) -> None:
    config = bars_config(tmp_path / "node")

    report, replayed, operator, again = run_and_replay(config, tmp_path, supervised_s=1.5, catalog=sample)

    strategies = {line["strategy"] for line in lines(again / "decisions.jsonl")}
    assert strategies == {"FusedStrategy-001", "EMACross-002"}
    assert report.fills >= 4
    assert any(verb == "set_mode" and answer.startswith("DONE") for verb, answer in operator.answers)
    assert first_difference(report.session / "decisions.jsonl", again / "decisions.jsonl") is None
    assert trail(report.session) == trail(again)
    assert replayed.same is True
    assert replayed.fill_hash == report.fill_hash


def test_an_order_decided_on_a_bar_fills_at_the_next_open_in_paper_too(sample: Path, tmp_path: Path) -> None:
    """The paper venue keeps the backtest's promise: no fill at the close that was decided on."""
    config = bars_config(tmp_path / "node", slippage_bps=0.0)

    report, _, _, again = run_and_replay(config, tmp_path, supervised_s=0.5, catalog=sample)

    decided = {line["order"]["id"]: line for line in lines(again / "decisions.jsonl")}
    fills = list(lines(report.session / "fills.jsonl"))
    opens = _opens(sample)
    assert len(fills) >= 4
    for fill in fills:
        decision = decided[fill["order"]]
        assert fill["ts"] >= decision["ts"] + 2_000_000
        if decision["order"]["type"] == "MARKET":
            assert round(float(fill["price"]), 8) in opens[fill["instrument"]]


def _opens(root: Path) -> dict[str, set[float]]:
    from catalog.store.parquet import Catalog
    from research.period import instant_ns

    catalog = Catalog(root)
    period = instant_ns("start", "2019-06-01"), instant_ns("end", "2019-06-05", end_of_day=True)
    return {
        name: {round(price, 8) for price in catalog.bars(name, "30-MINUTE", *period).open.tolist()}
        for name in (BTC, ETH)
    }
