"""Write a run's folder: tables, logs, manifest and configuration, visible only when complete."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w

from research.backtest.config import RunConfig, resolved
from research.backtest.recorder import EquityRow, FillRow, OrderRow, PositionRow, Recorder
from research.reports.schema import Manifest

PACKAGES = ("nautilus_trader", "numpy", "numba", "xgboost-cpu", "pandas", "pyarrow", "mlflow")
SOURCES = ("catalog", "risk", "strategies", "research", "live")

_TYPES: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "int | None": pa.int64(),
    "float": pa.float64(),
    "float | None": pa.float64(),
    "str": pa.string(),
    "bool": pa.bool_(),
}


@contextmanager
def staged(runs: Path, run_id: str) -> Iterator[Path]:
    """Give a hidden folder to write into; it takes its name only when the block ends well, else it is removed."""
    runs.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{run_id}-", dir=runs))
    temporary.chmod(0o755)
    try:
        yield temporary
        os.replace(temporary, runs / run_id)  # noqa: PTH105 (fails if a run of that name exists, as it must)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def new_run_id(config: RunConfig) -> str:
    """Return a name that sorts by time and tells runs of one second apart by their configuration."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
    return f"{stamp}-{config.run.name}-{config_fingerprint(config)[:6]}"


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


def code_version() -> str:
    """Return the version, with the commit and a hash of the sources, so that an edited file is another code."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in SOURCES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{_commit(root)} sources {digest.hexdigest()[:12]}"


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def _commit(root: Path) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 (a fixed command)
            ["git", "-C", str(root), "rev-parse", "--short", "HEAD"],  # noqa: S607 (the user's own git)
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "no commit"
    return f"commit {answer.stdout.strip()}"


def _write(path: Path, rows: Iterable[Any], kind: type[msgspec.Struct]) -> None:
    kept = list(rows)
    schema = pa.schema([(name, _TYPES[str(annotation)]) for name, annotation in kind.__annotations__.items()])
    columns = {name: [getattr(row, name) for row in kept] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")
