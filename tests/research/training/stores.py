"""A store of made-up bars with the interface of the catalog."""

from __future__ import annotations

import hashlib

import numpy as np

from catalog.model import BarColumns
from research.training.config import TrainConfig

HOUR_NS = 3_600 * 10**9
START_NS = 1_577_836_800 * 10**9  # 2020-01-01


def hourly_bars(count: int, *, seed: int, momentum: float = 0.0) -> BarColumns:
    """Return a random walk of hourly bars, opens at the last close; `momentum` correlates a return with the last."""
    random = np.random.default_rng(seed)
    steps = random.normal(scale=0.01, size=count)
    for i in range(1, count):
        steps[i] += momentum * steps[i - 1]
    close = 100.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(random.normal(scale=0.002, size=count))
    return BarColumns(
        ts_ns=START_NS + HOUR_NS * np.arange(1, count + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * (1 + reach),
        low=np.minimum(opened, close) * (1 - reach),
        close=close,
        volume=random.uniform(1, 100, size=count),
    )


class MemoryStore:
    """Bars of several instruments, cut by time as the catalog cuts them."""

    def __init__(self, bars: dict[str, BarColumns]) -> None:
        self._bars = bars

    def bars(self, instrument_id: str, bar: str, start_ns: int, end_ns: int) -> BarColumns:
        """Return the bars that close after `start_ns` and until `end_ns`."""
        assert bar == "1-HOUR"
        stored = self._bars[instrument_id]
        kept = (stored.ts_ns > start_ns) & (stored.ts_ns <= end_ns)
        return BarColumns(*(column[kept] for column in stored))

    def fingerprint(self, *ids: str) -> str:
        """Return a hash over the bars of these data sets."""
        digest = hashlib.sha256()
        for dataset in ids:
            for column in self._bars[dataset.split("/")[0]]:
                digest.update(column.tobytes())
        return digest.hexdigest()


def two_markets(count: int = 2_000, momentum: float = 0.0, seed: int = 1) -> MemoryStore:
    """Return a store of two instruments; the second begins later and has a hole."""
    first = hourly_bars(count, seed=seed, momentum=momentum)
    second = hourly_bars(count, seed=seed + 100, momentum=momentum)
    kept = np.ones(count, np.bool_)
    kept[: count // 10] = False
    kept[count // 2 : count // 2 + 30] = False
    return MemoryStore({"A.TEST": first, "B.TEST": BarColumns(*(column[kept] for column in second))})


def small_config(**changes: object) -> TrainConfig:
    """Return a training run of a second: three features, three folds."""
    import msgspec

    document: dict[str, object] = {
        "name": "small",
        "instruments": ["A.TEST", "B.TEST"],
        "bar": "1-HOUR",
        "start": "2020-01-01",
        "end": "2020-12-31",
        "horizon_bars": 4,
        "embargo_bars": 3,
        "features": [
            {"name": "roc", "params": {"window": 1}},
            {"name": "rsi", "params": {"window": 7}},
            {"name": "zscore", "params": {"window": 12}},
        ],
        "folds": {"count": 3, "train_days": 25},
        "booster": {"rounds": 20, "max_depth": 3, "min_child_weight": 5.0},
    }
    return msgspec.convert(document | changes, TrainConfig)
