"""What bars new risk in the whole room: breakers, lost stores, a failed journal; closing orders pass all the while."""

from __future__ import annotations

from typing import Any

import pytest

from risk.ask import Verb
from risk.barriers import Level, Source
from risk.breaker_config import BreakerConfig, BreakersConfig
from risk.circuit import SYSTEM, Scope
from risk.circuit import State as Stands
from risk.control.config import ControlConfig
from risk.control.room import ControlRoom
from risk.limits import LeverageLimitConfig
from risk.modes.table import Mode
from risk.modes.transitions import Guard
from risk.state.durable import Move
from tests.risk.control.room_world import PEOPLE, WIDE, FakeStores, ask, buys, filled, run, sells

STRATEGY = Scope(Level.STRATEGY, "Scripted-001")


def trips(room: ControlRoom) -> None:
    room.breakers.trip(STRATEGY, "by a test", room.now())


def test_an_open_breaker_refuses_entries_and_lets_exits_pass() -> None:
    world = run({0: buys(0.2), 5: buys(0.1), 6: sells(0.2)}, act={3: trips})

    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2)]
    assert [reason.split(":")[0] for reason in world.denials()] == ["CIRCUIT_BREAKER_OPEN"]


def test_a_store_that_fails_bars_new_risk_until_a_restart_and_exits_pass() -> None:
    stores = FakeStores()
    stores_break = {3: lambda room: setattr(stores, "broken", "the disk failed")}
    world = run(
        {0: buys(0.2), 5: buys(0.1), 6: sells(0.2), 8: buys(0.1)},
        stores=stores,
        act=stores_break | {4: lambda room: room.on_model_failure("test")},
    )

    assert world.modes() == []  # going down was not durable, so it did not happen
    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2)]
    assert [reason.split(":")[0] for reason in world.denials()] == ["STATE_NOT_DURABLE"] * 2
    assert [record["reason"] for record in world.kinds("STATE_LOST")] == ["the disk failed"]
    assert [barrier.source for barrier in world.room.gate.view.barriers] == [Source.STATE]


def test_whatever_the_stores_do_an_emergency_begins_and_closes_everything() -> None:
    stores = FakeStores()

    def breaks(room: ControlRoom) -> None:
        stores.broken = "the disk failed"

    world = run(
        {0: buys(0.2)},
        stores=stores,
        act={3: breaks},
        asks=[(4.0, ask("stop", Verb.SET_MODE, mode="Emergency"))],
    )

    assert world.answer("stop") == "DONE: FullAuto to Emergency"
    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2)]
    assert world.kinds("STATE_NOT_DURABLE")[0]["reason"] == "the disk failed"
    assert Guard.RISK_NORMAL not in world.room.guards()


def test_a_breaker_that_can_not_be_stored_as_half_open_stays_open_and_is_tried_again() -> None:
    stores = FakeStores()
    cool = BreakerConfig(cooldown_s=5.0)
    config = ControlConfig(
        people=PEOPLE, breakers=BreakersConfig(position=cool, strategy=cool, venue=cool, system=cool)
    )
    stands: list[Stands] = []

    def loses(room: ControlRoom) -> None:
        for _ in range(5):
            room.breakers.note_trade_closed("Scripted-001", "BTCUSDT-PERP.BINANCE", -1.0, room.now())

    def looks(room: ControlRoom) -> None:
        stands.append(room.breakers.circuit(SYSTEM).state)

    world = run(
        {},
        config=config,
        stores=stores,
        step_s=10,
        act={
            2: loses,
            3: lambda room: stores.refuses.add(Move.UP),
            5: looks,
            8: lambda room: stores.refuses.clear(),
            9: looks,
            14: looks,
        },
    )

    assert stands == [Stands.OPEN, Stands.OPEN, Stands.HALF_OPEN]
    assert len(world.kinds("BREAKER_NOT_LOOSENED")) == 1  # nothing waits for a store again and again
    assert world.kinds("STATE_LOST") == []


def test_a_person_who_resets_a_breaker_is_told_where_that_could_not_be_stored() -> None:
    stores = FakeStores()

    def without_etcd(room: ControlRoom) -> None:
        trips(room)
        stores.refuses.add(Move.UP)

    reset: dict[str, Any] = {"what": "breaker", "level": "strategy", "name": "Scripted-001"}
    world = run(
        {6: buys(0.1)},
        stores=stores,
        act={3: without_etcd},
        asks=[(4.5, ask("reset", Verb.CLEAR, "rita", **reset))],
    )

    assert world.answer("reset") == "REFUSED: etcd did not confirm it"
    assert [reason.split(":")[0] for reason in world.denials()] == ["CIRCUIT_BREAKER_OPEN"]


def test_a_kill_is_stored_although_etcd_does_not_answer() -> None:
    stores = FakeStores()
    stores.refuses = {Move.UP}
    world = run(
        {0: buys(0.2)},
        mode=Mode.FULL_AUTO,
        stores=stores,
        act={2: trips},
        asks=[(4.0, ask("kill", Verb.KILL, level="system"))],
    )

    assert world.answer("kill") == "DONE: engaged"
    assert world.kinds("KILL_NOT_STORED") == []
    assert len(stores.stored.kills.kills) == 1


def guards_of(
    act: dict[int, Any] | None = None, at: int = 5, script: dict[int, Any] | None = None, **how: Any
) -> set[Guard]:
    found: list[set[Guard]] = []
    run(script or {}, act=(act or {}) | {at: lambda room: found.append(set(room.guards()))}, **how)
    return found[0]


ALL_FROM_SEMI_AUTO = {
    Guard.SYSTEMS_HEALTHY,
    Guard.MODELS_READY,
    Guard.LIMITS_CONFIGURED,
    Guard.POSITIONS_CLOSED,
    Guard.RISK_NORMAL,
}
OFF = LeverageLimitConfig(enabled=False)


def press(room: ControlRoom) -> None:
    from risk.kill_records import Scope as KillScope
    from risk.modes.authorisation import Authority

    room.kills.engage(KillScope(Level.SYSTEM), Authority.of_system("test"))


@pytest.mark.parametrize(
    ("missing", "how"),
    [
        (set(), {}),
        ({Guard.MODELS_READY}, {"models_ready": lambda: False}),
        ({Guard.POSITIONS_CLOSED}, {"script": {0: buys(0.1)}, "mode": Mode.FULL_AUTO}),
        ({Guard.LIMITS_CONFIGURED}, {"limits": {"leverage": OFF}}),
        ({Guard.SYSTEMS_HEALTHY}, {"act": {3: lambda room: room.breakers.trip(SYSTEM, "test", room.now())}}),
        ({Guard.SYSTEMS_HEALTHY}, {"act": {3: lambda room: room.lose_state("test")}}),
        ({Guard.SYSTEMS_HEALTHY, Guard.RISK_NORMAL}, {"act": {3: press}}),
        (set(), {"act": {3: trips}}),
    ],
)
def test_each_guard_looks_at_what_it_is_named_for(missing: set[Guard], how: dict[str, Any]) -> None:
    import msgspec

    how = {"mode": Mode.SEMI_AUTO} | how
    if "limits" in how:
        how["limits"] = msgspec.structs.replace(WIDE, **how["limits"])
    expected = ALL_FROM_SEMI_AUTO - missing
    if how["mode"] is not Mode.SEMI_AUTO:
        expected -= {Guard.MODELS_READY}  # nobody asks for models there, and looking may be slow

    assert guards_of(**how) == expected


def test_a_failed_store_is_neither_healthy_nor_normal() -> None:
    stores = FakeStores()

    def breaks(room: ControlRoom) -> None:
        stores.broken = "the disk failed"

    held = guards_of({3: breaks}, mode=Mode.SEMI_AUTO, stores=stores)

    assert held == ALL_FROM_SEMI_AUTO - {Guard.SYSTEMS_HEALTHY, Guard.RISK_NORMAL}


def test_a_restart_keeps_breakers_kills_limits_and_mode_and_counts_no_trip_twice() -> None:
    stores = FakeStores()
    first = run(
        {},
        mode=Mode.SEMI_AUTO,
        stores=stores,
        act={3: trips},
        asks=[
            (4.0, ask("kill", Verb.KILL, level="strategy", name="Other-002")),
            (5.0, ask("limit", Verb.SET_LIMIT, "rita", path="leverage.max", value=1.5)),
        ],
    )
    restored = stores.stored
    second = run({}, mode=Mode.SEMI_AUTO, stores=FakeStores(), restored=restored)

    assert first.answer("limit") == "DONE: leverage.max 1.5"
    assert second.room.gate.rules.limits.leverage.max == 1.5
    assert {(barrier.source, barrier.name) for barrier in second.room.gate.view.barriers} == {
        (Source.BREAKER, "Scripted-001"),
        (Source.KILL_SWITCH, "Other-002"),
    }
    assert second.modes() == []
    assert second.room.state().limits == restored.limits


def test_what_is_added_to_a_position_counts_as_opened_and_what_is_taken_off_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[tuple[str, str]] = []

    def listen(room: ControlRoom) -> None:
        monkeypatch.setattr(
            room.breakers, "note_opened", lambda strategy, instrument, _now_ns: opened.append((strategy, instrument))
        )

    world = run({3: buys(0.2), 4: buys(0.1), 5: sells(0.1), 6: sells(0.2), 8: buys(0.1)}, act={1: listen})

    assert filled(world) == [("BUY", 0.2), ("BUY", 0.1), ("SELL", 0.1), ("SELL", 0.2), ("BUY", 0.1)]
    assert opened == [("Scripted-001", "BTCUSDT-PERP.BINANCE")] * 3
