"""Folds learn only from labels that ended an embargo before their test period."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from errors import PreconditionError
from research.training.config import NS_PER_DAY, FoldsConfig, Window
from research.training.splits import walk_forward

DAY = NS_PER_DAY


def days(*numbers: float) -> np.ndarray:
    return np.array([round(number * DAY) for number in numbers], np.int64)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(50, 400),
    count=st.integers(1, 6),
    train=st.floats(5, 40),
    test=st.none() | st.floats(2, 15),
    window=st.sampled_from(Window),
    embargo_days=st.floats(0, 4),
    label_days=st.floats(0, 12),
)
def test_no_training_label_ends_within_the_embargo_before_the_test(
    seed: int,
    rows: int,
    count: int,
    train: float,
    test: float | None,
    window: Window,
    embargo_days: float,
    label_days: float,
) -> None:
    random = np.random.default_rng(seed)
    ts_ns = random.integers(0, 100 * DAY, size=rows)  # any order, several instruments, gaps
    label_end_ns = ts_ns + (random.random(rows) * label_days * DAY).astype(np.int64)
    config = FoldsConfig(count=count, window=window, train_days=train, test_days=test)
    end_ns = int(ts_ns.max())
    embargo_ns = round(embargo_days * DAY)
    try:
        folds = walk_forward(ts_ns, label_end_ns, config, start_ns=0, end_ns=end_ns, embargo_ns=embargo_ns)
    except PreconditionError:
        assume(False)

    assert len(folds) == count
    assert folds[-1].test_to_ns == end_ns + 1
    for before, after in pairwise(folds):
        assert before.test_to_ns == after.test_from_ns
    judged = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(judged)) == len(judged)
    for fold in folds:
        assert np.all(label_end_ns[fold.train] <= fold.test_from_ns - embargo_ns)
        assert fold.trained_until_ns == label_end_ns[fold.train].max()
        assert np.all((ts_ns[fold.test] >= fold.test_from_ns) & (ts_ns[fold.test] < fold.test_to_ns))
        oldest = 0 if window is Window.EXPANDING else fold.test_from_ns - round(train * DAY)
        usable = (ts_ns >= oldest) & (ts_ns < fold.test_from_ns) & (label_end_ns <= fold.test_from_ns - embargo_ns)
        assert np.array_equal(fold.train, np.flatnonzero(usable))  # and nothing more is thrown away


def test_purge_and_embargo_cut_exactly_where_they_should() -> None:
    ts_ns = days(0, 1, 2, 3, 4, 5, 6, 7)
    label_end_ns = ts_ns + 2 * DAY
    config = FoldsConfig(count=1, train_days=4, test_days=3)
    (fold,) = walk_forward(ts_ns, label_end_ns, config, start_ns=0, end_ns=8 * DAY - 1, embargo_ns=DAY)

    # The test begins on day 5: row 2's label ends on day 4, exactly the embargo before it; row 3's a day too late.
    assert fold.test_from_ns == 5 * DAY
    assert fold.train.tolist() == [0, 1, 2]
    assert fold.test.tolist() == [5, 6, 7]
    assert fold.trained_until_ns == 4 * DAY
    (later,) = walk_forward(ts_ns, label_end_ns, config, start_ns=0, end_ns=8 * DAY - 1, embargo_ns=DAY + 1)
    assert later.train.tolist() == [0, 1]


def test_a_rolling_window_forgets_and_an_expanding_one_does_not() -> None:
    ts_ns = days(*range(30))
    spans = {"start_ns": 0, "end_ns": 30 * DAY - 1, "embargo_ns": 0}
    rolling = FoldsConfig(count=2, window=Window.ROLLING, train_days=10, test_days=5)
    expanding = FoldsConfig(count=2, train_days=10, test_days=5)

    assert [fold.train.tolist() for fold in walk_forward(ts_ns, ts_ns, rolling, **spans)] == [
        list(range(10, 20)),
        list(range(15, 25)),
    ]
    assert [len(fold.train) for fold in walk_forward(ts_ns, ts_ns, expanding, **spans)] == [20, 25]


def test_without_a_test_length_the_folds_share_what_training_leaves() -> None:
    ts_ns = days(*range(100))
    config = FoldsConfig(count=4, train_days=20)
    folds = walk_forward(ts_ns, ts_ns, config, start_ns=0, end_ns=100 * DAY - 1, embargo_ns=0)

    assert [fold.test_from_ns // DAY for fold in folds] == [20, 40, 60, 80]


def test_refuses_folds_that_do_not_fit() -> None:
    ts_ns = days(*range(20))
    config = FoldsConfig(count=4, train_days=10, test_days=5)
    with pytest.raises(PreconditionError, match=r"span 20\.0 days; 4 folds after 10 days of training need more than"):
        walk_forward(ts_ns, ts_ns, config, start_ns=0, end_ns=20 * DAY - 1, embargo_ns=0)


def test_refuses_a_fold_without_rows() -> None:
    ts_ns = days(0, 1, 2, 19)
    config = FoldsConfig(count=2, train_days=10, test_days=5)
    with pytest.raises(PreconditionError, match="fold 0 of 2 has 3 rows to learn from and 0 to be judged on"):
        walk_forward(ts_ns, ts_ns, config, start_ns=0, end_ns=20 * DAY - 1, embargo_ns=0)


def test_refuses_a_label_that_ends_before_its_decision() -> None:
    with pytest.raises(ValueError, match="must not end before"):
        walk_forward(days(1), days(0), FoldsConfig(), start_ns=0, end_ns=DAY, embargo_ns=0)
