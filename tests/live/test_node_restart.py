"""A node that was killed begins again with what was stored, and with nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_world import config, run_session, toml

from errors import ConfigError, PreconditionError
from live import account_file
from live.node_folder import NodeFolder
from research.backtest.replay_recording import replay
from research.recording.account import AccountState, HeldPosition
from research.recording.recording import Recording
from risk.modes.table import Mode
from risk.state.starts import note_start

REPO = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from live.cli import app; app()", "run"]


@pytest.fixture
def running(tmp_path: Path, sample_home: Path) -> Iterator[subprocess.Popen[str]]:
    """A node in a process of its own."""
    path = tmp_path / "node.toml"
    path.write_text(toml(tmp_path / "node"), encoding="utf-8")
    process = subprocess.Popen(
        [*COMMAND, str(path)],
        cwd=REPO,
        env=os.environ | {"BOT4_HOME": str(sample_home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def wait_for_a_protected_position(folder: Path, process: subprocess.Popen[str], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        stored = account_file.read(folder) if folder.exists() else None
        if stored is not None and stored.positions and len(stored.working) >= 2:
            return
        time.sleep(0.005)
    pytest.fail("no position with its stop and target within the time")


def test_after_a_kill_positions_and_cash_are_those_stored_and_no_order_lives_on(
    running: subprocess.Popen[str], tmp_path: Path, sample_home: Path
) -> None:
    folder = tmp_path / "node"
    wait_for_a_protected_position(folder, running)
    running.kill()
    running.wait()
    stored = account_file.read(folder)
    assert stored is not None

    report, first, _ = run_session(config(folder), sample_home / "catalog", 1.5)

    assert first["account"]["cash"] == stored.cash
    assert first["account"]["others"] == stored.others
    assert float(stored.others["BTC"]) == float(stored.positions[0].quantity)  # spot holds what it bought
    # the strategy closes a position whose stop is gone: its order to do so is new, and the only one there is
    new = {order["client_order_id"] for order in first["account"]["working"]}
    assert not new & {order.client_order_id for order in stored.working}
    assert [(each["position_id"], each["quantity"]) for each in first["account"]["positions"]] == [
        (each.position_id, each.quantity) for each in stored.positions
    ]
    assert first["account"]["positions"][0]["entry_price"] == pytest.approx(stored.positions[0].entry_price, rel=1e-12)
    audit = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    gone = {record["data"]["client_order_id"] for record in audit if record["kind"] == "ORDER_CANCELED_BY_RESTART"}
    assert gone == {order.client_order_id for order in stored.working}
    assert any("did not end in good order" in line for line in report.said)
    assert replay(Recording(report.session)).same is True


def test_what_a_killed_session_recorded_replays_to_the_decisions_it_logged(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    wait_for_a_protected_position(tmp_path / "node", running)
    running.kill()
    running.wait()
    session = tmp_path / "node" / "sessions" / "000001"
    again = tmp_path / "again"
    again.mkdir()

    replayed = replay(Recording(session), again)

    assert replayed.same is None
    filled, told = (session / "fills.jsonl").read_bytes(), (again / "fills.jsonl").read_bytes()
    assert told.startswith(filled)
    assert filled


def test_an_interrupt_ends_the_session_saves_and_says_how_to_go_on(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    wait_for_a_protected_position(tmp_path / "node", running)

    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)

    assert running.returncode == 0, err
    assert "interrupted" in out
    assert "to go on from this account: bot4 node run" in out
    recording = Recording(tmp_path / "node" / "sessions" / "000001")
    recording.inputs()
    assert recording.end is not None
    assert recording.end.reason == "interrupted"


def test_a_second_session_goes_on_with_the_cash_and_at_most_in_the_mode_of_the_first(
    tmp_path: Path, sample_home: Path
) -> None:
    node = config(tmp_path / "node")
    (tmp_path / "node").mkdir()
    account_file.store(tmp_path / "node", AccountState(ts_ns=1, currency="USD", cash="54321.01", mode=Mode.FULL_AUTO))

    _, first, _ = run_session(node, sample_home / "catalog", 0.5)
    report, second, _ = run_session(node, sample_home / "catalog", 0.5)

    assert first["mode"] == "FullAuto"
    assert second["mode"] == "SemiAuto"
    assert any("lacks a person's confirmation" in line for line in report.said)
    assert report.account.cash == "54321.01"


def test_a_person_can_confirm_that_full_auto_goes_on(tmp_path: Path, sample_home: Path) -> None:
    node = config(tmp_path / "node")

    run_session(node, sample_home / "catalog", 0.3)
    _, second, _ = run_session(node, sample_home / "catalog", 0.3, confirmed=True)

    assert second["mode"] == "FullAuto"


def test_the_third_start_after_two_crashes_within_five_minutes_is_an_emergency(
    tmp_path: Path, sample_home: Path
) -> None:
    node = config(tmp_path / "node")
    run_session(node, sample_home / "catalog", 0.3)
    for _ in range(2):
        note_start(tmp_path / "node" / "state", time.time_ns())  # what a process leaves that is killed at once

    _, third, _ = run_session(node, sample_home / "catalog", 0.3)

    assert third["mode"] == "Emergency"


def test_a_lost_state_is_an_emergency(tmp_path: Path, sample_home: Path) -> None:
    node = config(tmp_path / "node")
    run_session(node, sample_home / "catalog", 0.3)
    for path in (tmp_path / "node" / "state").iterdir():
        path.unlink()

    report, second, _ = run_session(node, sample_home / "catalog", 0.3)

    assert second["mode"] == "Emergency"
    assert any("in doubt" in line for line in report.said)


def test_a_damaged_state_is_an_emergency_and_nothing_is_lost(tmp_path: Path, sample_home: Path) -> None:
    node = config(tmp_path / "node")
    run_session(node, sample_home / "catalog", 0.3)
    damaged = [path for path in (tmp_path / "node" / "state").iterdir() if path.name.startswith("state")]
    for path in damaged:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    _, second, _ = run_session(node, sample_home / "catalog", 0.3)

    assert damaged
    assert second["mode"] == "Emergency"


def test_a_position_the_configuration_does_not_trade_is_not_taken_up_silently(
    tmp_path: Path, sample_home: Path
) -> None:
    held = HeldPosition(
        instrument="ETHUSD.BITFINEX",
        strategy="FusedStrategy-001",
        position_id="p",
        quantity="1.0",
        entry_price=200.0,
        opened_ns=1,
    )
    (tmp_path / "node").mkdir()
    account_file.store(
        tmp_path / "node",
        AccountState(ts_ns=1, currency="USD", cash="1.0", mode=Mode.MANUAL, positions=(held,)),
    )

    with pytest.raises(ConfigError, match=r"positions in ETHUSD\.BITFINEX"):
        run_session(config(tmp_path / "node"), sample_home / "catalog", 0.5)


def test_two_processes_can_not_run_one_node(tmp_path: Path) -> None:
    with NodeFolder(tmp_path), pytest.raises(PreconditionError, match="running"):
        NodeFolder(tmp_path)
