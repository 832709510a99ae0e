"""The shapes that trades, quotes and books take between a source and the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.model import F64, I64

type Flags = npt.NDArray[np.bool_]


class TradeColumns(NamedTuple):
    """
    Trades of one instrument as columns, in the order they were received.

    Attributes
    ----------
    ts_ns : int64[n]
        When each was received, by the receiver's clock: what a decision at that instant may know.
    event_ns : int64[n]
        When the venue says it happened, by the venue's clock.
    price, size : float64[n]
        In quote currency, and in base currency or contracts, as the venue counts.
    side : float64[n]
        1 where the buyer was the aggressor, -1 where the seller was.

    """

    ts_ns: I64
    event_ns: I64
    price: F64
    size: F64
    side: F64

    def __len__(self) -> int:  # rows, not fields
        return len(self.ts_ns)


class QuoteColumns(NamedTuple):
    """
    Best bids and asks of one instrument as columns, in the order they were received.

    `ts_ns` as in `TradeColumns`; `update_id` is the venue's number of the state of the book that the quote shows.
    """

    ts_ns: I64
    update_id: I64
    bid_price: F64
    bid_size: F64
    ask_price: F64
    ask_size: F64

    def __len__(self) -> int:  # rows, not fields
        return len(self.ts_ns)


class DepthColumns(NamedTuple):
    """
    The best levels of one instrument's book after each update, in the order the updates were received.

    Attributes
    ----------
    ts_ns, update_id : int64[n]
        As in `QuoteColumns`.
    in_sync : bool[n]
        Whether the book is the venue's: built from a snapshot and every update since. Where it is not, levels may be
        missing or stale.
    bid_price, bid_size, ask_price, ask_size : float64[n, levels]
        Best level first; a side with fewer levels ends in zeros.

    """

    ts_ns: I64
    update_id: I64
    in_sync: Flags
    bid_price: F64
    bid_size: F64
    ask_price: F64
    ask_size: F64

    def __len__(self) -> int:  # rows, not fields
        return len(self.ts_ns)
