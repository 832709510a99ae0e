"""Read engine commands: what does this command ask for, in the words of the risk checks."""

from __future__ import annotations

import math

import msgspec
from nautilus_trader.execution.messages import ModifyOrder, SubmitOrder, SubmitOrderList
from nautilus_trader.model.enums import OrderSide, OrderType, order_type_to_str
from nautilus_trader.model.orders import Order

from risk.intent import Action, Intent, Origin, Side

SIGNAL_TAG = "signal:"
OPERATOR_TAG = "operator:"
REASON_TAG = "reason:"
LIQUIDATION_TAG = "LIQUIDATION"

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP_MARKET, OrderType.TRAILING_STOP_LIMIT)


class _Claims(msgspec.Struct):
    confidence: float | None = None
    kelly_fraction: float | None = None


class _SignalHead(msgspec.Struct):
    confidence: float | None = None


class _KellyClaim(msgspec.Struct):
    kelly_fraction: float | None = None


_claims = msgspec.json.Decoder(_Claims)
_signal_head = msgspec.json.Decoder(_SignalHead)
_kelly_claim = msgspec.json.Decoder(_KellyClaim)


def orders_of(command: SubmitOrder | SubmitOrderList) -> list[Order]:
    """Return the orders that a command submits, the entry first."""
    return list(command.order_list.orders) if isinstance(command, SubmitOrderList) else [command.order]


def intents_of(command: SubmitOrder | SubmitOrderList, ts_ns: int) -> tuple[Intent, ...]:
    """Read a command that submits one order or a list of them."""
    if isinstance(command, SubmitOrderList):
        return tuple(intents_of_list(command, ts_ns))
    return (intent_of_submit(command, ts_ns),)


def intents_of_list(command: SubmitOrderList, ts_ns: int) -> list[Intent]:
    """Read a list command: the entry knows its protective stop, each child knows its parent."""
    orders = command.order_list.orders
    stops = {
        order.parent_order_id.value: order.trigger_price.as_double()
        for order in orders
        if order.parent_order_id is not None and order.order_type in _STOPS and order.has_trigger_price
    }
    return [intent_of_order(order, ts_ns, stop_price=stops.get(order.client_order_id.value)) for order in orders]


def intent_of_submit(command: SubmitOrder, ts_ns: int) -> Intent:
    """Read a single submit: from a strategy, an algorithm's child, or an emulated order's release."""
    return intent_of_order(command.order, ts_ns)


def intent_of_modify(command: ModifyOrder, order: Order, ts_ns: int) -> Intent:
    """Read a change of a resting order: what would stay open after it, at which prices."""
    current = intent_of_order(order, ts_ns)
    total = current.quantity if command.quantity is None else command.quantity.as_double()
    return msgspec.structs.replace(
        current,
        action=Action.MODIFY,
        quantity=total - order.filled_qty.as_double(),
        price=command.price.as_double() if command.price is not None else current.price,
        trigger_price=(
            command.trigger_price.as_double() if command.trigger_price is not None else current.trigger_price
        ),
    )


def intent_of_order(order: Order, ts_ns: int, stop_price: float | None = None) -> Intent:
    """Read one order; quote-denominated quantities become NaN, which every check refuses."""
    signal = operator = reason = None
    tags = tuple(order.tags or ())
    for tag in tags:
        if tag.startswith(SIGNAL_TAG):
            signal = tag[len(SIGNAL_TAG) :]
        elif tag.startswith(OPERATOR_TAG):
            operator = tag[len(OPERATOR_TAG) :]
        elif tag.startswith(REASON_TAG):
            reason = tag[len(REASON_TAG) :]

    parent = order.parent_order_id or order.exec_spawn_id
    confidence, kelly_fraction = _claims_of(signal)
    return Intent(
        ts_ns=ts_ns,
        strategy=order.strategy_id.value,
        instrument=order.instrument_id.value,
        client_order_id=order.client_order_id.value,
        side=Side.BUY if order.side == OrderSide.BUY else Side.SELL,
        order_type=order_type_to_str(order.order_type),
        quantity=float("nan") if order.is_quote_quantity else order.quantity.as_double(),
        origin=Origin.OPERATOR if operator is not None else Origin.AUTOMATED,
        price=order.price.as_double() if order.has_price else None,
        trigger_price=order.trigger_price.as_double() if order.has_trigger_price else None,
        stop_price=stop_price,
        reduce_only=order.is_reduce_only,
        parent_id=parent.value if parent is not None and parent != order.client_order_id else None,
        algorithm=order.exec_algorithm_id.value if order.exec_algorithm_id is not None else None,
        operator=operator,
        reason=reason,
        confidence=confidence,
        kelly_fraction=kelly_fraction,
        signal=signal,
        tags=tuple(tag for tag in tags if not tag.startswith(SIGNAL_TAG)),
    )


def _claims_of(signal: str | None) -> tuple[float | None, float | None]:
    """Return confidence and Kelly fraction of a signal; where one of them is broken, the other stands for itself."""
    if signal is None:
        return None, None
    try:
        claims = _claims.decode(signal)
    except msgspec.DecodeError:
        return _confidence(signal), _kelly_fraction(signal)
    return claims.confidence, claims.kelly_fraction


def _confidence(signal: str) -> float | None:
    try:
        return _signal_head.decode(signal).confidence
    except msgspec.DecodeError:
        return None


def _kelly_fraction(signal: str) -> float | None:
    """Return the claim; NaN, which every check refuses, where there is one that is no number."""
    try:
        return _kelly_claim.decode(signal).kelly_fraction
    except msgspec.ValidationError:
        return None if not _is_object(signal) else math.nan
    except msgspec.DecodeError:
        return None


def _is_object(signal: str) -> bool:
    return signal.lstrip().startswith("{")
