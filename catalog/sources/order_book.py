"""Keep a venue's order book from a snapshot and numbered updates, and know whether it is the venue's."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

type Level = tuple[float, float]
"""Price and size; a size of 0 removes the level."""

BUFFER_UPDATES = 10_000
"""Updates kept for a snapshot still on its way; one that is older than all of them cannot be joined."""


class BookUpdate(NamedTuple):
    """
    One message of levels that changed, Binance's numbering.

    Attributes
    ----------
    first_id, last_id : int
        The first and last update in the message (`U` and `u`).
    previous_id : int
        `last_id` of the message before it: `pu` on futures; on spot, where ids have no holes, ``U - 1``.
    bids, asks : sequence of (price, size)

    """

    first_id: int
    last_id: int
    previous_id: int
    bids: Sequence[Level]
    asks: Sequence[Level]


class OrderBook:
    """
    One instrument's book.

    Updates apply as they come. The book is `in_sync` once a snapshot and an update that reaches over its id have both
    been seen, and until the chain of ids breaks; a later snapshot mends it.
    """

    def __init__(self) -> None:
        self.in_sync = False
        self.last_id = -1
        self.breaks = 0
        self._bids = _Side(descending=True)
        self._asks = _Side(descending=False)
        self._recent: deque[BookUpdate] = deque(maxlen=BUFFER_UPDATES)
        self._snapshot_id: int | None = None

    def update(self, update: BookUpdate) -> None:
        """Apply one message of changes."""
        if self.last_id >= 0 and update.previous_id != self.last_id:
            self.breaks += 1
            self.in_sync = False
            self._recent.clear()  # nothing before the break can be joined to a snapshot any more
            self._snapshot_id = None
        self._recent.append(update)
        if self._snapshot_id is not None and not self.in_sync:
            # the snapshot was ahead of the updates: those it already holds must not be applied again
            self.in_sync = _reaches(update, self._snapshot_id)
            if not self.in_sync and update.last_id <= self._snapshot_id:
                self.last_id = update.last_id
                return
        self._apply(update)

    def snapshot(self, last_id: int, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Take a snapshot that holds every update up to `last_id`, then the updates that came before it did."""
        later = [update for update in self._recent if update.last_id > last_id]
        joined = bool(later) and _reaches(later[0], last_id)
        if later and not joined:
            return  # older than the updates kept: it would bring back what they removed
        if self.in_sync and not later:
            return  # at most ahead of updates that are on their way
        self._bids.replace(bids)
        self._asks.replace(asks)
        self._snapshot_id = last_id
        self.in_sync = joined or self.last_id == last_id
        for update in later:
            self._apply(update)

    def top(self, levels: int) -> tuple[list[Level], list[Level]] | None:
        """Return at most `levels` bids and asks, best first; None while a side is empty."""
        bids, asks = self._bids.best(levels), self._asks.best(levels)
        return (bids, asks) if bids and asks else None

    def _apply(self, update: BookUpdate) -> None:
        self._bids.change(update.bids)
        self._asks.change(update.asks)
        self.last_id = update.last_id


class _Side:
    """Levels of one side, sorted so that the best stands last on bids and first on asks."""

    def __init__(self, *, descending: bool) -> None:
        self._descending = descending
        self._sizes: dict[float, float] = {}
        self._prices: list[float] = []

    def replace(self, levels: Sequence[Level]) -> None:
        self._sizes = {price: size for price, size in levels if size > 0.0}
        self._prices = sorted(self._sizes)

    def change(self, levels: Sequence[Level]) -> None:
        for price, size in levels:
            if size > 0.0:
                if price not in self._sizes:
                    insort(self._prices, price)
                self._sizes[price] = size
            elif price in self._sizes:
                del self._sizes[price]
                del self._prices[bisect_left(self._prices, price)]

    def best(self, levels: int) -> list[Level]:
        prices = self._prices[: -levels - 1 : -1] if self._descending else self._prices[:levels]
        return [(price, self._sizes[price]) for price in prices]


def _reaches(update: BookUpdate, snapshot_id: int) -> bool:
    """Return whether the snapshot was taken after what came before this update, and before what comes after it."""
    return update.previous_id <= snapshot_id <= update.last_id
