"""`bot4 audit` finds what was tampered with, and tells an order's story from market to fill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trail_world import World
from typer.testing import CliRunner

from bot4 import app
from errors import PreconditionError
from research.trail.explain import explain
from research.trail.folder import TrailFolder, find
from research.trail.verify import verify_folder
from risk.audit import AuditLog, Head
from risk.control.document import ControlState
from risk.modes.changes import GovernorSnapshot
from risk.modes.table import Mode
from risk.state.durable import StateConfig, open_state


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return World().write(tmp_path / "run")


def test_an_untouched_folder_holds(run: Path) -> None:
    finding = verify_folder(TrailFolder(run))
    assert finding.problem is None
    assert finding.decisions == 3
    assert finding.heads >= 2


def test_a_changed_decision_is_named_although_the_chain_itself_holds(run: Path) -> None:
    path = run / "decisions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"101.0", b"109.0") + lines[2])
    finding = verify_folder(TrailFolder(run))
    assert (finding.where, finding.line) == ("decisions.jsonl", 2)


def test_a_cut_decision_log_is_found(run: Path) -> None:
    path = run / "decisions.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert verify_folder(TrailFolder(run)).problem is not None


def test_a_cut_audit_log_is_found_by_its_published_head(run: Path) -> None:
    path = run / "audit.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    finding = verify_folder(TrailFolder(run))
    assert finding.problem == "the chain ends before the published head"


def test_the_story_of_an_order_goes_from_market_to_fill(run: Path) -> None:
    story = explain(TrailFolder(run), "O-0")
    assert [step.stage for step in story.steps] == ["MARKET", "SIGNAL", "GATE", "FILL", "APPROVAL"]
    assert "100" in story.steps[0].text
    assert "confidence 0.75" in story.steps[1].text


def test_the_story_of_a_refused_order_names_the_limit(run: Path) -> None:
    story = explain(TrailFolder(run), "O-1")
    assert "LEVERAGE_EXCEEDED: measured 3.5, limit 3" in story.steps[-1].text


def test_an_unknown_order_is_refused(run: Path) -> None:
    with pytest.raises(PreconditionError, match="knows no order"):
        explain(TrailFolder(run), "O-99")


def test_a_folder_without_logs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match=r"holds neither decisions\.jsonl"):
        find(tmp_path, str(tmp_path))


def test_verbs_answer_in_json_and_with_their_exit_codes(run: Path) -> None:
    runner = CliRunner()
    good = runner.invoke(app, ["audit", "verify", str(run), "--json"])
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)["records"] > 3
    shown = runner.invoke(app, ["audit", "show", str(run), "--kind", "decision", "--json"])
    assert len(json.loads(shown.stdout)["records"]) == 3
    told = runner.invoke(app, ["audit", "explain", "O-0", "--in", str(run), "--json"])
    assert json.loads(told.stdout)["order"] == "O-0"
    (run / "audit.jsonl").write_bytes((run / "audit.jsonl").read_bytes().replace(b'"amount":-0.5', b'"amount":-0.4'))
    bad = runner.invoke(app, ["audit", "verify", str(run)])
    assert bad.exit_code == 5


def test_drift_ends_with_5_where_runs_differ(run: Path, tmp_path: Path) -> None:
    changed = World()
    changed.marks[0] = 99.0
    other = changed.write(tmp_path / "other")
    runner = CliRunner()
    assert runner.invoke(app, ["report", "drift", str(run), str(run)]).exit_code == 0
    parted = runner.invoke(app, ["report", "drift", str(run), str(other), "--json"])
    assert parted.exit_code == 5
    assert json.loads(parted.stdout)["difference"]["kind"] == "DATA"


def test_a_nodes_log_is_held_against_the_head_in_its_stored_state(tmp_path: Path) -> None:
    session = tmp_path / "node" / "sessions" / "000001"
    session.mkdir(parents=True)
    (session / "decisions.jsonl").write_bytes(b"")
    log = tmp_path / "node" / "audit.jsonl"
    with log.open("wb") as file:
        audit = AuditLog(file)
        audit.append(1, "SESSION_START", {"session": "000001"})
        audit.append(2, "MODE", {})
    stores = open_state(StateConfig(folder=str(tmp_path / "node" / "state")), {})
    stores.recover()
    state = ControlState(governor=GovernorSnapshot(mode=Mode.MANUAL), audit=Head(audit.count, audit.head, 2))
    stores.commit(state.encode(), Mode.MANUAL.priority)
    stores.close()

    assert verify_folder(TrailFolder(session)).problem is None
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    assert verify_folder(TrailFolder(session)).problem == "the chain ends before the published head"
