"""Keep every fill as one canonical line, so that two runs can be compared fill by fill."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.model.enums import liquidity_side_to_str, order_side_to_str
from nautilus_trader.model.events import OrderFilled

_encode = msgspec.json.Encoder(order="sorted").encode


class FillLog:
    """
    Write a line for each fill: who, what, at which price and fee, and when.

    Parameters
    ----------
    path : Path or None
        A new file; None keeps only count and hash.

    """

    def __init__(self, path: Path | None = None) -> None:
        self.count = 0
        self._file = path.open("xb", buffering=0) if path is not None else None
        self._hash = hashlib.sha256()

    @property
    def fill_hash(self) -> str:
        """SHA-256 of all lines so far, in hex."""
        return self._hash.hexdigest()

    def on_order_event(self, event: Any) -> None:
        """Write a fill; other order events pass."""
        if not isinstance(event, OrderFilled):
            return
        line = _encode(
            {
                "ts": event.ts_event,
                "order": event.client_order_id.value,
                "strategy": event.strategy_id.value,
                "instrument": event.instrument_id.value,
                "side": order_side_to_str(event.order_side),
                "quantity": str(event.last_qty),
                "price": str(event.last_px),
                "fee": str(event.commission),
                "liquidity": liquidity_side_to_str(event.liquidity_side),
            }
        )
        line += b"\n"
        self._hash.update(line)
        self.count += 1
        if self._file is not None:
            self._file.write(line)

    def on_position_event(self, event: Any) -> None:
        """Nothing to do: positions follow from fills."""

    def on_instant_end(self, ts_ns: int) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
