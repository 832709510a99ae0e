"""R4: each sync in turn fails; nothing is tried again or acknowledged after it, and the next start doubts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mode_walk import Payload, complaint, durable
from under_strace import points, run
from walker import intent

from risk.modes.table import Mode
from risk.state.durable import Move
from risk.state.failure import PoisonedError
from risk.state.file_store import FileStore
from risk.state.files import File, OsFiles
from risk.state.journal import Journal, recover
from risk.state.recovery import settle
from risk.state.store import StateRecord

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
    """A disk of which one sync fails, and which notes what is asked of it afterwards."""

    def __init__(self) -> None:
        self.fail_next = False
        self.since: list[str] | None = None

    def open(self, path: Path, *, create: bool) -> File:
        if self.since is not None:
            self.since.append(path.name)
        return _Watched(super().open(path, create=create), self)


class _Watched:
    def __init__(self, file: File, disk: FailingSync) -> None:
        self._file, self._disk = file, disk
        self.truncate, self.close = file.truncate, file.close

    def write_at(self, offset: int, data: bytes) -> None:
        if self._disk.since is not None:
            self._disk.since.append("write")
        self._file.write_at(offset, data)

    def sync(self) -> None:
        if self._disk.since is not None:
            self._disk.since.append("sync")
        if self._disk.fail_next:
            self._disk.fail_next, self._disk.since = False, []
            raise OSError(5, "Input/output error")
        self._file.sync()


def test_a_state_store_asks_nothing_more_of_a_disk_that_failed_once(tmp_path: Path) -> None:
    disk = FailingSync()
    store = FileStore(tmp_path / "s", disk)
    store.save(StateRecord(epoch=0, rank=2, resume_rank=2, payload=b""))
    disk.fail_next = True

    for epoch in (1, 2, 3):
        with pytest.raises(PoisonedError, match="the disk failed"):
            store.save(StateRecord(epoch=epoch, rank=3, resume_rank=3, payload=b""))

    assert disk.since == ["suspect"]


def test_a_journal_asks_nothing_more_of_a_disk_that_failed_once(tmp_path: Path) -> None:
    disk = FailingSync()
    journal = Journal(tmp_path, disk)
    journal.append(intent(0))
    disk.fail_next = True

    for number in (1, 2, 3):
        with pytest.raises(PoisonedError, match="the disk failed"):
            journal.append(intent(number), essential=True)
    with pytest.raises(PoisonedError):
        journal.rotate([])

    assert disk.since == []
    assert recover(tmp_path).records[0] == intent(0)


def test_a_store_is_poisoned_for_good_by_one_failed_sync(tmp_path: Path) -> None:
    files = FailingSync()
    state = durable(FileStore(tmp_path / "s", files), tmp_path / "s")
    state.recover()
    state.commit(Payload.of(Mode.MANUAL, 0), Mode.MANUAL.priority)
    files.fail_next = True

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
