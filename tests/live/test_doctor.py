"""The doctor names what is broken and goes on looking, instead of failing on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bot4
from catalog.sample.ingest import ingest_sample


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOT4_HOME", str(tmp_path))
    return tmp_path


def examined() -> tuple[int, dict[str, dict[str, object]], dict[str, bool]]:
    result = CliRunner().invoke(bot4.app, ["doctor", "--json"])
    answer = json.loads(result.stdout)
    return result.exit_code, {check["name"]: check for check in answer["checks"]}, answer["ready"]


def test_an_empty_home_is_ready_for_a_backtest_and_a_paper_node_but_not_for_live(home: Path) -> None:
    exit_code, checks, ready = examined()

    assert (exit_code, ready) == (0, {"backtest": True, "paper": True, "live": False})
    assert checks["catalog"]["state"] == "warning"


def test_a_venue_key_does_not_make_the_machine_ready_for_live(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_API_KEY", "key")

    _, checks, ready = examined()

    assert checks["secrets"]["state"] == "ok"
    assert ready["live"] is False
    assert "a real venue is not part of this version" in CliRunner().invoke(bot4.app, ["doctor"]).stdout


@pytest.mark.parametrize("damaged", ["specs", "manifests"])
def test_a_damaged_catalog_is_found_and_everything_else_still_told(home: Path, damaged: str) -> None:
    ingest_sample(home / "catalog")
    assert examined()[1]["catalog"]["state"] == "ok"
    next((home / "catalog" / "bot4" / damaged).rglob("*.json")).write_text("{")

    exit_code, checks, ready = examined()

    assert (exit_code, ready["backtest"]) == (3, False)
    assert checks["catalog"]["state"] == "missing"
    assert "damaged" in str(checks["catalog"]["found"])
    assert checks["models"]["state"] == "warning"
