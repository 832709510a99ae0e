"""Engine objects as plain arrays and back, bit for bit: what a recording's frames hold."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec
from nautilus_trader.model.data import (
    Bar,
    BarType,
    BookOrder,
    CustomData,
    FundingRateUpdate,
    MarkPriceUpdate,
    OrderBookDelta,
    OrderBookDeltas,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TradeId
from nautilus_trader.model.objects import FIXED_PRECISION, Price, Quantity

from catalog.marks import MarkBar
from catalog.marks import as_engine_data as wrap_mark
from research.recording.heartbeat import Heartbeat
from research.recording.heartbeat import as_engine_data as wrap_heartbeat
from risk.ask import Ask
from risk.operations import OperatorCommand
from risk.operations import as_engine_data as wrap_command

type Row = list[Any]

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode


class UnrecordableError(TypeError):
    """Refuse an input of a kind that recordings do not hold."""


def encode(data: Any) -> bytes:
    """
    Return one input as bytes.

    Raises
    ------
    UnrecordableError
        If it is of a kind that recordings do not hold: it must then not be processed either.

    """
    inner = data.data if type(data) is CustomData else data
    entry = _BY_TYPE.get(type(inner))
    if entry is None:
        raise UnrecordableError(f"a recording can't hold {type(inner).__name__}; it holds {', '.join(sorted(KINDS))}")
    code, to_row, _ = entry
    return _encode([code, inner.ts_event, inner.ts_init, *to_row(inner)])


def decode(payload: bytes) -> Any:
    """Return what `encode` was given; custom data comes wrapped, as the data engine wants it."""
    row: Row = _decode(payload)
    return _BY_CODE[row[0]](row[3:], row[1], row[2])


def stamped(data: Any, ts_init: int, ts_event: int | None = None) -> Any:
    """Return the same data as of another instant; `ts_event` stays where it is not given, but never lies later."""
    inner = data.data if type(data) is CustomData else data
    entry = _BY_TYPE.get(type(inner))
    if entry is None:
        raise UnrecordableError(f"a recording can't hold {type(inner).__name__}; it holds {', '.join(sorted(KINDS))}")
    code, to_row, _ = entry
    event = min(inner.ts_event, ts_init) if ts_event is None else ts_event
    return _BY_CODE[code](to_row(inner), event, ts_init)


def _number(value: Any) -> int | bytes:
    """Return a price's or quantity's digits as an integer at its own precision; its raw bytes where they don't fit."""
    step: int = _STEPS[value.precision]
    raw: int = value.raw
    digits, rest = raw // step, raw % step
    if rest == 0 and -(1 << 63) <= digits < 1 << 64:
        return digits
    return raw.to_bytes(17, "little", signed=True)


def _raw(number: int | bytes, precision: int) -> int:
    if isinstance(number, bytes):
        return int.from_bytes(number, "little", signed=True)
    return number * _STEPS[precision]


def _price(number: int | bytes, precision: int) -> Price:
    return Price.from_raw(_raw(number, precision), precision)


def _quantity(number: int | bytes, precision: int) -> Quantity:
    return Quantity.from_raw(_raw(number, precision), precision)


_STEPS: Final[list[int]] = [10 ** (FIXED_PRECISION - precision) for precision in range(FIXED_PRECISION + 1)]

_ids: dict[str, InstrumentId] = {}
_bar_types: dict[str, BarType] = {}


def _id(text: str) -> InstrumentId:
    found = _ids.get(text)
    if found is None:
        found = _ids[text] = InstrumentId.from_str(text)
    return found


def _bar_type(text: str) -> BarType:
    found = _bar_types.get(text)
    if found is None:
        found = _bar_types[text] = BarType.from_str(text)
    return found


def _quote_row(quote: QuoteTick) -> Row:
    bid, ask, bid_size, ask_size = quote.bid_price, quote.ask_price, quote.bid_size, quote.ask_size
    numbers = [_number(bid), _number(ask), _number(bid_size), _number(ask_size)]
    return [quote.instrument_id.value, bid.precision, bid_size.precision, *numbers]


def _quote(row: Row, ts_event: int, ts_init: int) -> QuoteTick:
    name, price, size, bid, ask, bid_size, ask_size = row
    prices = (_price(bid, price), _price(ask, price), _quantity(bid_size, size), _quantity(ask_size, size))
    return QuoteTick(_id(name), *prices, ts_event, ts_init)


def _trade_row(trade: TradeTick) -> Row:
    return [
        trade.instrument_id.value,
        trade.price.precision,
        trade.size.precision,
        _number(trade.price),
        _number(trade.size),
        int(trade.aggressor_side),
        trade.trade_id.value,
    ]


def _trade(row: Row, ts_event: int, ts_init: int) -> TradeTick:
    name, price, size, price_number, size_number, side, trade_id = row
    return TradeTick(
        _id(name),
        _price(price_number, price),
        _quantity(size_number, size),
        AggressorSide(side),
        TradeId(trade_id),
        ts_event,
        ts_init,
    )


def _bar_row(bar: Bar) -> Row:
    prices = [_number(value) for value in (bar.open, bar.high, bar.low, bar.close)]
    return [str(bar.bar_type), bar.open.precision, bar.volume.precision, *prices, _number(bar.volume)]


def _bar(row: Row, ts_event: int, ts_init: int) -> Bar:
    name, price, size, *prices, volume = row
    values = [_price(number, price) for number in prices]
    return Bar(_bar_type(name), *values, _quantity(volume, size), ts_event, ts_init)


def _delta_row(delta: OrderBookDelta) -> Row:
    order = delta.order
    row = [delta.instrument_id.value, int(delta.action), delta.flags, delta.sequence]
    if order is None or delta.action == BookAction.CLEAR:
        return row
    numbers = [order.price.precision, order.size.precision, _number(order.price), _number(order.size)]
    return [*row, int(order.side), order.order_id, *numbers]


def _delta(row: Row, ts_event: int, ts_init: int) -> OrderBookDelta:
    name, action, flags, sequence, *rest = row
    if not rest:
        return OrderBookDelta.clear(_id(name), sequence, ts_event, ts_init)
    side, order_id, price, size, price_number, size_number = rest
    order = BookOrder(OrderSide(side), _price(price_number, price), _quantity(size_number, size), order_id)
    return OrderBookDelta(_id(name), BookAction(action), order, flags, sequence, ts_event, ts_init)


def _deltas_row(deltas: OrderBookDeltas) -> Row:
    return [deltas.instrument_id.value, [_delta_row(delta) for delta in deltas.deltas]]


def _deltas(row: Row, ts_event: int, ts_init: int) -> OrderBookDeltas:
    return OrderBookDeltas(_id(row[0]), [_delta(each, ts_event, ts_init) for each in row[1]])


def _mark_row(update: MarkPriceUpdate) -> Row:
    return [update.instrument_id.value, update.value.precision, _number(update.value)]


def _mark(row: Row, ts_event: int, ts_init: int) -> MarkPriceUpdate:
    return MarkPriceUpdate(_id(row[0]), _price(row[2], row[1]), ts_event, ts_init)


def _funding_row(update: FundingRateUpdate) -> Row:
    return [update.instrument_id.value, str(update.rate), update.interval, update.next_funding_ns]


def _funding(row: Row, ts_event: int, ts_init: int) -> FundingRateUpdate:
    name, rate, interval, next_ns = row
    return FundingRateUpdate(_id(name), Decimal(rate), ts_event, ts_init, interval=interval, next_funding_ns=next_ns)


def _mark_bar_row(mark: MarkBar) -> Row:
    prices = [_number(value) for value in (mark.open, mark.high, mark.low, mark.close)]
    return [mark.instrument_id.value, mark.open.precision, *prices]


def _mark_bar(row: Row, ts_event: int, ts_init: int) -> CustomData:
    open_, high, low, close = (_price(number, row[1]) for number in row[2:])
    return wrap_mark(MarkBar(_id(row[0]), open_, high, low, close, ts_event, ts_init))


def _command_row(command: OperatorCommand) -> Row:
    return [msgspec.to_builtins(command.ask)]


def _command(row: Row, ts_event: int, ts_init: int) -> CustomData:
    return wrap_command(OperatorCommand(msgspec.convert(row[0], Ask), ts_event, ts_init))


def _heartbeat_row(_: Heartbeat) -> Row:
    return []


def _heartbeat(_: Row, __: int, ts_init: int) -> CustomData:
    return wrap_heartbeat(Heartbeat(ts_init))


_BY_TYPE: Final[dict[type, tuple[int, Callable[[Any], Row], Callable[[Row, int, int], Any]]]] = {
    QuoteTick: (1, _quote_row, _quote),
    TradeTick: (2, _trade_row, _trade),
    Bar: (3, _bar_row, _bar),
    OrderBookDelta: (4, _delta_row, _delta),
    OrderBookDeltas: (5, _deltas_row, _deltas),
    MarkPriceUpdate: (6, _mark_row, _mark),
    FundingRateUpdate: (7, _funding_row, _funding),
    MarkBar: (8, _mark_bar_row, _mark_bar),
    OperatorCommand: (9, _command_row, _command),
    Heartbeat: (10, _heartbeat_row, _heartbeat),
}
_BY_CODE: Final = {code: back for code, _, back in _BY_TYPE.values()}

KINDS: Final = tuple(kind.__name__ for kind in _BY_TYPE)
"""What a recording can hold."""
