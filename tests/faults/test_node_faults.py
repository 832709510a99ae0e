"""Faults of a whole paper node: a failed journal, kill -9 in SemiAuto, an etcd silent or taken; and restart times."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from etcd_server import EtcdServer
from resting_orders import (
    Running,
    allow,
    audit,
    config,
    document,
    node_process,
    resting_strategy,
    run_session,
    write_toml,
)
from typer.testing import CliRunner

from errors import Bot4Error, PreconditionError
from live.cli import app
from live.control_socket import ask, query
from risk.ask import Ask, Verb
from risk.circuit import SYSTEM
from risk.intent import Side
from risk.state import files
from risk.state.etcd_store import EtcdStore
from risk.state.journal import Journal, recover
from risk.state.journal_text import IntentRecord, JournalRecord, OutcomeRecord

pytestmark = [pytest.mark.xdist_group("etcd"), pytest.mark.usefixtures("resting_strategy")]

__all__ = ["resting_strategy"]

READY_S = 10.0
OPEN_ORDERS = 1_000
JOURNAL_RECORDS = 100_000


# -- the journal -------------------------------------------------------------------------------------------------------


def test_a_failed_sync_of_the_journal_ends_the_node_before_the_order_is_sent(
    tmp_path: Path, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start reads what is there, and begins at most in the stored mode."""
    folder = tmp_path / "node"
    path = write_toml(tmp_path / "node.toml", document(folder, {"orders_a_bar": 1}))
    syncs: list[str] = []
    sync = files._OsFile.sync

    def failing(self: Any) -> None:
        name = Path(f"/proc/self/fd/{self._descriptor}").readlink().name
        if name.startswith("journal.0"):
            syncs.append(name)
            if len(syncs) > 5:
                raise OSError(errno.EIO, "input/output error")
        sync(self)

    monkeypatch.setattr(files._OsFile, "sync", failing)
    monkeypatch.setenv("BOT4_HOME", str(sample_home))
    ended = CliRunner().invoke(app, ["run", str(path), "--duration-s", "20"])
    monkeypatch.setattr(files._OsFile, "sync", sync)

    decisions = [json.loads(line) for line in (folder / "sessions/000001/decisions.jsonl").read_text().splitlines()]
    assert ended.exit_code == 1, ended.output
    assert "the disk failed" in ended.output
    sent = [each["verdict"] for each in decisions].index("REFUSED")
    assert sent > 0
    assert decisions[sent]["code"] == "STATE_NOT_DURABLE"
    assert {each["verdict"] for each in decisions[sent:]} == {"REFUSED"}
    assert len(audit(folder, "STATE_LOST")) == 1

    report, _ = run_session(config(folder, {"orders": 1}), sample_home / "catalog", wait_for_an_order)

    assert report.account.mode.value == "SemiAuto"
    assert any("did not end in good order" in line for line in report.said)


def wait_for_an_order(node: Running) -> None:
    node.wait(lambda: node.query("approvals")["waiting"])


# -- kill -9 -----------------------------------------------------------------------------------------------------------


def test_what_waited_for_approval_when_the_process_was_killed_is_told_as_lost_and_never_trades(
    tmp_path: Path, sample_home: Path
) -> None:
    """What had been answered before is not lost."""
    folder = tmp_path / "node"
    semi_auto = {"mode": {"mode": "SemiAuto"}}
    path = write_toml(tmp_path / "node.toml", document(folder, {"orders": 4}, **semi_auto))
    with process(path, sample_home) as running:
        first, *waiting = wait_for_the_node(folder, running, lambda: query(folder, "approvals")["waiting"], 4)
        no = Ask(id="no", verb=Verb.REJECT, operator="tom", role="", reason="no", arguments={"key": first["key"]})
        assert ask(folder, no).startswith("DONE")
        time.sleep(0.5)  # the instant in which it ended ends with the next heartbeat
        running.kill()
        running.wait()

    def look(node: Running) -> None:
        assert node.query("approvals")["waiting"] == []
        time.sleep(0.5)
        assert (node.resting_at_the_venue(), node.open_in_the_cache()) == (0, 0)

    report, _ = run_session(config(folder, {"orders": 0}, **semi_auto), sample_home / "catalog", look)

    lost = [each for each in audit(folder, "APPROVAL") if each["reason"] == "lost in a restart"]
    assert sorted(each["key"] for each in lost) == sorted(request["key"] for request in waiting)
    assert {each["outcome"] for each in lost} == {"WITHDRAWN"}
    assert not any(each["sent"] for each in lost)
    assert report.fills == 0
    assert report.account.mode.value == "SemiAuto"


# -- etcd --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def etcd(etcd_binary: str, tmp_path: Path) -> Iterator[EtcdServer]:
    server = EtcdServer(etcd_binary, tmp_path / "etcd")
    yield server
    server.kill()


def on_etcd(server: EtcdServer) -> dict[str, Any]:
    return {"state": {"etcd": {"port": server.port, "prefix": "/faults", "timeout_s": 0.5}}}


def test_full_auto_resumes_at_most_in_manual_where_etcd_is_silent_and_not_up_until_it_answers(
    etcd: EtcdServer, tmp_path: Path, sample_home: Path
) -> None:
    node = config(tmp_path / "node", {"orders": 0}, **on_etcd(etcd))
    first, _ = run_session(node, sample_home / "catalog")
    etcd.kill()

    def look(running: Running) -> None:
        assert running.query("mode")["mode"] == "Manual"
        time.sleep(0.5)
        assert "STATE_NOT_DURABLE" in running.say(Verb.SET_MODE, "rita", mode="SemiAuto")
        room = running.node._parts.room
        running.on_loop(lambda: room.breakers.trip(SYSTEM, "test", room.now()))
        assert "etcd" in running.say(Verb.CLEAR, "rita", level="system", what="breaker")
        assert [each["state"] for each in running.query("risk")["breakers"]] == ["open"]
        assert running.query("risk")["barriers"]
        begin = time.monotonic()
        assert running.say(Verb.SET_MODE, mode="Emergency") == "DONE: Manual to Emergency"
        assert time.monotonic() - begin < 1.0

    again, _ = run_session(node, sample_home / "catalog", look, confirmed=True)

    assert first.account.mode.value == "FullAuto"
    assert any("etcd does not answer" in line for line in again.said)
    assert again.account.mode.value == "Emergency"


def test_full_auto_resumes_where_etcd_answers_and_a_person_has_confirmed(
    etcd: EtcdServer, tmp_path: Path, sample_home: Path
) -> None:
    """Or the test above would hold of a node that never resumes."""
    node = config(tmp_path / "node", {"orders": 0}, **on_etcd(etcd))
    run_session(node, sample_home / "catalog")

    again, _ = run_session(node, sample_home / "catalog", confirmed=True)

    assert again.account.mode.value == "FullAuto"


def test_of_two_nodes_with_one_key_in_etcd_the_second_exits_with_3(
    etcd: EtcdServer, tmp_path: Path, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_toml(tmp_path / "one.toml", document(tmp_path / "one", {"orders": 1}, **on_etcd(etcd)))
    tables = document(tmp_path / "two", {"orders": 1}, **on_etcd(etcd))
    tables["node"] = tables["node"] | {"name": "second"}
    other = write_toml(tmp_path / "two.toml", tables)
    monkeypatch.setenv("BOT4_HOME", str(sample_home))
    with process(path, sample_home) as running:
        wait_for_the_node(tmp_path / "one", running, lambda: query(tmp_path / "one", "status"), 1)

        second = CliRunner().invoke(app, ["run", str(other), "--duration-s", "5"])

        assert second.exit_code == 3, second.output
        assert "faulty" in second.output
        assert query(tmp_path / "one", "status")["mode"] == "FullAuto"
        assert not (tmp_path / "two" / "audit.jsonl").exists()


def test_a_node_whose_key_in_etcd_was_taken_stops(etcd: EtcdServer, tmp_path: Path, sample_home: Path) -> None:
    """It learns of that with the first state it stores."""
    node = config(tmp_path / "node", {"orders": 1}, **on_etcd(etcd))
    leverage = msgspec.structs.replace(node.limits.leverage, enabled=True)
    node = msgspec.structs.replace(node, limits=msgspec.structs.replace(node.limits, leverage=leverage))

    def take(running: Running) -> None:
        running.wait(lambda: running.resting_at_the_venue() == 1)
        EtcdStore(etcd.config("/faults"), "another").claim(take_over=True)
        assert running.say(Verb.SET_LIMIT, "rita", path="leverage.max", value=1.0).startswith("DONE")
        running.wait(lambda: running.node._fault is not None, 5)

    with pytest.raises(Bot4Error, match="etcd"):
        run_session(node, sample_home / "catalog", take)

    assert len(audit(tmp_path / "node", "STATE_LOST")) == 1


# -- how long a start takes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def laden(tmp_path_factory: pytest.TempPathFactory, sample_home: Path) -> Path:
    """The folder of a node that ended with 1,000 orders open, and with 100,000 records in its journal."""
    folder = tmp_path_factory.mktemp("laden") / "node"
    node = config(folder, {"orders": OPEN_ORDERS, "orders_a_bar": 50})
    with pytest.MonkeyPatch.context() as patch:
        allow(patch)
        report, _ = run_session(node, sample_home / "catalog", wait_until_all_rest, longest_s=70)
    assert len(report.account.working) == OPEN_ORDERS
    written = len(recover(folder / "state").records)
    journal = Journal(folder / "state")
    for low in range(0, JOURNAL_RECORDS - written, 200):
        journal.append(*[record for number in range(low, low + 200, 2) for record in order_of(number)])
    journal.close()
    return folder


def wait_until_all_rest(node: Running) -> None:
    node.wait(lambda: node.resting_at_the_venue() == OPEN_ORDERS, 60)


def order_of(number: int) -> tuple[JournalRecord, JournalRecord]:
    """A record of an order and one of its end; of each hundredth order no end is known."""
    name = f"O-{number}"
    sent = IntentRecord(
        client_order_id=name,
        instrument="BTCUSD.BITFINEX",
        side=Side.BUY,
        quantity=0.01,
        price=4_000.0 + number,
        reduce_only=False,
        ts_ns=number,
    )
    status = "CANCELED" if number % 100 else "ACCEPTED"
    return sent, OutcomeRecord(client_order_id=name, status=status, ts_ns=number)


@pytest.mark.parametrize("restarts", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_r8_a_node_is_ready_within_ten_seconds_of_its_start(
    restarts: int, laden: Path, tmp_path: Path, sample_home: Path, counted: Callable[[str], None]
) -> None:
    """From the start of the process, the imports included, to the first answer at its control socket."""
    assert len(recover(laden / "state").records) >= JOURNAL_RECORDS
    took = []
    for number in range(restarts):
        folder = tmp_path / f"node-{number}"
        shutil.copytree(laden, folder, ignore=shutil.ignore_patterns("control.*sock"))
        path = write_toml(tmp_path / "node.toml", document(folder, {"orders": 0}))
        begin = time.monotonic()
        with process(path, sample_home) as running:
            wait_for_the_node(folder, running, lambda folder=folder: query(folder, "status"), 1)
            took.append(time.monotonic() - begin)
        gone = audit(folder, "ORDER_CANCELED_BY_RESTART")
        shutil.rmtree(folder)
        assert len(gone) == OPEN_ORDERS

    took.sort()
    counted(
        f"{restarts} restarts of a node with {OPEN_ORDERS:,} open orders and {JOURNAL_RECORDS:,} journal records: "
        f"ready after {took[len(took) // 2]:.1f} s, slowest {took[-1]:.1f} s"
    )
    assert took[-1] < READY_S


# -- a node in a process of its own ------------------------------------------------------------------------------------


@contextmanager
def process(path: Path, home: Path) -> Iterator[subprocess.Popen[str]]:
    running = node_process(path, home)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def wait_for_the_node(
    folder: Path, running: subprocess.Popen[str], look: Callable[[], Any], size: int, within_s: float = 40.0
) -> Any:
    """Ask until what `look` returns is as long as `size`, and return it."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        assert running.poll() is None, running.communicate()
        try:
            found = look()
        except PreconditionError:  # not there yet
            found = ()
        if len(found) >= size:
            return found
        time.sleep(0.01)
    pytest.fail(f"the node in {folder} did not get there within {within_s:g} s")
