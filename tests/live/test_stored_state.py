"""`bot4 mode`, `risk` and `approvals` on the state that a stopped node left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from stopped_node import StoppedNode

from live.stored_state import AUDIT_FILE, CONTROL_FILE
from risk.barriers import Level
from risk.breakers import BreakersSnapshot
from risk.circuit import Circuit, State
from risk.control.document import ControlState
from risk.kill_records import Flatten, Kill, KillSnapshot, Scope, Stage
from risk.modes.authorisation import Role
from risk.modes.changes import GovernorSnapshot, contradiction_in
from risk.modes.table import Mode
from risk.modes.triggers import Trigger
from risk.state.durable import Commit, DurableState, Move

SYSTEM = Scope(Level.SYSTEM)
Node = Callable[..., StoppedNode]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    def stopped(mode: Mode = Mode.SEMI_AUTO, **fields: object) -> StoppedNode:
        state = ControlState(governor=GovernorSnapshot(mode=mode), **fields)  # type: ignore[arg-type]
        return StoppedNode(tmp_path, state, monkeypatch)

    return stopped


def kill(stage: Stage = Stage.DONE, flatten: Flatten = Flatten.MARKET) -> KillSnapshot:
    return KillSnapshot(
        kills=(
            Kill(
                scope=SYSTEM,
                engaged_ns=5,
                operator="olaf",
                role=Role.OPERATOR,
                reason="test",
                flatten=flatten,
                stage=stage,
            ),
        )
    )


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- looking


def test_the_stored_mode_and_its_history_are_shown(node: Node) -> None:
    stopped = node()
    stopped.act("mode", "set", "Manual")

    code, shown = stopped.call("mode", "show")
    history_code, history = stopped.call("mode", "history")

    assert (code, history_code) == (0, 0)
    assert (shown["node"], shown["where"], shown["mode"]) == ("alpha", "stored state", "Manual")
    assert [(each["before"], each["after"], each["operator"]) for each in history["history"]] == [
        ("SemiAuto", "Manual", "olaf")
    ]


def test_kills_open_breakers_and_limits_are_shown(node: Node) -> None:
    opened = Circuit(level=Level.STRATEGY, name="A-001", state=State.OPEN, reason="test", equity_base=1.0)
    closed = Circuit(level=Level.SYSTEM, name="", equity_base=1.0)
    board = BreakersSnapshot(equity=1.0, circuits=(opened, closed))
    stopped = node(kills=kill(), breakers=board, limits={"leverage.max": 1.5})

    code, shown = stopped.call("risk", "show")
    _, limits = stopped.call("risk", "limits")

    assert code == 0
    assert shown["mode"] == "SemiAuto"
    assert [each["scope"] for each in shown["kills"]] == [{"level": "system", "name": ""}]
    assert [each["name"] for each in shown["breakers"]] == ["A-001"]
    assert limits["tightened"] == {"leverage.max": 1.5}
    assert limits["configured"]["leverage"]["max"] == 3.0


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (("mode", "show"), "SemiAuto"),
        (("mode", "history"), "modes of alpha"),
        (("risk", "show"), "kill switches"),
        (("risk", "limits"), "leverage.max"),
        (("approvals", "list"), "nothing waits at alpha"),
    ],
)
def test_a_person_gets_text(node: Node, verb: tuple[str, ...], said: str) -> None:
    code, text = node(kills=kill()).text(*verb)

    assert code == 0, text
    assert said in text


def test_nothing_waits_for_approval_at_a_stopped_node(node: Node) -> None:
    assert node().call("approvals", "list") == (
        0,
        {"node": "alpha", "where": "stored state", "waiting": [], "statistics": None},
    )


def test_looking_changes_nothing_and_needs_no_lock(node: Node) -> None:
    from risk.state.durable import open_state

    stopped = node()
    before = everything(stopped.folder)
    held = open_state(stopped.config, {})
    try:
        codes = [stopped.call(*verb)[0] for verb in (("mode", "show"), ("risk", "show"), ("approvals", "list"))]
    finally:
        held.close()

    assert codes == [0, 0, 0]
    assert everything(stopped.folder) == before


# -- changing


@pytest.mark.parametrize(
    ("before", "target", "steps"),
    [
        (Mode.FULL_AUTO, "SemiAuto", ["SemiAuto"]),
        (Mode.SEMI_AUTO, "Manual", ["Manual"]),
        (Mode.SEMI_AUTO, "Emergency", ["Emergency"]),
        (Mode.FULL_AUTO, "Emergency", ["Emergency"]),
        (Mode.FULL_AUTO, "Manual", ["SemiAuto", "Manual"]),
    ],
)
def test_a_stopped_nodes_mode_can_be_made_more_restrictive(
    node: Node, before: Mode, target: str, steps: list[str]
) -> None:
    stopped = node(before)

    code, said = stopped.act("mode", "set", target)
    governor = stopped.state.governor

    assert (code, said["answer"], said["where"]) == (0, "DONE", "stored state")
    assert [change.after.value for change in governor.history] == steps
    assert governor.mode.value == target
    assert contradiction_in(governor) is None
    assert stopped.recovered().resume_rank == governor.mode.priority
    if target == "Emergency":
        assert governor.history[-1].trigger is Trigger.MANUAL
        assert governor.emergency_is_open


@pytest.mark.parametrize(
    ("before", "target"),
    [(Mode.MANUAL, "SemiAuto"), (Mode.SEMI_AUTO, "FullAuto"), (Mode.EMERGENCY, "Manual"), (Mode.EMERGENCY, "FullAuto")],
)
@pytest.mark.parametrize("operator", ["olaf", "ada"])
def test_nobody_loosens_a_stopped_nodes_mode(node: Node, before: Mode, target: str, operator: str) -> None:
    stopped = node(before)

    code, said = stopped.act("mode", "set", target, operator=operator)

    assert code == 4
    assert "can only be made more restrictive" in said["answer"]
    assert stopped.state.mode is before


def test_the_mode_that_is_stored_already_changes_nothing(node: Node) -> None:
    stopped = node()

    assert stopped.act("mode", "set", "SemiAuto")[1]["answer"] == "DONE: SemiAuto already"
    assert stopped.act("mode", "set", "Sloppy")[0] == 4
    assert stopped.state.governor.history == ()


def test_a_kill_is_stored_once_for_the_next_start_to_carry_out(node: Node) -> None:
    stopped = node()

    first, second = stopped.act("risk", "kill"), stopped.act("risk", "kill", operator="rita")
    kept = stopped.act("risk", "kill", "--level", "strategy", "--name", "A-001", "--keep-positions")

    assert [first[1]["answer"], second[1]["answer"], kept[1]["answer"]] == ["DONE", "DONE: engaged already", "DONE"]
    assert [(each.scope.name, each.operator, each.flatten, each.stage) for each in stopped.state.kills.kills] == [
        ("", "olaf", Flatten.MARKET, Stage.RUNNING),
        ("A-001", "olaf", Flatten.KEEP, Stage.RUNNING),
    ]


def test_a_second_press_may_close_what_the_first_one_kept(node: Node) -> None:
    stopped = node(kills=kill(flatten=Flatten.KEEP))

    assert stopped.act("risk", "kill", "--keep-positions")[1]["answer"] == "DONE: engaged already"
    assert stopped.act("risk", "kill")[1]["answer"] == "DONE"
    assert [(each.flatten, each.stage) for each in stopped.state.kills.kills] == [(Flatten.MARKET, Stage.RUNNING)]


@pytest.mark.parametrize("level", [("planet", ""), ("system", "A-001"), ("strategy", "")])
def test_a_kill_of_nothing_is_refused(node: Node, level: tuple[str, str]) -> None:
    stopped = node()

    assert stopped.act("risk", "kill", "--level", level[0], "--name", level[1])[0] == 4
    assert stopped.state.kills.kills == ()


def test_a_kill_is_cleared_by_a_risk_officer_once_it_is_done(node: Node) -> None:
    stopped = node(kills=kill())

    refused = stopped.act("risk", "clear")
    cleared = stopped.act("risk", "clear", operator="rita")
    again = stopped.act("risk", "clear", operator="rita")

    assert (refused[0], cleared[0], again[0]) == (4, 0, 4)
    assert "NOT_AUTHORISED" in refused[1]["answer"]
    assert stopped.state.kills.kills == ()


def test_a_kill_that_is_not_done_is_cleared_by_force_alone(node: Node) -> None:
    stopped = node(kills=kill(Stage.RUNNING))

    assert stopped.act("risk", "clear", operator="rita")[0] == 4
    assert len(stopped.state.kills.kills) == 1
    assert stopped.act("risk", "clear", "--force", operator="rita")[0] == 0


def test_a_breaker_is_not_closed_at_a_stopped_node(node: Node) -> None:
    code, said = node().act("risk", "clear", "--breaker", operator="rita")

    assert code == 4
    assert "while the node runs" in said["answer"]


def test_limits_are_tightened_taken_back_and_never_loosened(node: Node) -> None:
    stopped = node()

    def limit(*value: str) -> tuple[int, str]:
        code, said = stopped.act("risk", "limits", "--tighten", "leverage.max", *value, operator="rita")
        return code, said["answer"]

    assert limit("--value", "1.5") == (0, "DONE")
    assert stopped.state.limits == {"leverage.max": 1.5}
    assert limit("--value", "3.5")[0] == 4
    assert "can only be tightened" in limit("--value", "3.5")[1]
    assert limit() == (0, "DONE")
    assert stopped.state.limits == {}
    assert limit()[0] == 4
    assert stopped.act("risk", "limits", "--tighten", "leverage.max", "--value", "1")[0] == 4  # an operator


def test_approvals_are_answered_by_running_nodes_alone(node: Node) -> None:
    stopped = node()

    for verb in (("approve", "K"), ("approve", "K", "--quantity", "0.1"), ("reject", "K")):
        code, said = stopped.act("approvals", *verb)
        assert code == 4
        assert said["answer"] == "REFUSED: the node is not running"


def test_a_change_of_the_stored_state_confirms_no_loosening_that_was_never_seen_in_effect(node: Node) -> None:
    stopped = node(Mode.MANUAL)
    stopped.store(ControlState(governor=GovernorSnapshot(mode=Mode.SEMI_AUTO)), confirm=False)  # then it died
    assert stopped.recovered().resume_rank == Mode.MANUAL.priority

    stopped.act("risk", "limits", "--tighten", "leverage.max", "--value", "1.5", operator="rita")

    assert stopped.recovered().resume_rank == Mode.MANUAL.priority
    assert stopped.state.limits == {"leverage.max": 1.5}


# -- the record


def test_every_command_is_chained_to_the_audit_log_also_where_it_was_refused(node: Node) -> None:
    stopped = node()
    stopped.act("mode", "set", "Manual", "--id", "first")
    stopped.act("mode", "set", "FullAuto", operator="vera")
    stopped.act("risk", "kill", operator="nobody")

    records = stopped.audit()

    assert [record["kind"] for record in records] == ["RUN_START", "OPERATOR", "OPERATOR", "OPERATOR"]
    assert records[1]["data"] | {"role": ""} == {
        "id": "first",
        "verb": "set_mode",
        "operator": "olaf",
        "role": "",
        "reason": "as a test",
        "arguments": {"mode": "Manual"},
        "answer": "DONE",
        "on": "stored state",
    }
    assert "NOT_AUTHORISED" in records[2]["data"]["answer"]
    assert "OPERATOR_UNKNOWN" in records[3]["data"]["answer"]


def test_a_broken_audit_log_keeps_nobody_from_taking_risk_away_and_is_told(node: Node) -> None:
    stopped = node()
    path = stopped.folder / AUDIT_FILE
    path.write_bytes(path.read_bytes().replace(b"SemiAuto", b"FullAuto"))

    code, said = stopped.act("risk", "kill")

    assert code == 0
    assert said["answer"].startswith("DONE; not audited, as the log is broken")
    assert len(stopped.state.kills.kills) == 1


# -- what can't be done


def test_who_and_why_must_be_said(node: Node) -> None:
    stopped = node()

    assert stopped.call("mode", "set", "Manual", "--reason", "test")[0] == 2
    assert stopped.call("risk", "kill", "--operator", "olaf")[0] == 2
    assert stopped.call("mode", "set", "Manual", "--operator", " ", "--reason", "test")[0] == 2
    assert stopped.state.mode is Mode.SEMI_AUTO


def damage_state(stopped: StoppedNode) -> None:
    path = stopped.folder / "state" / "state.a"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def tear_state(stopped: StoppedNode) -> None:
    path = stopped.folder / "state" / "state.b"
    path.write_bytes(path.read_bytes()[:-10])


def empty_state(stopped: StoppedNode) -> None:
    for name in ("state.a", "state.b"):
        (stopped.folder / "state" / name).unlink()


def damage_control(stopped: StoppedNode) -> None:
    (stopped.folder / CONTROL_FILE).write_text('{"people": {"roles": {"olaf": "king"}}}', encoding="utf-8")


def lose_control(stopped: StoppedNode) -> None:
    (stopped.folder / CONTROL_FILE).unlink()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (damage_state, "is in doubt"),
        (tear_state, "is in doubt"),
        (empty_state, "is in doubt"),
        (damage_control, "control.json is damaged"),
        (lose_control, "has left no state"),
    ],
)
def test_a_state_in_doubt_is_neither_shown_nor_changed(
    node: Node, harm: Callable[[StoppedNode], None], said: str
) -> None:
    stopped = node()
    harm(stopped)
    before = everything(stopped.folder / "state")

    for code, answer in (stopped.call("mode", "show"), stopped.act("risk", "kill"), stopped.call("risk", "show")):
        assert code == 3
        assert said in answer["error"]
    after = everything(stopped.folder / "state")
    assert {name: content for name, content in after.items() if name.startswith("state.")} == {
        name: content for name, content in before.items() if name.startswith("state.")
    }


def test_a_document_of_another_format_is_a_doubt(node: Node) -> None:
    stopped = node()
    stopped.store(msgspec.structs.replace(stopped.state, format=99))

    code, said = stopped.call("mode", "show")

    assert code == 3
    assert "has format 99" in said["error"]
    assert "starts in Emergency" in said["error"]


def test_a_node_whose_state_another_process_holds_is_not_changed(node: Node) -> None:
    from risk.state.durable import open_state

    stopped = node()
    held = open_state(stopped.config, {})
    try:
        code, said = stopped.act("risk", "kill")
    finally:
        held.close()

    assert code == 3
    assert "another process holds this state folder" in said["error"]


def test_what_loosens_a_stored_state_waits_for_every_store(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = node(kills=kill())
    moves: list[Move] = []
    commit = DurableState.commit

    def noted(self: DurableState, payload: bytes, rank: int, move: Move = Move.LEVEL) -> Commit:
        moves.append(move)
        return commit(self, payload, rank, move)

    monkeypatch.setattr(DurableState, "commit", noted)
    stopped.act("risk", "clear", operator="rita")
    stopped.act("risk", "kill")
    stopped.act("mode", "set", "Emergency")

    assert moves == [Move.UP, Move.LEVEL, Move.LEVEL]
