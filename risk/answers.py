"""The engine's words for the gate's decisions: an order is denied, a change refused, or cancelled for its sender."""

from __future__ import annotations

from typing import Any

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.common.component import MessageBus
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import CancelOrder
from nautilus_trader.model.events import OrderCanceled, OrderDenied, OrderModifyRejected, OrderPendingCancel
from nautilus_trader.model.orders import Order

EVENTS = "ExecEngine.process"
"""Where the execution engine takes order events."""


def deny(order: Order, reason: str, cache: CacheFacade, msgbus: MessageBus, ts_ns: int) -> None:
    """End an order that was never sent."""
    if not cache.order_exists(order.client_order_id):
        cache.add_order(order)
    event = OrderDenied(
        trader_id=order.trader_id,
        strategy_id=order.strategy_id,
        instrument_id=order.instrument_id,
        client_order_id=order.client_order_id,
        reason=reason,
        event_id=UUID4(),
        ts_init=ts_ns,
    )
    msgbus.send(EVENTS, event)


def refuse_change(order: Order, reason: str, msgbus: MessageBus, ts_ns: int) -> None:
    """Leave an order as it is, and say why."""
    event = OrderModifyRejected(**_at_the_venue(order, ts_ns), reason=reason)
    msgbus.send(EVENTS, event)


def close_again(order: Order, msgbus: MessageBus, ts_ns: int) -> None:
    """End an order once more that the venue has cancelled: the engine opens it again for a fill that came late."""
    event = OrderCanceled(**_at_the_venue(order, ts_ns))
    msgbus.send(EVENTS, event)


def being_cancelled(order: Order, ts_ns: int) -> OrderPendingCancel:
    """Return the event by which a strategy that cancels marks its order."""
    return OrderPendingCancel(**_at_the_venue(order, ts_ns))


def cancel_of(order: Order, ts_ns: int) -> CancelOrder:
    """Return the command that cancels an order for its strategy."""
    return CancelOrder(
        trader_id=order.trader_id,
        strategy_id=order.strategy_id,
        instrument_id=order.instrument_id,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        command_id=UUID4(),
        ts_init=ts_ns,
    )


def _at_the_venue(order: Order, ts_ns: int) -> dict[str, Any]:
    """Return what every event of an order that was sent says of it."""
    return {
        "trader_id": order.trader_id,
        "strategy_id": order.strategy_id,
        "instrument_id": order.instrument_id,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "account_id": order.account_id,
        "event_id": UUID4(),
        "ts_event": ts_ns,
        "ts_init": ts_ns,
    }
