"""Orders that an operator sends by hand, through the gate like any other."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.common.component import Clock, MessageBus
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder, SubmitOrderList
from nautilus_trader.model.enums import ContingencyType, OrderSide, OrderStatus, TriggerType
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, OrderListId, StrategyId, TraderId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import LimitOrder, MarketOrder, Order, OrderList, StopMarketOrder

from risk.commands import OPERATOR_TAG, REASON_TAG
from risk.intent import Side

OPERATOR_STRATEGY = "Operator-000"
"""Who holds positions that operators opened: they belong to no strategy."""


class HandOrder(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an operator wants to send.

    `quantity` (base units), `price` (the limit; None for a market order) and `stop_price` (a protective stop that
    travels with the order; None for none) are decimals in text, on the venue's lot and tick.
    """

    instrument: str
    side: Side
    quantity: str
    price: str | None = None
    stop_price: str | None = None
    reduce_only: bool = False


class OperatorOrders:
    """
    Send operators' orders.

    They carry the operator and the reason as tags, which the gate reads, and belong to a strategy of their own.

    Parameters
    ----------
    msgbus, cache, clock : the engine's own
    send : callable
        Takes a command at the gate: `Gate.execute`.
    trader_id : TraderId
        Whose orders they are.
    session : int
        A number no earlier session of this account had: client order ids are ``HAND-<session>-<count>``.

    """

    def __init__(
        self,
        *,
        msgbus: MessageBus,
        cache: CacheFacade,
        clock: Clock,
        send: Callable[[Any], None],
        trader_id: TraderId,
        session: int,
    ) -> None:
        self._msgbus = msgbus
        self._cache = cache
        self._clock = clock
        self._send = send
        self._trader_id = trader_id
        self._session = session
        self._count = 0

    def submit(self, wanted: HandOrder, operator: str, reason: str) -> tuple[bool, str]:
        """Send an order; return whether it went on its way, and its id with what became of it, or what is wrong."""
        instrument = self._cache.instrument(InstrumentId.from_str(wanted.instrument))
        if instrument is None:
            return False, f"instrument {wanted.instrument!r} is not traded here"
        try:
            orders = self._orders_of(wanted, instrument, [OPERATOR_TAG + operator, REASON_TAG + reason])
        except ValueError as error:
            return False, str(error)
        for order in orders:
            self._msgbus.publish(f"events.order.{order.strategy_id.value}", order.init_event)
            self._cache.add_order(order, None)
        self._send(self._command_of(orders))
        entry = orders[0]
        if entry.status == OrderStatus.DENIED:
            return False, f"{entry.client_order_id.value}: {entry.last_event.reason}"
        return True, entry.client_order_id.value

    def _orders_of(self, wanted: HandOrder, instrument: Instrument, tags: list[str]) -> list[Order]:
        quantity = _quantity(wanted.quantity, instrument)
        entry_id, stop_id = self._next_id(), None
        side = OrderSide.BUY if wanted.side is Side.BUY else OrderSide.SELL
        family: dict[str, Any] = {}
        if wanted.stop_price is not None:
            stop_id = self._next_id()
            family = {
                "contingency_type": ContingencyType.OTO,
                "order_list_id": OrderListId(f"HAND-{self._session}-{self._count}"),
                "linked_order_ids": [stop_id],
            }
        base: dict[str, Any] = {
            "trader_id": self._trader_id,
            "strategy_id": StrategyId(OPERATOR_STRATEGY),
            "instrument_id": instrument.id,
            "quantity": quantity,
            "ts_init": self._clock.timestamp_ns(),
        }
        first = base | family | {"client_order_id": entry_id, "order_side": side, "tags": tags, "init_id": UUID4()}
        first["reduce_only"] = wanted.reduce_only
        if wanted.price is None:
            entry: Order = MarketOrder(**first)
        else:
            entry = LimitOrder(**first, price=_price("price", wanted.price, instrument))
        if stop_id is None:
            return [entry]
        stop = StopMarketOrder(
            **base,
            client_order_id=stop_id,
            order_side=OrderSide.SELL if wanted.side is Side.BUY else OrderSide.BUY,
            trigger_price=_price("stop_price", wanted.stop_price or "", instrument),
            trigger_type=TriggerType.DEFAULT,
            init_id=UUID4(),
            reduce_only=True,
            order_list_id=family["order_list_id"],
            linked_order_ids=[entry_id],
            parent_order_id=entry_id,
            tags=[*tags, "STOP_LOSS"],
        )
        return [entry, stop]

    def _command_of(self, orders: list[Order]) -> SubmitOrder | SubmitOrderList:
        now = self._clock.timestamp_ns()
        if len(orders) == 1:
            return SubmitOrder(
                trader_id=self._trader_id,
                strategy_id=orders[0].strategy_id,
                order=orders[0],
                command_id=UUID4(),
                ts_init=now,
            )
        listed = OrderList(orders[0].order_list_id, orders)
        self._cache.add_order_list(listed)
        return SubmitOrderList(
            trader_id=self._trader_id,
            strategy_id=orders[0].strategy_id,
            order_list=listed,
            command_id=UUID4(),
            ts_init=now,
        )

    def _next_id(self) -> ClientOrderId:
        self._count += 1
        return ClientOrderId(f"HAND-{self._session}-{self._count}")


def _quantity(text: str, instrument: Instrument) -> Quantity:
    value = _decimal("quantity", text)
    step = instrument.size_increment.as_decimal()
    if not value > 0 or value % step != 0:
        raise ValueError(f"quantity must be a positive multiple of {step}, was {text}")
    return instrument.make_qty(value)


def _price(name: str, text: str, instrument: Instrument) -> Price:
    value = _decimal(name, text)
    step = instrument.price_increment.as_decimal()
    if not value > 0 or value % step != 0:
        raise ValueError(f"{name} must be a positive multiple of {step}, was {text}")
    return instrument.make_price(value)


def _decimal(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{name} must be a decimal number, was {text!r}") from None
    if not value.is_finite():
        raise ValueError(f"{name} must be a finite number, was {text!r}")
    return value
