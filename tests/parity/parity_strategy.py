"""A strategy for parity: brackets with resting limit entries, changes and cancels, on bars the engine makes by time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide, OrderType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from strategies.registry import StrategyEntry

ENTRY = StrategyEntry("brackets", "parity_strategy:BracketStrategy", "parity_strategy:BracketConfig")


class BracketConfig(StrategyConfig, frozen=True, kw_only=True):
    instrument_id: InstrumentId
    bar_type: BarType
    quantity: str = "0.005"
    distance: float = 3.0


class BracketStrategy(Strategy):
    """Enter by a limit below the market, protect with stop and target; change or withdraw what rests too long."""

    def __init__(self, config: BracketConfig) -> None:
        super().__init__(config)
        self.bars = 0
        self.entry: Any = None

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(self.config.instrument_id)
        self.subscribe_bars(self.config.bar_type)
        self.subscribe_quote_ticks(self.config.instrument_id)
        self.clock.set_timer("brackets-review", timedelta(milliseconds=170), callback=self.review)

    def on_bar(self, bar: Any) -> None:
        self.bars += 1
        if not self.portfolio.is_flat(self.config.instrument_id) or self.working():
            return
        side = OrderSide.BUY if self.bars % 2 else OrderSide.SELL
        sign = 1 if side == OrderSide.BUY else -1
        price, distance = bar.close.as_double(), self.config.distance
        bracket = self.order_factory.bracket(
            instrument_id=self.config.instrument_id,
            order_side=side,
            quantity=self.instrument.make_qty(self.config.quantity),
            entry_order_type=OrderType.LIMIT,
            entry_price=self.instrument.make_price(price - sign * 0.2),
            sl_trigger_price=self.instrument.make_price(price - sign * distance),
            tp_price=self.instrument.make_price(price + sign * distance),
            entry_post_only=False,
            tp_post_only=False,
        )
        self.entry = bracket.orders[0]
        self.submit_order_list(bracket)

    def review(self, _event: Any) -> None:
        """Follow the market with an entry that rests, and give it up after a while."""
        if self.entry is None or not self.entry.is_open:
            return
        if self.clock.timestamp_ns() - self.entry.init_event.ts_init > 600_000_000:
            self.cancel_orders(self.working())
        elif not self.entry.is_pending_update:
            quote = self.cache.quote_tick(self.config.instrument_id)
            price = quote.bid_price if self.entry.side == OrderSide.BUY else quote.ask_price
            if price != self.entry.price:
                self.modify_order(self.entry, price=price)

    def working(self) -> list[Any]:
        return list(self.cache.orders_open(strategy_id=self.id)) + list(self.cache.orders_inflight(strategy_id=self.id))
