"""Train one model a walk-forward fold and a last one on everything, and put them into a schedule."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec
import numpy as np

from catalog.model import F64, I64
from research.provenance import model_code_version
from research.training.config import TrainConfig
from research.training.dataset import Dataset
from research.training.fit import fit
from research.training.metrics import score
from research.training.splits import Fold, walk_forward
from strategies.models.forest import Forest
from strategies.models.schedule import Entry, ModelSchedule, Provenance


class FoldReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one fold learned from, what it was judged on, and how it did; metrics as `research.training.metrics`."""

    fold: int
    trained_until_ns: int
    test_from_ns: int
    test_to_ns: int
    rows_trained: int
    metrics: dict[str, float]


class Training(NamedTuple):
    """
    Everything a training run made.

    `pooled` are the metrics over all test rows, each predicted by its own fold's model: every row out of sample.
    """

    schedule: ModelSchedule
    folds: tuple[FoldReport, ...]
    pooled: dict[str, float]


def train_schedule(dataset: Dataset, config: TrainConfig, on_model: Callable[[], None] = lambda: None) -> Training:
    """
    Train the models of every fold, and a last one on all rows, which is valid from the end of the data plus embargo.

    Folds run side by side on all cores; each fit has one thread, so the result does not depend on their number.

    Parameters
    ----------
    dataset : Dataset
        Rows of all instruments.
    config : TrainConfig
        Folds, embargo, booster and seed.
    on_model : callable
        Called after each model, `config.folds.count + 1` times.

    Raises
    ------
    PreconditionError
        If there are too few rows for the folds, or only one kind of label.

    """
    folds = walk_forward(
        dataset.ts_ns,
        dataset.label_end_ns,
        config.folds,
        start_ns=int(dataset.ts_ns[0]),
        end_ns=dataset.last_ns,
        embargo_ns=config.embargo_ns,
    )
    everything = np.arange(len(dataset.ts_ns))
    models = _fit_all(dataset, config, [*(fold.train for fold in folds), everything], on_model)

    reports, probabilities, base_rates = [], [], []
    for number, (fold, raw) in enumerate(zip(folds, models[:-1], strict=True)):
        probability = _probabilities(raw, dataset, fold.test)
        base_rate = float(dataset.rises[fold.train].mean())
        reports.append(_report(number, fold, dataset, probability, base_rate))
        probabilities.append(probability)
        base_rates.append(np.full(len(fold.test), base_rate))
    tested = np.concatenate([fold.test for fold in folds])
    pooled = score(np.concatenate(probabilities), dataset.rises[tested], np.concatenate(base_rates))
    return Training(_schedule(dataset, config, folds, models), tuple(reports), pooled)


def _fit_all(dataset: Dataset, config: TrainConfig, choices: list[I64], on_model: Callable[[], None]) -> list[bytes]:
    rises = dataset.rises.astype(np.float32)

    def fit_one(choice: I64) -> bytes:
        return fit(dataset.rows[choice], rises[choice], dataset.names, config.booster, config.seed)

    models = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for raw in pool.map(fit_one, choices):
            models.append(raw)
            on_model()
    return models


def _probabilities(raw: bytes, dataset: Dataset, choice: I64) -> F64:
    """Predict with the forest that trading will use, not with XGBoost: what is judged is what runs."""
    margins = Forest.from_ubjson(raw).margins(dataset.rows[choice].astype(np.float64))
    return 1.0 / (1.0 + np.exp(-margins))


def _report(number: int, fold: Fold, dataset: Dataset, probability: F64, base_rate: float) -> FoldReport:
    rises = dataset.rises[fold.test]
    return FoldReport(
        fold=number,
        trained_until_ns=fold.trained_until_ns,
        test_from_ns=fold.test_from_ns,
        test_to_ns=fold.test_to_ns,
        rows_trained=len(fold.train),
        metrics=score(probability, rises, np.full(len(rises), base_rate)),
    )


def _schedule(dataset: Dataset, config: TrainConfig, folds: list[Fold], models: list[bytes]) -> ModelSchedule:
    final_from_ns = dataset.last_ns + config.embargo_ns
    spans: list[tuple[int, int | None, int, F64]] = [
        (fold.test_from_ns, fold.test_to_ns, fold.trained_until_ns, dataset.rises[fold.train]) for fold in folds
    ]
    spans[-1] = (spans[-1][0], final_from_ns, *spans[-1][2:])  # the last fold speaks on until the final model may
    spans.append((final_from_ns, None, int(dataset.label_end_ns.max()), dataset.rises))
    files = [f"fold_{number:02d}.ubj" for number in range(len(folds))] + ["final.ubj"]
    entries = [
        Entry(
            valid_from_ns=valid_from_ns,
            valid_to_ns=valid_to_ns,
            trained_until_ns=trained_until_ns,
            base_rate=float(rises.mean()),
            file=file,
            sha256=hashlib.sha256(raw).hexdigest(),
        )
        for (valid_from_ns, valid_to_ns, trained_until_ns, rises), file, raw in zip(spans, files, models, strict=True)
    ]
    provenance = Provenance(
        name=config.name,
        layout_hash=dataset.layout_hash,
        features=dataset.features,
        instruments=config.instruments,
        bar=config.bar,
        horizon_bars=config.horizon_bars,
        embargo_ns=config.embargo_ns,
        data_fingerprint=dataset.data_fingerprint,
        code_version=model_code_version(),
        seed=config.seed,
    )
    return ModelSchedule.build(provenance, entries, dict(zip(files, models, strict=True)))
