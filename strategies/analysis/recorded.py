"""Turn recorded trades, quotes and books into events, and bring rows of events to other moments."""

from __future__ import annotations

import numpy as np

from catalog.events import DepthColumns, QuoteColumns, TradeColumns
from catalog.model import F64, I64
from strategies.features.events import EventKind, Events


def trade_events(trades: TradeColumns) -> Events:
    """Return trades as events, at the times they were received."""
    return Events(EventKind.TRADE, trades.ts_ns, np.column_stack([trades.price, trades.size, trades.side]))


def quote_events(quotes: QuoteColumns) -> Events:
    """Return quotes as events, at the times they were received."""
    return Events(
        EventKind.QUOTE,
        quotes.ts_ns,
        np.column_stack([quotes.bid_price, quotes.bid_size, quotes.ask_price, quotes.ask_size]),
    )


def depth_events(depth: DepthColumns) -> Events:
    """Return the books that are in sync as events, at the times they were received; the others are left out."""
    kept = depth.in_sync
    levels = np.full(int(kept.sum()), float(depth.bid_price.shape[1]))
    return Events(
        EventKind.DEPTH,
        depth.ts_ns[kept],
        np.column_stack(
            [levels, depth.bid_price[kept], depth.bid_size[kept], depth.ask_price[kept], depth.ask_size[kept]]
        ),
    )


def newest_at(ts_ns: I64, rows_ns: I64, rows: F64) -> F64:
    """
    Return, for each moment, the newest row known by then.

    Parameters
    ----------
    ts_ns : int64[m]
        Moments, such as the closes of bars.
    rows_ns : int64[n]
        When each row was known, ascending.
    rows : float64[n, k]
        Such as an `EventSet` gives.

    Returns
    -------
    float64[m, k]
        Row i is the last one with ``rows_ns <= ts_ns[i]``; NaN before the first. It is not looked at how old a row is.

    """
    place = np.searchsorted(rows_ns, ts_ns, side="right") - 1
    out = np.full((len(ts_ns), rows.shape[1]), np.nan)
    known = place >= 0
    out[known] = rows[place[known]]
    return out
