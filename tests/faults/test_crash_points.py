"""R2: a process killed at each of its system calls in turn leaves what it acknowledged, and a folder that goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mode_walk import Payload, complaint, durable
from under_strace import Outcome, points, run
from walker import intent

from risk.modes.table import Mode
from risk.state.durable import Move
from risk.state.file_store import FileStore
from risk.state.journal import Journal

KILLED = -9


def assert_recovers(folder: Path, outcome: Outcome, at: tuple[str, int], before: tuple[int, int] | None = None) -> bool:
    """Assert that the folder holds what was told, and takes the next state; return whether a state was found."""
    told, begun = outcome.last("ack"), outcome.last("try")
    acknowledged = (told[0], told[1]) if told else before
    state = durable(FileStore(folder), folder)
    recovered = state.recover()
    begun_epoch = begun[0] if begun else (before or (-1, 0))[0]
    assert complaint(recovered, acknowledged, begun_epoch) is None, at
    assert recovered.doubt is None, (at, recovered)
    assert state.commit(Payload.of(Mode.EMERGENCY, 0), Mode.EMERGENCY.priority, Move.EMERGENCY).durable
    state.close()
    assert FileStore(folder).load().record.rank == Mode.EMERGENCY.priority
    return recovered.record is not None


def test_a_kill_at_every_system_call_of_transitions(
    tmp_path: Path, strace: str, counted: Callable[[str], None]
) -> None:
    places = points(strace, tmp_path / "whole", "transitions", 5)
    found = 0
    for call, number in places:
        folder = tmp_path / f"{call}-{number}"
        outcome = run(strace, folder, "transitions", 5, fault=f"{call}:signal=KILL:when={number}")
        assert outcome.code == KILLED, (call, number, outcome)
        found += assert_recovers(folder, outcome, (call, number))
        shutil.rmtree(folder)

    counted(f"kill at every system call of 5 transitions: {len(places)} points, {found} with a state, 0 torn or lost")
    # a new or dropped call of the commit path changes this number: look at it, then write it here
    assert len(places) == 63


def test_a_kill_at_every_system_call_that_touches_the_new_generation(
    tmp_path: Path, strace: str, counted: Callable[[str], None]
) -> None:
    """As above in a folder with a history; strace counts by thread, and here only the writing thread is counted."""
    history = tmp_path / "history"
    before = run(strace, history, "transitions", 3).last("ack")
    assert before is not None
    shutil.copytree(history, tmp_path / "whole")
    places = points(strace, tmp_path / "whole", "transitions", 5, ("state.tmp",))
    for call, number in places:
        folder = tmp_path / f"{call}-{number}"
        shutil.copytree(history, folder)
        fault = f"{call}:signal=KILL:when={number}"
        outcome = run(strace, folder, "transitions", 5, fault=fault, names=("state.tmp",))
        assert outcome.code == KILLED, (call, number, outcome)
        assert assert_recovers(folder, outcome, (call, number), (before[0], before[1]))
        shutil.rmtree(folder)

    counted(f"kill at every system call on a new generation: {len(places)} points, 0 torn or lost")
    assert len(places) == 30


def test_a_kill_at_every_system_call_of_appends(tmp_path: Path, strace: str, counted: Callable[[str], None]) -> None:
    places = points(strace, tmp_path / "whole", "appends", 6)
    for call, number in places:
        folder = tmp_path / f"{call}-{number}"
        outcome = run(strace, folder, "appends", 6, fault=f"{call}:signal=KILL:when={number}")
        assert outcome.code == KILLED, (call, number, outcome)
        told, rotated = outcome.last("ack"), outcome.last("rotated")
        last = -1 if told is None else told[0]
        folder.mkdir(exist_ok=True)
        journal = Journal(folder)
        journal.append(intent(99))
        journal.close()
        held = [int(record.client_order_id.split("-")[1]) for record in Journal(folder).recovered.records]
        first = held[0] if journal.recovered.number > 1 else 0
        assert journal.recovered.torn_bytes == 0, (call, number)
        assert held in ([*range(first, last + 1), 99], [*range(first, last + 2), 99]), (call, number, held)
        assert rotated is None or journal.recovered.number == 2, (call, number)
        shutil.rmtree(folder)

    counted(f"kill at every system call of 6 journal appends and a rotation: {len(places)} points, 0 lost")
    assert len(places) == 36


@pytest.mark.parametrize("work", ["transitions", "appends"])
def test_the_walker_is_traced_where_it_touches_the_folder(tmp_path: Path, strace: str, work: str) -> None:
    """A guard of the tests above: an injection that never fires would let them pass."""
    assert run(strace, tmp_path / "a", work, 5, fault="fdatasync:signal=KILL:when=1").code == KILLED
    assert run(strace, tmp_path / "b", work, 5, fault="fdatasync:signal=KILL:when=99").code == 0
