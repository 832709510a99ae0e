"""One instrument as the checks see it: facts, mark, position, working orders, and what they commit."""

from __future__ import annotations

import math

import msgspec

from risk.exact_sum import ExactSum
from risk.margin import Bracket, initial_margin

USABLE_MAX = 1e300
"""Figures above this would overflow when multiplied or added, and count as unknown, like NaN."""


class InstrumentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is fixed about an instrument, in plain numbers.

    `spot` is True where the cash account holds the asset itself; False for margin and perpetual contracts.
    `size_increment` is the lot in base units, `notional_min` in quote currency, `taker_fee` a fraction.
    `leverage` is the leverage set for the instrument at the venue, 1 for spot. `brackets` may hold
    `catalog.instruments.LeverageBracket`.
    """

    instrument: str
    spot: bool
    size_increment: float
    notional_min: float = 0.0
    taker_fee: float = 0.0
    leverage: float = 1.0
    brackets: tuple[Bracket, ...] = ()

    def __post_init__(self) -> None:
        """Refuse figures that no venue has."""
        fee = self.taker_fee
        if not (0.0 < self.size_increment < math.inf and 0.0 <= self.notional_min < math.inf and abs(fee) < 1.0):
            raise ValueError(
                f"{self.instrument}: need size_increment > 0, notional_min >= 0 and a taker_fee between -1 and 1,"
                f" were {self.size_increment}, {self.notional_min}, {fee}"
            )
        if not 1.0 <= self.leverage < math.inf:
            raise ValueError(f"{self.instrument}: leverage must be at least 1, was {self.leverage}")


class PositionView(msgspec.Struct, frozen=True):
    """A net position: base units (plus for long) and the average entry price in quote currency."""

    signed_quantity: float
    entry_price: float


class Working(msgspec.Struct, frozen=True, gc=False):
    """
    An order in flight or resting, by what is still open of it.

    `price` is its limit price, or its trigger price where it has no limit, or the mark when it was sent;
    `is_stop` tells an order that waits for a trigger, such as a protective stop, from a target. `strategy` is who
    sent it, empty where that is not known.
    """

    client_order_id: str
    instrument: str
    signed_quantity: float
    price: float
    reduce_only: bool
    parent_id: str | None
    is_stop: bool
    strategy: str = ""


class Book:
    """
    Keep one instrument's figures; `View` owns it and is the only writer.

    `value` is what the position adds to equity, `gross` its absolute notional at mark, `reserved` the notional
    that working orders would add, `margin` the initial margin of both, and `entering` tells that working orders
    would open a position. They are as of the last `refresh`.
    """

    __slots__ = (
        "_buy_notional", "_buy_quantity", "_buys", "_sell_notional", "_sell_quantity", "_sells",
        "entering", "entry_price", "facts", "flagged", "gross", "instrument", "known", "margin", "mark", "opening",
        "owners", "quantity", "reserved", "stale", "unusable", "value",
    )  # fmt: skip

    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.facts: InstrumentFacts | None = None
        self.mark: float | None = None
        self.quantity = 0.0
        self.entry_price = 0.0
        self.owners: dict[str, float] = {}
        self.opening: dict[str, Working] = {}
        self.flagged: dict[str, Working] = {}
        self.unusable: dict[str, Working] = {}
        self._buy_quantity = ExactSum()
        self._buy_notional = ExactSum()
        self._sell_quantity = ExactSum()
        self._sell_notional = ExactSum()
        self._buys = self._sells = (0.0, 0.0)
        self.known = True
        self.entering = False
        self.stale = False
        self.value = self.gross = self.reserved = self.margin = 0.0

    @property
    def idle(self) -> bool:
        """Whether neither a position nor a working order is there."""
        return self.quantity == 0.0 and not (self.opening or self.flagged or self.unusable)

    def lot_tolerance(self) -> float:
        """Return half a lot: quantities closer than this are the same, whatever binary rounding says."""
        return 0.0 if self.facts is None else 0.5 * self.facts.size_increment

    def add(self, order: Working) -> None:
        """Take up a working order, in place of the one with the same id."""
        self.remove(order.client_order_id)
        if not abs(order.signed_quantity) * max(1.0, order.price) <= USABLE_MAX:
            self.unusable[order.client_order_id] = order
        elif order.reduce_only:
            self.flagged[order.client_order_id] = order
        else:
            self.opening[order.client_order_id] = order
            self._count(order, 1.0)

    def remove(self, client_order_id: str) -> None:
        """Forget a working order; nothing happens where it is not known."""
        if self.flagged.pop(client_order_id, None) is None and self.unusable.pop(client_order_id, None) is None:
            order = self.opening.pop(client_order_id, None)
            if order is not None:
                self._count(order, -1.0)

    def working(self, client_order_id: str) -> Working | None:
        """Return the working order of that id, None where there is none."""
        return (
            self.opening.get(client_order_id) or self.flagged.get(client_order_id) or self.unusable.get(client_order_id)
        )

    def side(self, sign: int, without: Working | None = None) -> tuple[float, float]:
        """Return quantity and notional of one side's working orders that are not reduce-only."""
        quantity, notional = self._buys if sign > 0 else self._sells
        if without is not None and not without.reduce_only and without.signed_quantity * sign > 0:
            size = abs(without.signed_quantity)
            return quantity - size, notional - size * without.price
        return quantity, notional

    def pending_flagged(self, sign: int, without: Working | None = None) -> float:
        """
        Return the quantity of one side that working reduce-only orders may still take from the position.

        The stops and the targets of one parent are alternatives (one cancels the other), so the larger of the two
        counts; orders without a parent all count.
        """
        if not self.flagged:
            return 0.0
        total = 0.0
        families: dict[str, tuple[float, float]] = {}
        for order in self.flagged.values():
            size = order.signed_quantity * sign
            if order is without or not size > 0:
                continue
            if order.parent_id is None:
                total += size
            else:
                stops, targets = families.get(order.parent_id, (0.0, 0.0))
                families[order.parent_id] = (stops + size, targets) if order.is_stop else (stops, targets + size)
        return total + sum(max(pair) for pair in families.values())

    def closable(self, sign: int, without: Working | None = None) -> float:
        """Return how much an order of this side can close before pending reduce-only orders and it overshoot."""
        against = -sign * self.quantity
        return max(0.0, against - self.pending_flagged(sign, without)) if against > 0.0 else 0.0

    def growth_notional(self, without: Working | None = None) -> float:
        """Return the notional that working orders would add to what is held, each side counted on its own."""
        total = 0.0
        if not self.opening:
            return total
        for sign in (1, -1):
            quantity, notional = self.side(sign, without)
            if not quantity > 0.0:
                continue
            growth = quantity - self.closable(sign)
            if growth > self.lot_tolerance():
                total += notional * (growth / quantity)
        return total

    def protective_loss(self, sign: int, quantity: float, distance: float) -> float:
        """
        Return what `quantity` on the side `sign` (plus for long) loses from the mark to its stops, without costs.

        What no working stop covers is taken to lose `distance`, a fraction of the mark. The furthest stops count
        first, so more stops than position never look better than they are.
        """
        mark = math.nan if self.mark is None else self.mark
        if not self.flagged:
            return quantity * mark * distance
        stops = [
            (sign * (mark - order.price), abs(order.signed_quantity))
            for order in self.flagged.values()
            if order.is_stop and order.signed_quantity * sign < 0
        ]
        if len(stops) > 1:
            stops.sort(reverse=True)
        loss = 0.0
        left = quantity
        for move, size in stops:
            covered = min(size, left)
            loss += covered * max(0.0, move)
            left -= covered
        return loss + left * mark * distance

    def margin_of(self, notional: float) -> float:
        """Return the initial margin that a notional of this instrument takes."""
        if notional == 0.0:
            return 0.0
        if self.facts is None:
            return notional
        return initial_margin(notional, self.facts.leverage, self.facts.brackets)

    def sided(self) -> tuple[float, float, float]:
        """
        Return the signed notional held, and what would be long and short with one side's working orders filled.

        All in quote currency at mark (working orders at their own price), the latter two not negative, as of the last
        `refresh`; NaN while a part is unknown.
        """
        if not self.known:
            return math.nan, math.nan, math.nan
        held = math.copysign(self.gross, self.quantity)
        return held, max(0.0, held + self._buys[1]), max(0.0, self._sells[1] - held)

    def refresh(self) -> None:
        """Work the figures out again from mark, position and working orders."""
        self.stale = False
        quantity = self.quantity
        if quantity == 0.0:
            self.value = self.gross = 0.0
        else:
            mark = math.nan if self.mark is None else self.mark
            spot = self.facts is not None and self.facts.spot
            self.value = quantity * mark if spot else quantity * (mark - self.entry_price)
            self.gross = abs(quantity) * mark
        self.entering = quantity == 0.0 and bool(self.opening)
        self.reserved = self.growth_notional()
        self.margin = self.margin_of(self.gross + self.reserved)
        self.known = (
            not self.unusable
            and abs(self.value) <= USABLE_MAX
            and self.gross <= USABLE_MAX
            and self.reserved <= USABLE_MAX
            and self.margin <= USABLE_MAX
        )

    def _count(self, order: Working, times: float) -> None:
        quantity = abs(order.signed_quantity)
        if order.signed_quantity > 0:
            self._buy_quantity.add(times * quantity)
            self._buy_notional.add(times * quantity * order.price)
            self._buys = (self._buy_quantity.total(), self._buy_notional.total())
        else:
            self._sell_quantity.add(times * quantity)
            self._sell_notional.add(times * quantity * order.price)
            self._sells = (self._sell_quantity.total(), self._sell_notional.total())
