"""Log a finished backtest to MLflow: the same figures as its folder, and the folder's readable files."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import msgspec

from research.backtest.config import RunConfig, resolved
from research.reports.schema import Manifest, Summary
from research.training.tracking import experiment, flat, open_store

EXPERIMENT = "backtests"
LOGGED_FILES = ("config.toml", "manifest.json", "summary.json", "tearsheet.html")


def log_run(folder: Path, config: RunConfig, manifest: Manifest, summary: Summary) -> str:
    """Create one MLflow run and return its id."""
    from mlflow.entities import Metric, Param, RunTag

    client = open_store()
    run = client.create_run(experiment(client, EXPERIMENT), run_name=manifest.run_id, tags={"kind": "backtest"})
    run_id: str = run.info.run_id
    try:
        now_ms = time.time_ns() // 1_000_000
        figures = {name: value for name, value in flat(msgspec.to_builtins(summary)).items() if _is_figure(value)}
        tags = {
            "run_id": manifest.run_id,
            "decision_hash": manifest.decision_hash,
            "data_fingerprint": manifest.data_fingerprint,
            "config_fingerprint": manifest.config_fingerprint,
            "code_version": manifest.code_version,
            "sane": str(summary.sane),
        }
        client.log_batch(
            run_id,
            metrics=[Metric(name, float(value), now_ms, 0) for name, value in figures.items()],
            params=[Param(name, str(value)[:6_000]) for name, value in flat(resolved(config)).items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        for name in LOGGED_FILES:
            client.log_artifact(run_id, str(folder / name))
    except BaseException:
        client.set_terminated(run_id, status="FAILED")
        raise
    client.set_terminated(run_id)
    return run_id


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
