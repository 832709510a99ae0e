"""Interest on what a spot margin position borrows, hour by hour."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec
from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.model.data import Bar
from nautilus_trader.model.identifiers import ComponentId, Venue
from nautilus_trader.model.objects import Currency, Money

from research.venue.prices import Board
from research.venue.times import HOUR_NS

_HOURS_PER_YEAR: Final = 24 * 365


class Interest(msgspec.Struct, frozen=True, kw_only=True):
    """One booking of interest: `borrowed` is in settlement currency, `hours` full hours of it, `amount` the cost."""

    ts_ns: int
    borrowed: float
    hours: int
    amount: Decimal


class BorrowingModule(SimulationModule):
    """
    Charge simple hourly interest on the account's loans.

    A short has borrowed its quantity, worth its present price. Longs have borrowed what they cost at entry beyond
    the account's cash. Both pay ``borrowed * annual_rate / 8760`` for every UTC hour that ends while they are open,
    booked before the bar that ends there is played: a position closed inside that bar still pays its last hour.

    Parameters
    ----------
    venue : Venue
        Whose account pays.
    board : Board
        Prices and open positions.
    currency : Currency
        The account's settlement currency.
    annual_rate : float
        A fraction; years have 365 days.

    """

    def __init__(self, venue: Venue, board: Board, currency: Currency, annual_rate: float) -> None:
        super().__init__(SimulationModuleConfig(component_id=ComponentId(f"Borrowing-{venue}")))
        self._board = board
        self._currency = currency
        self._hourly_rate = Decimal(repr(annual_rate)) / _HOURS_PER_YEAR
        self.ledger: list[Interest] = []
        self.listeners: list[Callable[[Interest], None]] = []
        self._hour = 0

    def reset(self) -> None:
        """Forget the ledger and the time."""
        self.ledger.clear()
        self._hour = 0

    def process(self, ts_now: int) -> None:
        """Nothing to do: interest is booked before prices move."""

    def log_diagnostics(self, logger: Any) -> None:
        """Say how often interest was booked."""
        logger.info(f"interest bookings: {len(self.ledger)}")

    def pre_process(self, data: Any) -> None:
        """Book the hours that have ended by this bar's close."""
        if type(data) is not Bar:
            return
        hour = data.ts_init // HOUR_NS
        hours, self._hour = hour - self._hour, max(hour, self._hour)
        if hours <= 0 or not self._board.positions:
            return
        borrowed = self.borrowed()
        if borrowed <= 0.0:
            return
        cost = Money.from_decimal(Decimal(repr(borrowed)) * self._hourly_rate * hours, self._currency)
        self.exchange.adjust_account(Money.from_decimal(-cost.as_decimal(), self._currency))
        interest = Interest(ts_ns=hour * HOUR_NS, borrowed=borrowed, hours=hours, amount=cost.as_decimal())
        self.ledger.append(interest)
        for listener in self.listeners:
            listener(interest)

    def borrowed(self) -> float:
        """Return the worth of all loans now, in settlement currency."""
        short_worth = long_cost = 0.0
        for instrument_id, positions in self._board.positions.items():
            for position in positions.values():
                if position.is_long:
                    long_cost += position.signed_qty * position.avg_px_open
                else:
                    price = self._board.mark_price(instrument_id) or position.avg_px_open
                    short_worth -= position.signed_qty * price
        cash = float(self.exchange.get_account().balance_total(self._currency))
        return short_worth + max(0.0, long_cost - cash)
