"""Which node an operator's verb is about, and what it does where a node answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stopped_node import StoppedNode

import live.control_socket
from errors import PreconditionError
from live.operators import node_folder
from risk.ask import Ask, Verb
from risk.control.document import ControlState
from risk.modes.changes import GovernorSnapshot
from risk.modes.table import Mode


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoppedNode:
    return StoppedNode(tmp_path, ControlState(governor=GovernorSnapshot(mode=Mode.MANUAL)), monkeypatch)


def test_the_only_node_need_not_be_named(node: StoppedNode) -> None:
    assert node_folder("") == node_folder("alpha") == node_folder(str(node.folder)) == node.folder


def test_of_two_nodes_one_must_be_named(node: StoppedNode) -> None:
    (node.folder.parent / "beta" / "sessions").mkdir(parents=True)

    code, said = node.call("mode", "show")

    assert code == 3
    assert "alpha, beta" in said["error"]
    assert node.call("mode", "show", "--node", "alpha")[0] == 0


def test_without_any_node_it_is_said_where_one_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT4_HOME", str(tmp_path))

    with pytest.raises(PreconditionError, match=r"there are in .*nodes: none"):
        node_folder("")
    with pytest.raises(PreconditionError, match="no node 'gamma'"):
        node_folder("gamma")


def test_the_operator_may_come_from_the_environment(node: StoppedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT4_OPERATOR", "olaf")

    assert node.call("risk", "kill", "--reason", "test")[0] == 0
    assert node.state.kills.kills[0].operator == "olaf"


@pytest.mark.parametrize(
    ("arguments", "verb", "expected"),
    [
        (("mode", "set", "Emergency"), Verb.SET_MODE, {"mode": "Emergency"}),
        (("approvals", "approve", "K"), Verb.APPROVE, {"key": "K"}),
        (("approvals", "approve", "K", "--quantity", "0.5"), Verb.AMEND, {"key": "K", "quantity": 0.5}),
        (("approvals", "reject", "K"), Verb.REJECT, {"key": "K"}),
        (("risk", "kill"), Verb.KILL, {"level": "system", "name": ""}),
        (
            ("risk", "kill", "--level", "venue", "--name", "X", "--keep-positions"),
            Verb.KILL,
            {"level": "venue", "name": "X", "flatten": "keep"},
        ),
        (("risk", "clear", "--force"), Verb.CLEAR, {"level": "system", "name": "", "force": True}),
        (
            ("risk", "clear", "--breaker"),
            Verb.CLEAR,
            {"level": "system", "name": "", "force": False, "what": "breaker"},
        ),
        (
            ("risk", "limits", "--tighten", "leverage.max", "--value", "1.5"),
            Verb.SET_LIMIT,
            {"path": "leverage.max", "value": 1.5},
        ),
    ],
)
def test_a_running_node_is_asked_and_its_stored_state_left_alone(
    node: StoppedNode,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    verb: Verb,
    expected: dict[str, Any],
) -> None:
    asked: list[Ask] = []

    def answers(folder: Path, ask: Ask) -> str:
        assert folder == node.folder
        asked.append(ask)
        return "DONE: by the node"

    monkeypatch.setattr(live.control_socket, "ask", answers)
    before = node.recovered()

    code, said = node.act(*arguments)

    assert (code, said["where"], said["answer"]) == (0, "running", "DONE: by the node")
    assert said["command"] == asked[0].id
    assert (asked[0].verb, asked[0].operator, asked[0].reason) == (verb, "olaf", "as a test")
    assert asked[0].arguments == expected
    assert node.recovered() == before


def test_a_nodes_refusal_ends_with_4_and_waiting_does_not(node: StoppedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["REFUSED: GUARD_NOT_MET: RISK_NORMAL does not hold", "WAITS: for an approval of mode-1"])
    monkeypatch.setattr(live.control_socket, "ask", lambda folder, ask: next(answers))

    assert node.act("mode", "set", "Manual")[0] == 4
    assert node.act("mode", "set", "SemiAuto")[0] == 0


def test_every_command_has_an_id_of_its_own_unless_one_is_given(
    node: StoppedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[str] = []

    def answers(folder: Path, ask: Ask) -> str:
        ids.append(ask.id)
        return "DONE"

    monkeypatch.setattr(live.control_socket, "ask", answers)
    for given in ((), (), ("--id", "mine")):
        node.act("risk", "kill", *given)

    assert len(set(ids)) == 3
    assert ids[2] == "mine"
