"""`bot4 model train` and `bot4 model list`, on a real catalog, as a user calls them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w
from typer.testing import CliRunner, Result

from catalog.ingest import ingest
from catalog.prepare import Request
from catalog.spec_files import shipped_spec
from catalog.store.parquet import Catalog
from research.training.cli import app
from research.training.registry import resolve
from strategies.models.schedule import ModelSchedule
from tests.research.training.stores import HOUR_NS, hourly_bars

CONFIG = {
    "name": "cli-test",
    "instruments": ["BTCUSD.BITFINEX"],
    "bar": "1-HOUR",
    "start": "2020-01-01",
    "end": "2020-12-31",
    "horizon_bars": 2,
    "embargo_bars": 2,
    "features": [{"name": "roc", "params": {"window": 1}}, {"name": "rsi", "params": {"window": 7}}],
    "folds": {"count": 2, "train_days": 20},
    "booster": {"rounds": 10, "min_child_weight": 5.0},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose catalog holds a thousand bars, and whose registry is empty at first."""
    folder = tmp_path_factory.mktemp("home")
    bars = hourly_bars(1_000, seed=3)
    prices = {name: np.round(100 * getattr(bars, name), 1) for name in ("open", "high", "low", "close")}
    opened = pd.to_datetime(bars.ts_ns - HOUR_NS, utc=True).as_unit("ms")
    pd.DataFrame({"ts": opened, **prices, "volume": np.round(bars.volume, 2)}).to_parquet(folder / "bars.parquet")
    ingest(folder / "catalog", Request(folder / "bars.parquet", shipped_spec("BTCUSD.BITFINEX")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOT4_HOME", str(folder))
        yield folder


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def written(home: Path, **changes: object) -> str:
    path = home / "train.toml"
    path.write_bytes(tomli_w.dumps(CONFIG | changes).encode())
    return str(path)


@pytest.fixture(scope="module")
def report(home: Path) -> dict[str, object]:
    result = call("train", written(home), "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def test_train_prints_one_json_object_with_the_whole_result(home: Path, report: dict[str, object]) -> None:
    assert (report["name"], report["version"], report["alias"]) == ("cli-test", 1, "champion")
    assert len(report["folds"]) == 2
    assert set(report["out_of_sample"]) >= {"auc", "logloss", "accuracy", "brier", "base_rate"}
    assert report["data_fingerprint"] == Catalog(home / "catalog").fingerprint("BTCUSD.BITFINEX/bars/1-HOUR")
    assert report["warnings"] == []


def test_what_was_trained_is_what_is_resolved(home: Path, report: dict[str, object]) -> None:
    folder = resolve("cli-test")

    assert str(folder) == report["schedule"]
    assert ModelSchedule.load(folder).digest == report["digest"]


def test_list_shows_versions_and_aliases(home: Path, report: dict[str, object]) -> None:
    result = call("list", "--json")
    (listed,) = json.loads(result.stdout)["models"]

    assert (listed["name"], listed["version"], listed["aliases"]) == ("cli-test", 1, ["champion"])
    assert listed["tags"]["schedule_digest"] == report["digest"]
    assert "cli-test" in call("list").stdout


def test_train_prints_a_table_for_people(home: Path, report: dict[str, object]) -> None:
    result = call("train", written(home, name="for-people"))

    assert result.exit_code == 0
    assert "for-people version 1 (champion), out of sample" in result.stdout
    assert "logloss" in result.stdout


def test_another_catalog_can_be_named(home: Path, tmp_path: Path) -> None:
    result = call("train", written(home), "--catalog", str(tmp_path), "--json")

    assert result.exit_code == 3
    assert str(tmp_path) in json.loads(result.stdout)["error"]


@pytest.mark.parametrize(
    ("changes", "exit_code", "reason"),
    [
        ({"horizon": 3}, 2, "unknown field `horizon`"),
        ({"features": [{"name": "no_such"}]}, 2, "no_such"),
        ({"columns_ignored": ["sma_3"]}, 2, "sma_3"),
        ({"instruments": ["DOGEUSD.BITFINEX"]}, 3, "DOGEUSD.BITFINEX"),
        ({"bar": "30-MINUTE"}, 3, "30-MINUTE"),
        ({"folds": {"count": 2, "train_days": 300.0}}, 3, "days of training need more than"),
    ],
)
def test_refusals_carry_their_exit_code_and_reason(
    home: Path, changes: dict[str, object], exit_code: int, reason: str
) -> None:
    result = call("train", written(home, **changes), "--json")

    assert result.exit_code == exit_code
    error = json.loads(result.stdout)["error"]
    assert reason in error
    assert exit_code != 2 or "train.toml" in error


def test_a_missing_file_is_a_configuration_error(home: Path) -> None:
    assert call("train", str(home / "none.toml")).exit_code == 2


def test_list_without_models_says_how_to_train_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT4_HOME", str(tmp_path))

    assert json.loads(call("list", "--json").stdout) == {"models": []}
    assert "model train" in call("list").stdout


def test_training_the_same_again_adds_no_version_and_says_so(home: Path) -> None:
    first = json.loads(call("train", written(home, name="again"), "--json").stdout)
    second = json.loads(call("train", written(home, name="again"), "--json").stdout)
    told = call("train", written(home, name="again")).stdout
    other = json.loads(call("train", written(home, name="again", seed=9), "--json").stdout)

    assert (first["version"], first["is_new"]) == (1, True)
    assert (second["version"], second["is_new"]) == (1, False)
    assert (second["run_id"], second["schedule"]) == (first["run_id"], first["schedule"])
    assert "no version was added" in told
    assert (other["version"], other["is_new"]) == (2, True)


def test_a_champion_whose_files_are_damaged_is_replaced(home: Path) -> None:
    first = json.loads(call("train", written(home, name="damaged"), "--json").stdout)
    next(Path(first["schedule"]).glob("*.ubj")).write_bytes(b"x")
    second = json.loads(call("train", written(home, name="damaged"), "--json").stdout)

    assert (second["version"], second["is_new"]) == (2, True)
    assert ModelSchedule.load(resolve("damaged")).digest == first["digest"]
