"""Whatever the venue answers, and in whichever order: a kill and an emergency end flat, or say what is left."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from risk.audit import AuditLog
from risk.barriers import Level
from risk.desk import TopOfBook
from risk.kill import KillSwitches
from risk.kill_records import KillConfig, KillReport, Scope, Stage
from risk.modes.authorisation import Authority
from risk.modes.emergency import EmergencyCloser
from risk.modes.emergency_records import EmergencyConfig
from risk.modes.table import Mode
from risk.view import View
from tests.risk.desk_world import BTC, ETH, LOT, MARKS, SOL, START, Event, FakeDesk, Fate, Timeline, facts

LOTS = st.integers(1, 2_000)
OWNERS = st.tuples(st.sampled_from(["A-001", "B-002"]), st.sampled_from([BTC, ETH, SOL]))


class Start(NamedTuple):
    """What is there when it begins, and how the venue answers."""

    held: dict[tuple[str, str], int]
    resting: list[tuple[tuple[str, str], int, str]]
    fates: list[Fate]
    late: list[tuple[int, tuple[str, str], int]]


@st.composite
def starts(draw: st.DrawFn) -> Start:
    signed = LOTS.flatmap(lambda lots: st.sampled_from([lots, -lots]))
    return Start(
        held=draw(st.dictionaries(OWNERS, signed, max_size=4)),
        resting=draw(st.lists(st.tuples(OWNERS, signed, st.sampled_from(["entry", "stop", "target"])), max_size=6)),
        fates=draw(st.lists(st.sampled_from(Fate), max_size=30)),
        late=draw(st.lists(st.tuples(st.integers(0, 5_000), OWNERS, signed), max_size=3)),
    )


def world(start: Start) -> FakeDesk:
    desk = FakeDesk(Timeline(), start.fates)
    for (strategy, instrument), lots in start.held.items():
        desk.hold(round(lots * LOT, 6), strategy=strategy, instrument=instrument)
    for number, ((strategy, instrument), lots, kind) in enumerate(start.resting):
        reduces = kind != "entry"
        desk.rest(
            f"{kind}-{number}",
            round(lots * LOT, 6),
            strategy=strategy,
            instrument=instrument,
            reduce_only=reduces,
            is_stop=kind == "stop",
        )
    for number, (delay_ms, (strategy, instrument), lots) in enumerate(start.late):
        key, signed = f"ghost-{number}", round(lots * LOT, 6)

        def appear(key: str = key, signed: float = signed, strategy: str = strategy, name: str = instrument) -> None:
            desk.rest(key, signed, strategy=strategy, instrument=name)
            desk.fill(key)

        desk.timeline.after(delay_ms * 1_000_000, appear)
    return desk


@settings(max_examples=300, deadline=None)
@given(start=starts())
def test_a_kill_ends_flat_once_the_venue_answers_again(start: Start) -> None:
    desk = world(start)
    reports: list[KillReport] = []
    kill = KillSwitches(
        view=View(mode=Mode.FULL_AUTO, cash=0.0, ts_ns=START),
        desk=desk,
        alarms=desk.timeline,
        now=desk.timeline.now,
        audit=AuditLog(),
        persist=lambda: None,
        on_report=reports.append,
    )
    desk.listeners.append(lambda strategy, instrument: kill.on_order_event(Event(strategy, instrument)))
    kill.engage(Scope(Level.SYSTEM), Authority.of_system("a test"))
    desk.timeline.run(1_800.0)

    assert desk.positions() == ()
    assert desk.orders() == ()
    assert reports[-1].finished
    assert desk.timeline.waiting == set()


@settings(max_examples=150, deadline=None)
@given(start=starts(), halted=st.sampled_from(["BINANCE", "BYBIT"]))
def test_a_kill_that_can_not_end_says_exactly_what_is_left(start: Start, halted: str) -> None:
    desk = world(start)
    desk.halted = {halted}
    reports: list[KillReport] = []
    kill = KillSwitches(
        view=View(mode=Mode.FULL_AUTO, cash=0.0, ts_ns=START),
        desk=desk,
        alarms=desk.timeline,
        now=desk.timeline.now,
        audit=AuditLog(),
        persist=lambda: None,
        config=KillConfig(sweeps_max=60),
        on_report=reports.append,
    )
    desk.listeners.append(lambda strategy, instrument: kill.on_order_event(Event(strategy, instrument)))
    kill.engage(Scope(Level.SYSTEM), Authority.of_system("a test"))
    desk.timeline.run(7_200.0)

    left = tuple(position.position_id for position in desk.positions())
    assert reports[-1].kill.left_positions == left
    assert all(position_id.split("-A-")[0].split("-B-")[0].endswith(halted) for position_id in left)
    assert (reports[-1].kill.stage is Stage.DONE) == (not left)
    assert reports[-1].kill.left_orders == ()


@settings(max_examples=300, deadline=None)
@given(start=starts(), depth=st.sampled_from([0.0, 0.05, 1.0, float("nan")]))
def test_an_emergency_ends_flat_at_its_deadline_at_the_latest(start: Start, depth: float) -> None:
    desk = world(start)
    for instrument, mark in MARKS.items():
        desk.books[instrument] = TopOfBook(bid=mark * 0.9999, ask=mark * 1.0001, bid_depth=depth, ask_depth=depth)
    closer = EmergencyCloser(
        desk=desk,
        alarms=desk.timeline,
        now=desk.timeline.now,
        audit=AuditLog(),
        facts=facts,
        allow_hedges=lambda allowances: None,
        config=EmergencyConfig(deadline_s=1_800.0),
    )
    desk.listeners.append(lambda strategy, instrument: closer.on_order_event(Event(strategy, instrument)))
    closer.begin("a test")
    desk.timeline.run(3_600.0)

    progress = closer.progress()
    assert progress is not None
    assert desk.positions() == ()
    assert desk.orders() == ()
    assert progress.closure_s is not None
    assert progress.closure_s <= 1_800.0 + 120.0  # the last answers may be slow, or lost and given up
    assert progress.positions_left == ()
    assert desk.timeline.waiting == set()
