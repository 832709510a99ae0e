"""The guardian: goes over all open positions as marks move, keeps them from liquidation, and enforces their stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import msgspec
import numpy as np

from risk.account_margin import MarginAccounts
from risk.alarms import Alarms
from risk.audit import AuditLog
from risk.book import Book
from risk.desk import Desk, OpenOrder, OpenPosition, Purpose
from risk.liquidation import Ladder, LadderConfig, Rung, Step, step_of
from risk.lookout import Lookout, Sight
from risk.stops import Lasting, StopPlanner, lasting
from risk.view import View

_ALARM = "guardian"


class GuardianConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often the guardian looks at most, in engine time, and the ladder it goes by."""

    interval_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 100
    ladder: LadderConfig = LadderConfig()


class Guardian:
    """
    Watch positions, and act through the desk.

    Parameters
    ----------
    view : View
        Positions, marks and facts.
    desk : Desk
        Acts.
    alarms : Alarms
        Wakes the guardian for a mark that came too soon after the last look.
    audit : AuditLog
        Told of everything that is done, of warnings, and of what can't be judged.
    margins : MarginAccounts
        Wallets and isolated margins, as the venues have them.
    stops : StopPlanner or None
        Stop enforcement; None where nothing enforces stops.
    changes : callable or None
        Counts the events of orders and positions: while no more come, and no mark passes a stop, stops that covered
        everything still do, and are not planned again. None plans them at every look.
    on_alarm : callable
        Called with engine time and a sentence after an emergency close was sent.
    config : GuardianConfig
        The user's choices.

    Notes
    -----
    Positions of several strategies in one instrument are one to the venue, and so to the ladder: it acts on the net,
    and takes the quantity from the positions on its side, the largest first.

    A position whose distance is not known (no mark, no wallet) is reported as ``MARGIN_UNKNOWN`` once, until it is
    known again, and nothing is done about it: the view's own figures are then NaN, which lets no order add risk.
    Where the brackets are not known, `LadderConfig.maintenance_assumed` stands in, which is reported too.

    """

    def __init__(
        self,
        *,
        view: View,
        desk: Desk,
        alarms: Alarms,
        audit: AuditLog,
        margins: MarginAccounts,
        stops: StopPlanner | None = None,
        changes: Callable[[], int] | None = None,
        on_alarm: Callable[[int, str], None] | None = None,
        config: GuardianConfig | None = None,
    ) -> None:
        config = GuardianConfig() if config is None else config
        self.distance_min = math.nan
        """The smallest distance to liquidation ever seen, and when; NaN before the first."""
        self.distance_min_ns = 0
        self._view = view
        self._lookout = Lookout(view, margins, config.ladder.maintenance_assumed)
        self._held = False
        self._desk = desk
        self._alarms = alarms
        self._audit = audit
        self._stops = stops
        self._changes = changes
        self._planned_at = -1
        self._covered: dict[str, Lasting] | None = None
        self._on_alarm = on_alarm
        self._config = config.ladder
        self._ladder = Ladder(config.ladder)
        self._interval_ns = config.interval_ms * 1_000_000
        self._unknown: dict[str, str] = {}
        self._unprotected: dict[str, float] = {}
        self._last_ns = -self._interval_ns
        self._waiting = False
        self._busy = False

    def on_mark(self, instrument: str, price: float, ts_ns: int) -> None:  # noqa: ARG002 - a mark listener's signature
        """Look if positions are open or just were, now or as soon as the interval since the last look is over."""
        if self._waiting or not (self._view.open_positions or self._held):
            return
        due_ns = self._last_ns + self._interval_ns
        if ts_ns >= due_ns and not self._busy:
            self.check(ts_ns)
            return
        self._waiting = True
        self._alarms.set(_ALARM, max(due_ns, ts_ns), partial(self.check, max(due_ns, ts_ns)))

    def check(self, now_ns: int) -> None:
        """Look at every open position once, and do what the ladder and the stops call for."""
        self._waiting = False
        if self._busy:
            return
        self._busy = True
        self._last_ns = now_ns
        try:
            sight = self._lookout.look()
            self._held = bool(sight.books)
            if self._config.enabled:
                self._climb(now_ns, sight)
            if self._stops is not None:
                self._enforce_stops(now_ns, self._stops, sight)
        finally:
            self._busy = False

    # -- liquidation ---------------------------------------------------------------------------------------------

    def _climb(self, now_ns: int, sight: Sight) -> None:
        self._warn(now_ns, sight)
        self._note_nearest(now_ns, sight.nearest)
        quiet = self._ladder.idle and not self._unknown and self._lookout.brackets_known
        if quiet and sight.all_known and not sight.nearest < self._config.margin:
            return
        books, distance = sight.books, sight.distance
        self._report_unknown(now_ns, sight)
        self._ladder.keep_only({(book.instrument, book.quantity > 0.0) for book in books})
        orders = self._desk.orders()
        for number in np.lexsort((np.arange(len(books)), distance)):
            book, away = books[number], float(distance[number])
            closing = _closing(book, orders)
            rung = self._ladder.rung(
                now_ns, book.instrument, long=book.quantity > 0.0, distance=away, under_way=bool(closing)
            )
            if rung is not None:
                self._act(now_ns, rung, book, sight, away, closing)

    def _note_nearest(self, now_ns: int, nearest: float) -> None:
        if nearest < self.distance_min or math.isnan(self.distance_min):
            self.distance_min, self.distance_min_ns = nearest, now_ns

    def _act(
        self,
        now_ns: int,
        rung: Rung,
        book: Book,
        sight: Sight,
        distance: float,
        closing: dict[str, float],
    ) -> None:
        holding, account = self._lookout.judge(book, sight.books)
        fee = 0.0 if book.facts is None else book.facts.taker_fee
        step = step_of(rung, holding, account, distance, self._config, fee)
        side = [
            position
            for position in self._desk.positions()
            if position.instrument == book.instrument and position.signed_quantity * book.quantity > 0.0
        ]
        side.sort(key=lambda position: (-abs(position.signed_quantity), position.position_id))
        added = bool(side) and step.margin > 0.0 and self._desk.add_margin(side[0].position_id, step.margin)
        orders = [] if added else self._reduce(step, book, side, closing)
        self._audit.append(
            now_ns,
            "LIQUIDATION_RUNG",
            {
                "rung": rung.value,
                "instrument": book.instrument,
                "distance": distance,
                "threshold": self._config.threshold(rung),
                "position": book.quantity,
                "mark": book.mark,
                "margin_added": step.margin if added else 0.0,
                "orders": orders,
            },
        )
        if rung is Rung.CLOSE and self._on_alarm is not None:
            self._on_alarm(now_ns, f"{book.instrument} is closed at {distance:.4f} from its liquidation")

    def _reduce(
        self, step: Step, book: Book, side: Sequence[OpenPosition], closing: dict[str, float]
    ) -> list[dict[str, str | float | None]]:
        """Close what the step asks for and nothing closes yet, in whole lots."""
        rest = _lots_up(step.quantity - math.fsum(closing.values()), book)
        sent: list[dict[str, str | float | None]] = []
        for position in side:
            part = min(rest, abs(position.signed_quantity) - closing.get(position.strategy, 0.0))
            if not part > book.lot_tolerance():
                continue
            order = self._desk.reduce(position.position_id, part, Purpose.LIQUIDATION_PREVENTION)
            sent.append({"position": position.position_id, "quantity": part, "order": order})
            rest -= part
        return sent

    def _warn(self, now_ns: int, sight: Sight) -> None:
        for venue, ratio in sight.ratios.items():
            if self._ladder.warns(venue, ratio):
                data = {"venue": venue, "margin_ratio": ratio, "threshold": self._config.ratio_warning}
                self._audit.append(now_ns, "MARGIN_WARNING", data)

    def _report_unknown(self, now_ns: int, sight: Sight) -> None:
        unknown = self._lookout.unknown(sight)
        for instrument, what in unknown.items():
            if self._unknown.get(instrument) != what:
                self._audit.append(now_ns, "MARGIN_UNKNOWN", {"instrument": instrument, "unknown": what})
        self._unknown = unknown

    # -- stops ---------------------------------------------------------------------------------------------------

    def _enforce_stops(self, now_ns: int, planner: StopPlanner, sight: Sight) -> None:
        prices = sight.liquidation_prices()
        changes = -1 if self._changes is None else self._changes()
        if self._covered is not None and changes == self._planned_at and self._still_covered(self._covered, prices):
            return
        positions, orders = self._desk.positions(), self._desk.orders()
        by_position = {position.position_id: prices.get(position.instrument) for position in positions}
        duty = self._view.powers.stop_losses
        plan = planner.plan(positions, orders, duty, now_ns, by_position)
        self._planned_at = changes
        all_covered = self._changes is not None and not plan.unprotected
        self._covered = lasting(positions, orders, by_position) if all_covered else None
        for stop in plan.place:
            order = self._desk.protect(stop.position_id, stop.quantity, stop.trigger_price, Purpose.STOP)
            self._tell_stop(now_ns, stop.position_id, stop.quantity, stop.trigger_price, order)
        for part in plan.close:
            order = self._desk.reduce(part.position_id, part.quantity, Purpose.STOP)
            self._tell_stop(now_ns, part.position_id, part.quantity, None, order)
        bare = {each.position_id: each.quantity for each in plan.unprotected}
        for position_id, quantity in bare.items():
            if position_id not in self._unprotected:
                missing = quantity if math.isfinite(quantity) else None
                data = {"position": position_id, "quantity": missing, "duty": duty.value}
                self._audit.append(now_ns, "STOP_MISSING", data)
        self._unprotected = bare

    def _still_covered(self, covered: dict[str, Lasting], liquidation_prices: dict[str, float]) -> bool:
        return all(
            bounds.holds(self._view.mark(instrument), liquidation_prices.get(instrument))
            for instrument, bounds in covered.items()
        )

    def _tell_stop(
        self, now_ns: int, position_id: str, quantity: float, trigger_price: float | None, order: str | None
    ) -> None:
        data = {"position": position_id, "quantity": quantity, "trigger_price": trigger_price, "order": order}
        self._audit.append(now_ns, "STOP_ENFORCED", data)


def _closing(book: Book, orders: Sequence[OpenOrder]) -> dict[str, float]:
    """Return what market orders under way are about to close of a position, by strategy."""
    found: dict[str, float] = {}
    for order in orders:
        if order.instrument != book.instrument or not order.signed_quantity * book.quantity < 0.0:
            continue
        if order.reduce_only and order.price is None and not (order.is_stop or order.cancelling):
            found[order.strategy] = found.get(order.strategy, 0.0) + abs(order.signed_quantity)
    return found


def _lots_up(quantity: float, book: Book) -> float:
    """Round up to the lot, within the position."""
    if book.facts is None or not quantity > 0.0:
        return max(0.0, quantity)
    lot = book.facts.size_increment
    return min(abs(book.quantity), math.ceil(quantity / lot - 1e-9) * lot)
