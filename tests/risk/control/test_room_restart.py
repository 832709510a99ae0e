"""A restart: the room goes on with what an earlier process left, in at most its mode, and tells what was lost."""

from __future__ import annotations

from typing import Any

import msgspec

from risk.ask import Verb
from risk.barriers import Level, Source
from risk.breaker_config import Cause
from risk.circuit import SYSTEM, State
from risk.control.document import ControlState, decode
from risk.control.room import ControlRoom
from risk.limits import DrawdownLimitConfig
from risk.modes.table import Mode
from risk.modes.transitions import Guard
from risk.peak import EquityBases
from risk.state.durable import Move
from tests.risk.control.room_world import WIDE, FakeStores, World, ask, buys, filled, run
from tests.risk.engine_world import CASH, START_NS


def left_by(mode: Mode = Mode.SEMI_AUTO, **how: Any) -> ControlState:
    """What a process leaves that died at the end of a run, as its stores hold it."""
    stores = FakeStores()
    world = run(how.pop("script", {}), mode=mode, stores=stores, **how)
    world.room.keeper.store()
    return decode(stores.stored.encode())


def restarted(restored: ControlState, stores: FakeStores | None = None, **how: Any) -> World:
    return run(how.pop("script", {}), mode=restored.mode, restored=restored, stores=stores or FakeStores(), **how)


def test_a_kill_that_was_pressed_holds_before_anything_can_trade_and_is_carried_out() -> None:
    restored = left_by(asks=[(3.0, ask("kill", Verb.KILL, level="system"))], mode=Mode.FULL_AUTO)

    world = restarted(restored, script={0: buys(0.2)})

    assert world.denials() == ["KILL_SWITCH_ENGAGED"]
    assert filled(world) == []
    assert [each["stage"] for each in world.kinds("KILL_REPORT")] == []  # done before, and nothing to do now
    assert world.room.kills.engaged()[0].stage.value == "DONE"


def test_an_emergency_goes_on_and_ends_in_the_same_way() -> None:
    restored = left_by(asks=[(3.0, ask("stop", Verb.SET_MODE, mode="Emergency"))], mode=Mode.FULL_AUTO)

    world = restarted(
        restored,
        script={0: buys(0.2), 20: buys(0.1)},
        asks=[(10.0, ask("clear", Verb.SET_MODE, "rita", mode="Manual"))],
    )

    assert world.denials() == ["MODE_FORBIDS", "MODE_FORBIDS"]
    assert world.answer("clear") == "DONE: Emergency to Manual"


def test_a_restart_neither_counts_the_trips_of_before_as_new_nor_forgets_them() -> None:
    def trip_five(room: ControlRoom) -> None:
        for number in range(5):
            room.breakers.note_trade_closed("A-001", "BTCUSDT-PERP.BINANCE", -1.0 - number, room.now())

    restored = left_by(act={3: trip_five})
    world = restarted(restored)

    assert {each.source for each in world.room.gate.view.barriers} == {Source.BREAKER}
    assert Guard.SYSTEMS_HEALTHY not in world.room.guards()
    assert world.modes() == []
    assert world.room.breakers.circuit(SYSTEM).tripped_ns == START_NS + 3 * 1_000_000_000


def test_what_waited_for_approval_is_told_as_lost() -> None:
    restored = left_by(script={55: buys(0.2)})
    assert restored.review is not None
    assert len(restored.review.requests) == 1

    world = restarted(restored)

    lost = [each for each in world.kinds("APPROVAL") if each["reason"] == "lost in a restart"]
    assert [(each["quantity"], each["sent"]) for each in lost] == [(0.2, False)]
    assert filled(world) == []


def test_losses_count_from_where_they_did_before() -> None:
    bases = EquityBases(START_NS - 1, 2.0 * CASH, CASH, CASH, ((START_NS // 86_400_000_000_000, 1.2 * CASH),))
    restored = msgspec.structs.replace(left_by(Mode.FULL_AUTO), bases=bases)

    world = restarted(restored, script={2: buys(0.2)}, limits=msgspec.structs.replace(WIDE, drawdown=DRAWDOWN))

    assert world.denials() == ["DRAWDOWN_EXCEEDED"]
    assert world.room.gate.view.start_equity == 2.0 * CASH


DRAWDOWN = DrawdownLimitConfig(max=0.05)


def test_a_start_that_can_not_be_stored_is_an_emergency() -> None:
    stores = FakeStores()
    stores.refuses = {Move.LEVEL, Move.UP}

    world = restarted(left_by(Mode.FULL_AUTO), stores, script={0: buys(0.2)})

    assert world.kinds("MODE_CHANGE")[0]["trigger"] == "SYSTEM_FAILURE"
    assert filled(world) == []


def test_a_confirmation_that_fails_takes_no_more_risk_and_undoes_no_answer() -> None:
    class Forgetful(FakeStores):
        def confirm(self) -> None:
            from risk.state.failure import StateError

            super().confirm()
            if self.confirmed > 1:
                raise StateError("no space")

    stores = Forgetful()
    world = run(
        {20: buys(0.1)},
        mode=Mode.SEMI_AUTO,
        stores=stores,
        asks=[(5.0, ask("up", Verb.SET_MODE, "rita", mode="FullAuto"))],
    )

    assert world.answer("up") == "DONE: SemiAuto to FullAuto"
    assert world.denials() == ["STATE_NOT_DURABLE"]
    assert [each["reason"] for each in world.kinds("STATE_LOST")] == ["no space"]


def with_trips(restored: ControlState, count: int, ago_s: float) -> ControlState:
    """The same with open breakers of so many strategies, each tripped by itself, so long before the restart."""
    assert restored.breakers is not None
    system = next(each for each in restored.breakers.circuits if each.scope == SYSTEM)
    opened = tuple(
        msgspec.structs.replace(
            system,
            level=Level.STRATEGY,
            name=f"A-{number:03}",
            state=State.OPEN,
            cause=Cause.ORDERED,
            since_ns=START_NS - round(ago_s * 1e9) - number,
            tripped_ns=START_NS - round(ago_s * 1e9) - number,
        )
        for number in range(count)
    )
    breakers = msgspec.structs.replace(restored.breakers, circuits=(*opened, system))
    return msgspec.structs.replace(restored, breakers=breakers)


def test_breakers_that_opened_long_before_a_restart_make_no_cascade_but_too_many_open_ones_do() -> None:
    restored = left_by()

    assert restarted(with_trips(restored, 4, ago_s=1_000.0)).modes() == []
    assert restarted(with_trips(restored, 3, ago_s=10.0)).modes() == ["Emergency"]
    assert restarted(with_trips(restored, 5, ago_s=1_000.0)).modes() == ["Emergency"]
