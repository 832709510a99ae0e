"""The event contract beside the bar one: what a trade, a quote, a book or a payment looks like to a kernel."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np

from catalog.model import F64, I64
from strategies.features.kernel import Feature

PRICE, SIZE, SIDE = range(3)
"""A trade: price, size in base currency, and its aggressor: 1 a buyer, -1 a seller, 0 not known."""

BID_PRICE, BID_SIZE, ASK_PRICE, ASK_SIZE = range(4)
"""A quote: the best prices and what rests at them."""

LEVELS, FIRST_LEVEL = 0, 1
"""
A book of n levels a side: n itself, then n bid prices, n bid sizes, n ask prices, n ask sizes, best first.

A side with fewer levels ends in zeros, price and size.
"""

RATE, INTERVAL_HOURS = range(2)
"""A funding payment: the rate a long pays, as a fraction of the position at mark, and hours from payment to payment."""

MARK, REFERENCE = range(2)
"""A mark price, and what it is compared with at the same moment: the index or the last price."""


class EventKind(Enum):
    """What kind of event a kernel is written for; the value is what lists and messages call it."""

    TRADE = "trade"
    QUOTE = "quote"
    DEPTH = "depth"
    FUNDING = "funding payment"
    MARK = "mark price"


KIND_CODES = {kind: code for code, kind in enumerate(EventKind)}
FIELDS = {EventKind.TRADE: 3, EventKind.QUOTE: 4, EventKind.FUNDING: 2, EventKind.MARK: 2}


class EventFeature(Feature, frozen=True, kw_only=True):
    """
    A feature of events; its kernel is called as ``kernel(ts_ns, event, params, state, out)``.

    As for bars, with three differences: `event` has the fields of its kind; `ts_ns` is when the event was known (the
    time of receipt), never descending; and `warmup` counts usable events.

    Attributes
    ----------
    kind : EventKind
        The events it takes.
    paced : bool
        Whether warm-up also depends on times or sizes (buckets to fill, intervals to pass). Then `warmup` is a lower
        bound: no value comes before it, and from the first value on there is always one.

    """

    kind: EventKind
    paced: bool = False


class Events(NamedTuple):
    """
    Events of one kind and one instrument, ascending in time.

    Attributes
    ----------
    kind : EventKind
    ts_ns : int64[n]
        When each was known, UTC; equal times are allowed.
    values : float64[n, fields]
        In the order that the constants of this module name. ``len`` counts events.

    """

    kind: EventKind
    ts_ns: I64
    values: F64

    def __len__(self) -> int:  # events, not attributes
        return len(self.ts_ns)

    def slice(self, start: int, stop: int) -> Events:
        """Return the events from `start` to before `stop`, as views."""
        return Events(self.kind, self.ts_ns[start:stop], self.values[start:stop])


def depth_fields(levels: int) -> int:
    """Return the number of fields of a book of `levels` a side."""
    return FIRST_LEVEL + 4 * levels


def checked(events: Events) -> Events:
    """
    Return events as contiguous arrays of the types that compiled code reads.

    Raises
    ------
    ValueError
        If shapes do not fit the kind, or a time lies before the one before it.

    """
    ts_ns = np.ascontiguousarray(events.ts_ns, dtype=np.int64)
    values = np.ascontiguousarray(events.values, dtype=np.float64)
    if values.ndim != 2 or ts_ns.shape != values.shape[:1]:
        raise ValueError(f"expected times [n] and values [n, fields], were {ts_ns.shape} and {values.shape}")
    fields = values.shape[1]
    expected = FIELDS.get(events.kind, fields if fields > FIRST_LEVEL and (fields - FIRST_LEVEL) % 4 == 0 else None)
    if fields != expected:
        raise ValueError(f"a {events.kind.value} has {expected or '1 + 4 * levels'} fields, were {fields}")
    if (np.diff(ts_ns) < 0).any():
        row = int(np.flatnonzero(np.diff(ts_ns) < 0)[0]) + 1
        raise ValueError(f"events must ascend in time; event {row} is earlier than the one before it")
    return Events(events.kind, ts_ns, values)
