"""Liquidation: the venue closes a position by force where its mark price exhausts the maintenance margin."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final, Literal

import msgspec
from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.data import Bar, TradeTick
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientOrderId, ComponentId, InstrumentId, PositionId, Venue
from nautilus_trader.model.objects import Currency
from nautilus_trader.model.orders import MarketOrder
from nautilus_trader.model.position import Position

from catalog.instruments import LeverageBracket
from research.venue.path import BarPath
from research.venue.prices import Board, Market, Takeover
from risk.commands import LIQUIDATION_TAG
from risk.margin import initial_margin, liquidation_distance, liquidation_price_cross, maintenance_margin

_RECHECKS_MAX: Final = 8
"""On the way to its liquidation price a position may grow or shrink; each change moves the price once more."""


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


class Collateral(msgspec.Struct, frozen=True):
    """What stands behind a position: `balance` is lost before the venue loses, `reserved` is others' maintenance."""

    balance: float
    reserved: float


class LiquidationModule(SimulationModule):
    """
    Liquidate on the mark price, inside the bar, in the order in which the bar's path meets things.

    Before the venue plays a bar, the mark bar of the same interval is known. If its extreme reaches a position's
    liquidation price, the module plays the bar's path up to that point itself, so that the strategy's own stops and
    targets on the way fill first, and then closes what is left with a reduce-only market order at the liquidation
    price, rounded to the tick against the holder. Where the last price did not come as far as the mark, the path
    stops at its extreme and the price stays the liquidation price. Afterwards the venue cancels the strategy's
    remaining orders in the instrument, and plays the rest of the bar.

    If the mark opens beyond the liquidation price, the position closes at the worse of bar open and liquidation
    price, but not beyond its bankruptcy price: that loss is the venue's insurance fund's. The same goes for an
    opening tick of an instrument without mark prices, whose last price stands in for them.

    Parameters
    ----------
    venue : Venue
        Whose positions to watch.
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
    high_first : bool
        Whether every bar goes to its high first; otherwise the extreme nearer to the open comes first.

    """

    def __init__(
        self,
        venue: Venue,
        board: Board,
        brackets: dict[InstrumentId, tuple[LeverageBracket, ...]],
        currency: Currency,
        leverage: float,
        margin_mode: Literal["cross", "isolated"],
        *,
        high_first: bool,
    ) -> None:
        super().__init__(SimulationModuleConfig(component_id=ComponentId(f"Liquidation-{venue}")))
        self._board = board
        self._brackets = brackets
        self._currency = currency
        self._leverage = leverage
        self._isolated = margin_mode == "isolated"
        self._high_first = high_first
        self.ledger: list[Liquidation] = []

    def reset(self) -> None:
        """Forget the ledger."""
        self.ledger.clear()

    def log_diagnostics(self, logger: Any) -> None:
        """Say how many liquidations there were."""
        logger.info(f"liquidations: {len(self.ledger)}")

    def process(self, ts_now: int) -> None:
        """Nothing to do: positions are watched before prices move, not after."""

    def pre_process(self, data: Any) -> None:
        """Liquidate what this bar, or this opening tick where there are no marks, does not let live."""
        positions = self._board.positions
        if not positions:
            return
        if type(data) is Bar:
            instrument_id = data.bar_type.instrument_id
            if instrument_id in positions and instrument_id in self._brackets:
                market = self._board.markets[instrument_id]
                if market.bar is data:
                    self._watch_bar(instrument_id, market, data)
        elif type(data) is TradeTick:
            instrument_id = data.instrument_id
            if instrument_id in positions and instrument_id in self._brackets:
                market = self._board.markets[instrument_id]
                if not market.marked:
                    self._watch_tick(instrument_id, data)

    def liquidation_price(self, position: Position) -> float | None:
        """Return the mark price that would liquidate this open position now; None where none would."""
        collateral = self._collateral(position)
        price = liquidation_price_cross(
            position.signed_qty,
            position.avg_px_open,
            collateral.balance,
            collateral.reserved,
            0.0,
            self._brackets[position.instrument_id],
        )
        # twelve digits: what is below is float noise, and would move a price that lies on a tick
        return None if price is None else float(f"{price:.12g}")

    def distance(self) -> float:
        """Return the smallest distance to liquidation of any open position, a fraction of its mark; NaN for none."""
        distances = [
            liquidation_distance(mark, self.liquidation_price(position))
            for position in self._open_positions()
            if (mark := self._board.mark_price(position.instrument_id)) is not None
        ]
        return min(distances, default=math.nan)

    def _open_positions(self) -> Iterator[Position]:
        for instrument_id, positions in self._board.positions.items():
            if instrument_id in self._brackets:
                yield from positions.values()

    def _collateral(self, position: Position) -> Collateral:
        wallet = float(self.exchange.get_account().balance_total(self._currency))
        quantity = abs(position.signed_qty)
        if self._isolated:
            notional = quantity * position.avg_px_open
            margin = initial_margin(notional, self._leverage, self._brackets[position.instrument_id])
            margin += self._board.funding_margin(position.id, quantity)
            return Collateral(balance=min(margin, wallet), reserved=0.0)
        balance, reserved = wallet, 0.0
        for other in self._open_positions():
            mark = self._board.mark_price(other.instrument_id)
            if other.id == position.id or mark is None:
                continue
            balance += other.signed_qty * (mark - other.avg_px_open)
            reserved += maintenance_margin(abs(other.signed_qty) * mark, self._brackets[other.instrument_id])
        return Collateral(balance=balance, reserved=reserved)

    def _watch_bar(self, instrument_id: InstrumentId, market: Market, bar: Bar) -> None:
        mark = market.mark_bar(bar)
        if mark is None and market.marked:
            self._board.mark_fallbacks += 1
        shown = bar if mark is None else mark
        opening, high, low = float(shown.open), float(shown.high), float(shown.low)
        for position_id in list(self._board.positions[instrument_id]):
            position = self._board.positions.get(instrument_id, {}).get(position_id)
            if position is None:
                continue
            price = self.liquidation_price(position)
            extreme = low if position.is_long else high
            if price is None or not _reaches(position, extreme, price):
                continue
            if _reaches(position, opening, price):
                self._close(position, price, float(bar.open), extreme, bar.ts_init)
            else:
                self._close_on_the_way(position, market, bar, extreme)

    def _watch_tick(self, instrument_id: InstrumentId, tick: TradeTick) -> None:
        last = float(tick.price)
        for position_id in list(self._board.positions[instrument_id]):
            position = self._board.positions.get(instrument_id, {}).get(position_id)
            if position is None:
                continue
            price = self.liquidation_price(position)
            if price is not None and _reaches(position, last, price):
                self._close(position, price, last, last, tick.ts_init)

    def _close_on_the_way(self, position: Position, market: Market, bar: Bar, extreme: float) -> None:
        """Play the bar's path to the liquidation price, and close what is left of the position there."""
        side, position_id = position.side, position.id
        path = BarPath(
            self.exchange.get_matching_engine(position.instrument_id),
            bar,
            opens_apart=market.gapped,
            favourable_first=position.is_long == self._goes_high_first(bar),
        )
        path.open()
        reached: float | None = None
        for _ in range(_RECHECKS_MAX):
            here = self._board.positions.get(position.instrument_id, {}).get(position_id)
            if here is None or here.side != side:
                return  # a stop or target on the way closed or turned it
            price = self.liquidation_price(here)
            if price is None or not _reaches(here, extreme, price):
                return  # what was closed on the way saved the rest
            if price == reached:
                break
            path.go_to(_tick_against_holder(here, price, self._tick(here)), long=here.is_long)
            reached = price
        else:
            raise RuntimeError(f"{position_id}: liquidation price did not settle in {_RECHECKS_MAX} rounds")
        self._close(here, price, None, extreme, bar.ts_init)

    def _goes_high_first(self, bar: Bar) -> bool:
        return self._high_first or abs(bar.high.raw - bar.open.raw) < abs(bar.low.raw - bar.open.raw)

    def _tick(self, position: Position) -> Decimal:
        increment: Decimal = self.exchange.cache.instrument(position.instrument_id).price_increment.as_decimal()
        return increment

    def _close(self, position: Position, price: float, jumped_to: float | None, mark: float, ts_ns: int) -> None:
        """Close a position at its liquidation price, or at what the market jumped to if that is worse."""
        tick = self._tick(position)
        collateral = self._collateral(position)
        signed_quantity, entry = position.signed_qty, position.avg_px_open
        bankruptcy = entry - collateral.balance / signed_quantity
        granted = _tick_against_holder(position, price, tick)
        floor = _tick_for_holder(position, bankruptcy, tick)
        if position.is_long:
            jumped = granted if jumped_to is None else min(granted, Decimal(repr(jumped_to)))
            granted = max(jumped, floor)
        else:
            jumped = granted if jumped_to is None else max(granted, Decimal(repr(jumped_to)))
            granted = min(jumped, floor)
        left = max(0.0, collateral.balance + signed_quantity * (float(granted) - entry))
        takeover = Takeover(granted, Decimal(f"{left:.8f}"))
        budget = takeover.collateral_left
        client_order_id = self._execute(position, takeover, ts_ns)
        self.ledger.append(
            Liquidation(
                ts_ns=ts_ns,
                instrument=position.instrument_id.value,
                position_id=position.id.value,
                client_order_id=client_order_id.value,
                signed_quantity=signed_quantity,
                price=float(granted),
                liquidation_price=price,
                bankruptcy_price=bankruptcy,
                mark=mark,
                fee=budget - takeover.collateral_left,
            )
        )

    def _execute(self, position: Position, takeover: Takeover, ts_ns: int) -> ClientOrderId:
        """Fill the venue's own order, past latency and past the gate: it is the venue's act, not the trader's."""
        exchange = self.exchange
        engine = exchange.get_matching_engine(position.instrument_id)
        client_order_id = _liquidation_order_id(position.id, ts_ns, len(self.ledger))
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
        for resting in exchange.cache.orders_open(
            instrument_id=position.instrument_id, strategy_id=position.strategy_id
        ):
            if resting.is_open:
                engine.cancel_order(resting)
        return client_order_id


def _reaches(position: Position, mark: float, price: float) -> bool:
    return mark <= price if position.is_long else mark >= price


def _tick_against_holder(position: Position, price: float, tick: Decimal) -> Decimal:
    return _to_tick(price, tick, ROUND_FLOOR if position.is_long else ROUND_CEILING)


def _tick_for_holder(position: Position, price: float, tick: Decimal) -> Decimal:
    return _to_tick(price, tick, ROUND_CEILING if position.is_long else ROUND_FLOOR)


def _to_tick(price: float, tick: Decimal, rounding: str) -> Decimal:
    ticks = (Decimal(f"{price:.12g}") / tick).to_integral_value(rounding=rounding)
    return max(ticks, Decimal(1)) * tick


def _liquidation_order_id(position_id: PositionId, ts_ns: int, number: int) -> ClientOrderId:
    return ClientOrderId(f"{LIQUIDATION_TAG}-{position_id}-{ts_ns}-{number}")
