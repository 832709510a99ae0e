"""Training finds a signal that is there, finds none that is not, and gives the same bytes every time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from errors import PreconditionError
from research.training.dataset import Dataset, build
from research.training.fit import fit
from research.training.train import train_schedule
from strategies.models.schedule import ModelSchedule
from tests.research.training.stores import small_config, two_markets


@pytest.fixture(scope="module")
def planted() -> Dataset:
    """Markets in which a rise makes the next rise likelier."""
    return build(two_markets(momentum=0.6), small_config(horizon_bars=1))


def models(schedule: ModelSchedule) -> list[str]:
    return [entry.sha256 for entry in schedule.entries]


def test_finds_a_planted_signal(planted: Dataset) -> None:
    training = train_schedule(planted, small_config(horizon_bars=1))

    assert training.pooled["auc"] > 0.65
    assert training.pooled["logloss"] < training.pooled["logloss_base"] - 0.02
    assert all(report.metrics["auc"] > 0.6 for report in training.folds)


def test_finds_nothing_when_labels_are_shuffled(planted: Dataset) -> None:
    random = np.random.default_rng(5)
    areas = []
    for _ in range(3):
        shuffled = planted._replace(rises=random.permutation(planted.rises))
        areas.append(train_schedule(shuffled, small_config(horizon_bars=1)).pooled["auc"])

    # About 2,300 test rows: the standard error of one area is 0.012.
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)


def test_finds_nothing_in_a_random_walk() -> None:
    dataset = build(two_markets(), small_config(horizon_bars=1))

    assert train_schedule(dataset, small_config(horizon_bars=1)).pooled["auc"] == pytest.approx(0.5, abs=0.05)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(planted: Dataset) -> None:
    first = train_schedule(planted, small_config(horizon_bars=1)).schedule
    again = train_schedule(planted, small_config(horizon_bars=1)).schedule
    other = train_schedule(planted, small_config(horizon_bars=1, seed=8)).schedule

    assert models(first) == models(again)
    assert first.digest == again.digest
    assert models(first) != models(other)


def test_the_number_of_cores_does_not_change_a_model(planted: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(horizon_bars=1)
    wide = train_schedule(planted, config).schedule
    monkeypatch.setattr("os.cpu_count", lambda: 1)

    assert train_schedule(planted, config).schedule.digest == wide.digest


def test_what_happens_after_a_fold_begins_does_not_change_its_model(planted: Dataset) -> None:
    config = small_config(horizon_bars=1)
    training = train_schedule(planted, config)
    for number, report in enumerate(training.folds):
        later = planted.label_end_ns > report.test_from_ns - config.embargo_ns
        other = planted._replace(
            rises=np.where(later, 1 - planted.rises, planted.rises),
            rows=np.where(later[:, None], np.float32(7), planted.rows),
        )
        assert models(train_schedule(other, config).schedule)[number] == models(training.schedule)[number]


def test_the_schedule_covers_all_time_from_the_first_test_on_and_never_looks_ahead(planted: Dataset) -> None:
    config = small_config(horizon_bars=1)
    training = train_schedule(planted, config)
    entries = training.schedule.entries

    assert len(entries) == config.folds.count + 1
    for before, after in pairwise(entries):
        assert before.valid_to_ns == after.valid_from_ns
    assert entries[-1].valid_from_ns == planted.last_ns + config.embargo_ns
    assert entries[-1].valid_to_ns is None
    assert all(entry.trained_until_ns <= entry.valid_from_ns - config.embargo_ns for entry in entries)
    assert entries[-1].trained_until_ns == planted.label_end_ns.max()
    assert training.schedule.at(entries[0].valid_from_ns - 1) is None


def test_no_embargo_still_never_looks_ahead(planted: Dataset) -> None:
    entries = train_schedule(planted, small_config(horizon_bars=1, embargo_bars=0)).schedule.entries

    assert all(entry.trained_until_ns <= entry.valid_from_ns for entry in entries)


def test_fold_scores_are_those_of_the_scheduled_models(planted: Dataset) -> None:
    training = train_schedule(planted, small_config(horizon_bars=1))
    hits = []
    for ts_ns, row, rises in zip(planted.ts_ns, planted.rows.astype(np.float64), planted.rises, strict=True):
        forest = training.schedule.at(int(ts_ns))
        if forest is not None:
            hits.append((forest.probability(row) > 0.5) == (rises > 0.5))

    assert np.mean(hits) == pytest.approx(training.pooled["accuracy"])


def test_reports_each_model_as_it_is_done(planted: Dataset) -> None:
    done = []
    train_schedule(planted, small_config(horizon_bars=1), on_model=lambda: done.append(1))

    assert len(done) == 4


def test_refuses_labels_that_are_all_alike() -> None:
    rows = np.zeros((10, 2), np.float32)
    with pytest.raises(PreconditionError, match="all 10 labels are 1"):
        fit(rows, np.ones(10, np.float32), ("a", "b"), small_config().booster, 1)
