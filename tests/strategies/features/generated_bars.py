"""Seeded bars for the feature tests: plain ones, and hostile ones."""

from __future__ import annotations

import numpy as np

from catalog.model import BarColumns

HOUR_NS = 3_600_000_000_000


def walk(rows: int, seed: int = 7, *, scale: float = 100.0, volume_scale: float = 1.0) -> BarColumns:
    """Return a geometric random walk whose bars are consistent; one bar in ten does not move, some lack volume."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, 0.01, rows) * (rng.random(rows) > 0.1)
    close = scale * np.exp(np.cumsum(steps))
    open_ = np.concatenate(([scale], close[:-1]))
    reach = np.abs(rng.normal(0.0, 0.004, (2, rows))) * (steps != 0.0)
    high = np.maximum(open_, close) * (1.0 + reach[0])
    low = np.minimum(open_, close) * (1.0 - reach[1])
    volume = volume_scale * rng.lognormal(3.0, 1.0, rows) * (rng.random(rows) > 0.03)
    return BarColumns(np.arange(1, rows + 1) * HOUR_NS, open_, high, low, close, volume)


def from_close(close: np.ndarray, volume: np.ndarray | None = None) -> BarColumns:
    """Return bars that have nothing but a close."""
    close = np.asarray(close, dtype=np.float64)
    volume = np.ones(len(close)) if volume is None else np.asarray(volume, dtype=np.float64)
    return BarColumns(np.arange(1, len(close) + 1) * HOUR_NS, close, close, close, close, volume)


def flat(rows: int, price: float = 0.1, volume: float = 3.0) -> BarColumns:
    """Return bars of a market that stands still."""
    return from_close(np.full(rows, price), np.full(rows, volume))


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Return whether two arrays are equal to the last bit, every NaN being equal."""
    return left.shape == right.shape and bool(np.array_equal(left, right, equal_nan=True))
