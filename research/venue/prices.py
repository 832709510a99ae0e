"""What the simulated venue knows of prices and positions at this instant, shared by its models and modules."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import PriceType
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, PositionId
from nautilus_trader.model.position import Position

from catalog.marks import MarkBar


class Market:
    """
    One instrument's prices as the venue sees them.

    `last` is the latest traded price, `mark` the latest mark bar, `marked` whether there are any. `bar` is the latest
    bar played. `moving` is true while the venue plays a bar's high, low and close: prices then pass through every
    level between, so a stop fills at its trigger. `last_fill` is the price of the latest fill in that bar. `trading`
    is false from a bar's close to the next print: until then nobody can know at what price an order would meet the
    market.

    `bid` and `ask` are the best prices of the latest quote or book; from the first of them on the market is `quoted`,
    and bars no longer move it. `book` is the depth, where the feed shows one, and `ticker` whether it shows quotes
    too, which are then the best prices. `mark_value` is the latest mark price that came by itself, not in a mark bar.
    """

    __slots__ = (
        "ask",
        "bar",
        "bar_type",
        "bid",
        "book",
        "last",
        "last_fill",
        "mark",
        "mark_value",
        "marked",
        "moving",
        "ticker",
        "trading",
    )

    def __init__(self, *, marked: bool) -> None:
        self.marked = marked
        self.last: Decimal | None = None
        self.mark: MarkBar | None = None
        self.bar: Bar | None = None
        self.bar_type: BarType | None = None
        self.moving = False
        self.last_fill: Decimal | None = None
        self.trading = True
        self.bid: Decimal | None = None
        self.ask: Decimal | None = None
        self.book: OrderBook | None = None
        self.ticker = False
        self.mark_value: float | None = None

    @property
    def quoted(self) -> bool:
        """Whether quotes or a book move this market, so that bars do not."""
        return self.bid is not None or self.ask is not None

    def middle(self) -> Decimal | None:
        """Return the middle of bid and ask, the last price where there are not both."""
        return self.last if self.bid is None or self.ask is None else (self.bid + self.ask) / 2

    def mark_bar(self, bar: Bar) -> MarkBar | None:
        """Return the mark bar of the same interval, or None where there is none."""
        mark = self.mark
        return mark if mark is not None and mark.ts_event == bar.ts_event else None

    def plays(self, bar: Bar) -> bool:
        """Return whether this bar moves the market: of several sizes only the smallest does, and none beside quotes."""
        if self.quoted:
            return False
        bar_type = bar.bar_type
        if bar_type == self.bar_type:
            return True
        if bar_type.spec.price_type != PriceType.LAST or bar_type.is_internally_aggregated():
            return False
        if self.bar_type is not None and self.bar_type.spec.timedelta < bar_type.spec.timedelta:
            return False
        self.bar_type = bar_type
        return True


class Takeover:
    """The venue closing a position by force: at which price, and how much of its collateral is left for the fee."""

    __slots__ = ("collateral_left", "price")

    def __init__(self, price: Decimal, collateral_left: Decimal) -> None:
        self.price = price
        self.collateral_left = collateral_left


class Board:
    """
    Prices, open positions and takeovers of one venue.

    Parameters
    ----------
    marked : dict of InstrumentId to bool
        Every instrument of the venue, and whether mark prices will come for it.

    """

    def __init__(self, marked: dict[InstrumentId, bool]) -> None:
        self._marked = dict(marked)
        self.markets: dict[InstrumentId, Market] = {}
        self.positions: dict[InstrumentId, dict[PositionId, Position]] = {}
        self.takeovers: dict[ClientOrderId, Takeover] = {}
        self._added: dict[PositionId, tuple[float, float]] = {}
        self.mark_fallbacks = 0
        self.opening_listeners: list[Callable[[InstrumentId], None]] = []
        self.reset()

    def reset(self) -> None:
        """Forget everything but the instruments."""
        self.markets = {instrument_id: Market(marked=marked) for instrument_id, marked in self._marked.items()}
        self.positions.clear()
        self.takeovers.clear()
        self._added.clear()
        self.mark_fallbacks = 0

    def open(self, instrument_id: InstrumentId) -> None:
        """Take note that an instrument printed, and tell who waits for it to trade again."""
        market = self.markets[instrument_id]
        if market.trading:
            return
        market.trading = True
        for listener in self.opening_listeners:
            listener(instrument_id)

    def mark_price(self, instrument_id: InstrumentId) -> float | None:
        """
        Return the mark price now.

        It is the venue's own, or the latest mark bar's close, or where no mark keeps up the middle of the quote or the
        last price. None before the first price. A fall-back on an instrument that should have marks is counted.
        """
        market = self.markets[instrument_id]
        if market.mark_value is not None:
            return market.mark_value
        mark = market.mark
        if mark is not None and (market.bar is None or mark.ts_event >= market.bar.ts_event):
            return float(mark.close)
        if market.marked:
            self.mark_fallbacks += 1
        price = market.middle()
        return None if price is None else float(price)

    def add_margin(self, position_id: PositionId, amount: float, quantity: float) -> None:
        """Add cash, or funding received (minus: paid), to the margin of an isolated position of this size."""
        self._added[position_id] = (self.added_margin(position_id, quantity) + amount, quantity)

    def added_margin(self, position_id: PositionId, quantity: float) -> float:
        """Return what was added to the margin of an isolated position; what was closed took its share with it."""
        if position_id not in self._added:
            return 0.0
        amount, quantity_before = self._added[position_id]
        if quantity < quantity_before:
            amount *= quantity / quantity_before
        self._added[position_id] = (amount, quantity)
        return amount

    def close(self, instrument_id: InstrumentId, position_id: PositionId) -> None:
        """Forget a position that is flat."""
        self._added.pop(position_id, None)
        open_here = self.positions.get(instrument_id, {})
        open_here.pop(position_id, None)
        if not open_here:
            self.positions.pop(instrument_id, None)
