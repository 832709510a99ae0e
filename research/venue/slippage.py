"""At which price the simulated venue fills an order, and which price it showed before slippage."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final, Literal

from nautilus_trader.backtest.models import FillModel
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder
from nautilus_trader.model.enums import BookType, LiquiditySide, OrderSide, OrderStatus
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import Order

from research.venue.prices import Board, Market

_REFERENCES_MAX: Final = 4_096  # a recorder reads a reference while the fill is being published


class SlippageModel(FillModel):
    """
    Fill takers at the price shown plus slippage, and makers at their limit, always in full.

    The engine asks for an order book to fill against, once for each fill; the answer is a book of one level, at the
    price this venue grants and as deep as the order. What the price shown is depends on where the market is:

    - standing still (at a bar's open, or between bars): the latest price;
    - moving through a bar: a stop's own trigger, because the market passed through it. A child order that its
      parent's fill inside a bar brings into the market counts from the worse of its trigger and that fill; a limit
      order gets its limit and nothing better;
    - quoted: the other side of the quote, or the latest trade where that is worse for the taker. Where the feed shows
      the book too, an order without a limit walks through its levels, and what the book can't fill costs what its
      last level does;
    - a takeover by the liquidation module: the price the module set, to the tick.

    Slippage is rounded against the trader to the price precision, and never takes a limit order beyond its limit.

    Parameters
    ----------
    board : Board
        The venue's prices.
    slippage_bps : float
        In 1/10,000 of the price shown.
    limit_fills : "through" or "touch"
        Whether a resting limit order needs a price beyond its own to fill.

    """

    def __init__(self, board: Board, slippage_bps: float, limit_fills: Literal["through", "touch"]) -> None:
        super().__init__(prob_fill_on_limit=1.0 if limit_fills == "touch" else 0.0, prob_slippage=0.0, random_seed=0)
        self._board = board
        self._fraction = Decimal(str(slippage_bps)) / 10_000
        self._references: dict[ClientOrderId, float] = {}

    def reference_price(self, client_order_id: ClientOrderId) -> float | None:
        """
        Return the price the venue showed for this order's latest fill, before slippage; None where it never filled.

        Read it while handling the fill: old ones are forgotten.
        """
        return self._references.get(client_order_id)

    def get_orderbook_for_fill_simulation(
        self, instrument: Instrument, order: Order, best_bid: Price, best_ask: Price
    ) -> OrderBook:
        """Return a book of one level at the granted price, deep enough for the whole order."""
        buying = order.side == OrderSide.BUY
        takeover = self._board.takeovers.get(order.client_order_id)
        market = self._board.markets.get(instrument.id)
        if takeover is not None:
            reference = granted = takeover.price
        elif order.liquidity_side == LiquiditySide.MAKER:
            reference = granted = order.price.as_decimal()
        else:
            reference = _shown(order, (best_ask if buying else best_bid).as_decimal(), market)
            granted = self._slipped(order, reference, instrument.price_precision)

        self._remember(order.client_order_id, float(reference))
        levels = {granted: order.quantity.as_decimal()}
        if takeover is None and market is not None and market.book is not None and _pays_any_price(order):
            levels = self._walked(order, reference, market.book, instrument)
        if market is not None:
            market.last_fill = next(reversed(levels))
        return _book_of(instrument, OrderSide.SELL if buying else OrderSide.BUY, levels)

    def _walked(
        self, order: Order, reference: Decimal, book: OrderBook, instrument: Instrument
    ) -> dict[Decimal, Decimal]:
        """Return what each price grants to an order that walks the book, the worst last and without an end."""
        buying = order.side == OrderSide.BUY
        worse = max if buying else min
        left: Decimal = order.leaves_qty.as_decimal()
        levels: dict[Decimal, Decimal] = {}
        price = self._slipped(order, reference, instrument.price_precision)
        for level in book.asks() if buying else book.bids():
            if left <= 0:
                break
            shown = worse(reference, level.price.as_decimal())
            price = self._slipped(order, shown, instrument.price_precision)
            taken = min(left, instrument.make_qty(level.size()).as_decimal())
            levels[price] = levels.get(price, Decimal(0)) + taken
            left -= taken
        levels[price] = levels.get(price, Decimal(0)) + order.quantity.as_decimal()
        return levels

    def _slipped(self, order: Order, reference: Decimal, precision: int) -> Decimal:
        buying = order.side == OrderSide.BUY
        quantum = Decimal(1).scaleb(-precision)
        if buying:
            price = (reference * (1 + self._fraction)).quantize(quantum, rounding=ROUND_CEILING)
        else:
            price = max((reference * (1 - self._fraction)).quantize(quantum, rounding=ROUND_FLOOR), quantum)
        if order.has_price:
            limit: Decimal = order.price.as_decimal()
            return min(price, limit) if buying else max(price, limit)
        return price

    def _remember(self, client_order_id: ClientOrderId, reference: float) -> None:
        self._references[client_order_id] = reference
        if len(self._references) > _REFERENCES_MAX:
            del self._references[next(iter(self._references))]


def _pays_any_price(order: Order) -> bool:
    return not order.has_price and order.liquidity_side != LiquiditySide.MAKER


def _shown(order: Order, best: Decimal, market: Market | None) -> Decimal:
    """Return the price the market shows a taker now."""
    if market is not None and market.bid is not None and market.ask is not None:
        return max(best, market.ask) if order.side == OrderSide.BUY else min(best, market.bid)
    if market is None or not market.moving:
        return best
    if not order.has_trigger_price:
        return order.price.as_decimal() if order.has_price else best

    trigger: Decimal = order.trigger_price.as_decimal()
    if order.status == OrderStatus.SUBMITTED and market.last_fill is not None:
        worse = max if order.side == OrderSide.BUY else min
        return worse(trigger, market.last_fill)  # a child, born inside the bar by its parent's fill
    return trigger


def _book_of(instrument: Instrument, side: OrderSide, levels: dict[Decimal, Decimal]) -> OrderBook:
    book = OrderBook(instrument.id, BookType.L2_MBP)
    for number, (price, quantity) in enumerate(levels.items(), start=1):
        size = Quantity.from_str(f"{quantity:.{instrument.size_precision}f}")
        level: Any = BookOrder(side, Price.from_str(f"{price:.{instrument.price_precision}f}"), size, number)
        book.add(level, 0)
    return book
