"""Kill switches: what goes when, what stays, who may clear, and what a failing store, disk or venue can't stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from desk_world import BTC, ETH, MS, SOL, START, Broken, Event, FakeDesk, Fate, Timeline
from hypothesis import given
from hypothesis import strategies as st

from risk.audit import AuditLog
from risk.barriers import Level
from risk.kill import KillSwitches
from risk.kill_records import Flatten, KillConfig, KillReport, KillSnapshot, Scope, Stage
from risk.modes.authorisation import AuthorisationConfig, Authority, Code, Role
from risk.modes.table import Mode
from risk.view import View

ALL = Scope(Level.SYSTEM)
OFFICER = Authority("jane", Role.RISK_OFFICER, "calm again")
PEOPLE = AuthorisationConfig(roles={"jane": Role.RISK_OFFICER, "joe": Role.OPERATOR})
SYSTEM = Authority.of_system("breakers cascade")


class Room:
    """A kill panel over a fake desk."""

    def __init__(self, *fates: Fate, config: KillConfig | None = None, audit: AuditLog | None = None) -> None:
        self.timeline = Timeline()
        self.desk = FakeDesk(self.timeline, fates)
        self.view = View(mode=Mode.FULL_AUTO, cash=10_000.0, ts_ns=START)
        self.audit = audit or AuditLog()
        self.config = config
        self.reports: list[KillReport] = []
        self.stored: list[tuple[KillSnapshot, int]] = []
        self.store_fails = False
        self.on_report: Callable[[KillReport], None] = self.reports.append
        self.start(None)

    def start(self, restored: KillSnapshot | None) -> None:
        self.kill = KillSwitches(
            view=self.view,
            desk=self.desk,
            alarms=self.timeline,
            now=self.timeline.now,
            audit=self.audit,
            persist=self.store,
            config=self.config,
            people=PEOPLE,
            on_report=self.on_report,
            restored=restored,
        )
        self.desk.listeners = [lambda strategy, instrument: self.kill.on_order_event(Event(strategy, instrument))]

    def store(self) -> None:
        if self.store_fails:
            raise OSError("the store is gone")
        self.stored.append((self.kill.snapshot(), len(self.desk.sent)))

    def kinds(self) -> list[str]:
        return [record.kind for record in self.audit.records]

    def press(self, scope: Scope = ALL, flatten: Flatten | None = None) -> bool:
        return self.kill.engage(scope, SYSTEM, flatten)


def nobody(report: KillReport) -> None:
    raise ConnectionError("nobody takes reports")


def test_entries_go_first_positions_next_and_their_stops_when_they_are_flat() -> None:
    room = Room()
    room.desk.hold(0.5)
    room.desk.rest("entry", 0.2)
    room.desk.rest("stop", -0.5, price=48_000.0, reduce_only=True, is_stop=True)

    room.press()
    assert room.desk.sent == [("cancel", "entry")]
    room.timeline.run(5.0)

    assert [step[:2] for step in room.desk.sent] == [
        ("cancel", "entry"),
        ("reduce", f"{BTC}-A-001"),
        ("cancel", "stop"),
    ]
    assert room.desk.orders() == ()
    assert room.desk.positions() == ()
    (report,) = room.reports
    assert report.finished
    assert (report.kill.cancelled, report.kill.closed) == (2, 1)
    assert report.cancel_s == pytest.approx(0.1)
    assert report.flatten_s == pytest.approx(0.2)
    assert room.kinds() == ["KILL_ENGAGED", "KILL_REPORT"]


def test_is_stored_and_bars_its_scope_before_the_first_cancel() -> None:
    room = Room()
    room.desk.rest("entry", 0.2)
    room.press()

    snapshot, steps_before = room.stored[0]
    assert [kill.scope for kill in snapshot.kills] == [ALL]
    assert steps_before == 0
    (barrier,) = room.view.barriers
    assert barrier.covers("any", SOL)


def test_a_full_disk_a_dead_store_and_a_report_nobody_takes_do_not_stop_it() -> None:
    room = Room(audit=Broken())
    room.store_fails = True
    room.on_report = nobody
    room.start(None)
    room.desk.hold(0.5)
    room.desk.rest("entry", 0.2)

    room.press()
    room.timeline.run(5.0)

    assert room.desk.orders() == ()
    assert room.desk.positions() == ()
    assert room.kill.engaged()[0].stage is Stage.DONE


def test_a_press_that_could_not_be_stored_is_audited() -> None:
    room = Room()
    room.store_fails = True
    room.press()

    assert room.kinds()[:2] == ["KILL_NOT_STORED", "KILL_ENGAGED"]


def test_a_second_press_changes_nothing() -> None:
    room = Room()
    room.desk.hold(0.5)
    room.press()
    room.timeline.run(0.05)
    before = (room.kill.snapshot(), list(room.desk.sent), room.view.barriers, room.timeline.waiting)

    assert not room.press()
    assert (room.kill.snapshot(), list(room.desk.sent), room.view.barriers, room.timeline.waiting) == before
    assert room.kinds()[-1] == "KILL_PRESSED_AGAIN"


def test_a_second_press_may_close_what_the_first_kept() -> None:
    room = Room()
    room.desk.hold(0.5)
    room.press(flatten=Flatten.KEEP)
    room.timeline.run(2.0)
    assert room.kill.engaged()[0].stage is Stage.DONE
    assert len(room.desk.positions()) == 1

    assert room.press(flatten=Flatten.MARKET)
    room.timeline.run(2.0)
    assert room.desk.positions() == ()
    assert not room.press(flatten=Flatten.KEEP)
    assert room.kill.engaged()[0].flatten is Flatten.MARKET


def test_keeping_positions_keeps_the_orders_that_protect_them_and_no_others() -> None:
    room = Room()
    room.desk.hold(0.5)
    room.desk.rest("stop", -0.5, price=48_000.0, reduce_only=True, is_stop=True)
    room.desk.rest("target", -0.5, price=52_000.0, reduce_only=True)
    room.desk.rest("plain-exit", -0.5, price=52_000.0)
    room.desk.rest("orphan", 0.5, price=52_000.0, reduce_only=True, instrument=ETH)

    room.press(flatten=Flatten.KEEP)
    room.timeline.run(2.0)

    assert [order.client_order_id for order in room.desk.orders()] == ["stop", "target"]
    assert len(room.desk.positions()) == 1
    assert room.kill.engaged()[0].stage is Stage.DONE


@pytest.mark.parametrize(
    ("scope", "gone"),
    [
        (Scope(Level.STRATEGY, "A-001"), {("A-001", BTC), ("A-001", SOL)}),
        (Scope(Level.SYMBOL, BTC), {("A-001", BTC), ("B-002", BTC)}),
        (Scope(Level.VENUE, "BYBIT"), {("A-001", SOL), ("B-002", SOL)}),
    ],
)
def test_a_partial_kill_touches_only_its_scope(scope: Scope, gone: set[tuple[str, str]]) -> None:
    room = Room()
    owners = [(strategy, instrument) for strategy in ("A-001", "B-002") for instrument in (BTC, SOL)]
    for strategy, instrument in owners:
        room.desk.hold(1.0, strategy=strategy, instrument=instrument)
        room.desk.rest(f"{strategy}-{instrument}", 1.0, strategy=strategy, instrument=instrument)

    room.press(scope)
    room.timeline.run(5.0)

    left = {(position.strategy, position.instrument) for position in room.desk.positions()}
    assert left == set(owners) - gone
    assert {(order.strategy, order.instrument) for order in room.desk.orders()} == set(owners) - gone
    assert {owner for owner in owners if room.view.barriers[0].covers(*owner)} == gone


def test_a_wider_kill_stands_beside_a_narrower_one_and_each_is_cleared_by_itself() -> None:
    room = Room()
    narrow = Scope(Level.STRATEGY, "A-001")
    room.desk.hold(1.0)
    room.desk.hold(1.0, strategy="B-002")
    room.press(narrow)
    room.press(ALL)
    room.timeline.run(2.0)

    assert room.desk.positions() == ()
    assert len(room.view.barriers) == 2
    assert room.kill.clear(ALL, OFFICER) is None
    assert [kill.scope for kill in room.kill.engaged()] == [narrow]
    assert len(room.view.barriers) == 1
    assert len(room.desk.purposes("reduce")) == 2


def test_what_is_under_way_already_is_not_closed_twice() -> None:
    room = Room()
    room.desk.hold(0.5)
    room.desk.rest("own-exit", -0.3, price=None, reduce_only=True)

    room.press()

    ((_, _, quantity, _),) = room.desk.purposes("reduce")
    assert quantity == pytest.approx(0.2)


def test_a_fill_that_comes_for_a_cancelled_order_is_closed_too() -> None:
    room = Room(Fate.FILLED_FIRST)
    room.desk.rest("entry", 0.2)

    room.press()
    room.timeline.run(5.0)

    assert room.desk.positions() == ()
    assert room.reports[-1].kill.closed == 1


def test_the_stop_of_an_entry_stays_until_the_entry_can_not_fill_any_more() -> None:
    room = Room(Fate.SLOW)
    room.desk.rest("entry", 0.2)
    room.desk.rest("stop", -0.2, price=48_000.0, reduce_only=True, is_stop=True, parent_id="entry")

    room.press()
    room.timeline.run(0.9)
    assert [order.client_order_id for order in room.desk.orders()] == ["entry", "stop"]
    assert not room.desk.orders()[1].cancelling

    room.timeline.run(5.0)
    assert room.desk.orders() == ()


def test_a_fill_that_comes_when_all_was_done_is_closed_and_reported() -> None:
    room = Room()
    room.press()
    room.timeline.run(60.0)
    assert room.kill.engaged()[0].stage is Stage.DONE
    assert room.timeline.waiting == set()

    room.desk.rest("ghost", 0.3)
    room.desk.fill("ghost")
    room.timeline.run(5.0)

    assert room.desk.positions() == ()
    assert len(room.reports) == 2
    assert room.timeline.waiting == set()


def test_an_event_that_leaves_nothing_to_do_makes_no_second_report() -> None:
    room = Room()
    room.press()
    room.timeline.run(5.0)
    stored = len(room.stored)

    room.kill.on_order_event(Event("A-001", BTC))
    room.timeline.run(5.0)

    assert len(room.reports) == 1
    assert len(room.stored) == stored


@pytest.mark.parametrize("kind", ["OrderInitialized", "OrderDenied"])
def test_a_kill_that_is_done_stays_done_while_a_strategy_goes_on_asking(kind: str) -> None:
    """Or no officer could clear it."""
    room = Room()
    room.press()
    room.timeline.run(5.0)

    room.kill.on_order_event(type(kind, (Event,), {})("A-001", BTC))

    assert room.kill.engaged()[0].stage is Stage.DONE
    assert room.timeline.waiting == set()


def test_positions_are_closed_even_where_cancels_are_never_answered() -> None:
    room = Room()
    room.desk.stubborn = {"stubborn"}
    room.desk.rest("stubborn", 0.2)
    room.desk.hold(0.5, instrument=ETH)
    room.press()
    room.timeline.run(0.9)
    assert len(room.desk.positions()) == 1

    room.timeline.run(1.0)
    assert room.desk.positions() == ()
    assert room.kill.engaged()[0].left_orders == ("stubborn",)


def test_a_close_without_an_answer_is_cancelled_and_replaced() -> None:
    room = Room(Fate.LOST)
    room.desk.hold(0.5)

    room.press()
    room.timeline.run(25.0)
    assert len(room.desk.purposes("reduce")) == 1
    room.timeline.run(60.0)

    assert len(room.desk.purposes("reduce")) == 2
    assert room.desk.positions() == ()


def test_what_can_not_be_closed_is_reported_as_left_and_tried_ever_more_slowly() -> None:
    room = Room(config=KillConfig(sweeps_max=40))
    room.desk.halted = {"BYBIT"}
    room.desk.hold(2.0, instrument=SOL)
    room.desk.hold(0.5)

    room.press()
    room.timeline.run(3_600.0)

    late, last = room.reports
    assert not late.finished
    assert late.kill.stage is Stage.RUNNING
    assert late.total_s == pytest.approx(10.0, abs=5.0)
    assert last.kill.stage is Stage.GAVE_UP
    assert last.kill.left_positions == (f"{SOL}-A-001",)
    assert last.kill.closed == 1
    assert last.kill.sweeps == 40
    assert room.timeline.waiting == set()

    refused = room.kill.clear(ALL, OFFICER)
    assert refused is not None
    assert refused.code is Code.GUARD_NOT_MET

    room.desk.halted = set()
    assert room.press()
    room.timeline.run(1.0)
    assert room.kill.engaged()[0].stage is Stage.DONE


def test_one_order_whose_cancel_fails_does_not_keep_the_others() -> None:
    room = Room(Fate.RAISES)
    for key in ("a", "b", "c"):
        room.desk.rest(key, 0.1)

    room.press()

    assert room.desk.purposes("cancel") == [("cancel", "a"), ("cancel", "b"), ("cancel", "c")]
    assert "KILL_STEP_FAILED" in room.kinds()
    room.timeline.run(2.0)
    assert room.desk.orders() == ()


# -- clearing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (SYSTEM, Code.NOT_AUTHORISED),
        (Authority("joe", Role.OPERATOR, "calm"), Code.NOT_AUTHORISED),
        (Authority("joe", Role.RISK_OFFICER, "calm"), Code.ROLE_NOT_HELD),
        (Authority("eve", Role.ADMIN, "calm"), Code.OPERATOR_UNKNOWN),
        (Authority("jane", Role.RISK_OFFICER, " "), Code.REASON_MISSING),
        (Authority("", Role.RISK_OFFICER, "calm"), Code.OPERATOR_MISSING),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_only_a_risk_officer_or_an_admin_with_a_reason_clears(who: Authority, code: Code, force: bool) -> None:
    room = Room()
    room.press()
    room.timeline.run(5.0)

    objection = room.kill.clear(ALL, who, force=force)

    assert objection is not None
    assert objection.code is code
    assert len(room.view.barriers) == 1
    assert room.kinds()[-1] == "KILL_CLEAR_REFUSED"


def test_is_not_cleared_before_it_is_done_unless_forced() -> None:
    room = Room()
    room.desk.halted = {"BINANCE"}
    room.desk.hold(0.5)
    room.press()
    room.timeline.run(1.0)

    objection = room.kill.clear(ALL, OFFICER)
    assert objection is not None
    assert objection.code is Code.GUARD_NOT_MET
    assert f"{BTC}-A-001" in objection.detail

    assert room.kill.clear(ALL, OFFICER, force=True) is None
    assert room.view.barriers == ()
    assert room.audit.records[-1].data["left_positions"] == [f"{BTC}-A-001"]
    sent = len(room.desk.sent)
    room.timeline.run(600.0)
    assert len(room.desk.sent) == sent


def test_a_clearance_that_can_not_be_stored_does_not_happen() -> None:
    room = Room()
    room.press()
    room.timeline.run(5.0)
    room.store_fails = True

    objection = room.kill.clear(ALL, OFFICER)

    assert objection is not None
    assert objection.code is Code.STATE_NOT_DURABLE
    assert len(room.view.barriers) == 1
    assert len(room.kill.engaged()) == 1


def test_clearing_what_is_not_engaged_is_refused() -> None:
    objection = Room().kill.clear(ALL, OFFICER)

    assert objection is not None
    assert objection.code is Code.NO_SUCH_REQUEST


def test_after_clearing_new_orders_are_left_alone() -> None:
    room = Room()
    room.press()
    room.timeline.run(5.0)
    room.kill.clear(ALL, OFFICER)

    room.desk.rest("entry", 0.2)
    room.desk.fill("entry")
    room.timeline.run(60.0)

    assert len(room.desk.positions()) == 1


# -- restart -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.15, 0.25, 5.0])
def test_survives_a_restart_at_any_moment_and_goes_on(seconds: float) -> None:
    room = Room(Fate.SLOW)
    room.desk.hold(0.5)
    room.desk.rest("entry", 0.2)
    room.desk.rest("stop", -0.5, price=48_000.0, reduce_only=True, is_stop=True)
    room.press()
    room.timeline.run(seconds)

    saved = msgspec.json.decode(msgspec.json.encode(room.kill.snapshot()), type=KillSnapshot)
    for name in room.timeline.waiting:
        room.timeline.cancel(name)
    room.view = View(mode=Mode.MANUAL, cash=10_000.0, ts_ns=room.timeline.now_ns)
    room.start(saved)
    assert len(room.view.barriers) == 1
    room.kill.resume()
    room.timeline.run(10.0)

    assert room.desk.orders() == ()
    assert room.desk.positions() == ()
    (kill,) = room.kill.engaged()
    assert kill.stage is Stage.DONE
    assert kill.closed == 1
    assert kill.operator == "system"


def test_no_restart_makes_a_kill_forget_what_it_has_counted() -> None:
    room = Room()
    room.desk.rest("entry", 0.2)
    room.press()
    room.timeline.run(5.0)
    room.start(room.kill.snapshot())
    room.kill.resume()
    room.timeline.run(5.0)

    assert room.kill.engaged()[0].cancelled == 1


# -- records -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "name"), [(Level.SYSTEM, "x"), (Level.STRATEGY, ""), (Level.VENUE, "")])
def test_a_scope_that_names_nothing_or_too_much_is_refused(level: Level, name: str) -> None:
    with pytest.raises(ValueError, match="can't be named"):
        Scope(level, name)


def test_intervals_that_shrink_are_refused() -> None:
    with pytest.raises(ValueError, match="verify_ms_max"):
        KillConfig(verify_ms=100, verify_ms_max=99)


@given(press=st.lists(st.sampled_from([ALL, Scope(Level.SYMBOL, BTC), Scope(Level.STRATEGY, "A-001")]), max_size=6))
def test_barriers_are_exactly_those_of_what_is_engaged(press: list[Any]) -> None:
    room = Room()
    for scope in press:
        room.press(scope)
        room.timeline.now_ns += MS

    assert {(barrier.level, barrier.name) for barrier in room.view.barriers} == {
        (scope.level, scope.name) for scope in press
    }
