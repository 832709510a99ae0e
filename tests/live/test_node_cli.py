"""`bot4 node` runs a session to its end, and tells the state of a node that runs and of one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from node_world import toml
from typer.testing import CliRunner

import live.cli
from live import account_file


def call(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(live.cli.app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout


def test_a_session_of_a_second_leaves_an_account_that_status_shows(
    tmp_path: Path, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT4_HOME", str(sample_home))
    path, folder = tmp_path / "node.toml", tmp_path / "node"
    path.write_text(toml(folder), encoding="utf-8")

    code, out = call("run", path, "--duration-s", "1", "--json")
    report = json.loads(out)
    status_code, status = call("status", folder, "--json")

    assert (code, status_code) == (0, 0)
    assert report["ended"] == "time is up"
    assert report["inputs"] > 20
    stored = account_file.read(folder)
    assert stored is not None
    shown = json.loads(status)
    assert shown["running"] is False
    assert shown["account"]["cash"] == stored.cash == report["account"]["cash"]


def test_status_of_a_node_that_never_was_is_a_precondition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT4_HOME", str(tmp_path))

    code, out = call("status", "nobody", "--json")

    assert code == 3
    assert "no node 'nobody'" in json.loads(out)["error"]


def test_a_wrong_key_is_refused_with_file_key_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(toml(tmp_path / "node").replace("heartbeat_ms = 20", "heartbeat_ms = 1"), encoding="utf-8")

    code, out = call("run", path, "--json")

    assert code == 2
    assert "node.toml, key node.heartbeat_ms" in json.loads(out)["error"]
