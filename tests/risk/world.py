"""Small worlds for the risk tests: one perpetual at 100, ten thousand in cash, and orders to send."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from risk.book import InstrumentFacts
from risk.intent import Intent, Origin, Side
from risk.limits import CorrelationLimitConfig, ValueAtRiskLimitConfig
from risk.measures.portfolio import PortfolioRisk
from risk.modes.table import Mode
from risk.view import View

BTC = "BTCUSDT-PERP.BINANCE"
ETH = "ETHUSDT-PERP.BINANCE"
SPOT = "BTCUSD.BITFINEX"
CASH = 10_000.0
MARK = 100.0
LOT = 0.001
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
NOW = 20_000 * DAY + 12 * 3_600 * SECOND

_ids = itertools.count(1)


class Step(NamedTuple):
    """A leverage bracket."""

    notional_floor: float
    notional_cap: float
    maintenance_rate: float
    maintenance_amount: float
    leverage_max: float


def facts(instrument: str = BTC, **changes: Any) -> InstrumentFacts:
    given: dict[str, Any] = {"spot": False, "size_increment": LOT, "taker_fee": 0.0, "leverage": 10.0}
    return InstrumentFacts(instrument=instrument, **(given | changes))


def world(mode: Mode = Mode.FULL_AUTO, *, cash: float = CASH, mark: float | None = MARK, **of_facts: Any) -> View:
    view = View(mode=mode, cash=cash, ts_ns=NOW)
    view.portfolio = PortfolioRisk(ValueAtRiskLimitConfig(), CorrelationLimitConfig())
    view.set_facts(facts(**of_facts))
    if mark is not None:
        view.apply_mark(BTC, mark, NOW)
    return view


def order(side: Side, quantity: float, **changes: Any) -> Intent:
    given: dict[str, Any] = {
        "ts_ns": NOW,
        "strategy": "Trend-001",
        "instrument": BTC,
        "client_order_id": f"O-{next(_ids)}",
        "order_type": "MARKET",
    }
    return Intent(side=side, quantity=quantity, **(given | changes))


def buy(quantity: float, **changes: Any) -> Intent:
    return order(Side.BUY, quantity, **changes)


def sell(quantity: float, **changes: Any) -> Intent:
    return order(Side.SELL, quantity, **changes)


def by_hand(intent: Intent, operator: str | None = "op-7", reason: str | None = "hedge") -> Intent:
    """Return the order as an operator's."""
    changes = {"origin": Origin.OPERATOR, "operator": operator, "reason": reason}
    return Intent(**({name: getattr(intent, name) for name in intent.__struct_fields__} | changes))


def sent(view: View, intent: Intent) -> Intent:
    """Let an approved order go, as the gate does."""
    view.record_submit(intent)
    view.apply_intent(intent)
    return intent


def filled(view: View, intent: Intent, price: float | None = None) -> None:
    """Fill a sent order whole, as the engine's events would tell the view."""
    held = view.position(intent.instrument)
    quantity, entry = (0.0, 0.0) if held is None else (held.signed_quantity, held.entry_price)
    at = price if price is not None else view.mark(intent.instrument)
    assert at is not None
    after = quantity + intent.signed_quantity
    closed = min(abs(quantity), intent.quantity) if quantity * intent.signed_quantity < 0 else 0.0
    if closed:
        view.apply_cash(view.cash + closed * (at - entry) * (1 if quantity > 0 else -1))
    if quantity * intent.signed_quantity >= 0:
        entry = (abs(quantity) * entry + intent.quantity * at) / (abs(quantity) + intent.quantity)
    elif intent.quantity > abs(quantity):
        entry = at
    view.apply_position(intent.instrument, after, entry)
    view.remove_working(intent.client_order_id)
