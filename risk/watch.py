"""Keep the view true: what each engine event changes in it, and who else wants to hear of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.model.enums import OrderSide, OrderStatus, order_side_to_str
from nautilus_trader.model.events import OrderCanceled, OrderFilled, OrderModifyRejected, OrderUpdated
from nautilus_trader.model.orders import Order

from risk.audit import AuditLog
from risk.commands import LIQUIDATION_TAG
from risk.view import View

_DONE = (
    OrderStatus.DENIED,
    OrderStatus.REJECTED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.FILLED,
)


class Observer(Protocol):
    """Who wants to hear what the gate hears: recorders and reports, so that they need no road to the bus."""

    def on_order_event(self, event: Any) -> None:
        """Take an order event."""

    def on_position_event(self, event: Any) -> None:
        """Take a position event."""

    def on_instant_end(self, ts_ns: int) -> None:
        """Take note that time moves beyond an instant; the view still stands as it was at its end."""


class Watch:
    """
    Turn engine events into changes of the view.

    Parameters
    ----------
    view : View
        Written here and nowhere else.
    cache : CacheFacade
        The engine's, for the state of orders.
    audit : AuditLog
        Told of liquidations.
    currency : str
        The one currency in which equity is counted; balances in others are left out.

    """

    def __init__(self, view: View, cache: CacheFacade, audit: AuditLog, currency: str) -> None:
        self.changes = 0
        """How many events of orders and positions came: the same number means that none has changed."""
        self.observers: list[Observer] = []
        self.mark_listeners: list[Callable[[str, float, int], None]] = []
        self.on_unknown_fill: Callable[[OrderFilled], None] = _ignore
        self.on_reopened: Callable[[Order], None] = _ignore
        """Told of a cancelled order which the engine takes for open again, as a part of it had been filled before."""
        self._view = view
        self._cache = cache
        self._audit = audit
        self._currency = currency
        self._tickets: set[str] = set()
        self._positions: dict[str, dict[str, tuple[float, float]]] = {}
        self._cash: dict[str, float] = {}
        self._settled: dict[str, float] = {}
        self._has_mark: set[str] = set()
        self._instant_ns = 0

    def handlers(self) -> dict[str, Callable[[Any], None]]:
        """Return the topic patterns to subscribe to, each with its handler."""
        return {
            "events.order.*": self.on_order_event,
            "events.position.*": self.on_position_event,
            "events.account.*": self.on_account,
            "data.bars.*": self.on_bar,
            "data.trades.*": self.on_trade,
            "data.quotes.*": self.on_quote,
            "data.mark_prices.*": self.on_mark_price,
            "data.MarkBar.*": self.on_mark_bar,
        }

    def expect(self, client_order_id: str) -> None:
        """Give an approved order its ticket: a fill without one raises the alarm."""
        self._tickets.add(client_order_id)

    def on_order_event(self, event: Any) -> None:
        """Let go of what is closed, keep what is left of a partial fill, and check every fill's ticket."""
        self.changes += 1
        self._move_to(event.ts_init)
        key = event.client_order_id.value
        order = self._cache.order(event.client_order_id)
        if isinstance(event, OrderFilled):
            self._take_position(event)
            if key not in self._tickets:
                self._on_ticketless(event, order)
        if order is None or order.status in _DONE:
            self._view.remove_working(key, order.leaves_qty.as_double() if order is not None else 0.0)
        elif isinstance(event, OrderFilled | OrderUpdated | OrderModifyRejected):
            self._keep_rest(order)
        for observer in self.observers:
            observer.on_order_event(event)
        if isinstance(event, OrderFilled) and order is not None and self._is_reopened(order):
            self.on_reopened(order)

    def _is_reopened(self, order: Order) -> bool:
        if order.status is not OrderStatus.PARTIALLY_FILLED:
            return False
        if self._view.working(order.client_order_id.value) is not None:
            return False
        return any(isinstance(event, OrderCanceled) for event in order.events)

    def _on_ticketless(self, event: OrderFilled, order: Order | None) -> None:
        if order is None or LIQUIDATION_TAG not in (order.tags or ()) or not order.is_reduce_only:
            self.on_unknown_fill(event)
            return
        data = {
            "instrument": event.instrument_id.value,
            "client_order_id": event.client_order_id.value,
            "side": order_side_to_str(event.order_side),
            "price": event.last_px.as_double(),
            "quantity": event.last_qty.as_double(),
        }
        self._audit.append(event.ts_event, "LIQUIDATION", data)

    def _keep_rest(self, order: Order) -> None:
        """Take over what is open of an order and its prices: after a part is filled, or a change made or refused."""
        rest = self._view.working(order.client_order_id.value)
        if rest is None:
            return
        if rest.parent_id is not None:
            self._view.apply_child_fill(rest.client_order_id, rest.parent_id, order.filled_qty.as_double())
        sign = 1.0 if order.side == OrderSide.BUY else -1.0
        price = rest.price
        if order.has_price:
            price = order.price.as_double()
        elif order.has_trigger_price:
            price = order.trigger_price.as_double()
        self._view.apply_working(
            rest.client_order_id,
            rest.instrument,
            sign * order.leaves_qty.as_double(),
            price,
            rest.reduce_only,
            rest.parent_id,
            is_stop=rest.is_stop,
        )

    def on_position_event(self, event: Any) -> None:
        """Take over a position; those of several strategies in one instrument add up, as they do at the venue."""
        self.changes += 1
        self._move_to(event.ts_init)
        self._hold(event, event.signed_qty, event.avg_px_open)
        for observer in self.observers:
            observer.on_position_event(event)

    def _take_position(self, event: OrderFilled) -> None:
        """
        Take over the position a fill made, ahead of its own event.

        The engine publishes a fill before the position's event, and strategies may send orders in between: they must
        not be judged on the position from before the fill.
        """
        position = self._cache.position(event.position_id) if event.position_id is not None else None
        if position is not None:
            self._hold(event, position.signed_qty, position.avg_px_open)

    def _hold(self, event: Any, signed_quantity: float, entry_price: float) -> None:
        instrument, position_id = event.instrument_id.value, event.position_id.value
        self._view.apply_owner(instrument, event.strategy_id.value, signed_quantity)
        held = self._positions.setdefault(instrument, {})
        if signed_quantity == 0.0:
            held.pop(position_id, None)
        else:
            held[position_id] = (signed_quantity, entry_price)
        quantity, entry = _net(held)
        self._view.apply_position(instrument, quantity, entry)
        settled = -math.fsum(signed * price for signed, price in held.values()) if quantity == 0.0 else 0.0
        if settled != self._settled.get(instrument, 0.0):
            self._settled[instrument] = settled
            self._apply_cash()

    def on_account(self, event: Any) -> None:
        """Take over the wallet balance, summed over accounts."""
        self._move_to(event.ts_init)
        for balance in event.balances:
            if balance.currency.code == self._currency:
                self._cash[event.account_id.value] = balance.total.as_double()
        self._apply_cash()

    def _apply_cash(self) -> None:
        """Count as cash what positions of several strategies that cancel out have made: their net shows no profit."""
        self._view.apply_cash(math.fsum((*self._cash.values(), *self._settled.values())))

    def on_bar(self, bar: Any) -> None:
        """Take the close as last price."""
        self._last(bar.bar_type.instrument_id.value, bar.close.as_double(), bar.ts_init)

    def on_trade(self, tick: Any) -> None:
        """Take the trade's price as last price."""
        self._last(tick.instrument_id.value, tick.price.as_double(), tick.ts_init)

    def on_quote(self, tick: Any) -> None:
        """Take the middle of bid and ask as last price."""
        middle = (tick.bid_price.as_double() + tick.ask_price.as_double()) / 2
        self._last(tick.instrument_id.value, middle, tick.ts_init)

    def on_mark_price(self, update: Any) -> None:
        """Take the venue's mark price; from now on last prices no longer stand in for it."""
        self._has_mark.add(update.instrument_id.value)
        self._mark(update.instrument_id.value, update.value.as_double(), update.ts_init)

    def on_mark_bar(self, mark: Any) -> None:
        """Take a mark bar's close."""
        self._has_mark.add(mark.instrument_id.value)
        self._mark(mark.instrument_id.value, mark.close.as_double(), mark.ts_init)

    def on_time(self, ts_ns: int) -> None:
        """Take note that time has moved on though nothing happened: a heartbeat."""
        self._move_to(ts_ns)

    def _last(self, instrument: str, price: float, ts_ns: int) -> None:
        if instrument not in self._has_mark:
            self._mark(instrument, price, ts_ns)
        elif ts_ns > self._instant_ns:
            self._move_to(ts_ns)

    def _mark(self, instrument: str, price: float, ts_ns: int) -> None:
        if ts_ns > self._instant_ns:
            self._move_to(ts_ns)
        self._view.apply_mark(instrument, price, ts_ns)
        for listener in self.mark_listeners:
            listener(instrument, price, ts_ns)

    def _move_to(self, ts_ns: int) -> None:
        if ts_ns <= self._instant_ns:
            return
        for observer in self.observers:
            observer.on_instant_end(self._instant_ns)
        self._instant_ns = ts_ns
        self._view.advance(ts_ns)


def _net(held: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """Return net quantity and the entry price at which net positions have the profit of their parts."""
    if len(held) == 1:
        return next(iter(held.values()))
    quantity = math.fsum(signed for signed, _ in held.values())
    if quantity == 0.0:
        return 0.0, 0.0
    return quantity, math.fsum(signed * entry for signed, entry in held.values()) / quantity


def _ignore(what: OrderFilled | Order) -> None:
    """Stand in until the gate takes the place."""
