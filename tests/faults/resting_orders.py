"""A paper node whose one strategy lets orders rest far from the market, on the embedded sample."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

import settings
from errors import Bot4Error
from live.control_socket import ask, query
from live.feed_events import load_feed
from live.node_config import NodeConfig
from live.node_folder import NodeFolder
from live.node_report import NodeReport
from live.paper_node import PaperNode
from risk.ask import Ask, Verb
from risk.limits import LimitsConfig
from strategies import registry
from strategies.registry import StrategyEntry

REPO = Path(__file__).resolve().parents[2]

BTC = "BTCUSD.BITFINEX"
ENTRY = StrategyEntry("resting", "resting_orders:RestingStrategy", "resting_orders:RestingConfig")
PEOPLE = {"roles": {"tom": "operator", "rita": "risk_officer"}}


class RestingConfig(StrategyConfig, frozen=True, kw_only=True):
    orders: int = 200
    quantity: str = "0.01"
    orders_a_bar: int = 200


class RestingStrategy(Strategy):
    """Place `orders` limit buys at half the price, each a tick below the other, a number of them on each bar."""

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(InstrumentId.from_str(BTC))
        self.placed = 0
        self.subscribe_bars(BarType.from_str(f"{BTC}-30-MINUTE-LAST-EXTERNAL"))

    def on_bar(self, bar: Any) -> None:
        for _ in range(min(self.config.orders - self.placed, self.config.orders_a_bar)):
            self.placed += 1
            price = bar.close.as_decimal() / 2 - self.placed * self.instrument.price_increment.as_decimal()
            order = self.order_factory.limit(
                self.instrument.id,
                OrderSide.BUY,
                self.instrument.make_qty(Decimal(self.config.quantity)),
                self.instrument.make_price(price),
            )
            self.submit_order(order)


@pytest.fixture
def resting_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow the strategy."""
    allow(monkeypatch)


def allow(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(registry.STRATEGIES, "resting", ENTRY)  # type: ignore[arg-type]


def document(folder: Path, params: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """A node without limits, in FullAuto, with a feed that waits when it is over; `sections` replace."""
    tables: dict[str, Any] = {
        "node": {"name": "faulty", "folder": str(folder), "heartbeat_ms": 20},
        "feed": {
            "source": "catalog",
            "instruments": [BTC],
            "bar": "30-MINUTE",
            "start": "2019-06-01",
            "end": "2019-06-20",
            "bar_seconds": 0.1,
            "at_end": "wait",
        },
        "mode": {"mode": "FullAuto"},
        "venue": {"starting_balance": 100_000.0, "latency_ms": 2},
        "limits": {name: {"enabled": False} for name in LimitsConfig.__struct_fields__},
        "control": {"people": PEOPLE},
        "strategy": [{"name": "resting", "params": params or {}}],
    }
    return tables | sections


def config(folder: Path, params: dict[str, Any] | None = None, **sections: Any) -> NodeConfig:
    """The same, checked."""
    return settings.decode(document(folder, params, **sections), NodeConfig, where="test")


def node_process(path: Path, home: Path, *options: str) -> subprocess.Popen[str]:
    """Run `bot4 node run` on a file in a process of its own, the strategy allowed."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__)), "run", str(path), *options],
        cwd=REPO,
        env=os.environ | {"BOT4_HOME": str(home), "PYTHONPATH": str(REPO)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write_toml(path: Path, tables: dict[str, Any]) -> Path:
    import tomli_w

    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


class Running:
    """A node while it runs, for the thread of an operator."""

    def __init__(self, node: PaperNode, folder: Path) -> None:
        self.node, self.folder = node, folder
        self._count = 0

    def say(self, verb: Verb, operator: str = "tom", **arguments: Any) -> str:
        """Send a command through the node's socket and return its answer."""
        self._count += 1
        command = Ask(
            id=f"{operator}{self._count}", verb=verb, operator=operator, role="", reason="test", arguments=arguments
        )
        return ask(self.folder, command)

    def order(self, side: str, quantity: str, *, reduce_only: bool = False) -> str:
        return self.say(Verb.ORDER, instrument=BTC, side=side, quantity=quantity, reduce_only=reduce_only)

    def query(self, name: str) -> Any:
        return query(self.folder, name)

    def on_loop[T](self, look: Callable[[], T]) -> T:
        """Return what `look` finds on the node's own thread."""
        done: Future[T] = Future()
        self.node._loop.call_soon_threadsafe(lambda: done.set_result(look()))
        return done.result(30)

    def resting_at_the_venue(self) -> int:
        return self.on_loop(lambda: len(self.node._client.exchange.get_open_orders()))

    def open_in_the_cache(self) -> int:
        cache = self.node._node.kernel.cache
        return self.on_loop(lambda: sum(not order.is_closed for order in cache.orders()))

    def wait(self, holds: Callable[[], Any], seconds: float = 20.0) -> None:
        until = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < until, "did not come true in time"
            time.sleep(0.01)


def run_session(
    node: NodeConfig,
    catalog: Path,
    act: Callable[[Running], None] | None = None,
    *,
    confirmed: bool = False,
    longest_s: float = 40.0,
) -> tuple[NodeReport, PaperNode]:
    """Run a session in this process until `act`, on a thread of its own, is done; what it raises is raised here."""
    path = Path(node.node.folder or "")
    failure: list[BaseException] = []
    with NodeFolder(path) as folder:
        paper = PaperNode(node, folder, load_feed(node.feed, catalog), confirmed=confirmed)

        def operate() -> None:
            try:
                if act is not None:
                    act(Running(paper, path))
            except BaseException as error:  # noqa: BLE001 (raised again below)
                failure.append(error)
            paper._loop.call_soon_threadsafe(paper.stop, "the test is over")

        operator = threading.Thread(target=operate, daemon=True)
        try:
            report = paper.run(longest_s, on_ready=operator.start)
        except Bot4Error as ended:
            operator.join(10)
            if failure:
                raise failure[0] from ended
            raise
    operator.join(10)
    if failure:
        raise failure[0]
    return report, paper


def audit(folder: Path, kind: str = "") -> list[dict[str, Any]]:
    """The data of the audit log's records of a kind."""
    lines = [msgspec.json.decode(line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]
    return [line["data"] for line in lines if not kind or line["kind"] == kind]


if __name__ == "__main__":
    from live.cli import app

    registry.STRATEGIES["resting"] = ENTRY  # type: ignore[index]
    app()
