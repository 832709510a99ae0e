"""Emergency: what is closed first, in which slices, how hedges follow, and that it ends by its deadline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from desk_world import BTC, ETH, LOT, MARKS, SOL, Broken, Event, FakeDesk, Fate, Timeline, facts
from hypothesis import given, settings
from hypothesis import strategies as st

from risk import closing_plan
from risk.audit import AuditLog
from risk.checks.hedge import HedgeAllowance
from risk.closing_plan import Candidate
from risk.desk import OpenOrder, OpenPosition, Purpose, TopOfBook
from risk.modes.emergency import EmergencyCloser
from risk.modes.emergency_records import EmergencyConfig, EmergencySnapshot, HedgeConfig


def book(instrument: str, depth: float, spread_bps: float = 1.0) -> TopOfBook:
    half = MARKS[instrument] * spread_bps / 2e4
    return TopOfBook(bid=MARKS[instrument] - half, ask=MARKS[instrument] + half, bid_depth=depth, ask_depth=depth)


class Room:
    """An emergency closer over a fake desk."""

    def __init__(self, *fates: Fate, audit: AuditLog | None = None, **config: Any) -> None:
        self.timeline = Timeline()
        self.desk = FakeDesk(self.timeline, fates)
        self.audit = audit or AuditLog()
        self.config = EmergencyConfig(**config)
        self.dead_venues: set[str] = set()
        self.allowed: list[Mapping[str, HedgeAllowance]] = []
        self.moves: dict[str, float] = {}
        self.start(None)

    def start(self, restored: EmergencySnapshot | None) -> None:
        self.closer = EmergencyCloser(
            desk=self.desk,
            alarms=self.timeline,
            now=self.timeline.now,
            audit=self.audit,
            facts=facts,
            allow_hedges=self.allowed.append,
            config=self.config,
            move_of=self.moves.get,
            can_trade=lambda venue: venue not in self.dead_venues,
            restored=restored,
        )
        self.desk.listeners = [lambda strategy, name: self.closer.on_order_event(Event(strategy, name))]

    def reduced(self) -> list[tuple[str, float]]:
        return [(step[1], step[2]) for step in self.desk.purposes("reduce")]

    def halt(self, venue: str) -> None:
        self.dead_venues.add(venue)
        self.desk.halted.add(venue)

    def reopen(self, venue: str) -> None:
        self.dead_venues.discard(venue)
        self.desk.halted.discard(venue)


def position(quantity: float = 1.0, mark: float | None = 100.0, instrument: str = SOL) -> OpenPosition:
    return OpenPosition(
        position_id=f"{instrument}-A-001",
        instrument=instrument,
        strategy="A-001",
        signed_quantity=quantity,
        entry_price=100.0,
        mark=mark,
    )


def stop(quantity: float, price: float, key: str = "stop") -> OpenOrder:
    return OpenOrder(
        client_order_id=key,
        instrument=SOL,
        strategy="A-001",
        signed_quantity=quantity,
        price=price,
        reduce_only=True,
        is_stop=True,
    )


# -- the plan ----------------------------------------------------------------------------------------------------------


def test_risk_is_the_way_to_the_stop_where_one_covers_and_the_move_elsewhere() -> None:
    orders = [stop(-0.5, 95.0, "near"), stop(-0.25, 90.0, "far")]

    assert closing_plan.risk_of(position(), orders, 0.2) == pytest.approx(0.25 * 10.0 + 0.5 * 5.0 + 0.25 * 20.0)
    assert closing_plan.risk_of(position(-1.0), orders, 0.2) == pytest.approx(20.0)


def test_more_stops_than_position_never_look_better_than_they_are() -> None:
    orders = [stop(-1.0, 99.0, "near"), stop(-1.0, 90.0, "far")]

    assert closing_plan.risk_of(position(), orders, 0.2) == pytest.approx(10.0)


def test_a_stop_the_market_has_passed_is_no_gain() -> None:
    assert closing_plan.risk_of(position(), [stop(-1.0, 105.0)], 0.2) == 0.0


def test_a_position_without_a_mark_has_an_unknown_risk_and_is_closed_first() -> None:
    blind = Candidate(position=position(mark=None), quantity=1.0, risk=math.nan, cost=math.nan)
    known = Candidate(position=position(instrument=BTC), quantity=1.0, risk=1e9, cost=1.0)

    assert closing_plan.risk_of(position(mark=None), [], 0.2) != closing_plan.risk_of(position(mark=None), [], 0.2)
    assert closing_plan.ranked([known, blind]) == [blind, known]


def test_cost_is_half_the_spread_the_fee_and_the_walk_through_the_book() -> None:
    quoted = TopOfBook(bid=99.0, ask=101.0, bid_depth=4.0, ask_depth=1.0)

    cost = closing_plan.cost_of(position(2.0), quoted, 0.001, 10.0, 50.0)
    assert cost == pytest.approx(200.0 * (0.01 + 0.001 + 0.001 * 2.0 / (2.0 * 4.0)))
    blind = closing_plan.cost_of(position(2.0), None, 0.001, 10.0, 50.0)
    assert blind == pytest.approx(200.0 * (0.0025 + 0.001))


def test_an_empty_side_costs_more_than_anything() -> None:
    empty = TopOfBook(bid=99.0, ask=101.0, bid_depth=0.0, ask_depth=9.0)

    assert closing_plan.cost_of(position(), empty, 0.0, 10.0, 1.0) == math.inf
    assert closing_plan.cost_of(position(-1.0), empty, 0.0, 10.0, 1.0) < math.inf


@given(
    quantity=st.floats(1e-6, 1e6),
    depth=st.floats(0.0, 1e6) | st.just(math.nan),
    share=st.floats(0.01, 1.0),
    smallest=st.floats(1e-6, 1.0),
)
def test_a_slice_never_exceeds_its_share_but_for_the_smallest_trade(
    quantity: float, depth: float, share: float, smallest: float
) -> None:
    piece = closing_plan.slice_of(quantity, depth, share, smallest)

    assert 0.0 < piece <= quantity
    if not math.isnan(depth):
        assert piece <= max(share * depth, smallest)


@given(
    figures=st.lists(
        st.tuples(st.floats(0.0, 1e9) | st.just(math.nan), st.floats(0.0, 1e6) | st.just(math.inf)), max_size=8
    )
)
def test_closing_is_ranked_by_risk_removed_per_unit_of_cost(figures: list[tuple[float, float]]) -> None:
    candidates = [
        Candidate(
            position=msgspec.structs.replace(position(), position_id=str(number)), quantity=1.0, risk=risk, cost=cost
        )
        for number, (risk, cost) in enumerate(figures)
    ]
    worth = [candidate.worth for candidate in closing_plan.ranked(candidates)]

    assert worth == sorted(worth, reverse=True)
    assert not any(math.isnan(value) for value in worth)


# -- closing -----------------------------------------------------------------------------------------------------------


def test_the_riskiest_for_its_cost_is_closed_first() -> None:
    room = Room()
    room.moves |= {BTC: 0.02, ETH: 0.03, SOL: 0.30}
    for instrument, quantity in ((BTC, 0.1), (ETH, 2.0), (SOL, 50.0)):
        room.desk.hold(quantity, instrument=instrument)
        room.desk.books[instrument] = book(instrument, depth=1_000.0)
    room.desk.hold(1.0, strategy="B-002", instrument=ETH)
    room.desk.rest("tight", -1.0, strategy="B-002", instrument=ETH, price=2_495.0, reduce_only=True, is_stop=True)

    room.closer.begin("drawdown")

    assert [step[0] for step in room.reduced()] == [
        f"{SOL}-A-001",
        f"{ETH}-A-001",
        f"{BTC}-A-001",
        f"{ETH}-B-002",
    ]


def test_a_dear_market_is_left_for_later_at_equal_risk() -> None:
    room = Room()
    room.desk.hold(0.05, instrument=BTC)
    room.desk.hold(1.0, instrument=ETH)
    room.desk.books[BTC] = book(BTC, depth=1_000.0, spread_bps=30.0)
    room.desk.books[ETH] = book(ETH, depth=1_000.0, spread_bps=1.0)

    room.closer.begin("drawdown")

    assert [name for name, _ in room.reduced()] == [f"{ETH}-A-001", f"{BTC}-A-001"]


def test_what_could_add_risk_is_cancelled_and_what_protects_stays_until_it_is_closed() -> None:
    room = Room()
    room.desk.books[BTC] = book(BTC, depth=1.0)
    room.desk.hold(0.5)
    room.desk.rest("entry", 0.2)
    room.desk.rest("stop", -0.5, price=48_000.0, reduce_only=True, is_stop=True)

    room.closer.begin("drawdown")
    room.timeline.run(3.0)
    assert [order.client_order_id for order in room.desk.orders()] == ["stop"]

    room.timeline.run(30.0)
    assert room.desk.orders() == ()
    assert room.closer.progress().finished


def test_a_thin_book_is_closed_in_slices_of_what_it_shows() -> None:
    room = Room(participation=0.25)
    room.desk.hold(-1.0, instrument=ETH)
    room.desk.books[ETH] = book(ETH, depth=1.0)

    room.closer.begin("drawdown")
    room.timeline.run(60.0)

    assert [quantity for _, quantity in room.reduced()] == pytest.approx([0.25] * 4)
    assert room.closer.progress().closure_s == pytest.approx(15.3, abs=0.1)


def test_without_a_book_all_of_a_position_goes_at_once() -> None:
    room = Room()
    room.desk.hold(3.0, instrument=ETH)

    room.closer.begin("drawdown")

    assert room.reduced() == [(f"{ETH}-A-001", 3.0)]


def test_a_slice_is_never_below_what_the_venue_trades_and_the_rest_below_it_is_closed() -> None:
    room = Room()
    room.desk.hold(0.005, instrument=ETH)
    room.desk.books[ETH] = book(ETH, depth=0.001)

    room.closer.begin("drawdown")
    room.timeline.run(60.0)

    # 5 of notional at 2,500 is 0.002; the last 0.001 is below it, and goes as the whole position it then is
    assert [quantity for _, quantity in room.reduced()] == pytest.approx([0.002, 0.002, 0.001])
    assert room.desk.positions() == ()


@settings(max_examples=60, deadline=None)
@given(
    lots=st.integers(1, 400).flatmap(lambda lots: st.sampled_from([lots, -lots])),
    depth=st.floats(0.02, 5.0),
    participation=st.floats(0.05, 1.0),
)
def test_slices_add_up_to_the_position_and_stay_within_their_share(
    lots: int, depth: float, participation: float
) -> None:
    room = Room(participation=participation)
    room.desk.hold(round(lots * LOT, 6), instrument=BTC)
    room.desk.books[BTC] = book(BTC, depth)
    sizes: list[float] = []
    fill = room.desk.fill

    def measured(key: str, share: float = 1.0) -> None:
        order = room.desk.working[key]
        if order.reduce_only:
            sizes.append(abs(order.signed_quantity))
        fill(key, share)

    room.desk.fill = measured  # type: ignore[method-assign]
    room.closer.begin("drawdown")
    room.timeline.run(7_200.0)

    assert math.fsum(sizes) == pytest.approx(abs(lots) * LOT)
    assert max(sizes) <= max(participation * depth, LOT) + LOT / 2  # the fake venue rounds to the nearest lot
    assert room.closer.progress().slices == len(sizes)


def test_slices_grow_as_time_runs_out_and_at_the_deadline_all_goes() -> None:
    room = Room(participation=0.01, deadline_s=100.0)
    room.desk.hold(1_000.0, instrument=SOL)
    room.desk.books[SOL] = book(SOL, depth=100.0)

    room.closer.begin("drawdown")
    room.timeline.run(120.0)

    sizes = [quantity for _, quantity in room.reduced()]
    assert sizes[:10] == pytest.approx([1.0] * 10)
    assert sizes[10:] == sorted(sizes[10:])
    assert sizes[19] == pytest.approx(100.0 * (0.01 + 0.99 * 0.9))
    assert sizes[20] > 100.0
    progress = room.closer.progress()
    assert progress.overdue
    assert progress.closure_s == pytest.approx(100.3, abs=0.1)
    assert [record.kind for record in room.audit.records] == [
        "EMERGENCY_CLOSING",
        "EMERGENCY_OVERDUE",
        "EMERGENCY_CLOSED",
    ]


def test_progress_counts_what_was_closed_and_the_risk_that_went_with_it() -> None:
    room = Room(move_assumed=0.1)
    room.desk.hold(1.0, instrument=ETH)
    room.desk.hold(10.0, instrument=SOL)
    room.desk.books[SOL] = book(SOL, depth=4.0)
    room.desk.rest("entry", 0.2)

    room.closer.begin("drawdown")
    room.timeline.run(1.0)

    progress = room.closer.progress()
    assert progress.positions_closed == 1
    assert progress.positions_left == (f"{SOL}-A-001",)
    assert progress.risk_at_start == pytest.approx(350.0)
    assert progress.risk_left == pytest.approx(90.0)
    assert progress.risk_reduced == pytest.approx(260.0)
    assert progress.orders_cancelled == 1
    assert progress.slices == 2
    assert progress.closure_s is None


def test_a_rejected_close_is_tried_again_and_more_slowly_after_a_while() -> None:
    room = Room(tries_max=3, slice_every_s=5.0, retry_s_max=40.0)
    room.desk.halted = {"BYBIT"}
    room.desk.hold(1.0, instrument=SOL)

    room.closer.begin("drawdown")
    room.timeline.run(25.0)
    tried = len(room.reduced())
    assert tried == 5
    assert room.closer.progress().impossible == (f"{SOL}-A-001",)
    room.timeline.run(400.0)
    assert len(room.reduced()) - tried <= 12

    room.desk.halted = set()
    room.timeline.run(60.0)
    assert room.closer.progress().finished


def test_a_close_without_an_answer_is_cancelled_and_replaced() -> None:
    room = Room(Fate.LOST)
    room.desk.hold(1.0, instrument=ETH)

    room.closer.begin("drawdown")
    room.timeline.run(25.0)
    assert len(room.reduced()) == 1
    room.timeline.run(30.0)

    assert len(room.reduced()) == 2
    assert room.desk.positions() == ()


def test_nothing_to_close_is_closed_at_once() -> None:
    room = Room()
    room.closer.begin("drawdown")

    assert room.closer.progress().closure_s == 0.0
    assert room.timeline.waiting == set()


def test_beginning_twice_begins_once() -> None:
    room = Room()
    room.desk.hold(1.0, instrument=ETH)
    room.closer.begin("drawdown")
    room.closer.begin("again")

    assert len(room.reduced()) == 1
    assert room.closer.snapshot().reason == "drawdown"


def test_a_fill_that_comes_when_all_was_closed_is_closed_too() -> None:
    room = Room()
    room.closer.begin("drawdown")
    room.timeline.run(60.0)

    room.desk.rest("ghost", 0.3)
    room.desk.fill("ghost")
    room.timeline.run(10.0)

    assert room.desk.positions() == ()
    assert room.closer.progress().closure_s == pytest.approx(60.5, abs=0.1)


def test_the_end_leaves_everything_alone_and_the_next_emergency_is_another() -> None:
    room = Room()
    room.desk.hold(1.0, instrument=SOL)
    room.desk.books[SOL] = book(SOL, depth=0.4)
    room.closer.begin("drawdown")
    room.timeline.run(7.0)
    sent = len(room.desk.sent)

    room.closer.end()
    room.timeline.run(60.0)
    assert len(room.desk.sent) == sent
    assert room.closer.progress() is None
    assert room.closer.snapshot() is None

    room.closer.begin("another")
    assert room.closer.progress().elapsed_s == 0.0


def test_goes_on_after_a_restart_with_its_own_clock() -> None:
    room = Room(deadline_s=100.0, participation=0.01)
    room.desk.hold(1_000.0, instrument=SOL)
    room.desk.books[SOL] = book(SOL, depth=100.0)
    room.closer.begin("drawdown")
    room.timeline.run(42.0)

    saved = msgspec.json.decode(msgspec.json.encode(room.closer.snapshot()), type=EmergencySnapshot)
    for name in room.timeline.waiting:
        room.timeline.cancel(name)
    room.start(saved)
    room.closer.begin("found in the stored state")
    room.timeline.run(100.0)

    progress = room.closer.progress()
    assert progress.overdue
    assert progress.closure_s == pytest.approx(107.0, abs=5.0)
    assert progress.positions_closed == 1
    assert progress.slices == len(room.reduced())
    assert [record.kind for record in room.audit.records].count("EMERGENCY_CLOSING") == 1


def test_a_full_disk_and_a_step_that_fails_do_not_stop_it() -> None:
    room = Room(Fate.RAISES, Fate.RAISES, audit=Broken())
    room.desk.hold(1.0, instrument=ETH)
    room.desk.rest("entry", 0.2)

    room.closer.begin("drawdown")
    room.timeline.run(60.0)

    assert room.closer.progress().finished


# -- hedging -----------------------------------------------------------------------------------------------------------

HEDGES = {"hedges": {SOL: HedgeConfig(instrument=ETH, ratio=0.04)}}


def test_what_can_not_be_closed_is_hedged_and_the_gate_allows_only_that_one_order() -> None:
    room = Room(**HEDGES)
    room.halt("BYBIT")
    room.desk.hold(50.0, instrument=SOL)

    room.closer.begin("venue lost")
    room.timeline.run(30.0)

    assert room.reduced() == []
    assert room.desk.purposes("hedge") == [("hedge", ETH, pytest.approx(-2.0), Purpose.HEDGE)]
    assert room.desk.held["Guard-HEDGE", ETH] == -2.0
    assert room.allowed == [{ETH: HedgeAllowance(((SOL, 0.04),))}, {}]
    progress = room.closer.progress()
    assert progress.hedged == (SOL,)
    assert progress.impossible == (f"{SOL}-A-001",)
    assert not progress.finished


def test_a_hedge_goes_as_what_it_hedges_goes() -> None:
    room = Room(participation=0.5, **HEDGES)
    room.halt("BYBIT")
    room.desk.hold(50.0, instrument=SOL)
    room.desk.books[SOL] = book(SOL, depth=50.0)
    room.closer.begin("venue lost")
    room.timeline.run(30.0)

    room.reopen("BYBIT")
    held: list[tuple[float, float]] = []
    for _ in range(30):
        room.timeline.run(5.0)
        held.append((room.desk.held["A-001", SOL], room.desk.held["Guard-HEDGE", ETH]))

    assert (25.0, -2.0) in held or (25.0, -1.0) in held
    assert all(-0.04 * sol >= hedge for sol, hedge in held)
    assert held[-1] == (0.0, 0.0)
    assert room.closer.progress().finished
    assert len(room.desk.purposes("hedge")) == 1


def test_a_position_that_never_gets_smaller_is_hedged_too() -> None:
    room = Room(tries_max=2, **HEDGES)
    room.desk.halted = {"BYBIT"}  # the venue says it trades, and refuses everything
    room.desk.hold(50.0, instrument=SOL)

    room.closer.begin("drawdown")
    room.timeline.run(60.0)

    assert room.desk.held["Guard-HEDGE", ETH] == -2.0
    assert len(room.reduced()) > 2


def test_a_close_that_is_never_answered_is_impossible_in_the_end_and_hedged() -> None:
    room = Room(Fate.LOST, Fate.GOOD, Fate.LOST, Fate.GOOD, tries_max=1, stuck_s=10.0, **HEDGES)
    room.desk.hold(50.0, instrument=SOL)

    room.closer.begin("drawdown")
    room.timeline.run(9.0)
    assert room.closer.progress().impossible == ()
    room.timeline.run(6.5)

    assert room.closer.progress().impossible == (f"{SOL}-A-001",)
    assert len(room.desk.purposes("hedge")) == 1


def test_a_hedge_on_its_way_is_neither_cancelled_nor_sent_again() -> None:
    room = Room(Fate.SLOW, slice_every_s=0.5, **HEDGES)
    room.halt("BYBIT")
    room.desk.hold(50.0, instrument=SOL)

    room.closer.begin("venue lost")
    room.timeline.run(1.8)
    assert len(room.desk.orders()) == 1
    room.timeline.run(5.0)

    assert [step[0] for step in room.desk.sent] == ["hedge"]
    assert room.desk.held["Guard-HEDGE", ETH] == -2.0


def test_a_hedge_no_longer_grows_when_closing_works_again() -> None:
    room = Room(Fate.PART, participation=0.1, **HEDGES)
    room.halt("BYBIT")
    room.desk.hold(50.0, instrument=SOL)
    room.desk.books[SOL] = book(SOL, depth=50.0)
    room.closer.begin("venue lost")
    room.timeline.run(0.1)
    assert room.desk.held["Guard-HEDGE", ETH] == -1.0

    room.reopen("BYBIT")
    room.timeline.run(20.0)

    assert len(room.desk.purposes("hedge")) == 1
    assert room.desk.held["A-001", SOL] > 25.0


def test_nothing_is_hedged_where_closing_works_or_where_the_hedges_venue_is_lost_as_well() -> None:
    room = Room(**HEDGES)
    room.desk.hold(50.0, instrument=SOL)
    room.closer.begin("drawdown")
    room.timeline.run(30.0)
    assert not any(room.allowed)

    room = Room(**HEDGES)
    room.halt("BYBIT")
    room.halt("BINANCE")
    room.desk.hold(50.0, instrument=SOL)
    room.closer.begin("network lost")
    room.timeline.run(30.0)
    assert room.desk.purposes("hedge") == []


def test_a_hedge_survives_a_restart_without_growing() -> None:
    room = Room(**HEDGES)
    room.halt("BYBIT")
    room.desk.hold(50.0, instrument=SOL)
    room.closer.begin("venue lost")
    room.timeline.run(30.0)

    room.start(room.closer.snapshot())
    room.closer.begin("found in the stored state")
    room.timeline.run(60.0)

    assert room.desk.held["Guard-HEDGE", ETH] == -2.0
    assert len(room.desk.purposes("hedge")) == 1


@pytest.mark.parametrize(
    "hedges",
    [
        {SOL: HedgeConfig(instrument=SOL)},
        {SOL: HedgeConfig(instrument=ETH), ETH: HedgeConfig(instrument=BTC)},
    ],
)
def test_hedges_that_hedge_nothing_are_refused(hedges: dict[str, HedgeConfig]) -> None:
    with pytest.raises(ValueError, match="hedges"):
        EmergencyConfig(hedges=hedges)
