"""Small worlds for the catalog's tests: hours of an imaginary ETH perpetual, as files in any form."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.instruments import InstrumentSpec
from catalog.prepare import Request
from catalog.spec_files import shipped_spec

HOUR_NS = 3_600 * 10**9
START = pd.Timestamp("2024-03-01 00:00", tz="UTC")
ETH: InstrumentSpec = shipped_spec("ETHUSDT-PERP.BINANCE")
FOREVER = (0, 2**62)


def hours(count: int, seed: int = 7, start: pd.Timestamp = START) -> pd.DataFrame:
    """
    Return sound hourly bars stamped with their opens, with prices in cents and volumes in thousandths.

    Fewer hours are the beginning of more hours.
    """
    steps = np.array([np.random.default_rng((seed, hour)).integers(1, 1_000, 4) for hour in range(count)])
    close = np.round(3_000 + ((steps[:, 0] - 500) / 100).cumsum(), 2)
    open_ = np.concatenate(([3_000.0], close[:-1]))
    high = np.round(np.maximum(open_, close) + steps[:, 1] / 100, 2)
    low = np.round(np.minimum(open_, close) - steps[:, 2] / 100, 2)
    ts = pd.date_range(start, periods=count, freq="h", unit="ms")
    volume = steps[:, 3] / 1000
    return pd.DataFrame({"ts": ts, "open": open_, "high": high, "low": low, "close": close, "volume": volume})


def parquet(folder: Path, frame: pd.DataFrame, name: str = "eth.parquet") -> Path:
    """Write a frame as Parquet."""
    path = folder / name
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    return path


def csv(folder: Path, frame: pd.DataFrame, name: str = "eth.csv") -> Path:
    """Write a frame as CSV with ISO times."""
    path = folder / name
    frame.assign(ts=frame["ts"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_csv(path, index=False)
    return path


def request(path: Path, **fields: object) -> Request:
    """Return a request for hourly ETH bars with other fields as given."""
    return Request(**{"path": path, "spec": ETH, **fields})  # type: ignore[arg-type]


def tree(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, but for the lock."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
