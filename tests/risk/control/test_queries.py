"""What operators see of a running room: plain JSON, whatever is going on."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from risk.ask import Verb
from risk.control.queries import approvals_of, mode_of, risk_of, stored
from risk.control.room import ControlRoom
from risk.modes.table import Mode
from tests.risk.control.room_world import ask, buys, rests, run


def look(room: ControlRoom, into: dict[str, Any]) -> None:
    for name, query in (("mode", mode_of), ("approvals", approvals_of), ("risk", risk_of)):
        into[name] = query(room)
    into["stored"] = stored(room.state())
    json.dumps(into, allow_nan=False)


@pytest.mark.parametrize("at", [0, 10, 30])
def test_every_answer_is_plain_json_before_in_and_after_a_trade(at: int) -> None:
    found: dict[str, Any] = {}
    run({2: buys(0.2)}, act={at: lambda room: look(room, found)})

    assert found["mode"]["mode"] == "FullAuto"
    assert found["risk"]["state_failed"] is None
    assert [each["quantity"] for each in found["risk"]["positions"]] == ([] if at == 0 else [0.2])


def test_figures_are_those_the_gate_decides_by() -> None:
    found: dict[str, Any] = {}
    world = run({2: buys(0.2)}, act={30: lambda room: look(room, found)})
    risk = found["risk"]

    assert risk["equity"] == pytest.approx(world.room.gate.view.equity)
    assert risk["leverage"] == pytest.approx(0.1, rel=1e-3)
    assert risk["margin_available"] == pytest.approx(risk["equity"] - 0.2 * 50_000.05 / 3.0, rel=1e-3)
    assert risk["limits"]["configured"]["leverage"]["max"] == 3.0


def test_an_emergency_shows_its_way_out_and_how_far_closing_is() -> None:
    found: dict[str, Any] = {}
    run(
        {2: buys(0.2)},
        asks=[(5.0, ask("stop", Verb.SET_MODE, mode="Emergency", reason="a test stops"))],
        act={30: lambda room: look(room, found)},
    )
    mode = found["mode"]

    assert mode["mode"] == "Emergency"
    assert mode["last_emergency"]["reason"] == "a test stops"
    assert {step["guard"]: step["met_ns"] is not None for step in mode["recovery"]["steps"]} == {
        "POSITIONS_CLOSED": True,
        "RISK_NORMAL": True,
        "PERSON_CLEARANCE": False,
    }
    assert mode["closing"]["positions_left"] == []
    assert [change["after"] for change in mode["history"]] == ["Emergency"]
    assert found["stored"]["governor"]["mode"] == "Emergency"


def test_what_waits_is_listed_oldest_first_with_the_time_that_is_left() -> None:
    found: dict[str, Any] = {}
    run(
        {1: buys(0.2), 3: rests(0.1, 49_000.0)},
        mode=Mode.SEMI_AUTO,
        act={5: lambda room: look(room, found)},
    )
    waiting = found["approvals"]["waiting"]

    assert [(each["side"], each["quantity"], each["price"]) for each in waiting] == [
        ("BUY", 0.2, None),
        ("BUY", 0.1, 49_000.0),
    ]
    assert [each["left_s"] for each in waiting] == [26.0, 28.0]
    assert len(found["stored"]["review"]["requests"]) == 2


def test_kills_and_barriers_are_named() -> None:
    found: dict[str, Any] = {}
    run(
        {},
        asks=[(3.0, ask("kill", Verb.KILL, level="strategy", name="A-001", reason="a test presses"))],
        act={10: lambda room: look(room, found)},
    )

    assert [(each["scope"]["name"], each["stage"]) for each in found["risk"]["kills"]] == [("A-001", "DONE")]
    assert [(each["source"], each["name"], each["reason"]) for each in found["risk"]["barriers"]] == [
        ("kill_switch", "A-001", "a test presses")
    ]


def test_a_pending_change_of_mode_is_shown_with_its_key() -> None:
    found: dict[str, Any] = {}
    run(
        {},
        mode=Mode.MANUAL,
        asks=[(3.0, ask("up", Verb.SET_MODE, mode="SemiAuto"))],
        act={10: lambda room: look(room, found)},
    )

    assert found["mode"]["pending"]["key"] == "mode-SemiAuto-1700000003000000000"
    assert msgspec.convert(found["mode"]["pending"]["target"], Mode) is Mode.SEMI_AUTO
