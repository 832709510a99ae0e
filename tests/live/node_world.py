"""A paper node on the embedded sample: the fused strategy, half-hour bars, forty a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import settings
from live.feed_events import load_feed
from live.node_config import NodeConfig
from live.node_folder import NodeFolder
from live.node_report import NodeReport
from live.paper_node import PaperNode

BTC = "BTCUSD.BITFINEX"

DOCUMENT: dict[str, Any] = {
    "node": {"name": "bars", "heartbeat_ms": 20},
    "feed": {
        "source": "catalog",
        "instruments": [BTC],
        "bar": "30-MINUTE",
        "start": "2019-06-01",
        "end": "2019-06-20",
        "bar_seconds": 0.025,
    },
    "mode": {"mode": "FullAuto"},
    "venue": {"starting_balance": 100_000.0, "latency_ms": 2},
    "strategy": [
        {
            "name": "fused",
            "params": {
                "bar": "30-MINUTE",
                "allow_short": False,
                "entry_strength": 0.05,
                "exit_strength": 0.05,
                "cooldown_bars": 0,
                "fusion": {"stop_atr": 6.0},
                "sizing": {"edge_at_full_strength": 0.5, "slippage_bps": 0.0},
            },
        }
    ],
}


def config(folder: Path, **sections: Any) -> NodeConfig:
    document = DOCUMENT | {"node": DOCUMENT["node"] | {"folder": str(folder)}} | sections
    return settings.decode(document, NodeConfig, where="test")


def toml(folder: Path) -> str:
    """The same, as a file."""
    import tomli_w

    return tomli_w.dumps(DOCUMENT | {"node": DOCUMENT["node"] | {"folder": str(folder)}})


def run_session(
    node: NodeConfig, catalog: Path, duration_s: float, *, confirmed: bool = False
) -> tuple[NodeReport, dict[str, Any], PaperNode]:
    """Run a session in this process; return its report, and its status before its first input."""
    first: list[dict[str, Any]] = []
    with NodeFolder(Path(node.node.folder or "")) as folder:
        paper = PaperNode(node, folder, load_feed(node.feed, catalog), confirmed=confirmed)
        report = paper.run(duration_s, on_ready=lambda: first.append(paper.status()))
    return report, first[0], paper
