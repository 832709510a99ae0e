"""Stack features and labels of several instruments into one table, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from catalog.model import F64, I64, BarColumns
from errors import ConfigError, PreconditionError
from research.training.config import TrainConfig
from research.training.labels import fixed_horizon
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

type F32 = npt.NDArray[np.float32]


class BarStore(Protocol):
    """What a data set needs of the catalog; `catalog.store.parquet.Catalog` is one."""

    def bars(self, instrument_id: str, bar: str, start_ns: int, end_ns: int) -> BarColumns:
        """Return the bars that close after `start_ns` and until `end_ns`."""

    def fingerprint(self, *ids: str) -> str:
        """Return a hash of the contents of these data sets."""


class Dataset(NamedTuple):
    """
    One row per decision: what was known, and what followed.

    Rows are ordered by time, and at one time by instrument, as the configuration lists them. `rows` are the features
    as float32, which is how XGBoost and the compiled forest read them; columns the model must not look at are NaN
    throughout. `last_ns` is the close of the last bar, beyond the last row, which needs a label.
    """

    ts_ns: I64
    label_end_ns: I64
    instrument: npt.NDArray[np.int16]
    rows: F32
    rises: F64
    forward_return: F64
    names: tuple[str, ...]
    features: tuple[FeatureSpec, ...]
    layout_hash: str
    data_fingerprint: str
    last_ns: int


def build(store: BarStore, config: TrainConfig) -> Dataset:
    """
    Read bars, compute features and labels, and stack them.

    Per instrument the rows before `FeatureSet.warmup_bars` are left out, since not every feature is there yet, and so
    are the last rows, whose label lies beyond the data. A feature that is undefined later stays missing.

    Raises
    ------
    ConfigError
        If a feature or an ignored column does not exist.
    PreconditionError
        If an instrument is not in the catalog or has too few bars.

    """
    features = FeatureSet(config.features or DEFAULT_SPECS)
    ignored = _columns(features.names, config.columns_ignored)
    parts = []
    last_ns = 0
    for number, instrument in enumerate(config.instruments):
        bars = store.bars(instrument, config.bar, config.start_ns, config.end_ns)
        first = features.warmup_bars - 1  # the first row on which every feature is warm
        needed = first + config.horizon_bars + 2
        if len(bars) < needed:
            raise PreconditionError(
                f"{instrument} has {len(bars)} bars of {config.bar} between {config.start} and {config.end}; "
                f"{needed} are the least that give a row"
            )
        labels = fixed_horizon(bars, config.horizon_bars)
        kept = slice(first, len(labels))
        rows = features.batch(bars)[kept]
        rows[:, ignored] = np.nan
        count = len(rows)
        parts.append(
            (
                bars.ts_ns[kept],
                labels.end_ns[kept],
                np.full(count, number, np.int16),
                _single(rows, features.names, instrument),
                labels.rises[kept],
                labels.forward_return[kept],
            )
        )
        last_ns = max(last_ns, int(bars.ts_ns[-1]))
    ts_ns, label_end_ns, number_of, stacked, rises, forward = (
        np.concatenate([part[column] for part in parts]) for column in range(len(parts[0]))
    )
    order = np.lexsort((number_of, ts_ns))
    return Dataset(
        ts_ns=ts_ns[order],
        label_end_ns=label_end_ns[order],
        instrument=number_of[order],
        rows=stacked[order],
        rises=rises[order],
        forward_return=forward[order],
        names=features.names,
        features=features.specs,
        layout_hash=features.layout_hash,
        data_fingerprint=store.fingerprint(*config.datasets),
        last_ns=last_ns,
    )


def _columns(names: Sequence[str], ignored: Sequence[str]) -> list[int]:
    unknown = sorted(set(ignored) - set(names))
    if unknown:
        raise ConfigError(f"columns_ignored names {', '.join(unknown)}; there are {', '.join(names)}")
    if len(set(ignored)) == len(names):
        raise ConfigError("columns_ignored names every column: nothing is left to learn from")
    return [names.index(name) for name in ignored]


def _single(rows: F64, names: Sequence[str], instrument: str) -> F32:
    with np.errstate(over="ignore"):
        single = rows.astype(np.float32)
    infinite = np.flatnonzero(np.isinf(single).any(axis=0))
    if len(infinite):
        raise PreconditionError(f"{instrument}: column {names[infinite[0]]} exceeds what a float32 holds")
    return single
