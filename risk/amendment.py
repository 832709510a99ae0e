"""Shrink the orders of a parked command before they are sent, so that strategy, engine and venue see the same size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.common.component import MessageBus
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder, SubmitOrderList
from nautilus_trader.model.enums import OrderStatus
from nautilus_trader.model.events import OrderUpdated
from nautilus_trader.model.objects import Quantity
from nautilus_trader.model.orders import Order

from risk.commands import intents_of, orders_of
from risk.review import Shrunk
from risk.view import View

UNSENT = (OrderStatus.INITIALIZED, OrderStatus.RELEASED)
"""Statuses of an order that the gate holds and nothing else has ended."""


def amended(
    command: SubmitOrder | SubmitOrderList,
    quantity: float,
    view: View,
    cache: CacheFacade,
    msgbus: MessageBus,
    ts_ns: int,
) -> Shrunk | str:
    """Shrink a command's first order to `quantity` and the others with it; or say why not, and change nothing."""
    orders = orders_of(command)
    sizes = sizes_of(orders, quantity, view.mark(orders[0].instrument_id.value), cache)
    if isinstance(sizes, str):
        return sizes
    events = shrink(orders, sizes, cache, ts_ns)
    return Shrunk(intents_of(command, ts_ns), lambda: announce(events, msgbus))


def sizes_of(orders: Sequence[Order], quantity: float, mark: float | None, cache: CacheFacade) -> list[Quantity] | str:
    """
    Return the size each order of a command has when the first is amended to `quantity`.

    All shrink in the same proportion: a protective stop of the whole entry stays one of the whole entry, and of three
    targets each keeps its third. Nothing is rounded, as rounding would leave a part of the entry without its stop.

    Parameters
    ----------
    orders : sequence of Order
        The command's orders, the entry first.
    quantity : float
        The first order's new size, base units.
    mark : float or None
        What an order without a price is valued at.
    cache : CacheFacade
        The engine's, for instruments.

    Returns
    -------
    list of Quantity, or str
        One size an order, or why the amendment is impossible.

    """
    first = orders[0]
    if not 0.0 < quantity < math.inf:
        return f"the new quantity must be above 0, was {quantity}"
    wanted, asked = Decimal(str(quantity)), first.quantity.as_decimal()
    if wanted >= asked:
        return f"the new quantity must be below the {asked} asked for, was {wanted}"
    sizes = []
    for order in orders:
        instrument = cache.instrument(order.instrument_id)
        if instrument is None:
            return f"{order.instrument_id} is unknown"
        lot = instrument.size_increment.as_decimal()
        lots = Fraction(order.quantity.as_decimal()) * Fraction(wanted) / (Fraction(asked) * Fraction(lot))
        if lots.denominator != 1:
            return (
                f"{wanted} would leave an order of the command off its lot: choose a multiple of {_step(orders, cache)}"
            )
        size = instrument.make_qty(lots.numerator * lot)
        problem = _too_small(order, size, instrument, mark)
        if problem:
            return problem
        sizes.append(size)
    return sizes


def shrink(orders: Sequence[Order], sizes: Sequence[Quantity], cache: CacheFacade, ts_ns: int) -> list[OrderUpdated]:
    """
    Give orders that were not sent yet their new sizes, and return the events that say so.

    The events are applied here, and not sent to the execution engine: a live engine takes events and commands from two
    queues, and the order could leave with its old size before the new one were applied. Publish them with `announce`.
    """
    events = []
    for order, size in zip(orders, sizes, strict=True):
        event = OrderUpdated(
            trader_id=order.trader_id,
            strategy_id=order.strategy_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            venue_order_id=None,
            account_id=order.account_id,
            quantity=size,
            price=order.price if order.has_price else None,
            trigger_price=order.trigger_price if order.has_trigger_price else None,
            event_id=UUID4(),
            ts_event=ts_ns,
            ts_init=ts_ns,
        )
        order.apply(event)
        cache.update_order(order)
        events.append(event)
    return events


def announce(events: Sequence[OrderUpdated], msgbus: MessageBus) -> None:
    """Tell strategies and recorders, on the topic where the execution engine publishes order events."""
    for event in events:
        msgbus.publish(f"events.order.{event.strategy_id}", event)


def _too_small(order: Order, size: Quantity, instrument: Any, mark: float | None) -> str | None:
    """Return why the venue would not take that size; an order that only reduces may be below the least value."""
    if instrument.min_quantity is not None and size < instrument.min_quantity:
        return f"{size} is below the venue's least quantity {instrument.min_quantity} of {instrument.id}"
    shown = getattr(order, "display_qty", None)
    if shown is not None and size < shown:
        return f"{size} is below the {shown} that the order shows of itself"
    if instrument.min_notional is None or order.is_reduce_only:
        return None
    price = mark
    if order.has_price:
        price = order.price.as_double()
    elif order.has_trigger_price:
        price = order.trigger_price.as_double()
    least = instrument.min_notional.as_double()
    if price is None or not size.as_double() * price >= least:
        return f"{size} is worth less than the venue's least value {instrument.min_notional} of {instrument.id}"
    return None


def _step(orders: Sequence[Order], cache: CacheFacade) -> Decimal:
    """Return the smallest change of the first order at which every order of the command stays on its lot."""
    parts = [
        int(order.quantity.as_decimal() / cache.instrument(order.instrument_id).size_increment.as_decimal())
        for order in orders
    ]
    whole: Decimal = orders[0].quantity.as_decimal()
    return whole / math.gcd(*parts)
