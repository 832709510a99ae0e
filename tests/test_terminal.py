"""A verb answers with one JSON object whatever happens, and with its documented exit code."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

import bot4
import terminal
from errors import ConfigError, QualityError
from terminal import JsonFlag

app = typer.Typer()

FAILURES: dict[str, BaseException] = {
    "config": ConfigError("must be positive", where="x.toml, key a"),
    "quality": QualityError("too good"),
    "disk": OSError(28, "No space left on device"),
    "interrupt": KeyboardInterrupt(),
    "bug": ZeroDivisionError("division by zero"),
}


@app.command()
@terminal.guarded
def fail(name: str, answered: bool = False, json_: JsonFlag = False) -> None:
    """Fail, perhaps after the answer."""
    if answered and json_:
        terminal.emit({"result": 1})
    raise FAILURES[name]


@pytest.mark.parametrize(
    ("name", "exit_code", "kind"),
    [
        ("config", 2, "ConfigError"),
        ("quality", 5, "QualityError"),
        ("disk", 1, "OSError"),
        ("interrupt", 1, "KeyboardInterrupt"),
        ("bug", 1, "ZeroDivisionError"),
    ],
)
def test_a_failure_is_one_object_with_its_exit_code(name: str, exit_code: int, kind: str) -> None:
    result = CliRunner().invoke(app, [name, "--json"])

    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["exit_code"], answer["kind"]) == (exit_code, exit_code, kind)
    assert answer["error"] in result.stderr


def test_a_gate_that_fails_after_the_answer_adds_no_second_object() -> None:
    result = CliRunner().invoke(app, ["quality", "--answered", "--json"])

    assert json.loads(result.stdout) == {"result": 1}
    assert result.exit_code == 5
    assert "too good" in result.stderr


def test_an_answer_of_one_call_does_not_silence_the_next() -> None:
    CliRunner().invoke(app, ["quality", "--answered", "--json"])

    assert json.loads(CliRunner().invoke(app, ["config", "--json"]).stdout)["kind"] == "ConfigError"


@pytest.mark.parametrize("arguments", [["backtest", "run"], ["no-such"], ["backtest", "list", "--no-such"]])
def test_wrong_use_is_one_object_too(arguments: list[str]) -> None:
    result = CliRunner().invoke(bot4.app, [*arguments, "--json"])

    assert result.exit_code == 2
    assert json.loads(result.stdout)["exit_code"] == 2


def test_wrong_use_without_json_leaves_standard_output_empty() -> None:
    result = CliRunner().invoke(bot4.app, ["no-such"])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "no-such" in result.stderr
