"""What is still to cancel and to close, what closing costs, and which position is worth closing first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from risk.desk import OpenOrder, OpenPosition, TopOfBook

_DUST = 1e-9
"""Share of a position below which a difference of two sums is rounding and not a quantity."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """
    A position that may be closed next.

    `risk` is what closing all of it removes and `cost` what that costs, both in quote currency; `quantity` is what
    no closing order works on yet, in base units.
    """

    position: OpenPosition
    quantity: float
    risk: float
    cost: float

    @property
    def worth(self) -> float:
        """Return the risk removed per unit of cost; an unknown risk counts as the greatest."""
        if math.isnan(self.risk):
            return math.inf
        if not self.cost > 0.0:
            return math.inf if self.risk > 0.0 else 0.0
        return self.risk / self.cost


# -- what is still there -----------------------------------------------------------------------------------------------


def adding(orders: Iterable[OpenOrder]) -> list[OpenOrder]:
    """Return the orders that could add risk: all that the venue would not clip to a position."""
    return [order for order in orders if not order.reduce_only]


def idle(orders: Iterable[OpenOrder], positions: Sequence[OpenPosition]) -> list[OpenOrder]:
    """Return the reduce-only orders that have no position of their strategy to reduce."""
    held = {(position.strategy, position.instrument): position.signed_quantity for position in positions}
    return [
        order
        for order in orders
        if order.reduce_only and not held.get((order.strategy, order.instrument), 0.0) * order.signed_quantity < 0.0
    ]


def closing(position: OpenPosition, orders: Iterable[OpenOrder]) -> list[OpenOrder]:
    """Return the reduce-only market orders that are on their way to close a position, whoever sent them."""
    return [order for order in _against(position, orders) if order.price is None and not order.is_stop]


def uncovered(position: OpenPosition, orders: Iterable[OpenOrder]) -> float:
    """Return the part of a position that no closing order is on its way for, base units."""
    size = abs(position.signed_quantity)
    left = size - math.fsum(abs(order.signed_quantity) for order in closing(position, orders))
    return left if left > _DUST * size else 0.0


def _against(position: OpenPosition, orders: Iterable[OpenOrder]) -> list[OpenOrder]:
    return [
        order
        for order in orders
        if order.reduce_only
        and order.strategy == position.strategy
        and order.instrument == position.instrument
        and order.signed_quantity * position.signed_quantity < 0.0
    ]


# -- what first, and how much of it ------------------------------------------------------------------------------------


def risk_of(position: OpenPosition, orders: Iterable[OpenOrder], move: float) -> float:
    """
    Return what a position may lose from here, quote currency; NaN where it has no mark.

    What a working stop covers loses the way to the stop; what none covers loses `move`, a fraction of the mark. The
    furthest stops count first, so more stops than position never look better than they are.
    """
    mark, left = position.mark, abs(position.signed_quantity)
    if mark is None:
        return math.nan
    sign = 1.0 if position.signed_quantity > 0.0 else -1.0
    stops = sorted(
        (
            (max(0.0, sign * (mark - order.price)), abs(order.signed_quantity))
            for order in _against(position, orders)
            if order.is_stop and order.price is not None
        ),
        reverse=True,
    )
    loss = 0.0
    for way, size in stops:
        covered = min(size, left)
        loss += covered * way
        left -= covered
    return loss + left * mark * move


def cost_of(
    position: OpenPosition, book: TopOfBook | None, fee: float, depth_bps: float, spread_assumed_bps: float
) -> float:
    """
    Return what closing a position at the market costs against its mark, quote currency; NaN without a mark.

    Half the spread, the fee (a fraction), and the impact of walking a book that holds the visible depth evenly over
    `depth_bps`. Where no quote was seen the spread is assumed, and the impact of an unknown depth is left out.
    """
    if position.mark is None:
        return math.nan
    size = abs(position.signed_quantity)
    half_spread = spread_assumed_bps / 2e4
    if book is not None and 0.0 < book.bid <= book.ask:
        half_spread = (book.ask - book.bid) / (book.ask + book.bid)
    depth = closing_depth(position, book)
    impact = 0.0
    if not math.isnan(depth):
        impact = math.inf if depth == 0.0 else depth_bps / 1e4 * size / (2.0 * depth)
    return size * position.mark * (half_spread + fee + impact)


def closing_depth(position: OpenPosition, book: TopOfBook | None) -> float:
    """Return how much stands on the side that closes a position, base units; NaN where it is not known."""
    if book is None:
        return math.nan
    return book.bid_depth if position.signed_quantity > 0.0 else book.ask_depth


def slice_of(quantity: float, depth: float, share: float, smallest: float) -> float:
    """
    Return how much of `quantity` to send now, base units.

    At most `share` of the visible depth, but never less than `smallest`, what the venue lets be traded. All of it
    where the depth is not known (NaN): then there is nothing to measure a slice by.
    """
    if math.isnan(depth) or math.isinf(share):
        return quantity
    return min(quantity, max(share * depth, smallest))


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates in the order of risk removed per unit of cost, most first."""
    return sorted(candidates, key=lambda candidate: (-candidate.worth, candidate.position.position_id))
