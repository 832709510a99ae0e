"""A small real engine with the gate in front of its venue, and strategies that know nothing of Bot4."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import InstrumentId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from catalog.spec_files import shipped_spec
from risk.controller import GateController, GateControllerConfig, gate_of, importable
from risk.limits import LimitsConfig
from risk.modes.operators import OperatorConfig
from risk.modes.table import Mode

NAME = "BTCUSDT-PERP.BINANCE"
INSTRUMENT = InstrumentId.from_str(NAME)
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND
CASH = 100_000.0


class Scripted(Strategy):
    """A plain strategy: does what the script says at the n-th quote, and notes what it is told."""

    def __init__(
        self,
        script: dict[int, Callable[[Scripted], Any]],
        on_filled: Callable[[Scripted, Any], None] | None = None,
        tag: str = "001",
    ) -> None:
        super().__init__(StrategyConfig(order_id_tag=tag))
        self.script = script
        self.act_on_fill = on_filled
        self.quotes = 0
        self.events: list[Any] = []

    def on_start(self) -> None:
        self.subscribe_quote_ticks(INSTRUMENT)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        action = self.script.get(self.quotes)
        self.quotes += 1
        if action is not None:
            action(self)

    def on_order_filled(self, event: Any) -> None:
        if self.act_on_fill is not None:
            self.act_on_fill(self, event)

    def on_event(self, event: Any) -> None:
        self.events.append(event)

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def quantity(self, amount: float) -> Quantity:
        return self.cache.instrument(INSTRUMENT).make_qty(amount)

    def price(self, amount: float) -> Price:
        return self.cache.instrument(INSTRUMENT).make_price(amount)


def play(
    script: dict[int, Callable[[Scripted], Any]],
    *,
    mode: Mode = Mode.FULL_AUTO,
    limits: LimitsConfig | None = None,
    operator: OperatorConfig | None = None,
    prices: list[float] | None = None,
    step_s: int = 1,
    prepare: Callable[[BacktestEngine], None] = lambda engine: None,
    on_filled: Callable[[Scripted, Any], None] | None = None,
) -> tuple[Scripted, GateController]:
    """Run a script over one quote per price, `step_s` apart; the spread is one tick of 0.1."""
    gate = GateControllerConfig(
        mode=mode,
        limits=limits or LimitsConfig(),
        specs=(shipped_spec(NAME),),
        leverage=3.0,
        operator=operator,
        starting_cash=CASH,
    )
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), controller=importable(gate), run_analysis=False
        )
    )
    engine.add_venue(
        Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(CASH, USDT)],
        default_leverage=Decimal(3),
    )
    instrument = shipped_spec(NAME).instrument()
    engine.add_instrument(instrument)
    size = instrument.make_qty(100)
    engine.add_data(
        [
            QuoteTick(
                INSTRUMENT,
                instrument.make_price(price),
                instrument.make_price(price + 0.1),
                size,
                size,
                START_NS + index * step_s * SECOND,
                START_NS + index * step_s * SECOND,
            )
            for index, price in enumerate(prices or [50_000.0] * 60)
        ]
    )
    strategy = Scripted(script, on_filled)
    engine.add_strategy(strategy)
    prepare(engine)
    controller = gate_of(engine.trader)
    engine.run()
    strategy.positions = engine.cache.positions_open()
    strategy.orders = engine.cache.orders()
    return strategy, controller
