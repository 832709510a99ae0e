"""A small world for the venue's golden tests: hand-made bars, a scripted strategy, the real engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.data import Bar, BarType, FundingRateUpdate, TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide, OrderType, TimeInForce
from nautilus_trader.model.events import OrderFilled, PositionClosed
from nautilus_trader.model.identifiers import ClientId, InstrumentId, TradeId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from catalog.instruments import InstrumentSpec, Kind, LeverageBracket
from catalog.marks import MarkBar, as_engine_data
from research.venue.config import OPENING_PRINT_NS, VenueConfig
from research.venue.venue import VenueHandles, add_venue

HOUR = 3_600 * 10**9
T0 = 1_704_067_200 * 10**9  # 2024-01-01T00:00:00Z
BTC = "BTCUSDT-PERP.BINANCE"
ETH = "ETHUSDT-PERP.BINANCE"

OHLC = tuple[float, float, float, float]


def perp(instrument_id: str = BTC, *, rate: float = 0.01, tick: str = "0.1", **changes: Any) -> InstrumentSpec:
    """A perpetual with one bracket of this maintenance rate and round fees: maker 2 bp, taker 5 bp."""
    facts: dict[str, Any] = {
        "instrument_id": instrument_id,
        "kind": Kind.USDM_PERP,
        "base": instrument_id[:3],
        "quote": "USDT",
        "settlement": "USDT",
        "price_increment": tick,
        "size_increment": "0.001",
        "size_min": "0.001",
        "notional_min": "0",
        "maker_fee": "0.0002",
        "taker_fee": "0.0005",
        "brackets": (
            LeverageBracket(
                notional_floor=0.0,
                notional_cap=1e9,
                maintenance_rate=rate,
                maintenance_amount=0.0,
                leverage_max=125.0,
            ),
        ),
        "funding_interval_h": 8,
    }
    return InstrumentSpec(**(facts | changes))


@dataclass
class Feed:
    """What one instrument shows: trade bars (None in a halt), mark bars or none, funding rates by hour since T0."""

    bars: Sequence[OHLC | None]
    marks: Sequence[OHLC | None] | None = None
    funding: dict[float, str] = field(default_factory=dict)
    spec: InstrumentSpec = field(default_factory=perp)
    open_ticks: bool = True


class ScriptConfig(StrategyConfig, frozen=True):
    """Only the engine's own fields."""


class Script(Strategy):
    """Do at the close of bar `i` of the first instrument what the test wrote for `i`, and note what comes back."""

    def __init__(self, acts: dict[int, Callable[[Script], None]], instruments: list[InstrumentId]) -> None:
        super().__init__(ScriptConfig(order_id_tag="001"))
        self.acts = acts
        self.instruments = instruments
        self.bar_type = BarType.from_str(f"{instruments[0]}-1-HOUR-LAST-EXTERNAL")
        self.fills: list[OrderFilled] = []
        self.references: list[float | None] = []
        self.filled_orders: list[Any] = []
        self.events: list[Any] = []
        self.closed: list[PositionClosed] = []
        self.bars_seen = 0
        self.handles: VenueHandles | None = None

    def on_start(self) -> None:
        for instrument_id in self.instruments:
            self.subscribe_bars(BarType.from_str(f"{instrument_id}-1-HOUR-LAST-EXTERNAL"))

    def on_bar(self, bar: Bar) -> None:
        if bar.bar_type.instrument_id == self.instruments[0]:
            act = self.acts.get(self.bars_seen)
            self.bars_seen += 1
            if act is not None:
                act(self)

    def on_order_filled(self, event: OrderFilled) -> None:
        assert self.handles is not None
        self.fills.append(event)
        self.filled_orders.append(self.cache.order(event.client_order_id))
        self.references.append(self.handles.reference_price(event.client_order_id))

    def on_order_event(self, event: Any) -> None:
        self.events.append(event)

    def on_position_closed(self, event: PositionClosed) -> None:
        self.closed.append(event)

    def _instrument(self, instrument_id: str | None) -> Any:
        return self.cache.instrument(
            self.instruments[0] if instrument_id is None else InstrumentId.from_str(instrument_id)
        )

    def market(self, quantity: float, instrument_id: str | None = None, *, reduce_only: bool = False) -> None:
        """Buy (plus) or sell (minus) at market."""
        instrument = self._instrument(instrument_id)
        side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
        self.submit_order(
            self.order_factory.market(instrument.id, side, instrument.make_qty(abs(quantity)), reduce_only=reduce_only)
        )

    def limit(self, quantity: float, price: float, *, reduce_only: bool = False) -> None:
        instrument = self._instrument(None)
        side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
        self.submit_order(
            self.order_factory.limit(
                instrument.id,
                side,
                instrument.make_qty(abs(quantity)),
                instrument.make_price(price),
                reduce_only=reduce_only,
            )
        )

    def stop_order(self, quantity: float, trigger: float, *, reduce_only: bool = False) -> None:
        instrument = self._instrument(None)
        side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
        self.submit_order(
            self.order_factory.stop_market(
                instrument.id,
                side,
                instrument.make_qty(abs(quantity)),
                instrument.make_price(trigger),
                reduce_only=reduce_only,
            )
        )

    def trailing_stop(self, quantity: float, offset: float) -> None:
        instrument = self._instrument(None)
        self.submit_order(
            self.order_factory.trailing_stop_market(
                instrument.id,
                OrderSide.BUY if quantity > 0 else OrderSide.SELL,
                instrument.make_qty(abs(quantity)),
                trailing_offset=Decimal(str(offset)),
                reduce_only=True,
            )
        )

    def bracket(self, quantity: float, stop_loss: float, take_profit: float, entry: float | None = None) -> None:
        instrument = self._instrument(None)
        self.submit_order_list(
            self.order_factory.bracket(
                instrument_id=instrument.id,
                order_side=OrderSide.BUY if quantity > 0 else OrderSide.SELL,
                quantity=instrument.make_qty(abs(quantity)),
                entry_order_type=OrderType.MARKET if entry is None else OrderType.LIMIT,
                entry_price=None if entry is None else instrument.make_price(entry),
                sl_trigger_price=instrument.make_price(stop_loss),
                tp_price=instrument.make_price(take_profit),
                time_in_force=TimeInForce.GTC,
            )
        )


@dataclass
class Result:
    """What a run left behind."""

    script: Script
    venue: VenueHandles
    balance: Decimal
    position: float
    orders_open: int

    @property
    def prices(self) -> list[float]:
        return [float(fill.last_px) for fill in self.script.fills]

    @property
    def fees(self) -> list[Decimal]:
        return [fill.commission.as_decimal() for fill in self.script.fills]

    @property
    def realised(self) -> Decimal:
        """Price profit and loss of all closed quantity, recomputed from the fills alone at average entry."""
        held: dict[Any, tuple[Decimal, Decimal]] = {}
        total = Decimal(0)
        for fill in self.script.fills:
            quantity, entry = held.get(fill.instrument_id, (Decimal(0), Decimal(0)))
            change = fill.last_qty.as_decimal() * (1 if fill.order_side == OrderSide.BUY else -1)
            price = fill.last_px.as_decimal()
            if quantity * change >= 0:
                total_quantity = quantity + change
                entry = (quantity * entry + change * price) / total_quantity
                quantity = total_quantity
            else:
                closed = min(abs(change), abs(quantity)) * (1 if quantity > 0 else -1)
                total += closed * (price - entry)
                quantity += change
                if quantity * change > 0:
                    entry = price
            held[fill.instrument_id] = (quantity, entry)
        return total


def run(
    feeds: Feed | Sequence[Feed],
    acts: dict[int, Callable[[Script], None]],
    config: VenueConfig | None = None,
    *,
    orders: Callable[[list[Any]], list[Any]] = lambda data: data,
) -> Result:
    """Play hourly bars from T0 through the engine; bar `i` closes at ``T0 + (i + 1) h``."""
    feeds = [feeds] if isinstance(feeds, Feed) else list(feeds)
    config = VenueConfig() if config is None else config
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    specs = [feed.spec for feed in feeds]
    marked = [feed.spec.instrument_id for feed in feeds if feed.marks is not None]
    handles = add_venue(engine, "BINANCE", specs, config, marked)
    data: list[Any] = []
    for feed in feeds:
        data.extend(feed_data(feed, OPENING_PRINT_NS))
    data.sort(key=lambda item: item.ts_init)  # stable: a feed's own order at one instant stays
    engine.add_data(data, client_id=ClientId("BINANCE"), sort=False)
    engine.sort_data()
    script = Script(acts, [InstrumentId.from_str(spec.instrument_id) for spec in specs])
    script.handles = handles
    engine.add_strategy(script)
    try:
        engine.run()
        account = engine.kernel.cache.account_for_venue(engine.list_venues()[0])
        currency = specs[0].instrument().quote_currency
        position = sum(p.signed_qty for p in engine.kernel.cache.positions_open())
        orders_open = len(engine.kernel.cache.orders_open())
        return Result(script, handles, account.balance_total(currency).as_decimal(), position, orders_open)
    finally:
        engine.dispose()


def feed_data(feed: Feed, offset_ns: int) -> list[Any]:
    instrument = feed.spec.instrument()
    bar_type = BarType.from_str(f"{instrument.id}-1-HOUR-LAST-EXTERNAL")
    rows: list[tuple[int, int, Any]] = []
    for i, prices in enumerate(feed.bars):
        if prices is None:
            continue
        opened, closed = T0 + i * HOUR, T0 + (i + 1) * HOUR
        o, h, low, c = (Price(price, instrument.price_precision) for price in prices)
        if feed.open_ticks:
            tick = TradeTick(
                instrument.id,
                o,
                Quantity(1, instrument.size_precision),
                AggressorSide.NO_AGGRESSOR,
                TradeId(f"O{i}"),
                opened + offset_ns,
                opened + offset_ns,
            )
            rows.append((opened + offset_ns, 0, tick))
        if feed.marks is not None and (mark := feed.marks[i]) is not None:
            quoted = (Price(price, instrument.price_precision) for price in mark)
            rows.append((closed, 1, as_engine_data(MarkBar(instrument.id, *quoted, closed, closed))))
        volume = Quantity(1_000, instrument.size_precision)
        rows.append((closed, 2, Bar(bar_type, o, h, low, c, volume, closed, closed)))
    for hours, rate in feed.funding.items():
        at = T0 + round(hours * HOUR)
        rows.append((at, 3, FundingRateUpdate(instrument.id, Decimal(rate), at, at)))
    rows.sort(key=lambda row: row[:2])
    return [row[2] for row in rows]
