"""Drift names the first difference between two runs, and of differences at one instant the one that causes the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from trail_world import SECOND_NS, World, fill

from research.trail.drift import Drift, drift
from research.trail.folder import TrailFolder
from risk.audit import AuditLog, resume
from risk.verdict import Approved, Basis


def difference(tmp_path: Path, change: Callable[[World], object]) -> Drift:
    changed = World()
    change(changed)
    first, other = World().write(tmp_path / "a"), changed.write(tmp_path / "b")
    return drift(TrailFolder(first), TrailFolder(other))


def test_equal_runs_do_not_differ(tmp_path: Path) -> None:
    found = difference(tmp_path, lambda _: None)
    assert found.equal
    assert found.difference is None
    assert found.decisions == (3, 3)
    assert found.fills == (2, 2)


def _set_mark(world: World) -> None:
    world.marks[1] = 101.5


def _set_fee(world: World) -> None:
    world.fills[0]["fee"] = 0.05


def _set_fill_price(world: World) -> None:
    world.fills[1]["price"] = 102.5


def _delay_fill(world: World) -> None:
    world.fills[0]["ts_ns"] += 1


def _pass_all(world: World) -> None:
    world.verdicts[1] = Approved(Basis.LIMITS)


def _pay_more(world: World) -> None:
    world.funding[0] = (2 * SECOND_NS, -0.6)


def _drop_last_order(world: World) -> None:
    for column in (world.intents, world.verdicts, world.marks):
        column.pop()


def _richer(world: World) -> None:
    world.cash = 2_000.0


@pytest.mark.parametrize(
    ("change", "kind", "second"),
    [
        (_set_mark, "DATA", 2),
        (lambda world: world.change(1, ts_ns=2 * SECOND_NS + 1), "TIMING", 2),
        (lambda world: world.change(2, signal='{"confidence":0.5}'), "SIGNAL", 3),
        (lambda world: world.change(0, quantity=9.0), "SIGNAL", 1),
        (_drop_last_order, "SIGNAL", 3),
        (_pass_all, "VERDICT", 2),
        (_set_fill_price, "FILL", 3),
        (lambda world: world.fills.append(fill("O-2", 9, 1.0)), "FILL", 9),
        (_set_fee, "FEE", 1),
        (_delay_fill, "TIMING", 1),
        (_pay_more, "FUNDING", 2),
        (_richer, "ACCOUNT", 1),
    ],
)
def test_names_the_kind_of_the_first_difference(
    tmp_path: Path, change: Callable[[World], object], kind: str, second: int
) -> None:
    found = difference(tmp_path, change)
    assert found.difference is not None
    assert found.difference.kind == kind
    assert found.difference.ts_ns // SECOND_NS == second


def test_the_earliest_of_several_differences_is_named(tmp_path: Path) -> None:
    def change(world: World) -> None:
        _set_fill_price(world)
        _set_mark(world)

    found = difference(tmp_path, change)
    assert found.difference is not None
    assert found.difference.kind == "DATA"


def test_sessions_of_one_node_are_told_apart(tmp_path: Path) -> None:
    """A node's audit log goes on from session to session: each session's trail is its own part of it."""
    node = tmp_path / "node"
    for number, amounts in (("000001", [-0.5]), ("000002", [-0.7, -0.1])):
        (node / "sessions" / number).mkdir(parents=True)
        (node / "sessions" / number / "decisions.jsonl").write_bytes(b"")
        head, _ = resume(node / "audit.jsonl")
        with (node / "audit.jsonl").open("ab") as file:
            log = AuditLog(file, after=head)
            log.append(1, "SESSION_START", {"session": number})
            for amount in amounts:
                log.append(2, "FUNDING", {"amount": amount})

    first, second = (TrailFolder(node / "sessions" / number) for number in ("000001", "000002"))

    assert [record.data["amount"] for record in second.audit() if record.kind == "FUNDING"] == [-0.7, -0.1]
    assert drift(first, first).equal
    found = drift(first, second).difference
    assert found is not None
    assert found.kind == "FUNDING"
