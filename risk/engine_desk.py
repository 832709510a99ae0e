"""The desk at the engine: orders on behalf of a position's own strategy, sent through the gate like any other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.common.component import Clock, MessageBus
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide, OrderStatus, TriggerType
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, PositionId, StrategyId, TraderId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import MarketOrder, Order, StopMarketOrder
from nautilus_trader.model.position import Position

from risk.answers import being_cancelled, cancel_of
from risk.checks.hedge import HEDGE_STRATEGY
from risk.desk import OpenOrder, OpenPosition, Purpose, TopOfBook
from risk.intent import Side

GUARD_TAG = "guard:"
EMULATOR = "OrderEmulator.execute"


class EngineDesk:
    """
    Cancel, close and protect through the engine's own commands; see `risk.desk.Desk` for what each promises.

    A closing order belongs to the strategy whose position it closes: with netted positions the engine could not tell
    otherwise what it closes, and the strategy hears of it as of its own orders. All orders pass `send`, the gate, and
    past the engine's risk engine, which would refuse what is below the venue's minimum size.

    Parameters
    ----------
    msgbus, cache, clock : the engine's own
    send : callable
        Takes a command at the gate: `Gate.execute`.
    mark_of : callable
        Returns the mark of an instrument, None where there is none: `View.mark`.
    trader_id : TraderId
        Whose orders they are.
    session : int
        A number that no earlier session of this account had (the epoch of the stored state). With a count it makes
        client order ids that never repeat: ``GUARD-<session>-<count>``.
    move_margin : callable or None
        Moves quote currency to an isolated position, by position id; None where the venue offers no way.

    """

    def __init__(
        self,
        *,
        msgbus: MessageBus,
        cache: CacheFacade,
        clock: Clock,
        send: Callable[[Any], None],
        mark_of: Callable[[str], float | None],
        trader_id: TraderId,
        session: int = 0,
        move_margin: Callable[[str, float], bool] | None = None,
    ) -> None:
        if session < 0:
            raise ValueError(f"session must be at least 0, was {session}")
        self._msgbus = msgbus
        self._cache = cache
        self._clock = clock
        self._send = send
        self._mark_of = mark_of
        self._trader_id = trader_id
        self._session = session
        self._move_margin = move_margin
        self._count = 0

    # -- what is open ----------------------------------------------------------------------------------------------

    def positions(self) -> tuple[OpenPosition, ...]:
        """Return every open position, by position id."""
        found = [
            OpenPosition(
                position_id=position.id.value,
                instrument=position.instrument_id.value,
                strategy=position.strategy_id.value,
                signed_quantity=position.signed_qty,
                entry_price=position.avg_px_open,
                mark=self._mark_of(position.instrument_id.value),
            )
            for position in self._cache.positions_open()
        ]
        return tuple(sorted(found, key=lambda position: position.position_id))

    def orders(self) -> tuple[OpenOrder, ...]:
        """Return every order that is not over, by client order id."""
        ids = self._cache.client_order_ids() - self._cache.client_order_ids_closed()
        found = (self._cache.order(client_order_id) for client_order_id in sorted(ids, key=_text))
        return tuple(_open_order(order) for order in found if order is not None and not order.is_closed)

    def book(self, instrument: str, depth_bps: float = 10.0) -> TopOfBook | None:
        """Return the market's best prices and depth, None where no quote or book was seen."""
        instrument_id = InstrumentId.from_str(instrument)
        book = self._cache.order_book(instrument_id)
        if book is not None:
            bids, asks = book.bids(), book.asks()
            if bids and asks:
                width = depth_bps / 1e4
                bid, ask = bids[0].price.as_double(), asks[0].price.as_double()
                return TopOfBook(
                    bid=bid,
                    ask=ask,
                    bid_depth=_depth(bids, lambda price: price >= bid * (1.0 - width)),
                    ask_depth=_depth(asks, lambda price: price <= ask * (1.0 + width)),
                )
        quote = self._cache.quote_tick(instrument_id)
        if quote is None:
            return None
        return TopOfBook(
            bid=quote.bid_price.as_double(),
            ask=quote.ask_price.as_double(),
            bid_depth=quote.bid_size.as_double(),
            ask_depth=quote.ask_size.as_double(),
        )

    # -- orders ----------------------------------------------------------------------------------------------------

    def reduce(self, position_id: str, quantity: float, purpose: Purpose) -> str | None:
        """Send a reduce-only market order against a position."""
        position = self._cache.position(PositionId(position_id))
        size = self._size_against(position, quantity)
        if size is None:
            return None
        order = MarketOrder(
            trader_id=position.trader_id,
            strategy_id=position.strategy_id,
            instrument_id=position.instrument_id,
            client_order_id=self._next_id(),
            order_side=_closing_side(position),
            quantity=size,
            init_id=UUID4(),
            ts_init=self._clock.timestamp_ns(),
            reduce_only=True,
            tags=[GUARD_TAG + purpose.value],
        )
        return self._submit(order, position.id)

    def protect(self, position_id: str, quantity: float, trigger_price: float, purpose: Purpose) -> str | None:
        """Send a reduce-only stop-market order for a position; the trigger is rounded to the tick, towards the mark."""
        position = self._cache.position(PositionId(position_id))
        size = self._size_against(position, quantity)
        if size is None or not 0.0 < trigger_price < math.inf:
            return None
        instrument = self._cache.instrument(position.instrument_id)
        order = StopMarketOrder(
            trader_id=position.trader_id,
            strategy_id=position.strategy_id,
            instrument_id=position.instrument_id,
            client_order_id=self._next_id(),
            order_side=_closing_side(position),
            quantity=size,
            trigger_price=_to_tick(trigger_price, instrument, up=position.is_long),
            trigger_type=TriggerType.DEFAULT,
            init_id=UUID4(),
            ts_init=self._clock.timestamp_ns(),
            reduce_only=True,
            tags=[GUARD_TAG + purpose.value],
        )
        return self._submit(order, position.id)

    def hedge(self, instrument: str, side: Side, quantity: float, purpose: Purpose) -> str | None:
        """Send a market order that opens the opposite of an exposure which can't be closed where it is."""
        known = self._cache.instrument(InstrumentId.from_str(instrument))
        size = None if known is None else _to_lot(quantity, known)
        if known is None or size is None:
            return None
        order = MarketOrder(
            trader_id=self._trader_id,
            strategy_id=StrategyId(HEDGE_STRATEGY),
            instrument_id=known.id,
            client_order_id=self._next_id(),
            order_side=OrderSide.BUY if side is Side.BUY else OrderSide.SELL,
            quantity=size,
            init_id=UUID4(),
            ts_init=self._clock.timestamp_ns(),
            tags=[GUARD_TAG + purpose.value],
        )
        return self._submit(order, None)

    def cancel(self, client_order_id: str) -> None:
        """
        Cancel an order; nothing happens where it is over or being cancelled already.

        It goes to where the order is: to the emulator, to its execution algorithm, and else to the gate, which
        withdraws what waits for approval and passes the rest on to the venue.
        """
        order = self._cache.order(ClientOrderId(client_order_id))
        if order is None or order.is_closed or order.is_pending_cancel:
            return
        command = cancel_of(order, self._clock.timestamp_ns())
        if order.is_emulated or (order.is_active_local and order.emulation_trigger != TriggerType.NO_TRIGGER):
            self._msgbus.send(EMULATOR, command)
        elif order.is_active_local and order.exec_algorithm_id is not None:
            self._msgbus.send(f"{order.exec_algorithm_id}.execute", command)
        else:
            if not order.is_active_local:
                self._mark_cancelling(order)
            self._send(command)

    def add_margin(self, position_id: str, amount: float) -> bool:
        """Move `amount` of quote currency to an isolated position; False where that can't be done."""
        return self._move_margin is not None and self._move_margin(position_id, amount)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _next_id(self) -> ClientOrderId:
        self._count += 1
        return ClientOrderId(f"GUARD-{self._session}-{self._count}")

    def _size_against(self, position: Position | None, quantity: float) -> Quantity | None:
        """Return the quantity to close, rounded down to the lot; all of the position where that much is asked for."""
        if position is None or position.is_closed or not quantity > 0.0:
            return None
        if quantity >= position.quantity.as_double() * (1.0 - 1e-12):
            return position.quantity
        return _to_lot(quantity, self._cache.instrument(position.instrument_id))

    def _submit(self, order: Order, position_id: PositionId | None) -> str:
        """Take the same steps as a strategy that submits: tell of it, keep it, send it."""
        self._msgbus.publish(f"events.order.{order.strategy_id.value}", order.init_event)
        self._cache.add_order(order, position_id)
        self._send(
            SubmitOrder(
                trader_id=order.trader_id,
                strategy_id=order.strategy_id,
                order=order,
                command_id=UUID4(),
                ts_init=self._clock.timestamp_ns(),
                position_id=position_id,
            )
        )
        return str(order.client_order_id.value)

    def _mark_cancelling(self, order: Order) -> None:
        """Take the step of a strategy that cancels: the order is being cancelled, and everybody may know."""
        event = being_cancelled(order, self._clock.timestamp_ns())
        order.apply(event)
        self._cache.update_order(order)
        self._msgbus.publish(f"events.order.{order.strategy_id.value}", event)


def _text(client_order_id: ClientOrderId) -> str:
    return str(client_order_id.value)


def _open_order(order: Order) -> OpenOrder:
    sign = 1.0 if order.side == OrderSide.BUY else -1.0
    price = None
    if order.has_trigger_price:
        price = order.trigger_price.as_double()
    elif order.has_price:
        price = order.price.as_double()
    parent = order.parent_order_id or order.exec_spawn_id
    return OpenOrder(
        client_order_id=order.client_order_id.value,
        instrument=order.instrument_id.value,
        strategy=order.strategy_id.value,
        signed_quantity=sign * order.leaves_qty.as_double(),
        price=price,
        reduce_only=order.is_reduce_only,
        is_stop=order.has_trigger_price,
        parent_id=parent.value if parent is not None and parent != order.client_order_id else None,
        cancelling=order.status == OrderStatus.PENDING_CANCEL,
    )


def _closing_side(position: Position) -> OrderSide:
    return OrderSide.SELL if position.is_long else OrderSide.BUY


def _depth(levels: Iterable[Any], reaches: Callable[[float], bool]) -> float:
    return math.fsum(level.size() for level in levels if reaches(level.price.as_double()))


def _to_lot(quantity: float, instrument: Instrument) -> Quantity | None:
    """Round down to the lot; None where nothing is left. Twelve digits: what is below is float noise."""
    if not 0.0 < quantity < math.inf:
        return None
    lot = instrument.size_increment.as_decimal()
    lots = (Decimal(f"{quantity:.12g}") / lot).to_integral_value(rounding=ROUND_FLOOR)
    return instrument.make_qty(lots * lot) if lots > 0 else None


def _to_tick(price: float, instrument: Instrument, *, up: bool) -> Price:
    tick = instrument.price_increment.as_decimal()
    ticks = (Decimal(f"{price:.12g}") / tick).to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return instrument.make_price(max(ticks, Decimal(1)) * tick)
