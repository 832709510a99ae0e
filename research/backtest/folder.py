"""Write a run's folder: tables, logs, manifest and configuration, visible only when complete."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w

from errors import PreconditionError
from research.backtest.config import RunConfig, resolved
from research.backtest.recorder import EquityRow, FillRow, OrderRow, PositionRow, Recorder
from research.reports.schema import Manifest

_TYPES: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "int | None": pa.int64(),
    "float": pa.float64(),
    "float | None": pa.float64(),
    "str": pa.string(),
    "bool": pa.bool_(),
}


@contextmanager
def staged(runs: Path, config: RunConfig) -> Iterator[tuple[str, Path]]:
    """
    Give a new run's name and a hidden folder to write into.

    The folder takes the run's name only when the block ends well, else it is removed. Making the hidden folder
    reserves the name, so that two runs never share one.

    Raises
    ------
    PreconditionError
        If the folder of runs can't be written.

    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        run_id = _reserve(runs, config)
    except OSError as error:
        raise PreconditionError(f"the folder of runs {runs} can't be written: {error.strerror}") from None
    hidden = runs / f".{run_id}"
    try:
        yield run_id, hidden
        hidden.rename(runs / run_id)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _reserve(runs: Path, config: RunConfig) -> str:
    """Make the hidden folder of a name that sorts by time; a later millisecond where one is taken."""
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
        run_id = f"{stamp}-{config.run.name}-{config_fingerprint(config)[:6]}"
        if not (runs / run_id).exists():
            try:
                (runs / f".{run_id}").mkdir()
            except FileExistsError:
                pass
            else:
                return run_id
        time.sleep(0.001)


def write_tables(folder: Path, recorder: Recorder) -> None:
    """Write orders, fills, round trips and the equity curve as Parquet."""
    _write(folder / "orders.parquet", recorder.orders.values(), OrderRow)
    _write(folder / "fills.parquet", recorder.fills, FillRow)
    _write(folder / "positions.parquet", recorder.positions, PositionRow)
    _write(folder / "equity.parquet", recorder.equity, EquityRow)


def write_config(folder: Path, config: RunConfig) -> None:
    """Write the configuration with every default in place; it never holds secrets, as none may be a field."""
    (folder / "config.toml").write_text(tomli_w.dumps(resolved(config)), encoding="utf-8")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what the run was."""
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def config_fingerprint(config: RunConfig) -> str:
    """Return the SHA-256 of the resolved configuration."""
    return hashlib.sha256(msgspec.json.encode(resolved(config), order="sorted")).hexdigest()


def _write(path: Path, rows: Iterable[Any], kind: type[msgspec.Struct]) -> None:
    kept = list(rows)
    schema = pa.schema([(name, _TYPES[str(annotation)]) for name, annotation in kind.__annotations__.items()])
    columns = {name: [getattr(row, name) for row in kept] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")
