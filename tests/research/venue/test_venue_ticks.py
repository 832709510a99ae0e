"""Quotes, trades, books and mark prices drive the venue as bars do; every price is worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.data import (
    Bar,
    BarType,
    BookOrder,
    MarkPriceUpdate,
    OrderBookDelta,
    OrderBookDeltas,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide
from nautilus_trader.model.identifiers import ClientId, InstrumentId, TradeId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.trading.strategy import Strategy
from venue_world import BTC, T0, perp

from research.venue.config import FundingConfig, LiquidationConfig, VenueConfig
from research.venue.venue import VenueHandles, add_venue

ID = InstrumentId.from_str(BTC)
MS = 1_000_000
LEVELS = tuple[tuple[float, float], ...]


def at(ms: float) -> int:
    return T0 + round(ms * MS)


def price(value: float) -> Price:
    return Price(value, 1)


def quote(ms: float, bid: float, ask: float) -> QuoteTick:
    return QuoteTick(ID, price(bid), price(ask), Quantity(5, 3), Quantity(5, 3), at(ms), at(ms))


def trade(ms: float, value: float, side: AggressorSide) -> TradeTick:
    return TradeTick(ID, price(value), Quantity(1, 3), side, TradeId(f"T{ms}"), at(ms), at(ms))


def book(ms: float, bids: LEVELS, asks: LEVELS) -> OrderBookDeltas:
    deltas = [OrderBookDelta.clear(ID, 0, at(ms), at(ms))]
    rows = [(OrderSide.BUY, *level) for level in bids] + [(OrderSide.SELL, *level) for level in asks]
    for number, (side, value, size) in enumerate(rows, start=1):
        order = BookOrder(side, price(value), Quantity(size, 3), number)
        deltas.append(OrderBookDelta(ID, BookAction.ADD, order, 0, 0, at(ms), at(ms)))
    return OrderBookDeltas(ID, deltas)


class Acts(Strategy):
    """Do what the test wrote at the times it wrote."""

    def __init__(self, acts: dict[float, Callable[[Acts], Any]]) -> None:
        super().__init__(StrategyConfig(order_id_tag="001"))
        self.acts = acts
        self.fills: list[Any] = []

    def on_start(self) -> None:
        for ms, act in self.acts.items():
            self.clock.set_time_alert_ns(f"act-{ms}", at(ms), lambda _event, act=act: act(self))

    def on_order_filled(self, event: Any) -> None:
        self.fills.append(event)

    def market(self, quantity: float) -> None:
        side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
        self.submit_order(self.order_factory.market(ID, side, Quantity(abs(quantity), 3)))

    def limit(self, quantity: float, value: float) -> None:
        side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
        self.submit_order(self.order_factory.limit(ID, side, Quantity(abs(quantity), 3), price(value)))


def play(
    data: list[Any], acts: dict[float, Callable[[Acts], Any]], **venue: Any
) -> tuple[list[tuple[float, float, str]], VenueHandles]:
    """Return each fill as (price, quantity, maker or taker), and the venue."""
    config = VenueConfig(
        **{"latency_ms": 1, "slippage_bps": 0.0, "funding": FundingConfig(missing="zero")} | venue  # type: ignore[arg-type]
    )
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    try:
        handles = add_venue(engine, "BINANCE", [perp()], config)
        for kind in {type(each) for each in data}:
            batch = [each for each in data if type(each) is kind]
            engine.add_data(batch, client_id=ClientId("BINANCE"), sort=False)
        engine.sort_data()
        strategy = Acts(acts)
        engine.add_strategy(strategy)
        engine.run(start=None)
        fills = [
            (float(fill.last_px), float(fill.last_qty), "maker" if fill.liquidity_side == 1 else "taker")
            for fill in strategy.fills
        ]
        return fills, handles
    finally:
        engine.dispose()


def test_a_taker_pays_the_other_side_of_the_quote() -> None:
    data = [quote(0, 100.0, 100.5), quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.market(1), 8: lambda each: each.market(-1)})

    assert fills == [(100.5, 1.0, "taker"), (100.0, 1.0, "taker")]


def test_slippage_comes_on_top_of_the_quote() -> None:
    data = [quote(0, 100.0, 100.5), quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.market(1)}, slippage_bps=10.0)

    assert fills == [(100.7, 1.0, "taker")]  # 100.6005, to the tick against the buyer


def test_a_trade_at_the_bid_does_not_let_a_buyer_in_below_the_ask() -> None:
    data = [quote(0, 100.0, 100.5), trade(3, 100.0, AggressorSide.SELLER), quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.market(1)})

    assert fills == [(100.5, 1.0, "taker")]


def test_a_trade_through_the_ask_makes_the_buyer_pay_it() -> None:
    data = [quote(0, 100.0, 100.5), trade(3, 101.0, AggressorSide.BUYER), quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.market(1)})

    assert fills == [(101.0, 1.0, "taker")]


def test_an_order_arrives_after_the_latency_at_the_quote_of_then() -> None:
    data = [quote(0, 100.0, 100.5), quote(7, 102.0, 102.5), quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.market(1)}, latency_ms=4)

    assert fills == [(102.5, 1.0, "taker")]


@pytest.mark.parametrize(("ask", "filled"), [(99.6, False), (99.5, True), (99.4, True)])
def test_a_resting_limit_fills_when_the_other_side_of_the_quote_reaches_it(ask: float, *, filled: bool) -> None:
    data = [quote(0, 100.0, 100.5), quote(10, 99.0, ask), quote(20, 99.0, ask)]

    fills, _ = play(data, {5: lambda each: each.limit(1, 99.5)})

    assert fills == ([(99.5, 1.0, "maker")] if filled else [])


@pytest.mark.parametrize(("traded", "filled"), [(99.6, False), (99.5, False), (99.4, True)])
def test_a_resting_limit_fills_when_a_trade_goes_through_it(traded: float, *, filled: bool) -> None:
    data = [quote(0, 100.0, 100.5), trade(10, traded, AggressorSide.SELLER), quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.limit(1, 99.5)})

    assert fills == ([(99.5, 1.0, "maker")] if filled else [])


def test_an_order_walks_the_book_and_pays_each_level() -> None:
    asks = ((100.5, 1.0), (100.7, 2.0), (101.0, 4.0))
    data = [book(0, ((100.0, 1.0),), asks), book(20, ((100.0, 1.0),), asks)]

    fills, _ = play(data, {5: lambda each: each.market(5)}, starting_balance=1e6)

    assert fills == [(100.5, 1.0, "taker"), (100.7, 2.0, "taker"), (101.0, 2.0, "taker")]


def test_what_the_book_can_not_fill_costs_what_its_last_level_does() -> None:
    data = [book(0, ((100.0, 1.0), (99.0, 1.0)), ((100.5, 1.0),)), book(20, ((100.0, 1.0),), ((100.5, 1.0),))]

    fills, _ = play(data, {5: lambda each: each.market(-4)}, starting_balance=1e6)

    assert fills == [(100.0, 1.0, "taker"), (99.0, 3.0, "taker")]


def test_beside_quotes_the_book_gives_depth_and_the_quote_the_best_price() -> None:
    stale = book(1, ((100.0, 1.0),), ((100.2, 1.0), (100.7, 9.0)))
    data = [quote(0, 100.0, 100.5), stale, quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.market(3)}, starting_balance=1e6)

    assert fills == [(100.5, 1.0, "taker"), (100.7, 2.0, "taker")]


def test_beside_quotes_bars_move_nothing() -> None:
    kind = BarType.from_str(f"{BTC}-1-MINUTE-LAST-EXTERNAL")
    bar = Bar(kind, price(100.0), price(200.0), price(10.0), price(100.0), Quantity(1, 3), at(10), at(10))
    data = [quote(0, 100.0, 100.5), bar, quote(20, 100.0, 100.5)]

    fills, _ = play(data, {5: lambda each: each.limit(1, 50.0)})

    assert fills == []


def leveraged(data: list[Any]) -> tuple[list[tuple[float, float, str]], VenueHandles]:
    """10 BTC long from 100 at leverage 10, isolated, maintenance 1 %: liquidated below 90.91."""
    return play(
        data,
        {5: lambda each: each.market(10)},
        leverage=10.0,
        margin_mode="isolated",
        starting_balance=1_000.0,
        liquidation=LiquidationConfig(fee=0.0125),
    )


def test_without_marks_the_middle_of_the_quote_liquidates_and_the_bid_is_what_is_got() -> None:
    data = [quote(0, 99.9, 100.0), quote(10, 90.7, 91.3), quote(11, 90.7, 90.9), quote(20, 99.9, 100.0)]

    _, handles = leveraged(data)

    assert handles.liquidation is not None
    ledger = handles.liquidation.ledger
    assert [(each.ts_ns, each.price) for each in ledger] == [(at(11), 90.7)]
    assert ledger[0].mark == pytest.approx(90.8)
    assert ledger[0].liquidation_price == pytest.approx(90.909090909)


def test_a_mark_price_liquidates_whatever_the_quote_says() -> None:
    mark = MarkPriceUpdate(ID, price(90.0), at(10), at(10))
    data = [quote(0, 99.9, 100.0), trade(1, 100.0, AggressorSide.BUYER), mark, quote(20, 99.9, 100.0)]

    _, handles = leveraged(data)

    assert handles.liquidation is not None
    assert [each.ts_ns for each in handles.liquidation.ledger] == [at(10)]
    assert handles.board.mark_price(ID) == 90.0


def test_with_mark_prices_a_quote_alone_does_not_liquidate() -> None:
    mark = MarkPriceUpdate(ID, price(100.0), at(1), at(1))
    data = [quote(0, 99.9, 100.0), mark, quote(10, 80.0, 80.5), quote(20, 99.9, 100.0)]

    _, handles = leveraged(data)

    assert handles.liquidation is not None
    assert handles.liquidation.ledger == []


def test_fees_of_a_walk_through_the_book_add_up_level_by_level() -> None:
    """1 at 100.5 and 2 at 101 with 5 bp: 0.05025 + 0.101 = 0.15125."""
    asks = ((100.5, 1.0), (101.0, 4.0))
    data = [book(0, ((100.0, 1.0),), asks), book(20, ((100.0, 1.0),), asks)]
    fees: list[Decimal] = []

    class Watching(Acts):
        def on_order_filled(self, event: Any) -> None:
            super().on_order_filled(event)
            fees.append(event.commission.as_decimal())

    acts = {5: lambda each: each.market(3)}
    engine_fills, _ = _play_with(Watching(acts), data)

    assert engine_fills == 2
    assert sum(fees) == Decimal("0.15125")


def _play_with(strategy: Acts, data: list[Any]) -> tuple[int, VenueHandles]:
    config = VenueConfig(latency_ms=1, slippage_bps=0.0, funding=FundingConfig(missing="zero"), starting_balance=1e6)
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    try:
        handles = add_venue(engine, "BINANCE", [perp()], config)
        engine.add_data(data)
        engine.add_strategy(strategy)
        engine.run()
        return len(strategy.fills), handles
    finally:
        engine.dispose()
