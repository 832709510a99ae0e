"""R6: every byte flipped and every length cut, of the state's generations and of the journal, shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from power_cut import PowerCutFiles
from walker import intent

from risk.state.failure import JournalCorruptError
from risk.state.file_store import SLOTS, FileStore
from risk.state.journal import Journal, recover
from risk.state.recovery import COPY, FENCE, FILE, settle
from risk.state.store import Corrupt, StateRecord

FOLDER = Path("state")
FLIPS = (0x01, 0x20, 0x80, 0xFF)


def image_of(disk: PowerCutFiles) -> dict[str, bytes]:
    return {name: disk.read(FOLDER / name) for name in disk.list(FOLDER)}


def spoilt(data: bytes, low: int = 0) -> list[tuple[str, bytes]]:
    """Return `data` with each byte flipped in several ways and zeroed, and cut at each length."""
    flips = [
        (f"byte {at} xor {flip:#x}", data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
        for at in range(low, len(data))
        for flip in {*FLIPS, data[at]} - {0}
    ]
    return flips + [(f"cut to {size}", data[:size]) for size in range(low, len(data))]


def test_every_spoilt_byte_and_length_of_the_state_is_found(counted: Callable[[str], None]) -> None:
    disk = PowerCutFiles()
    store = FileStore(FOLDER, disk)
    for epoch, rank in enumerate((2, 1, 0, 1)):
        store.save(StateRecord(epoch=epoch, rank=rank, resume_rank=rank, payload=b'{"mode": %d}' % rank))
    image = {name: data for name, data in image_of(disk).items() if name != "reserve"}
    newest = store.load().record
    cases = 0
    for slot in SLOTS:
        for what, data in [*spoilt(image[slot]), ("longer", image[slot] + b"\0")]:
            finding = FileStore(FOLDER, PowerCutFiles({**image, slot: data})).load()
            assert isinstance(finding, Corrupt), (slot, what)
            assert finding.survivor is not None
            assert finding.survivor.epoch in {newest.epoch, newest.epoch - 1}, (slot, what)
            recovered = settle({"file": finding})
            assert recovered.doubt is not None, (slot, what)
            assert recovered.resume_rank == 3, (slot, what)
            cases += 1

    counted(f"state file: {cases} flips and cuts, {cases} found, each restart in Emergency")


def test_lost_exchanged_and_rolled_back_state_files_are_found() -> None:
    disk = PowerCutFiles()
    store = FileStore(FOLDER, disk)
    images = []
    for epoch in range(5):
        store.save(StateRecord(epoch=epoch, rank=0, resume_rank=0, payload=b"%d" % epoch))
        images.append(image_of(disk))
    last = images[-1]
    spoilt_images = {
        **{f"{slot} is gone": {name: data for name, data in last.items() if name != slot} for slot in SLOTS},
        "the older generation is an old one": {**last, SLOTS[0]: images[1][SLOTS[0]]},
        "the newer generation is an old one": {**last, SLOTS[1]: images[0][SLOTS[1]]},
        "the slots have the same text": {**last, SLOTS[0]: last[SLOTS[1]]},
        "both are gone": {name: data for name, data in last.items() if name not in SLOTS},
        "a first state lost its second slot": {name: data for name, data in images[0].items() if name != SLOTS[1]},
    }
    for what, image in spoilt_images.items():
        finding = FileStore(FOLDER, PowerCutFiles(image)).load()
        assert isinstance(finding, Corrupt), what
        assert settle({"file": finding}).resume_rank == 3, what


def test_a_folder_put_back_as_it_once_was_shows_against_etcd_and_the_copy() -> None:
    disk = PowerCutFiles()
    store = FileStore(FOLDER, disk)
    store.save(StateRecord(epoch=0, rank=0, resume_rank=0, payload=b""))
    once = store.load()
    store.save(StateRecord(epoch=1, rank=2, resume_rank=2, payload=b""))
    now = store.load()

    assert settle({FILE: once}).doubt is None, "alone it cannot know"
    assert settle({FILE: once, FENCE: now}).resume_rank == 3
    assert settle({FILE: once, COPY: now}).resume_rank == 3


def test_every_spoilt_byte_and_length_of_the_journal_is_found(counted: Callable[[str], None]) -> None:
    disk = PowerCutFiles()
    journal = Journal(FOLDER, disk, chunk_bytes=2048, reserve_bytes=64)
    records = [intent(number) for number in range(3)]
    for record in records:
        journal.append(record)
    (name,) = (each for each in disk.list(FOLDER) if each.startswith("journal."))
    data = disk.read(FOLDER / name)
    used = len(data.rstrip(b"\0"))
    refused = shown = harmless = 0
    for what, changed in spoilt(data):
        try:
            found = recover(FOLDER, PowerCutFiles({name: changed}))
        except JournalCorruptError:
            refused += 1
            continue
        # what is not refused must hold every record, and only the padding was touched or the last newline
        assert found.records == records, what
        shown += found.torn_bytes > 0
        harmless += found.torn_bytes == 0
        assert int(what.split()[-1 if what.startswith("cut") else 1]) >= used - 1, what

    assert refused >= used * 5
    counted(f"journal: {refused} flips and cuts refused, {shown} shown, {harmless} in the padding without any loss")


def test_a_journal_that_lost_its_newest_file_is_refused() -> None:
    disk = PowerCutFiles()
    journal = Journal(FOLDER, disk, chunk_bytes=2048, reserve_bytes=64)
    journal.append(intent(0))
    journal.rotate([intent(0)])
    journal.append(intent(1))
    image = image_of(disk)
    del image["journal.00000002"]

    with pytest.raises(JournalCorruptError, match="goes on in file 2"):
        recover(FOLDER, PowerCutFiles(image))
