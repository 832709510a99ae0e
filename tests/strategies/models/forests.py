"""XGBoost models made for the tests of this package, as the bytes training would write."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb

from catalog.model import F64


def noisy_rows(count: int, width: int, *, seed: int, missing: float = 0.1) -> tuple[F64, F64]:
    """Return rows with missing values, and labels that the first three columns partly explain."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, width))
    rises = (rows[:, 0] + rows[:, 1 % width] * rows[:, 2 % width] + random.normal(size=count) > 0).astype(np.float64)
    rows[random.random(rows.shape) < missing] = np.nan
    return rows, rises


def booster(rows: F64, rises: F64, rounds: int, **parameters: Any) -> xgb.Booster:
    """Train a binary logistic booster; `parameters` go over the defaults."""
    defaults = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": 1, "verbosity": 0}
    return xgb.train(defaults | parameters, xgb.DMatrix(rows, label=rises), num_boost_round=rounds)


def ubjson(model: xgb.Booster) -> bytes:
    """Return the model's bytes."""
    return bytes(model.save_raw("ubj"))


def small_model(*, rounds: int = 4, seed: int = 0, width: int = 3) -> bytes:
    """Return a small valid model."""
    rows, rises = noisy_rows(200, width, seed=seed)
    return ubjson(booster(rows, rises, rounds, max_depth=3))
