"""Compute features over stored bars, and keep the rows as a Parquet file that says what it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.bar_size import BarSize
from catalog.model import F64, I64
from catalog.sources.records import DataKind
from catalog.store.parquet import Catalog
from errors import ConfigError, PreconditionError
from strategies.features.featureset import FeatureSet


class FeatureRows(NamedTuple):
    """
    Features of one instrument.

    Attributes
    ----------
    instrument, bar : str
    ts_ns : int64[n]
        Close of each bar, UTC ns: row i is known then.
    values : float64[n, k]
        In the order of `features.names`; NaN as `FeatureSet` says.
    features : FeatureSet
    data_fingerprint : str
        Of the bars read.

    """

    instrument: str
    bar: str
    ts_ns: I64
    values: F64
    features: FeatureSet
    data_fingerprint: str


def compute(
    catalog: Catalog, instrument: str, bar: str, features: FeatureSet, *, start_ns: int = 0, end_ns: int = 2**63 - 1
) -> FeatureRows:
    """
    Compute every row of an instrument's bars that closed after `start_ns` and not after `end_ns`.

    The first bar of that range is the first bar seen: `FeatureSet.warmup_bars` rows pass until all columns have values.

    Raises
    ------
    PreconditionError
        If the catalog has no such bars, or none in the range.

    """
    size = str(BarSize.parse(bar))
    bars = catalog.bars(instrument, size, start_ns, end_ns)
    if not len(bars):
        raise PreconditionError(f"no {size} bars of {instrument} in the range asked for")
    dataset = catalog.dataset(instrument, DataKind.BARS, size)
    fingerprint = "" if dataset is None else catalog.fingerprint(dataset.dataset)
    return FeatureRows(instrument, size, np.asarray(bars.ts_ns), features.batch(bars), features, fingerprint)


def write(rows: FeatureRows, path: Path) -> None:
    """
    Write rows as Parquet: ``ts_ns`` (int64, close, UTC) and one float64 column a feature; NaN stays NaN.

    The schema's metadata names instrument, bar, layout hash and data fingerprint. The file appears whole or not at all.

    Raises
    ------
    ConfigError
        If the folder does not exist.

    """
    if not path.parent.is_dir():
        raise ConfigError("the folder of the output file does not exist", where=str(path))
    about = {
        "instrument": rows.instrument,
        "bar": rows.bar,
        "layout_hash": rows.features.layout_hash,
        "data_fingerprint": rows.data_fingerprint,
    }
    columns = {"ts_ns": rows.ts_ns} | {name: rows.values[:, j] for j, name in enumerate(rows.features.names)}
    table = pa.table(columns).replace_schema_metadata({"bot4": json.dumps(about, sort_keys=True)})
    partial = path.with_name(path.name + ".partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)
