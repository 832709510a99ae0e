"""All that a check may see of the world: equity, exposures, marks, margin, working orders and mode, kept by events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from risk.arithmetic import loss_fraction
from risk.barriers import Barrier, Source
from risk.book import USABLE_MAX, Book, InstrumentFacts, PositionView, Working
from risk.budget import Budget, Budgets
from risk.intent import Intent
from risk.modes.table import POWERS, Mode
from risk.peak import DAY_NS, EquityBases, RollingPeak
from risk.sent import SentOrders
from risk.totals import Totals

if TYPE_CHECKING:
    from risk.checks.hedge import HedgeAllowance
    from risk.measures.portfolio import PortfolioRisk


class View:
    """
    Hold the account as of now; checks read it, and only the gate writes it, through the `apply_*` methods.

    Parameters
    ----------
    mode : Mode
        The control mode.
    cash : float
        Wallet balance without unrealised profit, quote currency.
    ts_ns : int
        Engine time, UTC.
    peak_window_days : int or None
        Days over which the peak of equity is kept; None since the start.

    Notes
    -----
    All money is in one quote currency. Equity is ``cash + sum(q * (mark - entry))`` over margin and perpetual
    positions plus ``sum(q * mark)`` over spot holdings, summed exactly (`ExactSum`), so the figures do not depend
    on the path that led to them. An unknown part (a position without a usable mark, an order without a usable
    price) makes the totals NaN, which every check refuses.

    Peak and day's start follow settled instants: what equity was when time moved on. An instant at midnight
    itself still sets the start of the day it opens, so the bar that closes at 00:00 belongs to the day before.

    """

    __slots__ = (
        "_barriers", "_books", "_budgets", "_cash", "_day_start", "_day_start_ts", "_orders", "_peak", "_settled",
        "_settled_until", "_stale", "_start", "_totals", "hedges", "mode", "open_positions", "portfolio", "powers",
        "sent", "ts_ns",
    )  # fmt: skip

    def __init__(self, *, mode: Mode, cash: float, ts_ns: int = 0, peak_window_days: int | None = None) -> None:
        self.mode = mode
        """The control mode; `powers` is its row of the table."""
        self.powers = POWERS[mode]
        self.ts_ns = ts_ns
        self.open_positions = 0
        """Number of instruments with a position."""
        self._cash = cash
        self._books: dict[str, Book] = {}
        self._orders: dict[str, Book] = {}
        self._barriers: tuple[Barrier, ...] = ()
        self._budgets = Budgets()
        self._stale: list[Book] = []
        self._totals = Totals()
        self._peak = RollingPeak(peak_window_days)
        self._settled = cash
        self._settled_until = 0
        self._start = cash
        self._day_start = cash
        self._day_start_ts = ts_ns
        self.sent = SentOrders()
        self.hedges: Mapping[str, HedgeAllowance] = {}
        """What the emergency closer may hedge with, by hedge instrument; see `risk.checks.hedge`."""
        self.portfolio: PortfolioRisk | None = None
        """Tail risk and clusters, fed here with marks and holdings; None where no limit needs them."""

    # what the checks read

    @property
    def cash(self) -> float:
        """Wallet balance, quote currency."""
        return self._cash

    @property
    def equity(self) -> float:
        """Cash plus what the positions are worth at mark; NaN while a part is unknown."""
        if self._stale:
            self._refresh()
        return self._cash + self._totals.value

    @property
    def exposure_notional(self) -> float:
        """Gross notional of all positions at mark; NaN while a part is unknown."""
        if self._stale:
            self._refresh()
        return self._totals.gross

    @property
    def working_notional(self) -> float:
        """Notional that working orders would add to the exposure; NaN while a part is unknown."""
        if self._stale:
            self._refresh()
        return self._totals.reserved

    @property
    def margin_used(self) -> float:
        """Initial margin of all positions and working entries; NaN while a part is unknown."""
        if self._stale:
            self._refresh()
        return self._totals.margin

    @property
    def peak_equity(self) -> float:
        """Highest settled equity of the window, or the present one where that is higher; NaN while that is unknown."""
        equity = self.equity
        peak = self._peak.highest(self.ts_ns, self._settled)
        return peak if equity <= peak else equity  # noqa: FURB136 (max would lose a NaN)

    @property
    def drawdown(self) -> float:
        """Loss from the peak as a fraction of it, 0 at the peak; NaN where there is no positive peak."""
        equity = self.equity
        peak = self._peak.highest(self.ts_ns, self._settled)
        return loss_fraction(equity, peak if equity <= peak else equity)  # noqa: FURB136 (max would lose a NaN)

    @property
    def start_equity(self) -> float:
        """Equity with which the account started: that of the first run, where a state was restored."""
        return self._start

    @property
    def day_start_equity(self) -> float:
        """Equity with which the UTC day began."""
        return self.equity if self.ts_ns == self._day_start_ts else self._day_start

    @property
    def daily_loss(self) -> float:
        """Loss since the UTC day began as a fraction of its start, 0 for a gain; NaN without a positive start."""
        equity = self.equity
        return loss_fraction(equity, equity if self.ts_ns == self._day_start_ts else self._day_start)

    @property
    def committed_positions(self) -> int:
        """Number of instruments with a position or with a working order that would open one."""
        if self._stale:
            self._refresh()
        return self.open_positions + self._totals.entering

    @property
    def barriers(self) -> tuple[Barrier, ...]:
        """What kill switches and breakers keep from taking new risk."""
        return self._barriers

    def instruments(self) -> tuple[str, ...]:
        """Return the ids of all instruments whose facts are known."""
        return tuple(name for name, book in self._books.items() if book.facts is not None)

    def held(self) -> Iterator[Book]:
        """Give the book of every instrument with a position, brought up to date."""
        if self._stale:
            self._refresh()
        yield from (book for book in self._books.values() if book.quantity != 0.0)

    def book(self, instrument: str) -> Book | None:
        """Return what is known of an instrument, brought up to date; None where nothing is."""
        if self._stale:
            self._refresh()
        return self._books.get(instrument)

    def mark(self, instrument: str) -> float | None:
        """Return the last good price, None where there was none."""
        book = self._books.get(instrument)
        return None if book is None else book.mark

    def position(self, instrument: str) -> PositionView | None:
        """Return the net position, None when flat."""
        book = self._books.get(instrument)
        return None if book is None or book.quantity == 0.0 else PositionView(book.quantity, book.entry_price)

    def facts(self, instrument: str) -> InstrumentFacts | None:
        """Return the facts of an instrument, None where they were not set."""
        book = self._books.get(instrument)
        return None if book is None else book.facts

    def working(self, client_order_id: str) -> Working | None:
        """Return a working order, None where it is not known."""
        book = self._orders.get(client_order_id)
        return None if book is None else book.working(client_order_id)

    def overshooting(self) -> tuple[Working, ...]:
        """
        Return the working orders that could add to a position or turn it, oldest first.

        Orders against a position are left out as long as they fit into it, stops before others.
        """
        found: list[Working] = []
        for book in self._books.values():
            room = {sign: book.closable(sign) + book.lot_tolerance() for sign in (1, -1)}
            for order in sorted(book.opening.values(), key=lambda working: not working.is_stop):
                sign = 1 if order.signed_quantity > 0 else -1
                room[sign] -= abs(order.signed_quantity)
                if not room[sign] >= 0.0 or book.quantity * sign >= 0.0:
                    room[sign] += abs(order.signed_quantity)
                    found.append(order)
            found.extend(book.unusable.values())
        return tuple(found)

    def budget(self, client_order_id: str) -> Budget | None:
        """Return the budget of an approved order, None where there is none or it closed long ago."""
        return self._budgets.get(client_order_id)

    # what the gate writes

    def apply_mode(self, mode: Mode) -> None:
        """Take over the control mode."""
        self.mode = mode
        self.powers = POWERS[mode]

    def apply_barriers(self, source: Source, barriers: Iterable[Barrier]) -> None:
        """Take over all barriers of one source, in place of those it had."""
        others = tuple(barrier for barrier in self._barriers if barrier.source is not source)
        self._barriers = (*others, *barriers)

    def bases(self) -> EquityBases:
        """Return what losses are measured from, to be kept over a restart; `apply_bases` takes it over."""
        return EquityBases(self.ts_ns, self._start, self._day_start, self._settled, self._peak.days())

    def apply_bases(self, bases: EquityBases) -> None:
        """
        Take over what losses were measured from before a restart, once time and balance of the account are known.

        On a later day than that of `bases`, the day counts from the last equity known before it.
        """
        self._start = bases.start
        self._peak.take_over(bases.peak)
        same_day = bases.ts_ns // DAY_NS == self.ts_ns // DAY_NS
        self._day_start = bases.day_start if same_day else bases.settled
        self._day_start_ts = -1

    def apply_hedges(self, hedges: Mapping[str, HedgeAllowance]) -> None:
        """Take over what may be hedged; empty takes all back."""
        self.hedges = dict(hedges)

    def set_facts(self, facts: InstrumentFacts) -> None:
        """Take over what is fixed about an instrument."""
        book = self._book(facts.instrument)
        book.facts = facts
        self._touch(book)

    def apply_mark(self, instrument: str, price: float, ts_ns: int) -> None:
        """Take over the last good price; NaN and what is not positive make the figures that need it unknown."""
        if ts_ns > self.ts_ns:
            self.advance(ts_ns)
        if self.portfolio is not None:
            self.portfolio.on_mark(instrument, price, ts_ns)
        book = self._books.get(instrument) or self._book(instrument)
        mark = price if 0.0 < price <= USABLE_MAX else math.nan
        if mark != book.mark:
            book.mark = mark
            if book.quantity != 0.0:
                self._touch(book)

    def apply_position(self, instrument: str, signed_quantity: float, entry_price: float) -> None:
        """Take over a net position, in base units with plus for long; 0 closes it, what is no number is unknown."""
        book = self._book(instrument)
        if not abs(signed_quantity) <= USABLE_MAX:
            signed_quantity = math.nan
        self.open_positions += (signed_quantity != 0.0) - (book.quantity != 0.0)
        book.quantity = signed_quantity
        book.entry_price = entry_price if signed_quantity != 0.0 else 0.0
        self._touch(book)

    def apply_owner(self, instrument: str, strategy: str, signed_quantity: float) -> None:
        """Take over what one strategy holds of an instrument's net position: its own it may always close."""
        owners = self._book(instrument).owners
        if signed_quantity == 0.0:
            owners.pop(strategy, None)
        else:
            owners[strategy] = signed_quantity

    def apply_cash(self, cash: float) -> None:
        """Take over the wallet balance."""
        self._cash = cash

    def apply_working(
        self,
        client_order_id: str,
        instrument: str,
        signed_quantity: float,
        price: float | None,
        reduce_only: bool,
        parent_id: str | None = None,
        *,
        is_stop: bool = False,
        strategy: str | None = None,
    ) -> None:
        """
        Take over an order in flight or resting, in place of what was known under its id.

        `signed_quantity` is what is still open of it, plus for a buy; 0 removes it. `price` is its limit price, or
        its trigger price where it has no limit; None for a market order, which is then valued at the mark.
        `is_stop` tells that it waits for a trigger price; `strategy` is who sent it, None where that is as known.
        """
        if signed_quantity == 0.0:
            self._forget(client_order_id)
            return
        book = self._book(instrument)
        known = self.working(client_order_id) if strategy is None else None
        sender = strategy or ("" if known is None else known.strategy)
        if self._orders.get(client_order_id, book) is not book:
            self._forget(client_order_id)
        if price is None:
            price = math.nan if book.mark is None else book.mark
        book.add(Working(client_order_id, instrument, signed_quantity, price, reduce_only, parent_id, is_stop, sender))
        self._orders[client_order_id] = book
        self._touch(book)

    def apply_intent(self, intent: Intent) -> None:
        """Count an approved intent as in flight, and open or draw on its budget; `apply_working` follows its events."""
        price = intent.price if intent.price is not None else intent.trigger_price
        self.apply_working(
            intent.client_order_id,
            intent.instrument,
            intent.signed_quantity,
            price,
            intent.reduce_only,
            intent.parent_id,
            is_stop=intent.trigger_price is not None,
            strategy=intent.strategy,
        )
        self._budgets.draw(intent)

    def apply_child_fill(self, client_order_id: str, parent_id: str, filled: float) -> None:
        """Take over what a working child has filled of its parent's budget so far, base units."""
        self._budgets.note_filled(client_order_id, parent_id, filled)

    def withdraw_intent(self, intent: Intent) -> None:
        """Undo `apply_intent` for an intent that was not sent after all."""
        self._budgets.withdraw(intent)
        self._forget(intent.client_order_id)

    def remove_working(self, client_order_id: str, unfilled: float = 0.0) -> None:
        """Forget an order that is closed; `unfilled` (base units) is what it did not fill, and its budgets know it."""
        order = self.working(client_order_id)
        self._budgets.close(client_order_id, None if order is None else order.parent_id, unfilled)
        self._forget(client_order_id)

    def record_submit(self, intent: Intent) -> None:
        """Remember an intent that was approved and sent, for the rate, for duplicates and for budgets."""
        self.sent.record(intent)
        self._budgets.draw(intent)

    def advance(self, ts_ns: int) -> None:
        """Move time on: settle the instant that ends, track the peak, and open a new UTC day where one begins."""
        if ts_ns <= self.ts_ns:
            return
        equity = self.equity
        if equity == self._settled and ts_ns < self._settled_until:
            self.ts_ns = ts_ns  # the same equity on the same day: it is settled already
            return
        if equity <= USABLE_MAX:  # an unknown equity settles nothing
            self._settled = equity
            self._settled_until = (self.ts_ns // DAY_NS + 1) * DAY_NS
            self._peak.settle(self.ts_ns, equity)
            if self.ts_ns == self._day_start_ts:
                self._day_start = equity
        if ts_ns // DAY_NS != self.ts_ns // DAY_NS:
            self._day_start = self._settled
            self._day_start_ts = ts_ns if ts_ns % DAY_NS == 0 else -1
        self.ts_ns = ts_ns

    # inside

    def _book(self, instrument: str) -> Book:
        book = self._books.get(instrument)
        if book is None:
            book = self._books[instrument] = Book(instrument)
        return book

    def _forget(self, client_order_id: str) -> None:
        book = self._orders.pop(client_order_id, None)
        if book is not None:
            book.remove(client_order_id)
            self._touch(book)

    def _touch(self, book: Book) -> None:
        if not book.stale:
            book.stale = True
            self._stale.append(book)

    def _refresh(self) -> None:
        for book in self._stale:
            self._totals.refresh(book)
            if self.portfolio is not None:
                self.portfolio.hold(book.instrument, *book.sided())
        self._stale.clear()
        self._totals.settle()
