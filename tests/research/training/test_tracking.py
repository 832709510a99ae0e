"""A training run is found again in MLflow: figures, files, the registered version and who is champion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from errors import PreconditionError
from research.training import tracking
from research.training.dataset import Dataset, build
from research.training.registry import resolve, versions
from research.training.train import Training, train_schedule
from strategies.models.schedule import SCHEDULE_FILE, ModelSchedule
from tests.research.training.stores import small_config, two_markets

STARTED_NS = 1_700_000_000 * 10**9


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with two versions of the model `small` in it; tests of this module only read it."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOT4_HOME", str(folder))
        for seed in (7, 8):
            config = small_config(seed=seed)
            tracking.record(config, DATASET, train_schedule(DATASET, config), started_ns=STARTED_NS)
        yield folder


DATASET: Dataset = build(two_markets(800), small_config())


@pytest.fixture
def moved(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the home at another place, for tests that change it."""
    shutil.copytree(home, tmp_path / "elsewhere")
    monkeypatch.setenv("BOT4_HOME", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


def trained(seed: int) -> Training:
    return train_schedule(DATASET, small_config(seed=seed))


def test_training_again_registers_version_2_and_moves_the_champion(home: Path) -> None:
    assert [(version.name, version.version, version.aliases) for version in versions()] == [
        ("small", 1, ()),
        ("small", 2, ("champion",)),
    ]
    assert ModelSchedule.load(resolve("small")).digest == trained(8).schedule.digest
    assert ModelSchedule.load(resolve("small", "champion")).digest == trained(8).schedule.digest
    assert ModelSchedule.load(resolve("small", "1")).digest == trained(7).schedule.digest


def test_mlflow_shows_parameters_metrics_and_tags(home: Path) -> None:
    client = tracking.open_store()
    champion = client.get_model_version_by_alias("small", tracking.CHAMPION)
    run = client.get_run(champion.run_id)
    training = trained(8)

    assert run.info.status == "FINISHED"
    assert run.info.start_time == STARTED_NS // 10**6
    assert run.data.params["booster.max_depth"] == "3"
    assert run.data.params["folds.count"] == "3"
    assert run.data.params["seed"] == "8"
    assert run.data.metrics["oos_auc"] == pytest.approx(training.pooled["auc"])
    assert run.data.tags["feature_layout_hash"] == DATASET.layout_hash
    assert run.data.tags["data_fingerprint"] == DATASET.data_fingerprint
    assert "xgboost" in run.data.tags["code_version"]
    history = client.get_metric_history(champion.run_id, "fold_logloss")
    assert [(point.step, point.value) for point in sorted(history, key=lambda point: point.step)] == [
        (report.fold, pytest.approx(report.metrics["logloss"])) for report in training.folds
    ]
    for name in ("auc", "accuracy", "brier", "base_rate"):
        assert f"fold_{name}" in run.data.metrics


def test_the_runs_files_are_the_schedule_its_models_and_the_reports(home: Path) -> None:
    folder = resolve("small")

    assert sorted(path.name for path in folder.iterdir()) == [
        "final.ubj",
        "fold_00.ubj",
        "fold_01.ubj",
        "fold_02.ubj",
        SCHEDULE_FILE,
    ]
    assert json.loads((folder.parent / "config.json").read_text())["seed"] == 8
    assert len(json.loads((folder.parent / "folds.json").read_text())) == 3
    assert not [path for path in home.rglob("*") if path.suffix in {".pkl", ".pickle", ".joblib"}]


def test_a_model_of_the_registry_predicts_as_it_did_in_training(home: Path) -> None:
    schedule = ModelSchedule.load(resolve("small", "2"))
    schedule.require_layout(DATASET.layout_hash)
    rows = DATASET.rows.astype(np.float64)

    for loaded, fresh in zip(schedule.forests, trained(8).schedule.forests, strict=True):
        assert loaded.margins(rows).tolist() == fresh.margins(rows).tolist()


@pytest.mark.parametrize(
    ("name", "wanted", "reason"),
    [
        ("other", "champion", "no model 'other' is registered"),
        ("small", "3", r"no version or alias '3'; it has versions up to 2 and the aliases \['champion'\]"),
        ("small", "challenger", "no version or alias 'challenger'"),
        ("small' OR name = 'x", "1", "no model"),
    ],
)
def test_says_what_is_registered_instead(home: Path, name: str, wanted: str, reason: str) -> None:
    with pytest.raises(PreconditionError, match=reason):
        resolve(name, wanted)


def test_models_are_found_after_the_home_was_moved(moved: Path) -> None:
    assert moved in resolve("small").parents


def test_training_goes_on_after_the_home_was_moved(moved: Path, home: Path) -> None:
    before = sorted(home.rglob("*"))
    registration = tracking.record(small_config(seed=9), DATASET, trained(9), started_ns=STARTED_NS)

    assert registration.version == 3
    assert resolve("small") == registration.folder
    assert moved in registration.folder.parents
    assert sorted(home.rglob("*")) == before


def test_training_goes_on_after_the_experiment_was_deleted(moved: Path) -> None:
    client = tracking.open_store()
    for _ in range(2):  # first the one of the old place, then the new one
        found = client.get_experiment_by_name(tracking.EXPERIMENT)
        client.delete_experiment(found.experiment_id)
        registration = tracking.record(small_config(seed=9), DATASET, trained(9), started_ns=STARTED_NS)

    assert resolve("small") == registration.folder


def test_refuses_a_schedule_that_is_not_the_one_registered(moved: Path) -> None:
    folder = resolve("small", "2")
    shutil.rmtree(folder)
    shutil.copytree(resolve("small", "1"), folder)  # sound in itself, but another model

    with pytest.raises(PreconditionError, match="version 2 of 'small' was registered as"):
        resolve("small", "2")


def test_refuses_a_damaged_model_file(moved: Path) -> None:
    path = resolve("small") / "fold_01.ubj"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(PreconditionError, match=r"fold_01\.ubj: edited or damaged"):
        resolve("small")


def test_a_failure_while_logging_leaves_a_failed_run_and_no_version(
    moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = trained(9)

    def disk_full(folder: Path) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(training.schedule, "save", disk_full)
    with pytest.raises(OSError, match="no space left"):
        tracking.record(small_config(seed=9), DATASET, training, started_ns=STARTED_NS)

    assert [version.version for version in versions()] == [1, 2]
    client = tracking.open_store()
    runs = client.search_runs([tracking.experiment(client, tracking.EXPERIMENT)])
    assert [run.info.status for run in runs] == ["FAILED"]


def test_metrics_that_are_unknown_are_left_out(moved: Path) -> None:
    training = trained(9)
    broken = training._replace(
        folds=(msgspec.structs.replace(training.folds[0], metrics=training.folds[0].metrics | {"auc": float("nan")}),)
    )
    registration = tracking.record(small_config(seed=9), DATASET, broken, started_ns=STARTED_NS)
    metrics = tracking.open_store().get_run(registration.run_id).data.metrics

    assert registration.version == 3
    assert "fold_auc" not in metrics
    assert "fold_brier" in metrics


def test_nothing_is_registered_before_the_first_training_and_looking_makes_no_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT4_HOME", str(tmp_path / "new"))

    assert versions() == []
    with pytest.raises(PreconditionError, match="no model 'small' is registered"):
        resolve("small")
    assert not (tmp_path / "new").exists()


def test_importing_training_imports_neither_mlflow_nor_xgboost() -> None:
    modules = "research.training.run, research.training.registry, research.training.cli, strategies.models.schedule"
    check = f"import sys, {modules}; print([name for name in ('mlflow', 'xgboost') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, env=os.environ)

    assert ran.stdout.strip() == "[]"
