"""Orders that are cancelled before or because they may not be sent: parked ones, and those that a new mode forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.execution.messages import BatchCancelOrders, CancelAllOrders, CancelOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.orders import Order

from risk.commands import OPERATOR_TAG
from risk.intent import Origin
from risk.modes.approvals import Request
from risk.modes.table import POWERS, Mode, Permission
from risk.review import Review
from risk.view import View


def withdraw_parked(command: Any, review: Review) -> bool:
    """Withdraw the orders of a cancel that wait for approval; return whether the venue has anything left to cancel."""
    if isinstance(command, CancelOrder):
        return not review.withdraw_order(command.client_order_id.value)
    if isinstance(command, BatchCancelOrders):
        waited = [review.withdraw_order(cancel.client_order_id.value) for cancel in command.cancels]
        return not all(waited)
    if isinstance(command, CancelAllOrders):
        review.withdraw(lambda request: _is_meant(command, request), "cancelled by its sender")
    return True


def forbidden_orders(mode: Mode, view: View, cache: CacheFacade) -> Iterator[Order]:
    """Give the orders at the venue that could add risk and that their senders could not send in a mode."""
    for working in view.overshooting():
        order = cache.order(ClientOrderId(working.client_order_id))
        if order is None or not (order.is_open or order.is_inflight):
            continue  # an order of an algorithm not at the venue: its slices meet the gate
        by_operator = any(tag.startswith(OPERATOR_TAG) for tag in order.tags or ())
        permission = POWERS[mode].orders(Origin.OPERATOR if by_operator else Origin.AUTOMATED)
        if permission not in (Permission.YES, Permission.WITH_ID_AND_REASON):
            yield order


def _is_meant(command: CancelAllOrders, request: Request) -> bool:
    """Return whether a request's first order is one that a cancel of all names."""
    first = request.intents[0]
    if command.order_side not in (OrderSide.NO_ORDER_SIDE, OrderSide[first.side.name]):
        return False
    return (first.strategy, first.instrument) == (command.strategy_id.value, command.instrument_id.value)
