"""Seeded, consistent, usable events of every kind, as series to verify features on."""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.features.events import EventKind, Events

ROWS = 1500
_TICK = 0.1
_LEVELS = 20
_HOUR_NS = 3_600_000_000_000


def generated_events(kind: EventKind, rows: int = ROWS, seed: int = 20) -> Events:
    """
    Return `rows` events of a kind: trades, quotes and books about five a second, payments every 8 hours.

    Books have 20 levels a side and reach about 40 basis points; funding rates fade towards 0.0001.
    """
    random = np.random.default_rng(seed)
    ts_ns = np.int64(10**18) + np.cumsum(random.exponential(0.2e9, rows).astype(np.int64))
    if kind is EventKind.TRADE:
        ticks = _bids(random, rows) + random.integers(0, 2, rows)
        side = random.choice([-1.0, 0.0, 1.0], rows, p=[0.45, 0.1, 0.45])
        values = np.column_stack([ticks * _TICK, random.lognormal(0.0, 1.0, rows), side])
    elif kind is EventKind.QUOTE:
        bid = _bids(random, rows)
        ask = bid + random.integers(1, 4, rows)
        sizes = random.lognormal(0.0, 1.0, (2, rows))
        values = np.column_stack([bid * _TICK, sizes[0], ask * _TICK, sizes[1]])
    elif kind is EventKind.DEPTH:
        values = _books(random, rows)
    elif kind is EventKind.FUNDING:
        rates = np.empty(rows)
        rate = 1e-4
        for row in range(rows):
            rate = 1e-4 + 0.8 * (rate - 1e-4) + random.normal(0.0, 1e-4)
            rates[row] = rate
        ts_ns = np.arange(1, rows + 1, dtype=np.int64) * 8 * _HOUR_NS
        values = np.column_stack([rates, np.full(rows, 8.0)])
    else:
        reference = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, rows)))
        ts_ns = np.arange(1, rows + 1, dtype=np.int64) * _HOUR_NS
        values = np.column_stack([reference * (1.0 + random.normal(0.0, 3e-4, rows)), reference])
    return Events(kind, ts_ns, np.ascontiguousarray(values))


def _bids(random: Any, rows: int) -> Any:
    return 10_000 + np.cumsum(random.choice([-1, 0, 0, 1], rows))


def _books(random: Any, rows: int) -> Any:
    bid = _bids(random, rows)
    ask = bid + random.integers(1, 4, rows)
    away = np.cumsum(random.integers(1, 4, (2, rows, _LEVELS)), axis=2) - 1
    sizes = random.lognormal(0.0, 1.0, (2, rows, _LEVELS))
    bids, asks = bid[:, None] - away[0] + away[0][:, :1], ask[:, None] + away[1] - away[1][:, :1]
    return np.column_stack([np.full(rows, float(_LEVELS)), bids * _TICK, sizes[0], asks * _TICK, sizes[1]])
