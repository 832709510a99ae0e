"""A small simulated market for strategy tests: an engine, bars with open ticks, and an interceptor before the venue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import BTC, ETH, USDT
from nautilus_trader.model.data import Bar, BarType, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType
from nautilus_trader.model.events import OrderDenied
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, TraderId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair, Instrument
from nautilus_trader.model.objects import Money, Price, Quantity

HOUR_NS = 3_600_000_000_000
LATENCY_NS = 1_000_000
OPEN_TICK_NS = 2_000_000  # after the bar's start, later than the latency
VENUE = Venue("SIM")


class Ohlc(NamedTuple):
    """Prices of one bar."""

    open: float
    high: float
    low: float
    close: float


def perpetual(symbol: str = "BTCUSDT-PERP") -> CryptoPerpetual:
    """Return a linear perpetual without fees: price tick 0.01, lot 0.001, at least 5 USDT."""
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(symbol), VENUE),
        raw_symbol=Symbol(symbol.removesuffix("-PERP")),
        base_currency=ETH if symbol.startswith("ETH") else BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        min_notional=Money(5, USDT),
        margin_init=Decimal(1),
        margin_maint=Decimal("0.005"),
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
        ts_event=0,
        ts_init=0,
    )


def spot(symbol: str = "BTCUSDT") -> CurrencyPair:
    """Return a spot pair with a taker fee of 10 bp: price tick 0.01, lot 0.001."""
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol(symbol), VENUE),
        raw_symbol=Symbol(symbol),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        ts_event=0,
        ts_init=0,
    )


def feed(instrument: Instrument, rows: Sequence[Ohlc], bar: str = "1-HOUR") -> list[Any]:
    """Return bars stamped at their close, each with a trade tick of its open price just after its start."""
    bar_type = BarType.from_str(f"{instrument.id}-{bar}-LAST-EXTERNAL")
    data: list[Any] = []
    for index, row in enumerate(rows):
        start = (index + 1) * HOUR_NS
        tick = start + OPEN_TICK_NS
        data.append(
            TradeTick(
                instrument.id,
                instrument.make_price(row.open),
                Quantity(1_000_000, instrument.size_precision),
                AggressorSide.NO_AGGRESSOR,
                TradeId(f"open-{index}"),
                tick,
                tick,
            )
        )
        close = start + HOUR_NS
        prices = [instrument.make_price(price) for price in row]
        data.append(Bar(bar_type, *prices, Quantity(1_000_000, instrument.size_precision), close, close))
    return data


def close_ns(index: int) -> int:
    """Return the close time of the bar at `index` of a feed."""
    return (index + 2) * HOUR_NS


def engine_with(
    instruments: Sequence[Instrument],
    *,
    cash: float = 10_000.0,
    account: AccountType = AccountType.MARGIN,
    **venue: Any,
) -> BacktestEngine:
    """Return an engine with one venue with latency, and the instruments on it."""
    engine = BacktestEngine(
        config=BacktestEngineConfig(
            trader_id=TraderId("TEST-001"),
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=False),
            run_analysis=False,
        )
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=account,
        starting_balances=[Money(cash, USDT)],
        base_currency=None,
        default_leverage=Decimal(10) if account is AccountType.MARGIN else None,
        latency_model=LatencyModel(base_latency_nanos=LATENCY_NS),
        bar_execution=True,
        **venue,
    )
    for instrument in instruments:
        engine.add_instrument(instrument)
    return engine


class Interceptor:
    """Stands at the execution engine's endpoint, as the gate does; denies what `refuse` gives a reason for."""

    def __init__(self, engine: BacktestEngine, refuse: Callable[[Any], str | None]) -> None:
        self.kernel = engine.kernel
        self.refuse = refuse
        self.commands: list[Any] = []
        self.forward = engine.kernel.exec_engine.execute
        engine.kernel.msgbus.deregister("ExecEngine.execute", self.forward)
        engine.kernel.msgbus.register("ExecEngine.execute", self.execute)

    def execute(self, command: Any) -> None:
        """Deny all orders of a command, or pass it on."""
        self.commands.append(command)
        reason = self.refuse(command)
        if reason is None:
            self.forward(command)
            return
        orders = command.order_list.orders if hasattr(command, "order_list") else [command.order]
        for order in orders:
            event = OrderDenied(
                order.trader_id,
                order.strategy_id,
                order.instrument_id,
                order.client_order_id,
                reason,
                UUID4(),
                self.kernel.clock.timestamp_ns(),
            )
            self.kernel.msgbus.send("ExecEngine.process", event)
