"""Liquidation: the venue closes a position by force where its mark price exhausts the maintenance margin."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Literal, NamedTuple

import msgspec
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, PositionId
from nautilus_trader.model.objects import Currency
from nautilus_trader.model.orders import MarketOrder, Order
from nautilus_trader.model.position import Position

from catalog.instruments import LeverageBracket
from research.venue.prices import Board, Takeover
from risk.account_margin import (
    AccountMargin,
    Collateral,
    Holding,
    cross_collateral,
    isolated_margin,
    liquidation_price,
)
from risk.commands import LIQUIDATION_TAG
from risk.margin import initial_margin, maintenance_margin


class Liquidation(msgspec.Struct, frozen=True, kw_only=True):
    """
    One forced closing.

    Prices are in quote currency: `price` is the fill's, `liquidation_price` where the maintenance margin was used
    up, `bankruptcy_price` where nothing would have been left, `mark` the mark price's extreme that got there.
    `signed_quantity` is the position's, plus for long. `fee` is what the collateral could pay of the fee.
    """

    ts_ns: int
    instrument: str
    position_id: str
    client_order_id: str
    signed_quantity: float
    price: float
    liquidation_price: float
    bankruptcy_price: float
    mark: float
    fee: Decimal


class Hit(NamedTuple):
    """A position whose liquidation price the mark reaches; `granted` is that price on a tick against the holder."""

    position: Position
    price: float
    granted: Decimal


class Liquidator:
    """
    Decide who is liquidated, and close it.

    A position is hit when the mark price leaves no more than its maintenance margin. The venue then closes all of it
    with a reduce-only market order of its own, past latency and past the gate, at the liquidation price rounded to
    the tick against the holder, and cancels the strategy's remaining orders in the instrument. When the market jumps
    beyond that price, the worse of the two counts, but never beyond the bankruptcy price: that loss is the venue's
    insurance fund's.

    It serves one strategy for each instrument: the engine's venue nets an instrument's positions.

    Parameters
    ----------
    board : Board
        Prices and open positions.
    brackets : dict of InstrumentId to tuple of LeverageBracket
        Maintenance schedules; instruments without one are not liquidated.
    currency : Currency
        The account's settlement currency.
    leverage : float
        Leverage set at the venue; fixes an isolated position's margin.
    margin_mode : "cross" or "isolated"
        What backs a position.

    """

    def __init__(
        self,
        board: Board,
        brackets: dict[InstrumentId, tuple[LeverageBracket, ...]],
        currency: Currency,
        leverage: float,
        margin_mode: Literal["cross", "isolated"],
    ) -> None:
        self.exchange: Any = None
        self.ledger: list[Liquidation] = []
        self.listeners: list[Callable[[Liquidation], None]] = []
        self._board = board
        self._brackets = brackets
        self._currency = currency
        self._leverage = leverage
        self._isolated = margin_mode == "isolated"

    def liquidation_price(self, position: Position) -> float | None:
        """Return the mark price that would liquidate this open position now; None where none would."""
        return liquidation_price(self._holding(position, math.nan), self._collateral(position))

    def distance(self) -> float:
        """
        Return the smallest distance to liquidation of any open position, a fraction of its mark; NaN for none.

        `AccountMargin` says what it is; a position before its first price is left out.
        """
        return AccountMargin(self.wallet(), self._holdings()).distance_min()

    def wallet(self) -> float:
        """Return the account's cash without unrealised profit, settlement currency."""
        return float(self.exchange.get_account().balance_total(self._currency))

    def isolated_margin(self, instrument_id: InstrumentId) -> float | None:
        """Return what backs the isolated position in an instrument, 0 where there is none; None when cross-margined."""
        if not self._isolated:
            return None
        return math.fsum(map(self._margin, self._board.positions.get(instrument_id, {}).values()))

    def add_margin(self, position_id: PositionId, amount: float) -> bool:
        """
        Move cash of the wallet to an open isolated position; it comes back as the position is closed.

        False, and nothing moves, where the position is cross-margined or not there, or `amount` (settlement currency)
        is not positive or more than the wallet has left beside isolated margins and the margin of resting orders.
        """
        position = next((held for held in self._open_positions() if held.id == position_id), None)
        if not self._isolated or position is None or not 0.0 < amount <= self._free():
            return False
        self._board.add_margin(position_id, amount, abs(position.signed_qty))
        return True

    def _free(self) -> float:
        margins = math.fsum(map(self._margin, self._open_positions()))
        return self.wallet() - margins - math.fsum(map(self._order_margin, self.exchange.cache.orders_open()))

    def _order_margin(self, order: Order) -> float:
        market = self._board.markets.get(order.instrument_id)
        if order.is_reduce_only or market is None or order.instrument_id not in self._brackets:
            return 0.0
        price = order.price if order.has_price else order.trigger_price if order.has_trigger_price else market.last
        if price is None:
            return 0.0
        notional = float(order.leaves_qty) * float(price)
        return initial_margin(notional, self._leverage, self._brackets[order.instrument_id])

    def _open_positions(self) -> Iterator[Position]:
        for instrument_id, positions in self._board.positions.items():
            if instrument_id in self._brackets:
                yield from positions.values()

    def _holding(self, position: Position, mark: float, margin: float | None = None) -> Holding:
        return Holding(
            position.instrument_id.value,
            position.signed_qty,
            position.avg_px_open,
            mark,
            self._brackets[position.instrument_id],
            margin,
        )

    def _holdings(self, without: Position | None = None) -> list[Holding]:
        """Return all open positions that have a mark, but one."""
        return [
            self._holding(position, mark, self._margin(position) if self._isolated else None)
            for position in self._open_positions()
            if (without is None or position.id != without.id)
            and (mark := self._board.mark_price(position.instrument_id)) is not None
        ]

    def _margin(self, position: Position) -> float:
        quantity = abs(position.signed_qty)
        return isolated_margin(
            quantity,
            position.avg_px_open,
            self._leverage,
            self._brackets[position.instrument_id],
            self._board.added_margin(position.id, quantity),
            self.wallet(),
        )

    def _collateral(self, position: Position) -> Collateral:
        if self._isolated:
            return Collateral(self._margin(position), 0.0)
        return cross_collateral(self.wallet(), self._holdings(without=position))

    def endangers(self, instrument_id: InstrumentId, mark_low: float, mark_high: float) -> bool:
        """Return whether a bar of the mark may liquidate somebody; no for most bars, and cheap to ask."""
        positions = self._board.positions.get(instrument_id)
        if not positions or instrument_id not in self._brackets:
            return False
        return not all(
            self._survives(position, mark_low if position.is_long else mark_high) for position in positions.values()
        )

    def first_hit(self, instrument_id: InstrumentId, mark: float, *, longs: bool) -> Hit | None:
        """Return the long or short that a move to this mark price liquidates first; None where all live."""
        positions = self._board.positions.get(instrument_id)
        if not positions or instrument_id not in self._brackets:
            return None
        hits = [
            hit
            for position in positions.values()
            if position.is_long == longs and (hit := self._hit(position, mark)) is not None
        ]
        if not hits:
            return None
        return max(hits, key=_price) if longs else min(hits, key=_price)

    def jump(self, instrument_id: InstrumentId, mark: float, bid: float, ask: float, ts_ns: int) -> None:
        """Close everybody whom a jump to this mark price leaves behind: longs at `bid`, shorts at `ask`."""
        for longs, price in ((True, bid), (False, ask)):
            while (hit := self.first_hit(instrument_id, mark, longs=longs)) is not None:
                self.close(hit, price, mark, ts_ns)

    def close(self, hit: Hit, jumped_to: float | None, mark: float, ts_ns: int) -> None:
        """Close a position at its liquidation price, or at what the market jumped to where that is worse."""
        position = hit.position
        collateral = self._collateral(position)
        signed_quantity, entry = position.signed_qty, position.avg_px_open
        bankruptcy = entry - collateral.balance / signed_quantity
        last_stand = _to_tick(bankruptcy, self._tick(position), against_holder=False, long=position.is_long)
        jumped = hit.granted if jumped_to is None else Decimal(repr(jumped_to))
        if position.is_long:
            granted = max(min(hit.granted, jumped), last_stand)
        else:
            granted = min(max(hit.granted, jumped), last_stand)
        left = max(0.0, collateral.balance + signed_quantity * (float(granted) - entry))
        budget = Decimal(f"{left:.8f}")
        takeover = Takeover(granted, budget)
        client_order_id = self._execute(position, takeover, ts_ns)
        liquidation = Liquidation(
            ts_ns=ts_ns,
            instrument=position.instrument_id.value,
            position_id=position.id.value,
            client_order_id=client_order_id.value,
            signed_quantity=signed_quantity,
            price=float(granted),
            liquidation_price=hit.price,
            bankruptcy_price=bankruptcy,
            mark=mark,
            fee=budget - takeover.collateral_left,
        )
        self.ledger.append(liquidation)
        for listener in self.listeners:
            listener(liquidation)

    def _hit(self, position: Position, mark: float) -> Hit | None:
        if self._survives(position, mark):
            return None
        price = self.liquidation_price(position)
        if price is None or (mark > price if position.is_long else mark < price):
            return None
        granted = _to_tick(price, self._tick(position), against_holder=True, long=position.is_long)
        return Hit(position, price, granted)

    def _survives(self, position: Position, mark: float) -> bool:
        """Return whether a mark price leaves clearly more than the maintenance margin: the answer for most bars."""
        collateral = self._collateral(position)
        quantity = position.signed_qty
        left = collateral.balance - collateral.reserved + quantity * (mark - position.avg_px_open)
        needed = maintenance_margin(abs(quantity) * mark, self._brackets[position.instrument_id])
        return bool(left > needed * (1.0 + 1e-6))

    def _tick(self, position: Position) -> Decimal:
        increment: Decimal = self.exchange.cache.instrument(position.instrument_id).price_increment.as_decimal()
        return increment

    def _execute(self, position: Position, takeover: Takeover, ts_ns: int) -> ClientOrderId:
        """Fill the venue's own order, past latency and past the gate: it is the venue's act, not the trader's."""
        exchange = self.exchange
        engine = exchange.get_matching_engine(position.instrument_id)
        client_order_id = ClientOrderId(f"{LIQUIDATION_TAG}-{position.id}-{ts_ns}-{len(self.ledger)}")
        order = MarketOrder(
            trader_id=position.trader_id,
            strategy_id=position.strategy_id,
            instrument_id=position.instrument_id,
            client_order_id=client_order_id,
            order_side=OrderSide.SELL if position.is_long else OrderSide.BUY,
            quantity=position.quantity,
            init_id=UUID4(),
            ts_init=ts_ns,
            reduce_only=True,
            tags=[LIQUIDATION_TAG],
        )
        self._board.takeovers[client_order_id] = takeover
        exchange.cache.add_order(order, position.id)
        exchange.exec_client.generate_order_submitted(
            strategy_id=position.strategy_id,
            instrument_id=position.instrument_id,
            client_order_id=client_order_id,
            ts_event=ts_ns,
        )
        engine.process_order(order, exchange.exec_client.account_id)
        del self._board.takeovers[client_order_id]
        if position.is_open:
            raise RuntimeError(f"{position.id} outlived its liquidation: do two strategies trade the instrument?")
        resting_orders = exchange.cache.orders_open(
            instrument_id=position.instrument_id, strategy_id=position.strategy_id
        )
        for resting in sorted(resting_orders, key=_id_text):
            if resting.is_open:  # cancelling one of a pair has cancelled the other
                engine.cancel_order(resting)
        return client_order_id


def _id_text(order: Order) -> str:
    return str(order.client_order_id.value)


def _price(hit: Hit) -> float:
    return hit.price


def _to_tick(price: float, tick: Decimal, *, against_holder: bool, long: bool) -> Decimal:
    # a long sells: lower is worse for it
    rounding = ROUND_FLOOR if against_holder == long else ROUND_CEILING
    ticks = (Decimal(f"{price:.12g}") / tick).to_integral_value(rounding=rounding)
    return max(ticks, Decimal(1)) * tick
