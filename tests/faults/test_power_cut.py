"""R3: whatever un-synced writes a power cut drops, reorders or tears, what was acknowledged is there."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from mode_walk import Payload, complaint, durable, walk
from power_cut import PowerCutFiles

from risk.intent import Side
from risk.modes.table import Mode
from risk.state.durable import Move
from risk.state.failure import StateError
from risk.state.file_store import FileStore
from risk.state.files import File
from risk.state.journal import Journal, recover
from risk.state.journal_text import IntentRecord, JournalRecord, OutcomeRecord
from risk.state.recovery import settle
from risk.state.starts import note_start

FOLDER = Path("state")
IMAGES = 10_000


class NoFolderSync(PowerCutFiles):
    """The mutant that forgets the sync of the folder."""

    def sync_folder(self, folder: Path) -> None:
        pass


class NoFileSync(PowerCutFiles):
    """The mutant that renames before the content is durable."""

    def sync(self, file: int) -> None:
        pass


def state_session(disk: PowerCutFiles, seed: int, transitions: int) -> list[tuple[int, int, int]]:
    """Walk on `disk`; return step, epoch and rank of each acknowledgement."""
    state = durable(FileStore(FOLDER, disk), FOLDER)
    state.recover()
    acknowledgements = []
    for number, (mode, move) in enumerate(walk(seed)):
        if number == transitions:
            break
        commit = state.commit(Payload.of(mode, number), mode.priority, move)
        assert commit.durable
        acknowledgements.append((len(disk.steps), commit.record.epoch, mode.priority))
    state.close()
    return acknowledgements


def later_session(disk: PowerCutFiles, seed: int) -> list[tuple[int, int, int]]:
    """Walk on the folder a power cut left, as a restart does that found nothing to doubt."""
    state = durable(FileStore(FOLDER, disk), FOLDER)
    recovered = state.recover()
    mode = next(mode for mode in Mode if mode.priority == recovered.resume_rank)
    acknowledgements = []
    for number, (following, move) in enumerate(walk(seed, mode)):
        if number == 6:
            break
        commit = state.commit(Payload.of(following, number), following.priority, move)
        acknowledgements.append((len(disk.steps), commit.record.epoch, following.priority))
    state.close()
    return acknowledgements


def state_complaints(kind: type[PowerCutFiles], images: int, *, seed: int) -> list[str]:
    """Return what is wrong with `images` power cuts of walks: first lives of a folder, and lives after a power cut."""
    chance = random.Random(seed)
    found: list[str] = []
    done = 0
    while done < images:
        image, before = None, None
        for life in range(2):
            disk = kind(image)
            try:
                acks = later_session(disk, done) if life else state_session(disk, done, transitions=6)
            except StateError as error:
                found.append(f"walk {done}, life {life}: does not start: {error}")
                done += 50
                break
            baseline = before
            for _ in range(50):
                cut = chance.randint(0, len(disk.steps))
                image = disk.image(cut, chance)
                told = [(epoch, rank) for step, epoch, rank in acks if step <= cut]
                before = told[-1] if told else baseline
                recovered = settle({"file": FileStore(FOLDER, PowerCutFiles(image)).load()})
                begun = acks[min(len(told), len(acks) - 1)][1]
                wrong = complaint(recovered, before, begun)
                if wrong is None and recovered.doubt is not None:
                    wrong = f"unreadable: {recovered.doubt}"
                if wrong is not None:
                    found.append(f"walk {done}, life {life}, cut after step {cut}: {wrong}")
                done += 1
    return found


def test_the_state_file_survives_every_power_cut(counted: Callable[[str], None]) -> None:
    found = state_complaints(PowerCutFiles, IMAGES, seed=1)

    assert not found, found[:3]
    counted(f"power cut, state: {IMAGES} images, {len(found)} unreadable, lost or too permissive")


class FullDisk(PowerCutFiles):
    """A disk on which, once it is full, no new file can be made."""

    full = False

    def open(self, path: Path, *, create: bool) -> File:
        if self.full and create:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().open(path, create=create)


def test_emergency_from_the_reserve_of_a_full_disk_survives_every_power_cut() -> None:
    chance = random.Random(6)
    disk = FullDisk()
    state = durable(FileStore(FOLDER, disk), FOLDER)
    state.recover()
    state.commit(Payload.of(Mode.MANUAL, 0), Mode.MANUAL.priority)
    begun = len(disk.steps)
    disk.full = True
    assert state.commit(Payload.of(Mode.EMERGENCY, 1), Mode.EMERGENCY.priority, Move.EMERGENCY).durable
    state.close()

    kinds = set()
    for cut in range(begun, len(disk.steps) + 1):
        for _ in range(100):
            image = disk.image(cut, chance)
            recovered = settle({"file": FileStore(FOLDER, PowerCutFiles(image)).load()})
            told = (1, Mode.EMERGENCY.priority) if cut == len(disk.steps) else (0, Mode.MANUAL.priority)
            assert complaint(recovered, told, 1) is None, cut
            assert recovered.doubt is None, cut
            kinds.add(recovered.epoch)
    assert kinds == {0, 1}


@pytest.mark.parametrize("mutant", [NoFolderSync, NoFileSync])
def test_the_model_notices_a_forgotten_sync_of_the_state(mutant: type[PowerCutFiles]) -> None:
    assert state_complaints(mutant, 400, seed=2)


def intents(count: int) -> list[JournalRecord]:
    return [
        IntentRecord(
            client_order_id=f"O-{number}-" + "y" * (number * 37 % 900),
            instrument="BTCUSDT-PERP.BINANCE",
            side=Side.BUY,
            quantity=0.25 + number,
            price=50_000.5,
            reduce_only=False,
            ts_ns=number,
        )
        if number % 3
        else OutcomeRecord(client_order_id=f"O-{number}", status="FILLED", ts_ns=number)
        for number in range(count)
    ]


def journal_complaints(kind: type[PowerCutFiles], images: int, *, seed: int) -> list[str]:
    chance = random.Random(seed)
    records = intents(24)
    found = []
    done = 0
    while done < images:
        disk = kind()
        journal = Journal(FOLDER, disk, chunk_bytes=4096, reserve_bytes=1024)
        rotated_at, kept = len(disk.steps) + 10**9, 0
        acks = [(len(disk.steps), 0)]
        for count, record in enumerate(records, start=1):
            journal.append(record)
            acks.append((len(disk.steps), count))
            if count == 12:
                kept = 9
                begin = len(disk.steps)
                journal.rotate(records[kept:count])
                rotated_at = len(disk.steps)
        for _ in range(100):
            cut = chance.randint(acks[0][0], len(disk.steps))
            told = max(count for step, count in acks if step <= cut)
            wrong = journal_complaint(
                disk.image(cut, chance), records, told, kept, rotated=(begin, rotated_at), cut=cut
            )
            if wrong is not None:
                found.append(f"cut after step {cut}: {wrong}")
            done += 1
    return found


def journal_complaint(
    image: dict[str, bytes], records: list[JournalRecord], told: int, kept: int, *, rotated: tuple[int, int], cut: int
) -> str | None:
    try:
        first = recover(FOLDER, PowerCutFiles(image))
        disk = PowerCutFiles(image)
        journal = Journal(FOLDER, disk, chunk_bytes=4096, reserve_bytes=1024)
        journal.append(records[0])
        again = recover(FOLDER, PowerCutFiles(disk.image(len(disk.steps), random.Random(0))))
    except Exception as error:  # noqa: BLE001 - whatever it is, the image was not readable
        return f"unreadable: {error!r}"
    if again.records != [*first.records, records[0]] or again.torn_bytes:
        return "the journal does not go on after the cut"
    if cut >= rotated[1] and first.number != 2:
        return "the rotated file is gone"
    start = kept if first.number == 2 else 0
    if first.records != records[start : start + len(first.records)]:
        return f"foreign content: {first.records}"
    if not told <= start + len(first.records) <= told + 1:
        return f"{told} were acknowledged, {start + len(first.records)} are left"
    return None


def test_the_journal_survives_every_power_cut(counted: Callable[[str], None]) -> None:
    found = journal_complaints(PowerCutFiles, IMAGES, seed=3)

    assert not found, found[:3]
    counted(f"power cut, journal: {IMAGES} images, {len(found)} unreadable or with a record lost")


@pytest.mark.parametrize("mutant", [NoFolderSync, NoFileSync])
def test_the_model_notices_a_forgotten_sync_of_the_journal(mutant: type[PowerCutFiles]) -> None:
    assert journal_complaints(mutant, 400, seed=4)


def test_a_noted_start_survives_a_power_cut() -> None:
    disk = PowerCutFiles()
    note_start(FOLDER, 1, disk)
    note_start(FOLDER, 2, disk)
    chance = random.Random(5)

    for _ in range(200):
        assert note_start(FOLDER, 3, PowerCutFiles(disk.image(len(disk.steps), chance))) == (1, 2)
