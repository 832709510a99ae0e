"""Train from a configuration: read the catalog, learn, log to MLflow, register; the whole of `bot4 model train`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from research.training import registry, tracking
from research.training.certificates import refuse_uncertified
from research.training.config import TrainConfig
from research.training.dataset import build
from research.training.train import FoldReport, train_schedule


class TrainReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a training run made, and how its models did on rows they had not seen.

    `is_new` is False where the champion is this very schedule already: nothing was then logged or registered.
    """

    name: str
    version: int
    is_new: bool
    alias: str
    run_id: str
    schedule: str
    digest: str
    layout_hash: str
    data_fingerprint: str
    rows: int
    columns: int
    out_of_sample: dict[str, float]
    folds: tuple[FoldReport, ...]
    warnings: tuple[str, ...]
    seconds: float


def train(config: TrainConfig, catalog_root: Path, on_model: Callable[[], None] = lambda: None) -> TrainReport:
    """
    Train, log and register one schedule of models, and make it the champion of its name.

    Where the champion already is the same schedule, byte for byte, it stays and nothing is added. Nothing is logged
    before training has succeeded, so a run that fails or is interrupted leaves no trace.

    Parameters
    ----------
    config : TrainConfig
        See there.
    catalog_root : Path
        Where the bars are.
    on_model : callable
        Called after each of the ``config.folds.count + 1`` models.

    Raises
    ------
    ConfigError
        If a feature or column does not exist.
    PreconditionError
        If bars are missing, too few, or failed their quality checks and that is not allowed.

    """
    from catalog.store.parquet import Catalog

    started_ns = time.time_ns()
    began = time.perf_counter()
    store = Catalog(catalog_root)
    warnings = refuse_uncertified(store.datasets(), config)
    dataset = build(store, config)
    training = train_schedule(dataset, config, on_model)
    same = registry.champion_like(config.name, training.schedule.digest)
    if same is None:
        registration = tracking.record(config, dataset, training, started_ns=started_ns)
    else:
        registration = tracking.Registration(same[0].version, same[0].run_id, same[1])
    return TrainReport(
        name=config.name,
        version=registration.version,
        is_new=same is None,
        alias=tracking.CHAMPION,
        run_id=registration.run_id,
        schedule=str(registration.folder),
        digest=training.schedule.digest,
        layout_hash=dataset.layout_hash,
        data_fingerprint=dataset.data_fingerprint,
        rows=len(dataset.ts_ns),
        columns=len(dataset.names) - len(config.columns_ignored),
        out_of_sample=training.pooled,
        folds=training.folds,
        warnings=warnings,
        seconds=round(time.perf_counter() - began, 3),
    )
