"""Read a data set's files back, checked against its manifest, and hash what they hold."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.model import F64, I64
from catalog.sources.records import DataKind, Records
from catalog.store.encoding import floats_from_raw, raw_integers
from catalog.store.manifest import Manifest
from errors import QualityError

_BAR_COLUMNS: Final = ("open", "high", "low", "close", "volume")


def read_content(root: Path, manifest: Manifest) -> pa.Table:
    """
    Return the stored rows of a data set in time order, from exactly the files its manifest names.

    Raises
    ------
    QualityError
        If a file is missing or is not the one that was written.

    """
    tables: list[pa.Table] = []
    for file in manifest.files:
        try:
            data = (root / file.path).read_bytes()
        except OSError as error:
            raise QualityError(f"{manifest.dataset}: {file.path} cannot be read: {error.strerror}") from None
        found = hashlib.sha256(data).hexdigest()
        if found != file.sha256:
            raise QualityError(
                f"{manifest.dataset}: {file.path} was changed after it was stored: "
                f"its SHA-256 is {found[:12]}, the manifest says {file.sha256[:12]}"
            )
        tables.append(pq.read_table(pa.BufferReader(data)))
    # the engine writes the same metadata into each file, so the first one's stands for all
    return pa.concat_tables([table.replace_schema_metadata(None) for table in tables])


def times(table: pa.Table) -> I64:
    """Return the rows' times as int64[n] UTC nanoseconds."""
    return np.array(table["ts_init"].cast(pa.int64()).to_numpy(), dtype=np.int64)


def bar_column(table: pa.Table, name: str, manifest: Manifest) -> F64:
    """Return one column of bars as the engine reads it; see `floats_from_raw`."""
    decimals = manifest.size_decimals if name == "volume" else manifest.price_decimals
    return floats_from_raw(table[name], decimals)


def rates(table: pa.Table) -> F64:
    """Return the funding rates as float64[n]; the engine stores each as a decimal in quotes."""
    return np.array([float(rate.strip(b'"')) for rate in table["rate"].to_pylist()], dtype=np.float64)


def stored_records(table: pa.Table, manifest: Manifest) -> Records:
    """Return stored rows as records, for the checks; their place is the row, from 1."""
    if manifest.data is DataKind.FUNDING:
        values = {"rate": rates(table)}
    else:
        names = _BAR_COLUMNS[:4] if manifest.data is DataKind.MARK else _BAR_COLUMNS
        values = {name: bar_column(table, name, manifest) for name in names}
    return Records(np.arange(1, len(table) + 1, dtype=np.int64), times(table), values)


def content_sha256(table: pa.Table) -> str:
    """Return the SHA-256 over every stored value, column by column: equal rows give equal hashes, in any files."""
    digest = hashlib.sha256()
    for name in sorted(table.column_names):
        column = table[name]
        digest.update(f"{name} {len(column)}\n".encode())
        if pa.types.is_fixed_size_binary(column.type):
            digest.update(np.ascontiguousarray(raw_integers(column)).tobytes())
        elif pa.types.is_integer(column.type):
            digest.update(column.cast(pa.int64()).fill_null(-1).to_numpy().astype("<i8").tobytes())
        else:
            digest.update(b"\n".join(column.to_pylist()))
    return digest.hexdigest()
