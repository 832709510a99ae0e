"""Run a paper session with an operator at its socket, and replay it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

import settings
from live.control_socket import ask, query
from live.node_config import NodeConfig
from live.node_report import NodeReport
from live.paper_node import run_node
from research.backtest.replay_recording import Replayed, replay
from research.recording.recording import Recording
from risk.ask import Ask, Verb

PERP = "BTCUSDT-PERP.BINANCE"

SUPERVISED = {
    "people": {"roles": {"anna": "risk_officer"}},
    # five losses in a row are nothing unusual here, and an open system breaker would keep FullAuto from coming back
    "breakers": {"venue": {"enabled": False}, "system": {"enabled": False}},
}
"""Who answers at the socket, and what stays out of the way."""


def capture_config(folder: Path, capture: Path, *, speed: float, **feed: Any) -> NodeConfig:
    """Three strategies of two kinds on one instrument; decisions on trades, ticks, time and timers."""
    document = {
        "node": {"name": "parity", "folder": str(folder), "heartbeat_ms": 50},
        "feed": {"source": "capture", "instruments": [PERP], "paths": [str(capture)], "speed": speed, "at_end": "wait"}
        | feed,
        "mode": {"mode": "FullAuto"},
        "venue": {"starting_balance": 100_000.0, "latency_ms": 5, "slippage_bps": 0.1, "funding": {"missing": "zero"}},
        "limits": {"duplicate": {"enabled": False}},
        "control": SUPERVISED,
        "strategy": [
            crossing("30-TICK-LAST-INTERNAL", "0.010"),
            crossing("100-TICK-LAST-INTERNAL", "0.025"),
            {
                "name": "brackets",
                "params": {"instrument_id": PERP, "bar_type": f"{PERP}-500-MILLISECOND-LAST-INTERNAL"},
            },
        ],
    }
    return settings.decode(document, NodeConfig, where="test")


def crossing(bars: str, size: str) -> dict[str, Any]:
    params = {
        "instrument_id": PERP,
        "bar_type": f"{PERP}-{bars}",
        "trade_size": size,
        "fast_ema_period": 3,
        "slow_ema_period": 7,
        "request_bars": False,
    }
    return {"name": "ema_cross", "params": params}


class Operator(threading.Thread):
    """A person at the socket: supervises a while, answers what waits in turn yes and no, and ends the session."""

    def __init__(self, folder: Path, supervised_s: float) -> None:
        super().__init__(daemon=True)
        self.folder, self.supervised_s = folder, supervised_s
        self.answers: list[tuple[str, str]] = []
        self.failure: BaseException | None = None
        self.count = 0

    def run(self) -> None:
        try:
            time.sleep(self.supervised_s / 2)
            self.say(Verb.SET_MODE, mode="SemiAuto")
            until = time.monotonic() + self.supervised_s
            while time.monotonic() < until:
                for request in query(self.folder, "status")["waiting"]:
                    self.say(Verb.REJECT if self.count % 3 == 0 else Verb.APPROVE, key=request["key"])
                time.sleep(0.02)
            self.say(Verb.SET_MODE, mode="FullAuto")
            self.say(Verb.APPROVE, key="nothing-waits-here")
            while (feed := query(self.folder, "status")["feed"])["shown"] < feed["total"]:
                time.sleep(0.05)
        except BaseException as failure:  # noqa: BLE001 (told to the test)
            self.failure = failure
        finally:
            os.kill(os.getpid(), signal.SIGINT)  # as a person does; a slow machine must not end the feed before that

    def say(self, verb: Verb, **arguments: Any) -> None:
        self.count += 1
        command = Ask(id=f"c{self.count}", verb=verb, operator="anna", role="", reason="test", arguments=arguments)
        self.answers.append((verb.value, ask(self.folder, command)))


def run_and_replay(
    config: NodeConfig, tmp_path: Path, *, supervised_s: float, catalog: Path | None = None
) -> tuple[NodeReport, Replayed, Operator, Path]:
    """Run a session until its operator ends it, after the feed's end, and replay it into a folder of its own."""
    folder = Path(config.node.folder or "")
    operator = Operator(folder, supervised_s)
    report = run_node(config, catalog_root=catalog or tmp_path / "no-catalog", on_ready=operator.start)
    operator.join(timeout=10)
    if operator.failure is not None:
        raise operator.failure
    again = tmp_path / "again"
    again.mkdir()
    return report, replay(Recording(report.session), again), operator, again


def trail(folder: Path) -> list[tuple[int, str, Any]]:
    """What the audit log of a session or a replay says, without the hashes that chain it to what was before."""
    path = folder / "audit.jsonl" if (folder / "audit.jsonl").exists() else folder.parent.parent / "audit.jsonl"
    told = [(line["ts"], line["kind"], line["data"]) for line in lines(path)]
    starts = [number for number, (_, kind, _) in enumerate(told) if kind == "SESSION_START"]
    return [(ts, kind, data | {"session": ""}) for ts, kind, data in told[starts[-1] :]]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line)


def first_difference(
    left: Path, right: Path, of: Callable[[dict[str, Any]], Any] = lambda line: line
) -> tuple[int, Any, Any] | None:
    """Return number and content of the first two lines that differ; a missing line is None."""
    first, second = list(lines(left)), list(lines(right))
    for number in range(max(len(first), len(second))):
        one = of(first[number]) if number < len(first) else None
        two = of(second[number]) if number < len(second) else None
        if one != two:
            return number, one, two
    return None
