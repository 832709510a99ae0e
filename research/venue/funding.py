"""Funding of perpetuals: at each payment a long pays ``rate * mark * quantity``, a short receives it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.model.data import FundingRateUpdate
from nautilus_trader.model.identifiers import ComponentId, InstrumentId, PositionId, Venue
from nautilus_trader.model.objects import Money

from catalog.model import FundingColumns
from errors import PreconditionError
from research.venue.prices import Board
from research.venue.times import HOUR_NS, MINUTE_NS, iso_utc

_LATE_NS: Final = MINUTE_NS
"""Venues stamp a payment some milliseconds late; one that is a minute late is missing."""


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """
    One funding payment of one position.

    `signed_quantity` is in base units, plus for long. `mark` is in quote currency. `amount` is in settlement
    currency, plus is received, exactly as booked. `rate` is NaN where it was missing and taken as zero.
    """

    ts_ns: int
    instrument: str
    position_id: str
    rate: float
    mark: float
    signed_quantity: float
    amount: Decimal


class FundingModule(SimulationModule):
    """
    Settle funding into the account.

    A payment is due for a position held at the scheduled instant, after everything that the bar closing there did,
    and before any order that reaches the venue later. Cash moves by ``-signed_quantity * mark * rate``, computed in
    decimals and rounded half to even to the currency's precision.

    The schedule starts on the UTC grid of each instrument's interval, and follows the rates that come: the next one
    is due an interval after the last one (the update's own interval where it carries one), so that a venue which
    changes its interval is followed.

    Parameters
    ----------
    venue : Venue
        Whose account pays.
    board : Board
        Marks and open positions.
    intervals_h : dict of InstrumentId to int
        The perpetuals and their usual interval in hours.
    missing : "error" or "zero"
        What to do where a position is held over a payment without a rate.

    """

    def __init__(
        self, venue: Venue, board: Board, intervals_h: dict[InstrumentId, int], missing: Literal["error", "zero"]
    ) -> None:
        super().__init__(SimulationModuleConfig(component_id=ComponentId(f"Funding-{venue}")))
        self._board = board
        self._intervals_ns = {instrument_id: hours * HOUR_NS for instrument_id, hours in intervals_h.items()}
        self._missing = missing
        self.ledger: list[Settlement] = []
        self.listeners: list[Callable[[Settlement], None]] = []
        self.reset()

    def reset(self) -> None:
        """Forget the schedule and the ledger."""
        self.ledger.clear()
        self._due_ns: dict[InstrumentId, int] = {}
        self._held: dict[InstrumentId, list[tuple[PositionId, Decimal]]] = {}
        self._next_due_ns = 0

    def register_venue(self, exchange: Any) -> None:
        """Take the venue, and listen to its funding rates."""
        super().register_venue(exchange)
        for instrument_id in self._intervals_ns:
            topic = f"data.funding_rates.{instrument_id.venue}.{instrument_id.symbol}"
            self.msgbus.subscribe(topic=topic, handler=self._on_rate)

    def pre_process(self, data: Any) -> None:
        """Note, before a price beyond a payment time can change them, which positions are owed that payment."""
        ts_ns = data.ts_init
        if ts_ns > self._next_due_ns:
            self._close_due(ts_ns)

    def process(self, ts_now: int) -> None:
        """Stop, or book a zero, where a payment is overdue."""
        if ts_now > self._next_due_ns:
            self._close_due(ts_now)

    def log_diagnostics(self, logger: Any) -> None:
        """Say how many payments there were."""
        logger.info(f"funding payments: {len(self.ledger)}")

    def _on_rate(self, update: FundingRateUpdate) -> None:
        instrument_id = update.instrument_id
        scheduled_ns = (update.ts_event + MINUTE_NS // 2) // MINUTE_NS * MINUTE_NS
        if not self._due_ns:
            self._start(update.ts_init)
        while self._due_ns[instrument_id] < scheduled_ns:
            self._miss(instrument_id)
        mark = self._board.mark_price(instrument_id)
        held = self._take_held(instrument_id)
        if held:
            if mark is None:
                raise PreconditionError(f"{instrument_id}: funding at {iso_utc(scheduled_ns)} before any price")
            for position_id, quantity in held:
                self._settle(scheduled_ns, instrument_id, position_id, quantity, Decimal(str(update.rate)), mark)
        minutes = update.interval
        interval_ns = minutes * MINUTE_NS if minutes else self._intervals_ns[instrument_id]
        self._due_ns[instrument_id] = scheduled_ns + interval_ns
        self._next_due_ns = min(self._due_ns.values())

    def _start(self, ts_ns: int) -> None:
        for instrument_id, interval_ns in self._intervals_ns.items():
            self._due_ns[instrument_id] = -(-ts_ns // interval_ns) * interval_ns
        self._next_due_ns = min(self._due_ns.values())

    def _close_due(self, ts_ns: int) -> None:
        if not self._due_ns:
            self._start(ts_ns)
            return
        for instrument_id, due_ns in self._due_ns.items():
            if ts_ns > due_ns and instrument_id not in self._held:
                self._held[instrument_id] = self._holdings(instrument_id)
            while ts_ns > self._due_ns[instrument_id] + _LATE_NS:
                self._miss(instrument_id)
        self._next_due_ns = min(
            due_ns + (_LATE_NS if instrument_id in self._held else 0) for instrument_id, due_ns in self._due_ns.items()
        )

    def _miss(self, instrument_id: InstrumentId) -> None:
        """Pass over the payment now due: no rate came for it."""
        due_ns = self._due_ns[instrument_id]
        held = self._take_held(instrument_id)
        if held and self._missing == "error":
            raise PreconditionError(
                f"{instrument_id}: a position was held over the funding payment of {iso_utc(due_ns)}, and its rate is "
                'missing; ingest the rates, or set venue.funding.missing = "zero"'
            )
        for position_id, quantity in held:
            self._book(due_ns, instrument_id, position_id, quantity, math.nan, math.nan, Decimal(0))
        self._due_ns[instrument_id] = due_ns + self._intervals_ns[instrument_id]

    def _take_held(self, instrument_id: InstrumentId) -> list[tuple[PositionId, Decimal]]:
        held = self._held.pop(instrument_id, None)
        return self._holdings(instrument_id) if held is None else held

    def _holdings(self, instrument_id: InstrumentId) -> list[tuple[PositionId, Decimal]]:
        positions = self._board.positions.get(instrument_id)
        if not positions:
            return []
        return [(position_id, position.signed_decimal_qty()) for position_id, position in positions.items()]

    def _settle(
        self,
        ts_ns: int,
        instrument_id: InstrumentId,
        position_id: PositionId,
        quantity: Decimal,
        rate: Decimal,
        mark: float,
    ) -> None:
        instrument = self.exchange.cache.instrument(instrument_id)
        exact = -quantity * Decimal(repr(mark)) * rate
        money = Money.from_decimal(exact, instrument.settlement_currency)
        self.exchange.adjust_account(money)
        self._board.add_margin(position_id, float(money), abs(float(quantity)))
        self._book(ts_ns, instrument_id, position_id, quantity, float(rate), mark, money.as_decimal())

    def _book(
        self,
        ts_ns: int,
        instrument_id: InstrumentId,
        position_id: PositionId,
        quantity: Decimal,
        rate: float,
        mark: float,
        amount: Decimal,
    ) -> None:
        settlement = Settlement(
            ts_ns=ts_ns,
            instrument=instrument_id.value,
            position_id=position_id.value,
            rate=rate,
            mark=mark,
            signed_quantity=float(quantity),
            amount=amount,
        )
        self.ledger.append(settlement)
        for listener in self.listeners:
            listener(settlement)


def check_funding_coverage(funding: FundingColumns | None, start_ns: int, end_ns: int, interval_h: int) -> list[int]:
    """
    List the scheduled payments for which no rate is there.

    Parameters
    ----------
    funding : FundingColumns or None
        The rates of one perpetual, ascending; None where there is no data set.
    start_ns, end_ns : int
        The period, start excluded and end included, ns since the epoch.
    interval_h : int
        Hours between payments, on the UTC grid.

    Returns
    -------
    list of int
        Missing payment times, ns since the epoch, ascending. A rate counts for a payment up to half a minute from
        it. Denser rates than the interval are fine.

    """
    interval_ns = interval_h * HOUR_NS
    first = (start_ns // interval_ns + 1) * interval_ns
    stamps = [] if funding is None else funding.ts_ns.tolist()
    there = {(int(ts_ns) + MINUTE_NS // 2) // MINUTE_NS * MINUTE_NS for ts_ns in stamps}
    return [ts_ns for ts_ns in range(first, end_ns + 1, interval_ns) if ts_ns not in there]
