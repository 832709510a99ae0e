"""Write bars, funding rates and instruments through the engine's own catalog, so that its API can read them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
from nautilus_trader.model.data import Bar, BarType, FundingRateUpdate
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from catalog.instruments import InstrumentSpec
from catalog.sources.records import DataKind, Records
from catalog.store.decimals import MARK_DECIMALS
from catalog.store.encoding import integers_to_store

_FUNDING_INTERVALS_MIN: Final = (60, 120, 240, 480)
_MINUTE_NS: Final = 60 * 10**9


def bar_type(instrument_id: str, data: DataKind, bar: str | None) -> str:
    """Return the engine's name of a bar type; mark bars have the price type MARK."""
    if bar is None or data is DataKind.FUNDING:
        raise ValueError(f"{data.value} of {instrument_id} are no bars, or have no size")
    return f"{instrument_id}-{bar}-{'MARK' if data is DataKind.MARK else 'LAST'}-EXTERNAL"


def data_folder(root: Path, instrument_id: str, data: DataKind, bar: str | None) -> Path:
    """Return the folder in which the engine keeps the files of a data set."""
    if data is DataKind.FUNDING:
        return root / "data" / "funding_rate_update" / instrument_id
    return root / "data" / "bar" / bar_type(instrument_id, data, bar)


def write_bars(root: Path, spec: InstrumentSpec, data: DataKind, bar: str | None, records: Records) -> None:
    """Write bars whose times are their closes, as one file."""
    kind = BarType.from_str(bar_type(spec.instrument_id, data, bar))
    mark = data is DataKind.MARK
    price_decimals = MARK_DECIMALS if mark else spec.price_precision
    size_decimals = 0 if mark else spec.size_precision
    open_, high, low, close = (
        integers_to_store(records.values[name], price_decimals) for name in ("open", "high", "low", "close")
    )
    volume = [0] * len(records) if mark else integers_to_store(records.values["volume"], size_decimals)
    bars = [
        Bar.from_raw(kind, o, h, lo, c, price_decimals, v, size_decimals, ts, ts)
        for o, h, lo, c, v, ts in zip(open_, high, low, close, volume, records.ts_ns.tolist(), strict=True)
    ]
    ParquetDataCatalog(root).write_data(bars)


def write_funding(root: Path, spec: InstrumentSpec, records: Records, step_ns: int) -> None:
    """
    Write funding rates at their own times, as one file.

    The rate is the shortest decimal that reads as the same float, which is the source's for up to 15 digits.
    Each update's interval is the time since the payment before, where that is one venues use; else the
    data set's usual one, `step_ns`.
    """
    instrument = InstrumentId.from_str(spec.instrument_id)
    since = np.rint(np.diff(records.ts_ns, prepend=np.int64(0)) / _MINUTE_NS).astype(np.int64)
    nominal = step_ns // _MINUTE_NS
    updates = [
        FundingRateUpdate(
            instrument_id=instrument,
            rate=Decimal(format(Decimal(repr(rate)), "f")),
            interval=minutes if minutes in _FUNDING_INTERVALS_MIN else nominal,
            ts_event=ts,
            ts_init=ts,
        )
        for ts, rate, minutes in zip(
            records.ts_ns.tolist(), records.values["rate"].tolist(), since.tolist(), strict=True
        )
    ]
    ParquetDataCatalog(root).write_data(updates)


def write_instrument(root: Path, instrument: Any) -> None:
    """Write the engine's instrument object."""
    ParquetDataCatalog(root).write_data([instrument])
