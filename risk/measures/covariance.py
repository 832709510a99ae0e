"""Covariance of returns, shrunk so that few observations of many instruments can be trusted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from catalog.model import F64


class Shrunk(NamedTuple):
    """A covariance, and how far it was drawn to the target: 0 not at all, 1 wholly."""

    covariance: F64
    shrinkage: float


def ledoit_wolf(returns: F64) -> Shrunk:
    """
    Estimate the covariance of returns, drawn towards a multiple of the identity by as much as pays.

    Parameters
    ----------
    returns : float64[n, k]
        A row a period, a column an instrument; n at least 1.

    Returns
    -------
    Shrunk
        ``(1 - s) * S + s * m * I``: `S` the sample covariance (divided by n), `m` its mean variance, and `s` the
        intensity that minimises the expected squared error. Symmetric, and positive definite unless all returns of
        all instruments are constant. NaN in a return gives NaN throughout.

    Raises
    ------
    ValueError
        If `returns` is not 2-D or holds nothing.

    References
    ----------
    Ledoit and Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 88(2), 365-411, section 3.2.

    """
    if returns.ndim != 2 or returns.size == 0:
        raise ValueError(f"returns must be 2-D and not empty, had shape {returns.shape}")
    rows, columns = returns.shape
    centred = returns - returns.mean(axis=0)
    sample = centred.T @ centred / rows
    mean_variance = float(np.trace(sample)) / columns
    target = mean_variance * np.eye(columns)
    dispersion = float(np.sum((sample - target) ** 2)) / columns
    if dispersion == 0.0 or columns == 1:
        return Shrunk(sample, 0.0)
    # the mean squared distance of one period's outer product from the sample covariance, without forming any
    squares = float(np.sum((centred**2).T @ (centred**2))) / rows - float(np.sum(sample**2))
    error = min(squares / (rows * columns), dispersion)
    shrinkage = max(0.0, error / dispersion)
    return Shrunk((1.0 - shrinkage) * sample + shrinkage * target, shrinkage)
