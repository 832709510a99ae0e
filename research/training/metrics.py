"""Score probabilities against what happened."""

from __future__ import annotations

import numpy as np

from catalog.model import F64

_CLIP = 1e-15


def score(probability: F64, rises: F64, base_rate_trained: F64) -> dict[str, float]:
    """
    Measure how good predicted probabilities were.

    Parameters
    ----------
    probability, rises : float64[n]
        P(up) of each row, and 1.0 where it rose, 0.0 where not.
    base_rate_trained : float64[n]
        Share of rises in the rows that the model of each row learned from: a forecast without features.

    Returns
    -------
    dict[str, float]
        `logloss` and `brier` (lower is better), `logloss_base` (of the forecast without features), `auc`, `accuracy`
        (cut at 0.5), `base_rate` (share of rises among these rows) and `rows`. `auc` is NaN where all rows are alike.

    """
    if probability.shape != rises.shape or not len(rises):
        raise ValueError(f"probability and rises must be equal 1-D shapes, were {probability.shape}, {rises.shape}")
    return {
        "logloss": _logloss(probability, rises),
        "logloss_base": _logloss(base_rate_trained, rises),
        "auc": auc(probability, rises),
        "accuracy": float(np.mean((probability > 0.5) == (rises > 0.5))),
        "brier": float(np.mean((probability - rises) ** 2)),
        "base_rate": float(np.mean(rises)),
        "rows": float(len(rises)),
    }


def auc(probability: F64, rises: F64) -> float:
    """
    Return the chance that a rising row was given the higher probability than a falling one; ties count half.

    NaN where there is no rising or no falling row.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143(1): the area under the ROC curve is the Mann-Whitney statistic.

    """
    up = rises > 0.5
    ups, downs = int(up.sum()), int((~up).sum())
    if not ups or not downs:
        return float("nan")
    _, position, counts = np.unique(probability, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2  # mean rank of each group of ties, from 1
    return float((rank[position][up].sum() - ups * (ups + 1) / 2) / (ups * downs))


def _logloss(probability: F64, rises: F64) -> float:
    sure = np.clip(probability, _CLIP, 1 - _CLIP)
    return float(-np.mean(rises * np.log(sure) + (1 - rises) * np.log(1 - sure)))
