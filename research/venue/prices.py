"""What the simulated venue knows of prices and positions at this instant, shared by its models and modules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.model.data import Bar, BarType, TradeTick
from nautilus_trader.model.enums import PriceType
from nautilus_trader.model.events import PositionClosed, PositionOpened
from nautilus_trader.model.identifiers import ClientOrderId, ComponentId, InstrumentId, PositionId, Venue
from nautilus_trader.model.position import Position

from catalog.marks import MarkBar, mark_topic


class Market:
    """
    One instrument's prices as the venue sees them.

    `last` is the latest traded price, `mark` the latest mark bar. `moving` is true while the venue plays a bar's
    high, low and close: prices then pass through every level between, so a stop fills at its trigger. `gapped` says
    that the bar being played opened away from the price before it. `last_fill` is the latest fill's price.
    """

    __slots__ = ("bar", "bar_type", "gapped", "last", "last_fill", "mark", "marked", "moving")

    def __init__(self, *, marked: bool) -> None:
        self.marked = marked
        self.last: float | None = None
        self.mark: MarkBar | None = None
        self.bar: Bar | None = None
        self.bar_type: BarType | None = None
        self.moving = False
        self.gapped = False
        self.last_fill: Decimal | None = None

    def mark_bar(self, bar: Bar) -> MarkBar | None:
        """Return the mark bar of the same interval, or None where there is none."""
        mark = self.mark
        return mark if mark is not None and mark.ts_event == bar.ts_event else None

    def plays(self, bar: Bar) -> bool:
        """Return whether the matching engine moves prices with this bar: of several sizes only with the smallest."""
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
        self._funding: dict[PositionId, tuple[float, float]] = {}
        self.mark_fallbacks = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything but the instruments."""
        self.markets = {instrument_id: Market(marked=marked) for instrument_id, marked in self._marked.items()}
        self.positions.clear()
        self.takeovers.clear()
        self._funding.clear()
        self.mark_fallbacks = 0

    def mark_price(self, instrument_id: InstrumentId) -> float | None:
        """
        Return the mark price now: the latest mark bar's close, or the last price where no mark keeps up.

        None before the first price. A fall-back on an instrument that should have marks is counted.
        """
        market = self.markets[instrument_id]
        mark = market.mark
        if mark is not None and (market.bar is None or mark.ts_event >= market.bar.ts_event):
            return float(mark.close)
        if market.marked:
            self.mark_fallbacks += 1
        return market.last

    def add_funding(self, position_id: PositionId, amount: float, quantity: float) -> None:
        """Add a funding payment (plus is received) to the margin of an isolated position of this size."""
        self._funding[position_id] = (self._funding.get(position_id, (0.0, quantity))[0] + amount, quantity)

    def funding_margin(self, position_id: PositionId, quantity: float) -> float:
        """Return the funding in the margin of an isolated position; what was closed took its share with it."""
        if position_id not in self._funding:
            return 0.0
        amount, quantity_before = self._funding[position_id]
        if quantity < quantity_before:
            amount *= quantity / quantity_before
        self._funding[position_id] = (amount, quantity)
        return amount

    def close(self, instrument_id: InstrumentId, position_id: PositionId) -> None:
        """Forget a position that is flat."""
        self._funding.pop(position_id, None)
        open_here = self.positions.get(instrument_id, {})
        open_here.pop(position_id, None)
        if not open_here:
            self.positions.pop(instrument_id, None)


class PriceTape(SimulationModule):
    """
    Keep a `Board` up to date; the venue's first module, so that the others read the present.

    It listens to mark bars and position events, and is told each bar and tick before the venue matches orders
    against it.
    """

    def __init__(self, venue: Venue, board: Board) -> None:
        super().__init__(SimulationModuleConfig(component_id=ComponentId(f"PriceTape-{venue}")))
        self._board = board

    def register_venue(self, exchange: Any) -> None:
        """Take the venue, and listen to what it is not told directly."""
        super().register_venue(exchange)
        for instrument_id in self._board.markets:
            self.msgbus.subscribe(topic=mark_topic(instrument_id), handler=self._on_mark_bar)
            self.msgbus.subscribe(topic=f"data.bars.{instrument_id}-*", handler=self._on_bar_played)
        self.msgbus.subscribe(topic="events.position.*", handler=self._on_position_event)

    def pre_process(self, data: Any) -> None:
        """Note a price the venue is about to match orders against."""
        if type(data) is Bar:
            market = self._board.markets.get(data.bar_type.instrument_id)
            if market is not None and market.plays(data):
                market.gapped = float(data.open) != market.last
                market.moving = True
                market.bar = data
                market.last_fill = None
        elif type(data) is TradeTick:
            market = self._board.markets.get(data.instrument_id)
            if market is not None:
                market.moving = False
                market.last = float(data.price)

    def process(self, ts_now: int) -> None:
        """Nothing to do: the tape only listens."""

    def reset(self) -> None:
        """Forget prices and positions."""
        self._board.reset()

    def log_diagnostics(self, logger: Any) -> None:
        """Nothing to tell."""

    def _on_mark_bar(self, mark: MarkBar) -> None:
        self._board.markets[mark.instrument_id].mark = mark

    def _on_bar_played(self, bar: Any) -> None:
        # The data engine publishes a bar once the venue has matched orders against it: the market now stands still
        # at the close, for the commands that are delivered next.
        market = self._board.markets.get(bar.bar_type.instrument_id)
        if market is not None and market.bar is not None and bar is market.bar:
            market.moving = False
            market.last = float(bar.close)

    def _on_position_event(self, event: Any) -> None:
        instrument_id = event.instrument_id
        if instrument_id not in self._board.markets:
            return
        if isinstance(event, PositionOpened):
            position = self.exchange.cache.position(event.position_id)
            self._board.positions.setdefault(instrument_id, {})[event.position_id] = position
        elif isinstance(event, PositionClosed):
            self._board.close(instrument_id, event.position_id)
