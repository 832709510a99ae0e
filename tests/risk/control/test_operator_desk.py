"""Operators' commands in mid-run: who may ask for what, what becomes of it, once, and with a record of everything."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from risk.ask import Ask, Verb
from risk.control.config import ControlConfig
from risk.kill_records import Flatten
from risk.modes.table import Mode
from tests.risk.control.room_world import PEOPLE, FakeStores, World, ask, buys, filled, rests, run, sells

FOUR_EYES = ControlConfig(people=msgspec.structs.replace(PEOPLE, four_eyes=True))


def asked(*asks: Ask, mode: Mode = Mode.MANUAL, **how: Any) -> World:
    """Let commands come one second after the other, from the second second on."""
    return run({}, mode=mode, asks=[(2.0 + number, each) for number, each in enumerate(asks)], **how)


# -- modes


def test_a_person_goes_up_step_by_step_and_each_step_takes_effect() -> None:
    world = asked(
        ask("skip", Verb.SET_MODE, "rita", mode="FullAuto"),
        ask("one", Verb.SET_MODE, "rita", mode="SemiAuto"),
        ask("two", Verb.SET_MODE, "rita", mode="FullAuto"),
    )

    assert world.answer("skip").startswith("REFUSED: Manual to FullAuto refused: NO_SUCH_TRANSITION")
    assert world.answer("one") == "DONE: Manual to SemiAuto"
    assert world.answer("two") == "DONE: SemiAuto to FullAuto"
    assert world.room.gate.view.mode is Mode.FULL_AUTO


def test_an_operators_way_up_waits_for_a_supervisors_yes() -> None:
    pending = "mode-SemiAuto-1700000002000000000"
    world = asked(
        ask("up", Verb.SET_MODE, mode="SemiAuto"),
        ask("own", Verb.APPROVE, key=pending),
        ask("yes", Verb.APPROVE, "rita", key=pending),
    )

    assert world.answer("up") == f"WAITS: for an approval of {pending}"
    assert "NOT_AUTHORISED" in world.answer("own")
    assert world.answer("yes") == "DONE: Manual to SemiAuto"
    assert world.kinds("MODE_CHANGE")[0]["approved_by"] == "rita"


def test_whoever_may_ask_may_say_no_to_a_waiting_change() -> None:
    pending = "mode-SemiAuto-1700000002000000000"
    world = asked(
        ask("up", Verb.SET_MODE, mode="SemiAuto"),
        ask("no", Verb.REJECT, key=pending),
        ask("late", Verb.APPROVE, "rita", key=pending),
    )

    assert world.answer("no").startswith("DONE: ")
    assert world.answer("late").startswith("REFUSED: ")
    assert world.modes() == []


def test_saying_no_too_late_is_not_called_done() -> None:
    pending = "mode-SemiAuto-1700000002000000000"
    people = msgspec.structs.replace(PEOPLE, approval_timeout_s=0.5)
    world = asked(
        ask("up", Verb.SET_MODE, mode="SemiAuto"),
        ask("no", Verb.REJECT, key=pending),
        config=ControlConfig(people=people),
    )

    assert world.answer("no").startswith("REFUSED: ")
    assert "REQUEST_EXPIRED" in world.answer("no")


def test_where_it_takes_two_nobody_approves_their_own_request() -> None:
    pending = "mode-SemiAuto-1700000002000000000"
    world = asked(
        ask("up", Verb.SET_MODE, "rita", mode="SemiAuto"),
        ask("own", Verb.APPROVE, "rita", key=pending),
        ask("other", Verb.APPROVE, "ada", key=pending),
        config=FOUR_EYES,
    )

    assert "OWN_REQUEST" in world.answer("own")
    assert world.answer("other") == "DONE: Manual to SemiAuto"


def test_full_auto_is_refused_while_models_are_not_ready() -> None:
    world = asked(ask("up", Verb.SET_MODE, "rita", mode="FullAuto"), mode=Mode.SEMI_AUTO, models_ready=lambda: False)

    assert world.answer("up").startswith("REFUSED: SemiAuto to FullAuto refused: GUARD_NOT_MET: MODELS_READY")


def test_an_emergency_ends_by_a_supervisor_once_everything_is_closed() -> None:
    world = run(
        {0: buys(0.2)},
        asks=[
            (3.0, ask("stop", Verb.SET_MODE, mode="Emergency")),
            (3.0, ask("soon", Verb.SET_MODE, "rita", mode="Manual")),
            (8.0, ask("not-me", Verb.SET_MODE, mode="Manual")),
            (9.0, ask("clear", Verb.SET_MODE, "rita", mode="Manual")),
        ],
    )

    assert world.answer("stop") == "DONE: FullAuto to Emergency"
    assert "OVERRULED" in world.answer("soon")
    assert "NOT_AUTHORISED" in world.answer("not-me")
    assert world.answer("clear") == "DONE: Emergency to Manual"
    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2)]


# -- kill switches


def test_a_kill_in_mid_run_cancels_closes_and_bars_until_a_risk_officer_clears_it() -> None:
    world = run(
        {0: buys(0.2), 1: rests(0.1, 49_000.0), 6: buys(0.1), 20: buys(0.1)},
        asks=[
            (3.0, ask("kill", Verb.KILL, level="system")),
            (4.0, ask("again", Verb.KILL, level="system")),
            (8.0, ask("not-me", Verb.CLEAR, level="system")),
            (9.0, ask("narrower", Verb.CLEAR, "rita", level="strategy", name="Scripted-001")),
            (10.0, ask("clear", Verb.CLEAR, "rita", level="system")),
            (11.0, ask("twice", Verb.CLEAR, "rita", level="system")),
        ],
    )

    assert world.answer("kill") == "DONE: engaged"
    assert world.answer("again") == "DONE: engaged already"
    assert "NOT_AUTHORISED" in world.answer("not-me")
    assert world.answer("narrower").startswith("REFUSED: ")
    assert world.answer("clear") == "DONE: cleared"
    assert world.answer("twice").startswith("REFUSED: ")
    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2), ("BUY", 0.1)]
    assert [reason.split(":")[0] for reason in world.denials()] == ["KILL_SWITCH_ENGAGED"]
    assert "OrderCanceled" in world.strategy.names()
    assert len(world.kinds("KILL_ENGAGED")) == len(world.kinds("KILL_PRESSED_AGAIN")) == 1


def test_a_kill_that_keeps_positions_can_be_widened_by_a_second_press() -> None:
    world = run(
        {0: buys(0.2)},
        asks=[
            (3.0, ask("keep", Verb.KILL, level="system", flatten=Flatten.KEEP.value)),
            (6.0, ask("all", Verb.KILL, level="system", flatten=Flatten.MARKET.value)),
        ],
    )

    assert world.answer("all") == "DONE: engaged"
    assert filled(world) == [("BUY", 0.2), ("SELL", 0.2)]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"level": "planet"},
        {"level": ["system"]},
        {"level": "system", "name": "everything"},
        {"level": "strategy"},
        {"level": "strategy", "name": None},
        {"level": "system", "flatten": "gently"},
    ],
)
def test_a_kill_of_nothing_that_exists_is_refused(arguments: dict[str, Any]) -> None:
    world = asked(ask("kill", Verb.KILL, **arguments))

    assert world.answer("kill").startswith("REFUSED: ")
    assert world.room.kills.engaged() == ()


def test_no_breaker_of_a_scope_that_has_none_is_closed() -> None:
    world = asked(
        ask("symbol", Verb.CLEAR, "rita", what="breaker", level="symbol", name="BTCUSDT-PERP.BINANCE"),
        ask("closed", Verb.CLEAR, "rita", what="breaker", level="system"),
    )

    assert world.answer("symbol") == world.answer("closed") == "REFUSED: no breaker of this scope is open"


# -- limits


def test_a_limit_takes_effect_when_it_is_tightened_and_is_taken_back_by_the_same_verb() -> None:
    limit = {"path": "leverage.max"}
    world = run(
        {1: buys(1.0), 5: buys(2.0), 9: sells(1.0), 12: buys(2.0)},
        asks=[
            (3.0, ask("tighten", Verb.SET_LIMIT, "rita", **limit, value=1.2)),
            (4.0, ask("loosen", Verb.SET_LIMIT, "rita", **limit, value=3.5)),
            (10.0, ask("back", Verb.SET_LIMIT, "rita", **limit, value=None)),
            (11.0, ask("twice", Verb.SET_LIMIT, "rita", **limit, value=None)),
        ],
    )

    assert world.answer("tighten") == "DONE: leverage.max 1.2"
    assert "can only be tightened" in world.answer("loosen")
    assert world.answer("back") == "DONE: leverage.max as configured"
    assert world.answer("twice") == "REFUSED: leverage.max was not changed at run time"
    assert filled(world) == [("BUY", 1.0), ("SELL", 1.0), ("BUY", 2.0)]
    assert [reason.split(":")[0].split(" ")[0] for reason in world.denials()] == ["LEVERAGE_EXCEEDED"]
    assert [(change["before"], change["after"]) for change in world.kinds("LIMIT_CHANGE")] == [(None, 1.2), (1.2, None)]


def test_a_limit_that_can_not_be_stored_does_not_change() -> None:
    stores = FakeStores()
    world = asked(
        ask("limit", Verb.SET_LIMIT, "rita", path="leverage.max", value=1.0),
        stores=stores,
        act={1: lambda room: setattr(stores, "broken", "the disk failed")},
    )

    assert world.answer("limit") == "REFUSED: the disk failed"
    assert world.room.gate.rules.limits.leverage.max == 3.0
    assert world.room.state().limits == {}


# -- who may, and the record of it


VERBS: dict[Verb, dict[str, Any]] = {
    Verb.SET_MODE: {"mode": "Manual"},
    Verb.APPROVE: {"key": "nothing"},
    Verb.AMEND: {"key": "nothing", "quantity": 0.1},
    Verb.REJECT: {"key": "nothing"},
    Verb.KILL: {"level": "strategy", "name": "Other-002"},
    Verb.CLEAR: {"level": "strategy", "name": "Other-002"},
    Verb.SET_LIMIT: {"path": "leverage.max", "value": 1.0},
}
REFUSED_BY_ROLE = {
    ("vera", Mode.SEMI_AUTO): set(VERBS),
    ("olaf", Mode.SEMI_AUTO): {Verb.CLEAR, Verb.SET_LIMIT},
    ("rita", Mode.SEMI_AUTO): set(),
    ("ada", Mode.SEMI_AUTO): set(),
    ("olaf", Mode.MANUAL): {Verb.APPROVE, Verb.AMEND, Verb.CLEAR, Verb.SET_LIMIT},
    ("rita", Mode.MANUAL): {Verb.AMEND},
    ("olaf", Mode.FULL_AUTO): {Verb.APPROVE, Verb.AMEND, Verb.CLEAR, Verb.SET_LIMIT},
    ("rita", Mode.EMERGENCY): {Verb.AMEND, Verb.SET_LIMIT},
}
"""Which verbs a role may not use in a mode, whatever they ask for; written from SPEC 8 and not from the table."""


@pytest.mark.parametrize(("operator", "mode"), REFUSED_BY_ROLE)
def test_roles_verbs_and_modes(operator: str, mode: Mode) -> None:
    asks = [ask(verb.value, verb, operator, **arguments) for verb, arguments in VERBS.items()]
    world = run({}, mode=mode, asks=[(2.0, each) for each in reversed(asks)])

    barred = {
        verb for verb in VERBS if "may not" in world.answer(verb.value) and "in this mode" in world.answer(verb.value)
    }
    assert barred == REFUSED_BY_ROLE[operator, mode]


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ({"operator": "nobody", "role": "admin"}, "OPERATOR_UNKNOWN"),
        ({"operator": "nobody"}, "OPERATOR_UNKNOWN"),
        ({"operator": "olaf", "role": "admin"}, "ROLE_NOT_HELD"),
        ({"operator": "system", "role": "system"}, "ROLE_NOT_HELD"),
        ({"operator": "olaf", "role": "system"}, "ROLE_NOT_HELD"),
        ({"operator": "olaf", "reason": " "}, "REASON_MISSING"),
    ],
)
def test_nobody_acts_as_somebody_else_or_without_a_reason(who: dict[str, str], said: str) -> None:
    world = asked(ask("kill", Verb.KILL, **who, level="system"), mode=Mode.FULL_AUTO)  # type: ignore[arg-type]

    assert world.answer("kill").startswith(f"REFUSED: {said}")
    assert world.room.kills.engaged() == ()


def test_every_command_is_recorded_once_with_its_answer_and_a_repeated_one_does_nothing() -> None:
    world = asked(
        ask("a", Verb.SET_LIMIT, "rita", path="leverage.max", value=2.0, reason="careful"),
        ask("a", Verb.SET_LIMIT, "rita", path="leverage.max", value=1.0),
        ask("b", Verb.SET_MODE, "vera", mode="Emergency"),
    )

    assert [
        (record["id"], record["operator"], record["role"], record["answer"]) for record in world.kinds("OPERATOR")
    ] == [
        ("a", "rita", "risk_officer", "DONE: leverage.max 2.0"),
        ("b", "vera", "viewer", world.answer("b")),
    ]
    assert world.kinds("OPERATOR")[0]["arguments"] == {"path": "leverage.max", "value": 2.0}
    assert world.kinds("OPERATOR")[0]["reason"] == "careful"
    assert world.room.gate.rules.limits.leverage.max == 2.0
    assert world.modes() == []


def test_an_operator_answers_what_waits_in_semi_auto() -> None:
    def key(world: World) -> list[str]:
        return [record["key"] for record in world.kinds("APPROVAL")]

    first = run({1: buys(0.2), 2: buys(0.3), 3: buys(0.4)}, mode=Mode.SEMI_AUTO)
    keys = key(first)
    world = run(
        {1: buys(0.2), 2: buys(0.3), 3: buys(0.4)},
        mode=Mode.SEMI_AUTO,
        asks=[
            (5.0, ask("yes", Verb.APPROVE, key=keys[0])),
            (6.0, ask("no", Verb.REJECT, key=keys[1])),
            (7.0, ask("more", Verb.AMEND, key=keys[2], quantity=0.5)),
            (7.5, ask("huge", Verb.AMEND, key=keys[2], quantity=10**400)),
            (8.0, ask("less", Verb.AMEND, key=keys[2], quantity=0.1)),
            (9.0, ask("twice", Verb.APPROVE, key=keys[0])),
        ],
    )

    assert world.answer("yes") == "DONE: APPROVED"
    assert world.answer("no") == "DONE: REJECTED"
    assert world.answer("more").startswith("REFUSED: ")
    assert world.answer("huge").startswith("REFUSED: quantity must be a number")
    assert world.answer("less").startswith("DONE: ")
    assert world.answer("twice").startswith("REFUSED: ")
    assert filled(world) == [("BUY", 0.2), ("BUY", 0.1)]
