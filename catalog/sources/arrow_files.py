"""Read Parquet and Feather files into columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from catalog.sources.refusal import RefusedFileError
from catalog.sources.table import SourceTable


def read_parquet(path: Path) -> SourceTable:
    """Read a Parquet file; refuse one that is truncated or is none."""
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError, EOFError) as error:
        raise RefusedFileError(path.name, f"not a whole Parquet file: {_first_line(error)}") from None
    return _named(path, table)


def read_feather(path: Path) -> SourceTable:
    """Read a Feather (Arrow IPC) file; refuse one that is truncated or is none."""
    try:
        table = feather.read_table(path, memory_map=False)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise RefusedFileError(path.name, f"not a whole Feather file: {_first_line(error)}") from None
    return _named(path, table)


def _named(path: Path, table: pa.Table) -> SourceTable:
    if table.num_columns != len(set(table.column_names)):
        raise RefusedFileError(path.name, f"two columns have the same name: {', '.join(table.column_names)}")
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return SourceTable(file=path.name, columns=columns, place_word="row", first_place=1)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
