"""Move the venue's market: by quotes, trades and books, by bars price for price; and liquidate on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import (
    Bar,
    MarkPriceUpdate,
    OrderBookDelta,
    OrderBookDeltas,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import AggressorSide, BookType
from nautilus_trader.model.events import PositionClosed, PositionOpened
from nautilus_trader.model.identifiers import ComponentId, InstrumentId, TradeId, Venue
from nautilus_trader.model.objects import Price
from nautilus_trader.model.position import Position

from catalog.marks import MarkBar, mark_topic
from research.venue.liquidation import Liquidator
from research.venue.prices import Board, Market

_TRADE_ID: Final = TradeId("PATH")

_FORCED_MAX: Final = 1_000
"""Each round on the way to liquidation fills an order or closes a position; more rounds than this are a fault."""


class BarPlayer(SimulationModule):
    """
    Move the market, and keep the venue's `Board` of prices and positions.

    The engine would play bars by itself, but then nothing could happen between two of a bar's prices. So its own
    playing is off (``bar_execution=False``), and this module shows the matching engine a bar's prices one by one:

    1. the open, where no opening tick has shown it: the market stands there, having jumped;
    2. the first extreme, the second, the close: the market moves through all prices between.

    On the leg to the low longs can be liquidated, on the leg to the high shorts: the player stops at the liquidation
    price, so that resting orders nearer to the market fill first, and lets the liquidator close what is left.

    Trades and quotes move the market as they are; where either comes, they also end a wait for the opening. A book
    moves it by its best prices, unless quotes come beside it. Where there are quotes or books, bars are only
    information. Without mark prices a trade, or the middle of a quote, is the mark, and may liquidate.

    It must be the venue's last module: the others book what was owed before the bar.

    Parameters
    ----------
    venue : Venue
        Whose market this is.
    board : Board
        Kept up to date here, read by the others.
    liquidator : Liquidator or None
        None where nothing is ever liquidated.
    high_first : bool
        Whether every bar goes to its high first; otherwise to the extreme nearer to its open, and to the low if
        both are as near.

    """

    def __init__(self, venue: Venue, board: Board, liquidator: Liquidator | None, *, high_first: bool) -> None:
        super().__init__(SimulationModuleConfig(component_id=ComponentId(f"BarPlayer-{venue}")))
        self._board = board
        self._liquidator = liquidator
        self._high_first = high_first
        self._new_marks: dict[InstrumentId, None] = {}

    def register_venue(self, exchange: Any) -> None:
        """Take the venue, and listen to mark bars and positions."""
        super().register_venue(exchange)
        if self._liquidator is not None:
            self._liquidator.exchange = exchange
        for instrument_id in self._board.markets:
            self.msgbus.subscribe(topic=mark_topic(instrument_id), handler=self._on_mark_bar)
            mark_prices = f"data.mark_prices.{instrument_id.venue}.{instrument_id.symbol.topic()}"
            self.msgbus.subscribe(topic=mark_prices, handler=self._on_mark_price)
        self.msgbus.subscribe(topic="events.position.*", handler=self._on_position_event)

    def pre_process(self, data: Any) -> None:
        """Play a bar, or take note of what the venue matches orders against right after."""
        kind = type(data)
        if kind is QuoteTick:
            self._take_quote(data)
        elif kind is TradeTick:
            self._take_trade(data)
        elif kind is OrderBookDeltas or kind is OrderBookDelta:
            self._take_book(data)
        elif kind is Bar:
            market = self._board.markets.get(data.bar_type.instrument_id)
            if market is not None and market.plays(data):
                self._play(market, data)
                self._board.open(data.bar_type.instrument_id)  # a bar without an opening print of its own
                market.trading = False

    def process(self, ts_now: int) -> None:
        """Liquidate where a mark price has come: the market itself moves when prices come."""
        if not self._new_marks:
            return
        marks, self._new_marks = self._new_marks, {}
        for instrument_id in marks:
            market = self._board.markets[instrument_id]
            if self._liquidator is None or market.mark_value is None or market.last is None:
                continue
            bid, ask = (float(market.last if side is None else side) for side in (market.bid, market.ask))
            self._liquidator.jump(instrument_id, market.mark_value, bid, ask, ts_now)

    def carry(self, position: Position) -> None:
        """Take up a position that an earlier session left open."""
        self._board.positions.setdefault(position.instrument_id, {})[position.id] = position

    def _take_trade(self, tick: TradeTick) -> None:
        market = self._board.markets.get(tick.instrument_id)
        if market is None:
            return
        market.last = tick.price.as_decimal()
        self._board.open(tick.instrument_id)
        if self._liquidator is not None and not market.marked and not market.quoted:
            price = tick.price.as_double()
            self._liquidator.jump(tick.instrument_id, price, price, price, tick.ts_init)

    def _take_quote(self, quote: QuoteTick) -> None:
        market = self._board.markets.get(quote.instrument_id)
        if market is not None:
            market.ticker = True
            self._show_top(market, quote)

    def _show_top(self, market: Market, quote: QuoteTick) -> None:
        market.bid, market.ask = quote.bid_price.as_decimal(), quote.ask_price.as_decimal()
        self._board.open(quote.instrument_id)
        if self._liquidator is not None and not market.marked:
            bid, ask = quote.bid_price.as_double(), quote.ask_price.as_double()
            self._liquidator.jump(quote.instrument_id, (bid + ask) / 2, bid, ask, quote.ts_init)

    def _take_book(self, change: OrderBookDelta | OrderBookDeltas) -> None:
        instrument_id = change.instrument_id
        market = self._board.markets.get(instrument_id)
        if market is None:
            return
        if market.book is None:
            market.book = OrderBook(instrument_id, BookType.L2_MBP)
        book = market.book
        book.apply(change)
        if market.ticker or book.best_bid_price() is None or book.best_ask_price() is None:
            return
        top = QuoteTick(
            instrument_id,
            book.best_bid_price(),
            book.best_ask_price(),
            book.best_bid_size(),
            book.best_ask_size(),
            change.ts_event,
            change.ts_init,
        )
        self._show_top(market, top)
        self.exchange.get_matching_engine(instrument_id).process_quote_tick(top)

    def reset(self) -> None:
        """Forget prices, positions and liquidations."""
        self._board.reset()
        self._new_marks.clear()
        if self._liquidator is not None:
            self._liquidator.ledger.clear()

    def log_diagnostics(self, logger: Any) -> None:
        """Say how many liquidations there were."""
        if self._liquidator is not None:
            logger.info(f"liquidations: {len(self._liquidator.ledger)}")

    def _play(self, market: Market, bar: Bar) -> None:
        instrument_id = bar.bar_type.instrument_id
        engine = self.exchange.get_matching_engine(instrument_id)
        market.bar = bar
        market.last_fill = None
        mark = self._marks(market, bar)
        endangered = self._liquidator is not None and self._liquidator.endangers(
            instrument_id, mark.low.as_double(), mark.high.as_double()
        )
        if not endangered and not engine.get_open_orders():
            self._show(engine, market, bar, bar.close)  # nothing can happen on the way
            return
        if endangered and self._liquidator is not None:
            last = bar.open.as_double()
            self._liquidator.jump(instrument_id, mark.open.as_double(), last, last, bar.ts_init)
        self._show(engine, market, bar, bar.open)
        market.moving = True
        high_first = self._high_first or abs(bar.high.raw - bar.open.raw) < abs(bar.low.raw - bar.open.raw)
        for to_high in (True, False) if high_first else (False, True):
            end = bar.high if to_high else bar.low
            self._force(engine, market, bar, mark, to_high=to_high, endangered=endangered)
            if self._show(engine, market, bar, end):  # perhaps with an entry on this very leg
                self._force(engine, market, bar, mark, to_high=to_high, endangered=endangered)
        self._show(engine, market, bar, bar.close)
        market.moving = False

    def _force(
        self, engine: Any, market: Market, bar: Bar, mark: Bar | MarkBar, *, to_high: bool, endangered: bool
    ) -> None:
        """Go towards the bar's high or low as far as the mark's one liquidates somebody, and do so."""
        liquidator, instrument_id = self._liquidator, bar.bar_type.instrument_id
        if liquidator is None or not (endangered or market.last_fill is not None):
            return
        extreme = mark.high.as_double() if to_high else mark.low.as_double()
        end = bar.high.as_decimal() if to_high else bar.low.as_decimal()
        for _ in range(_FORCED_MAX):
            hit = liquidator.first_hit(instrument_id, extreme, longs=not to_high)
            if hit is None:
                return
            stop = min(hit.granted, end) if to_high else max(hit.granted, end)
            if market.last is not None and (stop > market.last if to_high else stop < market.last):
                self._show(engine, market, bar, Price.from_str(f"{stop:.{bar.open.precision}f}"))
                continue  # orders on the way may have closed, shrunk or grown the position
            # a position that grew on the way can be past its new price at once: it then closes where it grew
            grew_at = float(market.last_fill) if market.last_fill and hit.position.ts_last >= bar.ts_event else None
            liquidator.close(hit, grew_at, extreme, bar.ts_init)
        raise RuntimeError(f"{instrument_id}: liquidation did not settle in {_FORCED_MAX} rounds")

    def _marks(self, market: Market, bar: Bar) -> Bar | MarkBar:
        mark = market.mark_bar(bar)
        if mark is not None:
            return mark
        if market.marked and bar.bar_type.instrument_id in self._board.positions:
            self._board.mark_fallbacks += 1
        return bar

    def _show(self, engine: Any, market: Market, bar: Bar, price: Price) -> bool:
        """Match orders at a price; return whether the market was elsewhere before."""
        there: Decimal = price.as_decimal()
        if there == market.last:
            return False
        market.last = there
        engine.process_trade_tick(
            TradeTick(
                bar.bar_type.instrument_id,
                price,
                engine.instrument.size_increment,
                AggressorSide.NO_AGGRESSOR,
                _TRADE_ID,
                bar.ts_event,
                bar.ts_init,
            )
        )
        return True

    def _on_mark_bar(self, mark: MarkBar) -> None:
        market = self._board.markets[mark.instrument_id]
        market.mark = mark
        market.marked = True

    def _on_mark_price(self, update: MarkPriceUpdate) -> None:
        market = self._board.markets[update.instrument_id]
        market.mark_value = update.value.as_double()
        market.marked = True
        self._new_marks[update.instrument_id] = None

    def _on_position_event(self, event: Any) -> None:
        instrument_id = event.instrument_id
        if instrument_id not in self._board.markets:
            return
        if isinstance(event, PositionOpened):
            self.carry(self.exchange.cache.position(event.position_id))
        elif isinstance(event, PositionClosed):
            self._board.close(instrument_id, event.position_id)
