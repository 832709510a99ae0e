"""Which positions lack a working stop, and what would give them one: layer 3, as a plan for whoever acts on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, NamedTuple, TypeGuard

import msgspec

from risk.desk import OpenOrder, OpenPosition
from risk.modes.table import StopLosses

_NO_LIQUIDATION: Mapping[str, float | None] = {}


class StopsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Give a position without a working stop one.

    The stop goes `distance` (fraction of the price) from the better of entry and mark, the same distance by which the
    position limit reckons what has no stop. `grace_s` is how long a position may lack a stop before one is sent, and
    how long a stop that was asked for may take until it is seen: a bracket's own stop is not doubled.
    `enabled` does not count in a mode that enforces stops.
    """

    enabled: bool = True
    distance: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.10
    grace_s: Annotated[float, msgspec.Meta(ge=0.0, le=600.0)] = 5.0


class Unprotected(msgspec.Struct, frozen=True, kw_only=True):
    """A position, or the part of it that no working stop covers, base units."""

    position_id: str
    quantity: float


class StopToPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A stop to send (`Desk.protect`): base units, and the price at which it triggers."""

    position_id: str
    quantity: float
    trigger_price: float


class CloseNow(msgspec.Struct, frozen=True, kw_only=True):
    """A part to close at the market (`Desk.reduce`): the price is beyond where its stop would be, base units."""

    position_id: str
    quantity: float


class StopPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do; `unprotected` is the report of all that lacks a stop, whoever has to place it."""

    place: tuple[StopToPlace, ...] = ()
    close: tuple[CloseNow, ...] = ()
    unprotected: tuple[Unprotected, ...] = ()


class StopPlanner:
    """
    Plan the stops of all open positions, and remember since when each lacks one.

    Parameters
    ----------
    config : StopsConfig
        Distance and grace.
    lot_of : callable
        Returns the size increment of an instrument, base units; what is not above half of it needs no stop.

    """

    def __init__(self, config: StopsConfig, lot_of: Callable[[str], float]) -> None:
        self._config = config
        self._lot_of = lot_of
        self._short_since: dict[str, int] = {}

    def plan(
        self,
        positions: Iterable[OpenPosition],
        orders: Iterable[OpenOrder],
        duty: StopLosses,
        now_ns: int,
        liquidation_prices: Mapping[str, float | None] = _NO_LIQUIDATION,
    ) -> StopPlan:
        """
        Return what is missing and, where the mode places stops by itself, what to send.

        Parameters
        ----------
        positions : iterable of OpenPosition
            All that is open.
        orders : iterable of OpenOrder
            All that is not over.
        duty : StopLosses
            Who places stops in the present mode. An operator's are only reported.
        now_ns : int
            Engine time.
        liquidation_prices : mapping of position id to price
            Where each position would be liquidated, None or absent where it would not be or that is not known.

        """
        held = tuple(positions)
        bare = uncovered(held, orders, liquidation_prices)
        self._short_since = {key: since_ns for key, since_ns in self._short_since.items() if bare.get(key, 0.0) > 0.0}
        acts = duty is StopLosses.ENFORCED or (duty is StopLosses.AUTOMATIC and self._config.enabled)
        place, close, unprotected = [], [], []
        for position in held:
            key, quantity = position.position_id, bare[position.position_id]
            if quantity <= 0.5 * self._lot_of(position.instrument):
                self._short_since.pop(key, None)
                continue
            unprotected.append(Unprotected(position_id=key, quantity=quantity))
            since_ns = self._short_since.setdefault(key, now_ns)
            if not acts or not quantity < math.inf or now_ns - since_ns < 1e9 * self._config.grace_s:
                continue
            self._short_since[key] = now_ns  # what is asked for now gets the same time to appear
            trigger = stop_price(position, self._config.distance, liquidation_prices.get(key))
            if trigger is None:
                close.append(CloseNow(position_id=key, quantity=quantity))
            else:
                place.append(StopToPlace(position_id=key, quantity=quantity, trigger_price=trigger))
        return StopPlan(place=tuple(place), close=tuple(close), unprotected=tuple(unprotected))


def uncovered(
    positions: Iterable[OpenPosition],
    orders: Iterable[OpenOrder],
    liquidation_prices: Mapping[str, float | None] = _NO_LIQUIDATION,
) -> dict[str, float]:
    """
    Return by position id how much of it no working stop covers, base units.

    A stop covers positions of its own strategy and instrument if it is reduce-only, closes their side, is not being
    cancelled, and triggers between their mark and their liquidation. The stop of an entry that is still open covers
    only what the entry has filled. Stops are handed out in the order of position ids, which may leave more bare than
    a cleverer way, but never less. A position of unknown size is bare in an unknown quantity (NaN).
    """
    stops = _stops_at_work(orders)
    bare: dict[str, float] = {}
    for position in sorted(positions, key=lambda each: each.position_id):
        left = abs(position.signed_quantity)
        liquidation = liquidation_prices.get(position.position_id)
        for stop in stops.get((position.strategy, position.instrument), ()):
            if left > 0.0 and stop.covers(position, liquidation):
                taken = min(left, stop.size)
                left -= taken
                stop.size -= taken
        bare[position.position_id] = left
    return bare


class Lasting(NamedTuple):
    """
    How far an instrument's mark and liquidation price may move until a stop no longer covers, borders not included.

    A liquidation price that there is not, or no longer, uncovers nothing.
    """

    mark_low: float = 0.0
    mark_high: float = math.inf
    liquidation_low: float = -math.inf
    liquidation_high: float = math.inf

    def holds(self, mark: float | None, liquidation: float | None) -> bool:
        """Return whether every stop that covered still does."""
        return (
            mark is not None
            and self.mark_low < mark < self.mark_high
            and (liquidation is None or self.liquidation_low < liquidation < self.liquidation_high)
        )

    def within(self, prices: list[float], side: float) -> Lasting:
        """Return what is left with stops at these prices, at least one, behind a position (plus for long)."""
        if side > 0.0:
            return self._replace(
                mark_low=max(self.mark_low, *prices), liquidation_high=min(self.liquidation_high, *prices)
            )
        return self._replace(mark_high=min(self.mark_high, *prices), liquidation_low=max(self.liquidation_low, *prices))


def lasting(
    positions: Iterable[OpenPosition],
    orders: Iterable[OpenOrder],
    liquidation_prices: Mapping[str, float | None] = _NO_LIQUIDATION,
) -> dict[str, Lasting]:
    """
    Return by instrument for how long no more will be bare than is, while positions and orders stay as they are.

    Parameters are those of `uncovered`. Every stop that covers a position now then still covers it, so that nothing
    needs to be planned again where nothing was bare.
    """
    stops = _stops_at_work(orders)
    found: dict[str, Lasting] = {}
    for position in positions:
        liquidation = liquidation_prices.get(position.position_id)
        mine = stops.get((position.strategy, position.instrument), ())
        prices = [stop.price for stop in mine if stop.covers(position, liquidation)]
        known = found.get(position.instrument, Lasting())
        found[position.instrument] = known.within(prices, position.signed_quantity) if prices else known
    return found


def stop_price(position: OpenPosition, distance: float, liquidation_price: float | None = None) -> float | None:
    """
    Return where the stop of a position belongs; None where its price is there already, or beyond.

    That is `distance` from the better of entry and mark, so that neither the trade nor what it has gained loses
    more. Where that is not before the liquidation price, it is half-way between mark and liquidation.
    """
    side = math.copysign(1.0, position.signed_quantity)
    mark = position.mark
    known = [price for price in (position.entry_price, mark) if _is_price(price)]
    if not known:
        return None
    best = max(known) if side > 0.0 else min(known)
    trigger = best * (1.0 - side * distance)
    if not _is_price(mark):
        return trigger
    if liquidation_price is not None and not side * (trigger - liquidation_price) > 0.0:
        trigger = 0.5 * (mark + liquidation_price)
    return trigger if side * (mark - trigger) > 0.0 else None


def _stops_at_work(orders: Iterable[OpenOrder]) -> dict[tuple[str, str], list[_Stop]]:
    """Return what may cover positions, by strategy and instrument, without what waits for an entry's rest."""
    known = tuple(orders)
    entries = {order.client_order_id: abs(order.signed_quantity) for order in known if not order.reduce_only}
    stops: dict[tuple[str, str], list[_Stop]] = {}
    for order in known:
        if not order.is_stop or not order.reduce_only or order.cancelling:
            continue
        size = abs(order.signed_quantity) - entries.get(order.parent_id or "", 0.0)
        if 0.0 < size < math.inf and _is_price(order.price):
            stop = _Stop(math.copysign(1.0, order.signed_quantity), order.price, size)
            stops.setdefault((order.strategy, order.instrument), []).append(stop)
    return stops


class _Stop:
    """A working stop, by what of it is not handed out yet."""

    __slots__ = ("price", "side", "size")

    def __init__(self, side: float, price: float, size: float) -> None:
        self.side = side
        self.price = price
        self.size = size

    def covers(self, position: OpenPosition, liquidation_price: float | None) -> bool:
        side = math.copysign(1.0, position.signed_quantity)
        if self.side == side:
            return False
        if _is_price(position.mark) and not side * (position.mark - self.price) > 0.0:
            return False
        return liquidation_price is None or side * (self.price - liquidation_price) > 0.0


def _is_price(price: float | None) -> TypeGuard[float]:
    return price is not None and 0.0 < price < math.inf
