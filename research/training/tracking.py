"""Write training runs into MLflow, a SQLite file beside the catalog, and register what they made."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

import settings
from research.training.config import TrainConfig
from research.training.dataset import Dataset

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from research.training.train import Training

EXPERIMENT = "models"
CHAMPION = "champion"
SCHEDULE_FOLDER = "schedule"
TAG_DIGEST = "schedule_digest"
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}


class Registration(NamedTuple):
    """Where a training run went: the version of the registered model, the MLflow run, the schedule's folder."""

    version: int
    run_id: str
    folder: Path


def database() -> Path:
    """Return where the MLflow database is, or would be."""
    return settings.home().resolve() / "mlflow.db"


def artifacts() -> Path:
    """Return the folder under which MLflow keeps the files of each run."""
    return settings.home().resolve() / "mlartifacts"


def open_store() -> MlflowClient:
    """
    Open the local MLflow store, and make it on first use.

    The client is used directly, not MLflow's global functions: those ask git for a version and set process-wide state.
    Telemetry is switched off before MLflow is imported, which takes about a second.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    from mlflow import MlflowClient

    database().parent.mkdir(parents=True, exist_ok=True)
    address = f"sqlite:///{database()}"
    return MlflowClient(tracking_uri=address, registry_uri=address)


def experiment(client: MlflowClient, name: str) -> str:
    """
    Return the id of an experiment whose runs keep their files under `artifacts`, and make it where there is none.

    MLflow fixes an experiment's folder for good. Where the home folder was moved, the old experiment steps aside under
    a name with its id, and a new one takes the name. One that was deleted on MLflow's page is brought back.
    """
    found = client.get_experiment_by_name(name)
    if found is not None and found.artifact_location != artifacts().as_uri():
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        client.rename_experiment(found.experiment_id, f"{name} (moved, {found.experiment_id})")
        found = None
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts().as_uri()))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def record(config: TrainConfig, dataset: Dataset, training: Training, *, started_ns: int) -> Registration:
    """
    Log a training run, register its schedule as the next version of ``config.name``, and make it the champion.

    Logged are the resolved configuration, the metrics of each fold (the fold number is the step) and of all folds
    together (`oos_` for out of sample), fingerprints of data, features and code, and as files the schedule with its
    UBJSON models, the configuration and the fold reports. No model flavour is used: those store pickles.

    Parameters
    ----------
    started_ns : int
        When the run began, Unix nanoseconds.

    """
    client = open_store()
    with _run(client, config.name, started_ns) as run:
        run_id = run.info.run_id
        _log_figures(client, run_id, config, dataset, training)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            training.schedule.save(folder / SCHEDULE_FOLDER)
            (folder / "config.json").write_bytes(msgspec.json.format(msgspec.json.encode(config)) + b"\n")
            (folder / "folds.json").write_bytes(msgspec.json.format(msgspec.json.encode(training.folds)) + b"\n")
            client.log_artifacts(run_id, str(folder))
        version = _register(client, config, training, run)
    return Registration(version, run_id, artifacts() / run_id / "artifacts" / SCHEDULE_FOLDER)


@contextmanager
def _run(client: MlflowClient, name: str, started_ns: int) -> Iterator[Any]:
    run = client.create_run(
        experiment(client, EXPERIMENT), start_time=started_ns // 1_000_000, run_name=name, tags={"kind": "model"}
    )
    try:
        yield run
    except BaseException:
        client.set_terminated(run.info.run_id, status="FAILED")
        raise
    client.set_terminated(run.info.run_id)


def _log_figures(client: MlflowClient, run_id: str, config: TrainConfig, dataset: Dataset, training: Training) -> None:
    from mlflow.entities import Metric, Param, RunTag

    now_ms = time.time_ns() // 1_000_000
    figures = [
        (f"fold_{name}", value, report.fold) for report in training.folds for name, value in report.metrics.items()
    ]
    figures += [(f"oos_{name}", value, 0) for name, value in training.pooled.items()]
    parameters = flat(msgspec.to_builtins(config)) | {"rows": len(dataset.ts_ns), "columns": len(dataset.names)}
    tags = {
        "feature_layout_hash": dataset.layout_hash,
        "data_fingerprint": dataset.data_fingerprint,
        "code_version": training.schedule.provenance.code_version,
        TAG_DIGEST: training.schedule.digest,
    }
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now_ms, step) for name, value, step in figures if math.isfinite(value)],
        params=[Param(name, str(value)[:6_000]) for name, value in parameters.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )


def _register(client: MlflowClient, config: TrainConfig, training: Training, run: Any) -> int:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(
            config.name, description="Walk-forward schedule of XGBoost classifiers: P(rise)."
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(
        config.name,
        source=f"{run.info.artifact_uri}/{SCHEDULE_FOLDER}",
        run_id=run.info.run_id,
        tags={
            TAG_DIGEST: training.schedule.digest,
            "feature_layout_hash": training.schedule.layout_hash,
            "data_fingerprint": training.schedule.provenance.data_fingerprint,
            "oos_auc": f"{training.pooled['auc']:.4f}",
            "oos_logloss": f"{training.pooled['logloss']:.5f}",
            "oos_logloss_base": f"{training.pooled['logloss_base']:.5f}",
        },
    )
    client.set_registered_model_alias(config.name, CHAMPION, str(version.version))
    return int(version.version)


def flat(document: Any, prefix: str = "") -> dict[str, Any]:
    """Turn nested tables into dotted keys, as MLflow's parameters are flat; lists stay one value."""
    level: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            level |= flat(value, f"{prefix}{key}.")
        else:
            level[f"{prefix}{key}"] = value
    return level
