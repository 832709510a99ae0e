"""O7: 200 resting paper orders are cancelled and verified within a second, whatever stores are dead or frozen."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
from etcd_server import EtcdServer
from resting_orders import REPO, Running, audit, config, resting_strategy, run_session

from errors import Bot4Error
from risk.ask import Verb
from risk.kill_records import Stage
from risk.state import files

pytestmark = [pytest.mark.xdist_group("etcd"), pytest.mark.usefixtures("resting_strategy")]

__all__ = ["resting_strategy"]

ORDERS = 200
GOAL_S = 1.0


@pytest.fixture
def etcd(etcd_binary: str, tmp_path: Path) -> Iterator[EtcdServer]:
    server = EtcdServer(etcd_binary, tmp_path / "etcd")
    yield server
    server.kill()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Callable[[], None]]]:
    """An S3 service with the bucket `bot4`: its address, and a way to end it."""
    import boto3
    from moto.server import ThreadedMotoServer

    for variable in ("BOT4_S3_ACCESS_KEY", "BOT4_S3_SECRET_KEY"):
        monkeypatch.setenv(variable, "test")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket="bot4")
    ended: list[bool] = []

    def end() -> None:
        if not ended:
            ended.append(True)
            server.stop()

    yield url, end
    end()


def stores(etcd: EtcdServer, url: str) -> dict[str, Any]:
    return {
        "etcd": {"port": etcd.port, "prefix": "/kill", "timeout_s": 0.5},
        "object_store": {"url": "s3://bot4", "prefix": f"kill-{etcd.port}", "endpoint": url, "timeout_s": 0.5},
    }


def press(node: Running, flatten: str) -> tuple[float, float, dict[str, Any]]:
    """Press the kill switch; return seconds to the answer, to verified, and the kill."""
    begin = time.monotonic()
    answer = node.say(Verb.KILL, level="system", flatten=flatten)
    answered_s = time.monotonic() - begin
    assert answer.startswith("DONE: engaged")  # and perhaps that a disk has taken longer than the 50 ms it is given
    kills = node.node._parts.room.kills  # asked for directly, for a node may end when the kill is done
    node.wait(lambda: kills.engaged()[0].stage is Stage.DONE)
    return answered_s, time.monotonic() - begin, msgspec.json.decode(msgspec.json.encode(kills.engaged()[0]))


@contextmanager
def dead(etcd: EtcdServer) -> Iterator[None]:
    etcd.kill()
    yield


@contextmanager
def frozen(etcd: EtcdServer) -> Iterator[None]:
    with etcd.frozen():
        yield


@pytest.mark.parametrize(("ail", "flatten"), [(dead, "market"), (frozen, "keep")])
def test_a_kill_with_dead_stores_is_verified_within_a_second_and_survives_a_restart(
    ail: Callable[[EtcdServer], AbstractContextManager[None]],
    flatten: str,
    etcd: EtcdServer,
    bucket: tuple[str, Callable[[], None]],
    tmp_path: Path,
    sample_home: Path,
    counted: Callable[[str], None],
) -> None:
    """Etcd and the object store are on the state's path; Redis is on no path of a node, and so can't be dead for it."""
    url, end_bucket = bucket
    folder = tmp_path / "node"
    node_config = config(folder, {"orders": ORDERS}, state=stores(etcd, url))

    def kill(node: Running, outage: ExitStack) -> None:
        node.wait(lambda: node.resting_at_the_venue() == ORDERS)
        assert node.order("BUY", "0.5").startswith("DONE")
        node.wait(lambda: node.query("risk")["positions"])
        node.wait(lambda: all(lane.healthy for lane in node.node._state.stores.health()))
        outage.enter_context(ail(etcd))
        end_bucket()

        answered_s, verified_s, kill = press(node, flatten)

        assert (node.resting_at_the_venue(), node.open_in_the_cache()) == (0, 0)
        assert kill["cancelled"] == ORDERS
        assert kill["left_orders"] == kill["left_positions"] == []
        assert verified_s < GOAL_S
        counted(
            f"kill of {ORDERS} paper orders, etcd {ail.__name__}, object store dead, positions {flatten}: answered in "
            f"{answered_s * 1e3:.0f} ms, verified in {verified_s * 1e3:.0f} ms"
        )
        assert node.say(Verb.KILL, level="system", flatten=flatten).startswith("DONE: engaged already")
        assert node.query("risk")["kills"] == [kill]
        assert "KILL_SWITCH_ENGAGED" in node.order("BUY", "0.5")
        if flatten == "keep":
            assert node.order("SELL", "0.2", reduce_only=True).startswith("DONE")
            node.wait(lambda: node.query("risk")["positions"][0]["quantity"] == pytest.approx(0.3))
        else:
            assert node.query("risk")["positions"] == []

    with ExitStack() as outage:
        run_session(node_config, sample_home / "catalog", lambda node: kill(node, outage))
        assert [(each["stage"], each["cancelled"]) for each in audit(folder, "KILL_REPORT")] == [("DONE", ORDERS)]

        def after(node: Running) -> None:
            """The state file alone says that the switch is engaged; what loosens waits for etcd."""
            assert [(each["stage"], each["operator"]) for each in node.query("risk")["kills"]] == [("DONE", "tom")]
            assert "KILL_SWITCH_ENGAGED" in node.order("BUY", "0.5")
            assert "NOT_AUTHORISED" in node.say(Verb.CLEAR, level="system")
            assert "STATE_NOT_DURABLE" in node.say(Verb.CLEAR, "rita", level="system")
            outage.close()
            etcd.start() if ail is dead else None
            node.wait(lambda: node.say(Verb.CLEAR, "rita", level="system") == "DONE: cleared")
            assert node.order("BUY", "0.1").startswith("DONE")

        report, _ = run_session(node_config, sample_home / "catalog", after)

    assert any("etcd does not answer" in line for line in report.said)
    assert report.account.mode.value == "Manual"


@pytest.mark.parametrize("ails", ["EIO", "ENOSPC", "hangs"])
def test_a_kill_works_with_a_failing_disk_of_the_state(
    ails: str,
    tmp_path: Path,
    sample_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    counted: Callable[[str], None],
) -> None:
    """It is carried out, and whoever pressed it is told that a restart may not know of it."""
    failing, mended = threading.Event(), threading.Event()
    write_at, sync = files._OsFile.write_at, files._OsFile.sync

    def failing_write(self: Any, offset: int, data: bytes) -> None:
        if failing.is_set() and ails == "ENOSPC":
            raise OSError(errno.ENOSPC, "no space left on device")
        write_at(self, offset, data)

    def failing_sync(self: Any) -> None:
        if failing.is_set() and ails == "EIO":
            raise OSError(errno.EIO, "input/output error")
        if failing.is_set() and ails == "hangs":
            mended.wait(20)
        sync(self)

    monkeypatch.setattr(files._OsFile, "write_at", failing_write)
    monkeypatch.setattr(files._OsFile, "sync", failing_sync)
    folder = tmp_path / "node"

    def kill(node: Running) -> None:
        node.wait(lambda: node.resting_at_the_venue() == ORDERS)
        failing.set()

        _, verified_s, kill = press(node, "market")

        assert kill["cancelled"] == ORDERS
        assert kill["left_orders"] == []
        assert verified_s < GOAL_S
        counted(f"kill of {ORDERS} paper orders, state disk {ails}: verified in {verified_s * 1e3:.0f} ms")
        if ails == "EIO":  # a store that has failed for good ends the node, the kill first
            node.wait(lambda: node.node._fault is not None, 5)
            return
        assert (node.resting_at_the_venue(), node.open_in_the_cache()) == (0, 0)
        assert "a restart may not know of it" in node.say(Verb.KILL, level="system")
        assert "KILL_SWITCH_ENGAGED" in node.order("BUY", "0.5")
        mended.set()

    with pytest.raises(Bot4Error, match="input/output error") if ails == "EIO" else nullcontext():
        run_session(config(folder, {"orders": ORDERS}), sample_home / "catalog", kill)

    assert audit(folder, "KILL_NOT_STORED")
    assert [each["stage"] for each in audit(folder, "KILL_REPORT")] == ["DONE"]


def test_the_command_line_presses_the_same_switch(
    tmp_path: Path, sample_home: Path, counted: Callable[[str], None]
) -> None:
    """And tells with its exit code that who may not clear it can't."""
    folder = tmp_path / "node"
    program = [sys.executable, "-c", "from live.risk_cli import app; app()"]

    def verb(name: str, operator: str) -> subprocess.CompletedProcess[str]:
        options = ["--node", str(folder), "--operator", operator, "--reason", "test"]
        environment = os.environ | {"BOT4_HOME": str(sample_home)}
        return subprocess.run(
            [*program, name, *options], cwd=REPO, env=environment, capture_output=True, text=True, check=False
        )

    def kill(node: Running) -> None:
        node.wait(lambda: node.resting_at_the_venue() == 5)
        begin = time.monotonic()
        first = verb("kill", "tom")
        counted(f"bot4 risk kill, from the shell to the answer: {time.monotonic() - begin:.2f} s")
        second = verb("kill", "tom")
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert "engaged" in first.stdout
        assert "engaged already" in second.stdout
        node.wait(lambda: node.query("risk")["kills"][0]["stage"] == "DONE")
        assert node.resting_at_the_venue() == 0
        assert verb("clear", "tom").returncode == 4
        assert node.query("risk")["kills"]
        assert verb("clear", "rita").returncode == 0
        assert node.query("risk")["kills"] == []

    run_session(config(folder, {"orders": 5}), sample_home / "catalog", kill)
