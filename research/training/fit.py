"""Fit one XGBoost classifier, to the same bytes every time."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from errors import PreconditionError
from research.training.config import BoosterConfig

type F32 = npt.NDArray[np.float32]

THREADS = 1
"""Threads of one fit. More would add float sums in another order on another machine; folds run side by side instead."""


def fit(rows: F32, rises: F32, names: tuple[str, ...], config: BoosterConfig, seed: int) -> bytes:
    """
    Train a binary classifier of rises.

    Parameters
    ----------
    rows : float32[n, k]
        Features; NaN is missing.
    rises : float32[n]
        1 where the label is a rise, else 0. Both must occur.
    names : tuple[str, ...]
        Names of the k columns, kept in the file for people.
    config : BoosterConfig
        Trees and regularisation.
    seed : int
        Of the row and column sampling.

    Returns
    -------
    bytes
        XGBoost's UBJSON. The same input gives the same bytes, on any number of cores.

    Raises
    ------
    PreconditionError
        If all labels are alike, so that there is nothing to learn.

    """
    import xgboost as xgb

    if rises.min() == rises.max():
        raise PreconditionError(f"all {len(rises)} labels are {rises.min():g}: there is nothing to learn")
    table = xgb.QuantileDMatrix(
        rows, label=rises, feature_names=list(names), missing=np.nan, max_bin=config.max_bin, nthread=THREADS
    )
    parameters = msgspec.structs.asdict(config)
    rounds = parameters.pop("rounds")
    parameters |= {
        "objective": "binary:logistic",
        "booster": "gbtree",
        "tree_method": "hist",
        "device": "cpu",
        "nthread": THREADS,
        "seed": seed,
        "verbosity": 0,
    }
    booster = xgb.train(parameters, table, num_boost_round=rounds)
    return bytes(booster.save_raw("ubj"))
