"""The desk: how guards and kill switches cancel, close and protect, in the words of a dealer and not of the engine."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import msgspec

from risk.intent import Side


class Purpose(Enum):
    """Why the desk acts; every order of the desk carries it as a tag ``guard:<purpose>``."""

    STOP = "STOP"
    LIQUIDATION_PREVENTION = "LIQUIDATION_PREVENTION"
    KILL = "KILL"
    EMERGENCY = "EMERGENCY"
    HEDGE = "HEDGE"


class OpenPosition(msgspec.Struct, frozen=True, kw_only=True):
    """
    One open position of one strategy, as the engine keeps it.

    `signed_quantity` is in base units, plus for long; prices are in quote currency, `mark` None where there is none.
    """

    position_id: str
    instrument: str
    strategy: str
    signed_quantity: float
    entry_price: float
    mark: float | None


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """
    One order that is not over: in flight, resting, emulated, or waiting for approval.

    `signed_quantity` is what is still open of it; `price` its trigger price for a stop, else its limit price, None for
    a market order. `cancelling` tells that a cancel is on its way.
    """

    client_order_id: str
    instrument: str
    strategy: str
    signed_quantity: float
    price: float | None
    reduce_only: bool
    is_stop: bool
    parent_id: str | None = None
    cancelling: bool = False


class TopOfBook(msgspec.Struct, frozen=True, kw_only=True):
    """Best prices and how much stands within `depth_bps` of them, in base units; NaN where it is not known."""

    bid: float
    ask: float
    bid_depth: float
    ask_depth: float


class Desk(Protocol):
    """
    Act on what is open.

    Every order goes to the gate like any other and is reduce-only, but for a hedge; a method that sends one returns its
    client order id, or None where there is nothing (left) to act on. Quantities are base units and positive; the desk
    rounds them down to the lot, and a quantity of at least the whole position closes all of it, also below the venue's
    minimum size. Nothing here waits: what becomes of an order is seen in `positions` and `orders` later.
    """

    def positions(self) -> tuple[OpenPosition, ...]:
        """Return every open position, by position id."""

    def orders(self) -> tuple[OpenOrder, ...]:
        """Return every order that is not over, by client order id."""

    def book(self, instrument: str, depth_bps: float = 10.0) -> TopOfBook | None:
        """Return the market's best prices and depth, None where no quote or book was seen."""

    def reduce(self, position_id: str, quantity: float, purpose: Purpose) -> str | None:
        """Send a reduce-only market order against a position."""

    def protect(self, position_id: str, quantity: float, trigger_price: float, purpose: Purpose) -> str | None:
        """Send a reduce-only stop-market order for a position; the trigger is rounded to the tick, towards the mark."""

    def hedge(self, instrument: str, side: Side, quantity: float, purpose: Purpose) -> str | None:
        """Send a market order that opens the opposite of an exposure which can't be closed where it is."""

    def cancel(self, client_order_id: str) -> None:
        """Cancel an order; nothing happens where it is over or being cancelled already."""

    def add_margin(self, position_id: str, amount: float) -> bool:
        """Move `amount` of quote currency to an isolated position; False where that can't be done."""
