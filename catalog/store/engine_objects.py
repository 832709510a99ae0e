"""Make the engine's objects from stored rows without a detour through floats."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
from nautilus_trader.model.data import Bar, BarType, FundingRateUpdate
from nautilus_trader.model.identifiers import InstrumentId

from catalog.store.content import times
from catalog.store.encoding import raw_integers
from catalog.store.engine_files import bar_type
from catalog.store.manifest import Manifest


def bars_from_table(table: pa.Table, manifest: Manifest) -> list[Bar]:
    """Return the rows as bars whose prices and volumes are the stored integers."""
    kind = BarType.from_str(bar_type(manifest.instrument_id, manifest.data, manifest.bar))
    price_decimals, size_decimals = manifest.price_decimals, manifest.size_decimals
    open_, high, low, close, volume = (_integers(table[name]) for name in ("open", "high", "low", "close", "volume"))
    return [
        Bar.from_raw(kind, o, h, lo, c, price_decimals, v, size_decimals, ts, ts)
        for o, h, lo, c, v, ts in zip(open_, high, low, close, volume, times(table).tolist(), strict=True)
    ]


def funding_from_table(table: pa.Table, manifest: Manifest) -> list[FundingRateUpdate]:
    """
    Return the rows as funding updates.

    The engine's own reader gives their rates as text, where the class promises a `Decimal`.
    """
    instrument = InstrumentId.from_str(manifest.instrument_id)
    columns = (table["rate"].to_pylist(), table["interval"].to_pylist(), times(table).tolist())
    return [
        FundingRateUpdate(
            instrument_id=instrument,
            rate=Decimal(rate.strip(b'"').decode()),
            interval=interval,
            ts_event=ts,
            ts_init=ts,
        )
        for rate, interval, ts in zip(*columns, strict=True)
    ]


def _integers(column: pa.ChunkedArray) -> list[int]:
    halves = raw_integers(column)
    low, high = halves[:, 0].tolist(), halves[:, 1].view(np.int64).tolist()
    return [(upper << 64) + lower for lower, upper in zip(low, high, strict=True)]
