"""A small venue behind a fake desk, with a timeline of its own, whose answers a test may spoil."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

import msgspec

from risk.audit import AuditLog
from risk.book import InstrumentFacts
from risk.checks.hedge import HEDGE_STRATEGY
from risk.desk import OpenOrder, OpenPosition, Purpose, TopOfBook
from risk.intent import Side

MS = 1_000_000
START = 1_700_000_000_000_000_000
BTC, ETH, SOL = "BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE", "SOLUSDT-PERP.BYBIT"
MARKS = {BTC: 50_000.0, ETH: 2_500.0, SOL: 100.0}
LOT = 0.001


class Fate(Enum):
    """What becomes of the next command."""

    GOOD = "good"
    REFUSED = "refused"
    RAISES = "raises"
    SLOW = "slow"
    PART = "part"
    """A close fills by half and is then cancelled; a cancel comes after half of the order has filled."""
    FILLED_FIRST = "filled_first"
    """A cancel comes after the order has filled."""
    LOST = "lost"
    """No answer ever comes to a close; a cancel takes its order away."""


class Timeline:
    """Time that stands still until a test moves it; alarms and the venue's answers come in its order."""

    def __init__(self, now_ns: int = START) -> None:
        self.now_ns = now_ns
        self._queue: list[tuple[int, int, Callable[[], object]]] = []
        self._alarms: dict[str, int] = {}
        self._count = itertools.count()

    def now(self) -> int:
        return self.now_ns

    def after(self, delay_ns: int, action: Callable[[], object]) -> int:
        number = next(self._count)
        heapq.heappush(self._queue, (self.now_ns + max(0, delay_ns), number, action))
        return number

    def set(self, name: str, ts_ns: int, action: Callable[[], object]) -> None:
        def ring() -> None:
            if self._alarms.get(name) == own:
                del self._alarms[name]
                action()

        own = self._alarms[name] = self.after(ts_ns - self.now_ns, ring)

    def cancel(self, name: str) -> None:
        self._alarms.pop(name, None)

    @property
    def waiting(self) -> set[str]:
        return set(self._alarms)

    def run(self, seconds: float) -> None:
        until = self.now_ns + round(seconds * 1e9)
        while self._queue and self._queue[0][0] <= until:
            self.now_ns, _, action = heapq.heappop(self._queue)
            action()
        self.now_ns = until


class FakeDesk:
    """Positions by strategy and instrument, orders, and a venue that answers after 20 ms, as its fates say."""

    latency_ns = 20 * MS

    def __init__(self, timeline: Timeline, fates: Iterable[Fate] = ()) -> None:
        self.timeline = timeline
        self.fates = iter(fates)
        self.held: dict[tuple[str, str], float] = {}
        self.working: dict[str, OpenOrder] = {}
        self.books: dict[str, TopOfBook] = {}
        self.sent: list[tuple[Any, ...]] = []
        self.listeners: list[Callable[[str, str], None]] = []
        self.halted: set[str] = set()
        self.stubborn: set[str] = set()
        self._count = itertools.count(1)

    # the port

    def positions(self) -> tuple[OpenPosition, ...]:
        return tuple(
            OpenPosition(
                position_id=f"{instrument}-{strategy}",
                instrument=instrument,
                strategy=strategy,
                signed_quantity=quantity,
                entry_price=MARKS[instrument],
                mark=MARKS[instrument],
            )
            for (strategy, instrument), quantity in sorted(self.held.items(), key=lambda item: item[0][::-1])
            if quantity != 0.0
        )

    def orders(self) -> tuple[OpenOrder, ...]:
        return tuple(self.working[key] for key in sorted(self.working))

    def book(self, instrument: str, depth_bps: float = 10.0) -> TopOfBook | None:
        return self.books.get(instrument)

    def reduce(self, position_id: str, quantity: float, purpose: Purpose) -> str | None:
        strategy, instrument = self._key(position_id)
        held = self.held.get((strategy, instrument), 0.0)
        self.sent.append(("reduce", position_id, quantity, purpose))
        if held == 0.0:
            return None
        lots = round(min(quantity, abs(held)) / LOT)
        return self._send(strategy, instrument, lots * LOT * (-1.0 if held > 0.0 else 1.0), reduce_only=True)

    def hedge(self, instrument: str, side: Side, quantity: float, purpose: Purpose) -> str | None:
        self.sent.append(("hedge", instrument, side.sign * quantity, purpose))
        return self._send(HEDGE_STRATEGY, instrument, side.sign * quantity, reduce_only=False)

    def protect(self, position_id: str, quantity: float, trigger_price: float, purpose: Purpose) -> str | None:
        raise AssertionError("neither a kill nor an emergency places stops")

    def cancel(self, client_order_id: str) -> None:
        order = self.working.get(client_order_id)
        if order is None or order.cancelling:
            return
        self.sent.append(("cancel", client_order_id))
        fate = next(self.fates, Fate.GOOD)
        if fate is Fate.RAISES:
            raise RuntimeError("the road is closed")
        self.working[client_order_id] = msgspec.structs.replace(order, cancelling=True)
        delay = self.latency_ns * (100 if fate is Fate.SLOW else 1)
        self.timeline.after(delay, lambda: self._answer_cancel(client_order_id, fate))

    def add_margin(self, position_id: str, amount: float) -> bool:
        return False

    # the venue

    def rest(self, key: str, signed: float, *, strategy: str = "A-001", instrument: str = BTC, **of: Any) -> None:
        given: dict[str, Any] = {"price": MARKS[instrument], "reduce_only": False, "is_stop": False}
        self.working[key] = OpenOrder(
            client_order_id=key, strategy=strategy, instrument=instrument, signed_quantity=signed, **(given | of)
        )

    def hold(self, signed: float, *, strategy: str = "A-001", instrument: str = BTC) -> None:
        self.held[strategy, instrument] = signed

    def fill(self, key: str, share: float = 1.0) -> None:
        """Fill a working order; what reduces is clipped to its position."""
        order = self.working.get(key)
        if order is None:
            return
        owner = (order.strategy, order.instrument)
        held = self.held.get(owner, 0.0)
        change = round(order.signed_quantity * share / LOT) * LOT
        if order.reduce_only:
            change = 0.0 if held * change >= 0.0 else max(-abs(held), min(abs(held), change))
        self.held[owner] = round((held + change) / LOT) * LOT
        rest = round((order.signed_quantity - change) / LOT) * LOT
        if share >= 1.0 or rest == 0.0:
            del self.working[key]
        else:
            self.working[key] = msgspec.structs.replace(order, signed_quantity=rest)
        self._tell(order)

    def purposes(self, verb: str) -> list[Any]:
        return [step for step in self.sent if step[0] == verb]

    def _send(self, strategy: str, instrument: str, signed: float, *, reduce_only: bool) -> str | None:
        fate = next(self.fates, Fate.GOOD)
        if fate is Fate.RAISES:
            raise RuntimeError("the road is closed")
        key = f"GUARD-0-{next(self._count):06d}"
        self.rest(key, signed, strategy=strategy, instrument=instrument, price=None, reduce_only=reduce_only)
        if instrument.rpartition(".")[2] in self.halted:
            fate = Fate.REFUSED
        delay = self.latency_ns * (100 if fate is Fate.SLOW else 1)
        if fate is not Fate.LOST:
            self.timeline.after(delay, lambda: self._answer_order(key, fate))
        return key

    def _answer_order(self, key: str, fate: Fate) -> None:
        if fate in (Fate.PART, Fate.FILLED_FIRST):
            self.fill(key, 0.5)
        elif fate is not Fate.REFUSED:
            self.fill(key)
        self._drop(key)

    def _answer_cancel(self, key: str, fate: Fate) -> None:
        order = self.working.get(key)
        if order is None:
            return
        if fate is Fate.REFUSED or key in self.stubborn:
            self.working[key] = msgspec.structs.replace(order, cancelling=False)
            return
        if fate is Fate.FILLED_FIRST:
            self.fill(key)
        elif fate is Fate.PART:
            self.fill(key, 0.5)
        self._drop(key)

    def _drop(self, key: str) -> None:
        order = self.working.pop(key, None)
        if order is not None:
            self._tell(order)

    def _tell(self, order: OpenOrder) -> None:
        for listener in self.listeners:
            listener(order.strategy, order.instrument)

    @staticmethod
    def _key(position_id: str) -> tuple[str, str]:
        for instrument in MARKS:
            if position_id.startswith(f"{instrument}-"):
                return position_id.removeprefix(f"{instrument}-"), instrument
        raise AssertionError(position_id)


class Event:
    """What an observer reads of an engine event."""

    def __init__(self, strategy: str, instrument: str) -> None:
        self.strategy_id = _Id(strategy)
        self.instrument_id = _Id(instrument)


class _Id(msgspec.Struct, frozen=True):
    value: str


class Broken(AuditLog):
    """An audit log on a full disk."""

    def append(self, ts_ns: int, kind: str, data: dict[str, Any]) -> Any:
        raise OSError(28, "No space left on device")


def facts(instrument: str) -> InstrumentFacts:
    return InstrumentFacts(instrument=instrument, spot=False, size_increment=LOT, notional_min=5.0, taker_fee=0.0005)
