"""The engine's own order handling with the gate in front, and a venue whose messages come late, twice or not at all."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.client import ExecutionClient
from nautilus_trader.execution.engine import ExecutionEngine
from nautilus_trader.execution.messages import CancelOrder, ModifyOrder, SubmitOrder, SubmitOrderList
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, LiquiditySide, OmsType, OrderSide
from nautilus_trader.model.events import OrderPendingCancel, OrderPendingUpdate
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientId,
    StrategyId,
    TradeId,
    TraderId,
    Venue,
    VenueOrderId,
)
from nautilus_trader.model.objects import AccountBalance, Money
from nautilus_trader.model.orders import Order
from nautilus_trader.portfolio.portfolio import Portfolio

from catalog.spec_files import shipped_spec
from risk.audit import AuditLog
from risk.controller import facts_of
from risk.decisions import DecisionLog
from risk.gate import Gate
from risk.limits import (
    CorrelationLimitConfig,
    DuplicateConfig,
    LimitsConfig,
    OrderRateConfig,
    PositionLimitConfig,
    ValueAtRiskLimitConfig,
)
from risk.modes.approvals import ApprovalQueue
from risk.modes.table import Mode
from risk.ruleset import Ruleset
from risk.watch import Watch

NAME = "BTCUSDT-PERP.BINANCE"
SPEC = shipped_spec(NAME)
INSTRUMENT = SPEC.instrument()
LOT = Decimal(str(SPEC.size_increment))
TRADER = TraderId("BOT4-001")
START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
CASH = Decimal(1_000_000)
FEE = Decimal("0.0005")
WIDE = LimitsConfig(
    position=PositionLimitConfig(max=1.0),
    rate=OrderRateConfig(enabled=False),
    duplicate=DuplicateConfig(enabled=False),
    value_at_risk=ValueAtRiskLimitConfig(enabled=False),
    correlation=CorrelationLimitConfig(enabled=False),
)


class Trade(NamedTuple):
    """One trade as the venue reports it: signed quantity in base units, price and fee in quote currency."""

    trade_id: str
    client_order_id: str
    strategy: str
    signed_quantity: Decimal
    price: Decimal
    fee: Decimal


class Message(NamedTuple):
    """One of the venue's messages on its way, by its `number`; `trade` is None where it reports none."""

    number: int
    order: Order
    kind: str
    deliver: Callable[[], None]
    trade: Trade | None = None


class AtVenue:
    """An order as it truly stands at the venue."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.quantity = order.quantity.as_decimal()
        self.filled = Decimal(0)
        self.open = True
        self.answered = False

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled if self.open else Decimal(0)


class StormVenue(ExecutionClient):  # type: ignore[misc]  # the engine ships no types
    """Take commands, keep the truth, and put every message into `outbox`, from where a test delivers it as it likes."""

    def __init__(self, msgbus: MessageBus, cache: Cache, clock: TestClock) -> None:
        super().__init__(
            ClientId("BINANCE"), Venue("BINANCE"), OmsType.NETTING, AccountType.MARGIN, None, msgbus, cache, clock
        )
        self._set_account_id(AccountId("BINANCE-001"))
        self.clock = clock
        self.orders: dict[str, AtVenue] = {}
        self.outbox: list[Message] = []
        self.numbers = itertools.count()
        self.trades = 0
        self.price = Decimal(50_000)

    # commands

    def submit_order(self, command: SubmitOrder) -> None:
        self._take(command.order)

    def submit_order_list(self, command: SubmitOrderList) -> None:
        for order in command.order_list.orders:
            self._take(order)

    def modify_order(self, command: ModifyOrder) -> None:
        at = self.orders[command.client_order_id.value]
        asked = at.quantity if command.quantity is None else command.quantity.as_decimal()
        if not at.open or asked <= at.filled:
            self._send(at, "modify rejected", self.generate_order_modify_rejected, "too late")
            return
        at.quantity = asked
        quantity, price = INSTRUMENT.make_qty(asked), command.price or at.order.price
        self._send(at, "updated", self.generate_order_updated, quantity, price, None)

    def cancel_order(self, command: CancelOrder) -> None:
        at = self.orders[command.client_order_id.value]
        if at.open:
            at.open = False
            self._send(at, "canceled", self.generate_order_canceled)
        else:
            self._send(at, "cancel rejected", self.generate_order_cancel_rejected, "unknown order")

    # what the venue does

    def accept(self, at: AtVenue) -> None:
        at.answered = True
        self._send(at, "accepted", self.generate_order_accepted)

    def reject(self, at: AtVenue) -> None:
        at.answered, at.open = True, False
        order, clock = at.order, self.clock

        def deliver() -> None:
            self.generate_order_rejected(
                order.strategy_id, order.instrument_id, order.client_order_id, "no", clock.timestamp_ns()
            )

        self.outbox.append(Message(next(self.numbers), order, "rejected", deliver))

    def expire(self, at: AtVenue) -> None:
        at.open = False
        self._send(at, "expired", self.generate_order_expired)

    def fill(self, at: AtVenue, quantity: Decimal) -> None:
        at.answered = True
        at.filled += quantity
        at.open = at.open and at.filled < at.quantity
        self.trades += 1
        self.report(at, f"T-{self.trades}", quantity, self.price)

    def report(self, at: AtVenue, trade_id: str, quantity: Decimal, price: Decimal) -> None:
        """Put a fill into the outbox; a second one under the same id is a duplicate or a correction."""
        order = at.order
        sign = 1 if order.side == OrderSide.BUY else -1
        fee = (quantity * price * FEE).quantize(Decimal("1e-8"))
        trade = Trade(trade_id, order.client_order_id.value, order.strategy_id.value, sign * quantity, price, fee)

        def deliver() -> None:
            self.generate_order_filled(
                order.strategy_id,
                order.instrument_id,
                order.client_order_id,
                VenueOrderId(f"V-{order.client_order_id.value}"),
                None,
                TradeId(trade_id),
                order.side,
                order.order_type,
                INSTRUMENT.make_qty(quantity),
                INSTRUMENT.make_price(price),
                USDT,
                Money(fee, USDT),
                LiquiditySide.TAKER,
                self.clock.timestamp_ns(),
            )

        self.outbox.append(Message(next(self.numbers), order, "filled", deliver, trade))

    def _take(self, order: Order) -> None:
        self.orders[order.client_order_id.value] = AtVenue(order)
        self.generate_order_submitted(
            order.strategy_id, order.instrument_id, order.client_order_id, self.clock.timestamp_ns()
        )

    def _send(self, at: AtVenue, kind: str, generate: Callable[..., None], *details: Any) -> None:
        order = at.order
        venue_id = VenueOrderId(f"V-{order.client_order_id.value}")

        def deliver() -> None:
            ids = (order.strategy_id, order.instrument_id, order.client_order_id, venue_id)
            generate(*ids, *details, self.clock.timestamp_ns())

        self.outbox.append(Message(next(self.numbers), order, kind, deliver))


class Storm:
    """Engine, gate and venue put together; strategies are told apart by the id in their orders."""

    def __init__(self, limits: LimitsConfig = WIDE, strategies: tuple[str, ...] = ("A-001", "B-002")) -> None:
        self.clock = TestClock()
        self.clock.set_time(START_NS)
        self.msgbus = MessageBus(TRADER, self.clock)
        self.cache = Cache()
        self.cache.add_instrument(INSTRUMENT)
        self.portfolio = Portfolio(self.msgbus, self.cache, self.clock)
        self.engine = ExecutionEngine(self.msgbus, self.cache, self.clock)
        rules = Ruleset(limits)
        self.view = rules.new_view(Mode.FULL_AUTO, float(CASH), START_NS)
        self.view.set_facts(facts_of(SPEC, 3.0))
        self.audit = AuditLog(None)
        self.gate = Gate(
            msgbus=self.msgbus,
            cache=self.cache,
            clock=self.clock,
            execute=self.engine.execute,
            rules=rules,
            view=self.view,
            decisions=DecisionLog(None),
            audit=self.audit,
            queue=ApprovalQueue(),
            watch=Watch(self.view, self.cache, self.audit, "USDT"),
        )
        self.gate.install()
        self.alarms: list[Any] = []
        self.gate.watch.on_unknown_fill = self.alarms.append
        self.msgbus.register("RiskEngine.execute", self.gate.execute)
        self.venue = StormVenue(self.msgbus, self.cache, self.clock)
        _calculate_accounts()
        self.engine.register_client(self.venue)
        money = Money(CASH, USDT)
        self.venue.generate_account_state([AccountBalance(money, Money(0, USDT), money)], [], True, START_NS)
        self.factories = {name: OrderFactory(TRADER, StrategyId(name), self.clock) for name in strategies}
        self.quote(Decimal(50_000))

    def quote(self, price: Decimal) -> None:
        """Move the market, with a tick as spread."""
        self.venue.price = price
        now = self.tick()
        bid, ask, size = INSTRUMENT.make_price(price), INSTRUMENT.make_price(price), INSTRUMENT.make_qty(100)
        tick = QuoteTick(INSTRUMENT.id, bid, ask, size, size, now, now)
        self.cache.add_quote_tick(tick)
        self.msgbus.publish(f"data.quotes.BINANCE.{INSTRUMENT.id.symbol}", tick)

    def tick(self) -> int:
        """Let a millisecond pass."""
        self.clock.set_time(self.clock.timestamp_ns() + MS)
        return int(self.clock.timestamp_ns())

    def submit(self, order: Order) -> None:
        ids = {"trader_id": TRADER, "strategy_id": order.strategy_id, "command_id": UUID4()}
        self._execute(SubmitOrder(order=order, ts_init=self.tick(), **ids))

    def submit_list(self, order_list: Any) -> None:
        ids = {"trader_id": TRADER, "strategy_id": order_list.strategy_id, "command_id": UUID4()}
        self._execute(SubmitOrderList(order_list=order_list, ts_init=self.tick(), **ids))

    def cancel(self, order: Order) -> None:
        now = self.tick()
        self._pending(OrderPendingCancel, order, now)
        self._execute(CancelOrder(venue_order_id=order.venue_order_id, **self._command(order, now)))

    def modify(self, order: Order, quantity: Decimal) -> None:
        now = self.tick()
        self._pending(OrderPendingUpdate, order, now)
        changes = {"quantity": INSTRUMENT.make_qty(quantity), "price": None, "trigger_price": None}
        self._execute(ModifyOrder(venue_order_id=order.venue_order_id, **changes, **self._command(order, now)))

    def _execute(self, command: Any) -> None:
        self.msgbus.send("ExecEngine.execute", command)

    def _pending(self, kind: type, order: Order, now: int) -> None:
        ids = {"venue_order_id": order.venue_order_id, "account_id": self.venue.account_id, "event_id": UUID4()}
        named = self._command(order, now)
        del named["command_id"]
        self.msgbus.send("ExecEngine.process", kind(ts_event=now, **ids, **named))

    def _command(self, order: Order, now: int) -> dict[str, Any]:
        return {
            "trader_id": TRADER,
            "strategy_id": order.strategy_id,
            "instrument_id": order.instrument_id,
            "client_order_id": order.client_order_id,
            "command_id": UUID4(),
            "ts_init": now,
        }

    def balance(self) -> Decimal:
        """Return the account's cash as the engine keeps it."""
        return Decimal(self.cache.account(self.venue.account_id).balance_total(USDT).as_decimal())

    def held(self, strategy: str | None = None) -> Decimal:
        """Return the engine's position, of one strategy or of all together."""
        positions = self.cache.positions_open()
        return sum(
            (each.signed_decimal_qty() for each in positions if strategy in {None, each.strategy_id.value}), Decimal(0)
        )


_ACCOUNTS: list[str] = []


def _calculate_accounts() -> None:
    """Have the engine keep the account's balance by fills; the setting is the process's and may be made once."""
    if not _ACCOUNTS:
        with contextlib.suppress(KeyError):  # a backtest engine in this process may have done so
            AccountFactory.register_calculated_account("BINANCE")
        _ACCOUNTS.append("BINANCE")
