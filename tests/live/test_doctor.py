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


def test_an_empty_home_is_ready_for_a_backtest_but_not_for_paper_or_live(home: Path) -> None:
    exit_code, checks, ready = examined()

    assert (exit_code, ready) == (0, {"backtest": True, "paper": False, "live": False})
    assert checks["catalog"]["state"] == "warning"


@pytest.mark.parametrize("damaged", ["specs", "manifests"])
def test_a_damaged_catalog_is_found_and_everything_else_still_told(home: Path, damaged: str) -> None:
    ingest_sample(home / "catalog")
    assert examined()[1]["catalog"]["state"] == "ok"
    next((home / "catalog" / "bot4" / damaged).rglob("*.json")).write_text("{")

    exit_code, checks, ready = examined()

    assert (exit_code, ready["backtest"]) == (3, False)
    assert checks["catalog"]["state"] == "missing"
    assert "damaged" in checks["catalog"]["found"]
    assert checks["models"]["state"] == "warning"
