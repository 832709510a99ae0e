"""The verbs of `bot4 data`: output for people and machines, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from catalog_world import ETH, hours, parquet, tree
from typer.testing import CliRunner

from catalog.cli import app
from catalog.store.parquet import Catalog

RUNNER = CliRunner()


def run(*arguments: object, code: int = 0) -> str:
    result = RUNNER.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def test_ingest_list_and_check_a_file(tmp_path: Path) -> None:
    path, root = parquet(tmp_path, hours(48)), tmp_path / "c"

    text = run("ingest", path, "--instrument", ETH.instrument_id, "--licence", "MIT", "--catalog", root)

    assert "stored ETHUSDT-PERP.BINANCE/bars/1-HOUR: 48 records, 2024-03-01T01:00:00Z to 2024-03-03T00:00:00Z" in text
    assert "2024-03-03" in run("list", "--catalog", root)
    assert "passed" in run("check", "--catalog", root)
    before = tree(root)
    again = json.loads(run("ingest", path, "--instrument", ETH.instrument_id, "--catalog", root, "--json"))
    assert (again["ingested"][0]["status"], again["ingested"][0]["manifest"]["rows"]) == ("unchanged", 48)
    assert tree(root) == before
    listed = json.loads(run("list", "--catalog", root, "--json"))
    assert [each["dataset"] for each in listed["datasets"]] == ["ETHUSDT-PERP.BINANCE/bars/1-HOUR"]
    assert listed["datasets"][0]["sources"][0]["licence"] == "MIT"


def test_the_default_catalog_lies_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT4_HOME", str(tmp_path / "home"))

    run("ingest", parquet(tmp_path, hours(48)), "--instrument", ETH.instrument_id)

    assert (tmp_path / "home" / "catalog" / "bot4" / "manifests").is_dir()


def test_several_files_are_each_a_whole(tmp_path: Path) -> None:
    frame = hours(48)
    first, second = parquet(tmp_path, frame[:30], "a.parquet"), parquet(tmp_path, frame[20:], "b.parquet")

    out = json.loads(
        run("ingest", first, second, "--instrument", ETH.instrument_id, "--catalog", tmp_path / "c", "--json")
    )

    assert [each["status"] for each in out["ingested"]] == ["stored", "extended"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "which instrument is it"),
        (["--instrument", "NOPE.NOWHERE"], "no facts are known for NOPE.NOWHERE"),
        (["--instrument", ETH.instrument_id, "--kind", "spot"], "no facts are known for ETHUSDT-PERP.BINANCE as SPOT"),
        (["--instrument", ETH.instrument_id, "--kind", "option"], "--kind: expected spot, margin, usdm_perp"),
        (["--instrument", ETH.instrument_id, "--data", "news"], "--data: expected bars, mark, funding"),
        (["--instrument", ETH.instrument_id, "--stamp", "middle"], "--stamp: expected open, close"),
        (["--instrument", ETH.instrument_id, "--bar", "1-MINUTE"], "the bars are 1-HOUR, but 1-MINUTE was asked for"),
        (["--instrument", ETH.instrument_id, "--bar", "soon"], "a bar size is COUNT-UNIT"),
        (["--instrument", ETH.instrument_id, "--quarantine-max", "2"], "quarantined_max is a fraction from 0 to 1"),
        (["--spec", "none.toml"], "none.toml: file not found"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    path = parquet(tmp_path, hours(48), "prices.parquet")

    out = json.loads(run("ingest", path, *arguments, "--catalog", tmp_path / "c", "--json", code=2))

    assert complaint in out["error"]
    assert not (tmp_path / "c").exists()


def test_a_refused_file_exits_with_5_and_a_contradicting_one_with_3(tmp_path: Path) -> None:
    flags = ("--instrument", ETH.instrument_id, "--catalog", tmp_path / "c", "--json")
    run("ingest", parquet(tmp_path, hours(48)), *flags)

    refused = json.loads(run("ingest", parquet(tmp_path, hours(9)[["ts", "open"]], "bad.parquet"), *flags, code=5))
    other = json.loads(run("ingest", parquet(tmp_path, hours(48, seed=9), "other.parquet"), *flags, code=3))

    assert refused["kind"] == "RefusedFileError"
    assert "contradicts" in other["error"]


def test_check_exits_with_5_when_a_data_set_fails(tmp_path: Path) -> None:
    root = tmp_path / "c"
    run("ingest", parquet(tmp_path, hours(48)), "--instrument", ETH.instrument_id, "--catalog", root)
    path = root / Catalog(root).datasets()[0].files[0].path
    path.write_bytes(path.read_bytes()[:-1])

    out = json.loads(run("check", "--catalog", root, "--json", code=5))

    assert not out["passed"]
    assert "was changed after it was stored" in out["datasets"][0]["faults"][0]
    run("check", "--catalog", root, code=5)


def test_an_absent_catalog_lists_as_empty_and_cannot_be_checked(tmp_path: Path) -> None:
    assert json.loads(run("list", "--catalog", tmp_path / "c", "--json"))["datasets"] == []
    run("check", "--catalog", tmp_path / "c", "--json", code=3)


def test_facts_from_a_file_serve_an_unknown_instrument_from_then_on(tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(
        'instrument_id = "FOO-LINEAR.BYBIT"\nkind = "SPOT"\nbase = "FOO"\nquote = "USDT"\nprice_increment = "0.01"\n'
        'size_increment = "0.001"\nmaker_fee = "0.001"\ntaker_fee = "0.001"\n'
    )
    flags = ("--catalog", tmp_path / "c")

    run("ingest", parquet(tmp_path, hours(30), "a.parquet"), "--spec", spec, *flags)
    run("ingest", parquet(tmp_path, hours(48), "b.parquet"), "--instrument", "FOO-LINEAR.BYBIT", *flags)

    assert Catalog(tmp_path / "c").datasets()[0].rows == 48
    run("ingest", tmp_path / "b.parquet", "--spec", spec, "--instrument", "BAR.BYBIT", *flags, code=2)


@pytest.mark.parametrize("verb", [[], ["ingest"], ["list"], ["check"]])
def test_every_verb_explains_itself(verb: list[str]) -> None:
    assert "Usage" in run(*verb, "--help")
