"""The keeper: how durable each change must be before it takes effect, and what becomes of a store that fails."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from risk.barriers import Level
from risk.control.document import ControlState, decode
from risk.control.keeper import Keeper
from risk.kill_records import Flatten, Kill, KillSnapshot, Scope
from risk.modes.authorisation import Role
from risk.modes.changes import GovernorSnapshot
from risk.modes.table import Mode
from risk.state.durable import Move, StateConfig, open_state
from risk.state.failure import StateError
from tests.risk.control.room_world import FakeStores

PRESSED = Kill(
    scope=Scope(Level.SYSTEM),
    engaged_ns=1,
    operator="olaf",
    role=Role.OPERATOR,
    reason="test",
    flatten=Flatten.MARKET,
)


class Kept:
    """A keeper whose state a test changes."""

    def __init__(self, mode: Mode = Mode.SEMI_AUTO, stores: FakeStores | None = None) -> None:
        self.state = ControlState(governor=GovernorSnapshot(mode=mode))
        self.stores = FakeStores() if stores is None else stores
        self.keeper = Keeper(lambda: self.state, self.stores)
        self.keeper.store()

    def become(self, mode: Mode | None = None, **fields: object) -> None:
        if mode is not None:
            fields["governor"] = GovernorSnapshot(mode=mode)
        self.state = msgspec.structs.replace(self.state, **fields)

    def move(self) -> Move:
        self.keeper.store()
        return self.stores.commits[-1][1]


@pytest.mark.parametrize("before", Mode)
@pytest.mark.parametrize("after", Mode)
def test_going_up_waits_for_every_store_and_emergency_for_none(before: Mode, after: Mode) -> None:
    kept = Kept(before)
    kept.become(after)
    expected = Move.UP if after.priority < before.priority else Move.LEVEL

    assert kept.move() is (Move.EMERGENCY if after is Mode.EMERGENCY else expected)


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO])
def test_a_kill_is_kept_at_least_by_the_file_and_its_clearance_by_all(mode: Mode) -> None:
    kept = Kept(mode)
    kept.become(kills=KillSnapshot(kills=(PRESSED,)))
    pressed = kept.move()
    kept.become(kills=KillSnapshot())

    assert (pressed, kept.move()) == (Move.LEVEL, Move.UP)


def test_what_loosens_in_an_emergency_waits_for_every_store_too() -> None:
    kept = Kept(Mode.EMERGENCY)
    kept.become(kills=KillSnapshot(kills=(PRESSED,)))
    pressed = kept.move()
    kept.become(kills=KillSnapshot())

    assert (pressed, kept.move()) == (Move.EMERGENCY, Move.UP)


def test_a_limit_tightened_twice_never_waits_for_every_store() -> None:
    kept = Kept()
    moves = []
    for value in (2.0, 1.5, 1.75, None):
        kept.become(limits={} if value is None else {"leverage.max": value})
        moves.append(kept.move())

    assert moves == [Move.LEVEL, Move.LEVEL, Move.UP, Move.UP]


def test_what_the_stores_held_before_is_what_the_first_state_is_held_against() -> None:
    before = ControlState(governor=GovernorSnapshot(mode=Mode.MANUAL), kills=KillSnapshot(kills=(PRESSED,)))
    stores = FakeStores()
    keeper = Keeper(lambda: msgspec.structs.replace(before, kills=KillSnapshot()), stores, before)

    assert keeper.loosens
    keeper.store()
    assert stores.commits[0][1] is Move.UP
    assert not keeper.loosens


def test_a_refused_loosening_is_raised_and_stays_one_at_the_next_try() -> None:
    kept = Kept(Mode.MANUAL)
    kept.stores.refuses = {Move.UP}
    kept.become(Mode.SEMI_AUTO)

    for _ in range(2):
        with pytest.raises(StateError, match="etcd did not confirm"):
            kept.keeper.store()
    kept.stores.refuses = set()

    assert kept.move() is Move.UP
    assert kept.stores.stored.mode is Mode.SEMI_AUTO


def test_a_store_that_failed_takes_nothing_more_and_says_so() -> None:
    kept = Kept()
    kept.stores.broken = "the disk failed"
    kept.become(Mode.MANUAL)

    with pytest.raises(StateError, match="the disk failed"):
        kept.keeper.store()
    assert kept.keeper.failed == "the disk failed"
    with pytest.raises(StateError, match="the disk failed"):
        kept.keeper.store()


def test_an_emergency_waits_for_no_store_but_tells_of_one_that_will_never_hold_it() -> None:
    slow, dead = Kept(), Kept()
    slow.stores.silent = True
    dead.stores.broken = "the disk failed"
    for kept in (slow, dead):
        kept.become(Mode.EMERGENCY)

    slow.keeper.store()
    with pytest.raises(StateError, match="the disk failed"):
        dead.keeper.store()


def test_a_kill_is_stored_soon_and_what_is_not_known_to_be_is_raised() -> None:
    kept = Kept()
    kept.become(kills=KillSnapshot(kills=(PRESSED,)))
    kept.keeper.store_soon()
    in_time = kept.stores.commits[-1]
    kept.stores.silent = True

    with pytest.raises(StateError, match="does not answer"):
        kept.keeper.store_soon()
    assert in_time[1] is Move.EMERGENCY
    assert in_time[0].kills.kills == (PRESSED,)


def test_a_clearance_is_never_stored_soon() -> None:
    kept = Kept()
    kept.become(kills=KillSnapshot(kills=(PRESSED,)))
    kept.keeper.store_soon()
    kept.stores.refuses = {Move.UP}
    kept.become(kills=KillSnapshot())

    with pytest.raises(StateError, match="etcd did not confirm"):
        kept.keeper.store_soon()


def test_a_replay_keeps_nothing() -> None:
    keeper = Keeper(lambda: pytest.fail("nothing is collected for no store"))

    keeper.store()
    keeper.store_soon()
    keeper.confirm()

    assert keeper.failed is None
    assert not keeper.loosens


def test_the_present_state_is_confirmed_unless_the_stores_failed() -> None:
    kept = Kept()
    kept.keeper.confirm()
    kept.stores.broken = "the disk failed"
    kept.keeper.confirm()

    assert kept.stores.confirmed == 1


def test_the_real_stores_hold_what_the_keeper_gave_them(tmp_path: Path) -> None:
    config = StateConfig(folder=str(tmp_path), emergency_wait_s=30, file_timeout_s=30)
    stores = open_state(config, {})
    stores.recover()
    state = ControlState(governor=GovernorSnapshot(mode=Mode.MANUAL))
    changed = msgspec.structs.replace(state, kills=KillSnapshot(kills=(PRESSED,)), limits={"leverage.max": 0.5})
    states = [state, changed]
    keeper = Keeper(lambda: states[0], stores)
    keeper.store()
    states.pop(0)
    keeper.store_soon()
    stores.close()

    again = open_state(config, {})
    try:
        recovered = again.recover()
        assert recovered.doubt is None
        assert recovered.record is not None
        assert decode(recovered.record.payload) == changed
    finally:
        again.close()
