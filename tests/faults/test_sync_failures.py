"""R4: each sync in turn fails; nothing is tried again or acknowledged after it, and the next start doubts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mode_walk import Payload, complaint, durable
from under_strace import points, run

from risk.modes.table import Mode
from risk.state.durable import Move
from risk.state.failure import PoisonedError
from risk.state.file_store import FileStore
from risk.state.files import File, OsFiles
from risk.state.journal import recover
from risk.state.recovery import settle

SYNCS = ("fdatasync", "fsync")


def test_each_failing_sync_of_transitions_ends_the_walk(
    tmp_path: Path, strace: str, counted: Callable[[str], None]
) -> None:
    places = [point for point in points(strace, tmp_path / "whole", "transitions", 5) if point[0] in SYNCS]
    doubts = 0
    for call, number in places:
        folder, log = tmp_path / f"{call}-{number}", tmp_path / "log"
        outcome = run(strace, folder, "transitions", 5, fault=f"{call}:error=EIO:when={number}", log=log)
        assert outcome.code == 1, (call, number, outcome)
        assert outcome.lines[-1][:1] == ["failed"], (call, number, outcome)
        after = log.read_text().partition("(INJECTED)")[2]
        assert not any(f"{each}(" in after for each in (*SYNCS, "pwrite64", "rename")), (call, number, after)

        told, begun = outcome.last("ack"), outcome.last("try")
        if not folder.exists() or begun is None:
            shutil.rmtree(folder, ignore_errors=True)
            continue  # the folder itself or its reserve could not be made: nothing was ever stored
        recovered = settle({"file": FileStore(folder).load()})
        assert complaint(recovered, (told[0], told[1]) if told else None, begun[0]) is None, (call, number)
        assert recovered.resume_rank == Mode.EMERGENCY.priority, (call, number, recovered)
        doubts += recovered.doubt is not None
        shutil.rmtree(folder)

    counted(f"each sync of 5 transitions failing: {len(places)} syncs, {doubts} next starts in Emergency, 0 retries")
    assert len(places) >= 13


def test_each_failing_sync_of_appends_ends_the_walk(
    tmp_path: Path, strace: str, counted: Callable[[str], None]
) -> None:
    places = [point for point in points(strace, tmp_path / "whole", "appends", 6) if point[0] in SYNCS]
    for call, number in places:
        folder, log = tmp_path / f"{call}-{number}", tmp_path / "log"
        outcome = run(strace, folder, "appends", 6, fault=f"{call}:error=EIO:when={number}", log=log)
        assert outcome.code == 1, (call, number, outcome)
        assert outcome.lines[-1][:1] == ["failed"], (call, number, outcome)
        after = log.read_text().partition("(INJECTED)")[2]
        assert not any(f"{each}(" in after for each in (*SYNCS, "pwrite64", "rename")), (call, number, after)
        told = outcome.last("ack")
        held = [
            int(record.client_order_id.split("-")[1])
            for record in recover(folder).records
            if record.__class__.__name__ == "IntentRecord"
        ]
        assert told is None or told[0] in held, (call, number)
        shutil.rmtree(folder)

    counted(f"each sync of 6 journal appends failing: {len(places)} syncs, 0 retries, 0 acknowledged after it")
    assert len(places) >= 9


class FailingSync(OsFiles):
    """A disk whose next sync fails, once."""

    failing = False

    def open(self, path: Path, *, create: bool) -> File:
        file = super().open(path, create=create)
        if self.failing and not path.name.startswith("suspect"):
            self.failing = False
            real = file
            file = type("Once", (), {"sync": lambda _: _raise(), "__getattr__": lambda _, name: getattr(real, name)})()
        return file


def _raise() -> None:
    raise OSError(5, "Input/output error")


def test_a_store_is_poisoned_for_good_by_one_failed_sync(tmp_path: Path) -> None:
    files = FailingSync()
    state = durable(FileStore(tmp_path / "s", files), tmp_path / "s")
    state.recover()
    state.commit(Payload.of(Mode.MANUAL, 0), Mode.MANUAL.priority)
    files.failing = True

    with pytest.raises(PoisonedError):
        state.commit(Payload.of(Mode.MANUAL, 1), Mode.MANUAL.priority)

    # the disk is well again, and still nothing but Emergency is accepted
    with pytest.raises(Exception, match="nothing but Emergency"):
        state.commit(Payload.of(Mode.MANUAL, 2), Mode.MANUAL.priority)
    emergency = state.commit(Payload.of(Mode.EMERGENCY, 3), Mode.EMERGENCY.priority, Move.EMERGENCY)
    assert not emergency.durable
    assert state.current == emergency.record
    state.close()

    again = durable(FileStore(tmp_path / "s"), tmp_path / "s")
    assert "failing disk" in (again.recover().doubt or "")
    assert again.commit(Payload.of(Mode.EMERGENCY, 4), Mode.EMERGENCY.priority, Move.EMERGENCY).durable
    again.close()
    assert settle({"file": FileStore(tmp_path / "s").load()}).doubt is None
