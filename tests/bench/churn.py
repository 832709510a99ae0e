"""A strategy that trades at every other bar, to show what an order costs."""

from __future__ import annotations

from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy


class ChurnConfig(StrategyConfig, frozen=True, kw_only=True):
    """Which bars to trade on, and how much."""

    instrument_id: InstrumentId
    bar_type: BarType
    quantity: float = 0.05
    log_events: bool = False
    log_commands: bool = False


class Churn(Strategy):
    """Buy at one bar, close two bars later, and so on."""

    def __init__(self, config: ChurnConfig) -> None:
        super().__init__(config)
        self.bars = 0

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(self.config.instrument_id)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        if self.bars % 2:
            return
        if self.portfolio.is_flat(self.instrument.id):
            quantity = self.instrument.make_qty(self.config.quantity)
            self.submit_order(self.order_factory.market(self.instrument.id, OrderSide.BUY, quantity))
        else:
            self.close_all_positions(self.instrument.id)
