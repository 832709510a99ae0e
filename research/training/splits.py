"""Cut time into walk-forward folds whose training data, labels included, end before the test period begins."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from catalog.model import I64
from errors import PreconditionError
from research.training.config import NS_PER_DAY, FoldsConfig, Window


class Fold(NamedTuple):
    """
    One test period and the rows to learn from for it.

    `train` and `test` are row numbers. Test rows have ``test_from_ns <= ts < test_to_ns``. `trained_until_ns` is the
    latest label end among the training rows: never above ``test_from_ns - embargo_ns``.
    """

    train: I64
    test: I64
    test_from_ns: int
    test_to_ns: int
    trained_until_ns: int


def walk_forward(
    ts_ns: I64, label_end_ns: I64, config: FoldsConfig, *, start_ns: int, end_ns: int, embargo_ns: int
) -> list[Fold]:
    """
    Make purged and embargoed walk-forward folds by time, whatever the number of instruments and gaps.

    A row is purged from training where its label ends later than the embargo before the test period: what it learned
    would overlap what it is judged on. Nothing after a test period is ever trained on for it, so no embargo is needed
    behind it.

    Parameters
    ----------
    ts_ns, label_end_ns : int64[n]
        Decision time and label end of each row; any order.
    config : FoldsConfig
        Number, spans and kind of window.
    start_ns, end_ns : int
        The time to divide; the last test period includes `end_ns` itself.
    embargo_ns : int
        Least time between the last label end and the test period.

    Returns
    -------
    list[Fold]
        In the order of time; test periods follow each other without gap or overlap.

    Raises
    ------
    PreconditionError
        If the time is too short for the folds, or a fold is left without rows to learn from or to be judged on.

    """
    if ts_ns.shape != label_end_ns.shape or ts_ns.ndim != 1:
        raise ValueError(f"ts_ns and label_end_ns must be equal 1-D shapes, were {ts_ns.shape}, {label_end_ns.shape}")
    if np.any(label_end_ns < ts_ns):
        raise ValueError("a label must not end before its decision")
    bounds = _test_bounds(config, start_ns, end_ns)
    train_ns = round(config.train_days * NS_PER_DAY)
    folds = []
    for number, (test_from_ns, test_to_ns) in enumerate(pairwise(bounds)):
        learnable = (ts_ns >= start_ns) & (ts_ns < test_from_ns) & (label_end_ns <= test_from_ns - embargo_ns)
        if config.window is Window.ROLLING:
            learnable &= ts_ns >= test_from_ns - train_ns
        train = np.flatnonzero(learnable)
        test = np.flatnonzero((ts_ns >= test_from_ns) & (ts_ns < test_to_ns))
        if not len(train) or not len(test):
            raise PreconditionError(
                f"fold {number} of {config.count} has {len(train)} rows to learn from and {len(test)} to be judged on: "
                "fewer folds, a shorter embargo or more data are needed"
            )
        folds.append(Fold(train, test, test_from_ns, test_to_ns, int(label_end_ns[train].max())))
    return folds


def _test_bounds(config: FoldsConfig, start_ns: int, end_ns: int) -> list[int]:
    train_ns = round(config.train_days * NS_PER_DAY)
    span_ns = end_ns + 1 - start_ns  # the end is part of the last period
    test_ns = (span_ns - train_ns) // config.count if config.test_days is None else round(config.test_days * NS_PER_DAY)
    first_ns = end_ns + 1 - config.count * test_ns
    if test_ns <= 0 or first_ns - start_ns < train_ns:
        asked = config.train_days + config.count * (config.test_days or 0.0)
        raise PreconditionError(
            f"the data span {span_ns / NS_PER_DAY:.1f} days; {config.count} folds after {config.train_days:g} days of "
            f"training need more than {asked:g}"
        )
    return [first_ns + number * test_ns for number in range(config.count)] + [end_ns + 1]
