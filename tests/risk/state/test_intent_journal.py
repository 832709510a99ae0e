"""The intent journal in use: restart, rotation, room, refusals, and what it says of orders together with a venue."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.intent import Side
from risk.state.bounded_journal import BoundedJournal
from risk.state.failure import PoisonedError, StateError
from risk.state.files import File, OsFiles
from risk.state.journal import Journal, recover
from risk.state.journal_text import IntentRecord, JournalRecord, OutcomeRecord, frame
from risk.state.unresolved import VenueOrders, unresolved


def intent(name: str, **changes: object) -> IntentRecord:
    fields = {
        "client_order_id": name,
        "instrument": "BTCUSDT-PERP.BINANCE",
        "side": Side.SELL,
        "quantity": 0.1,
        "price": 64_321.5,
        "reduce_only": True,
        "ts_ns": 1,
    }
    return IntentRecord(**{**fields, **changes})


def outcome(name: str, status: str) -> OutcomeRecord:
    return OutcomeRecord(client_order_id=name, status=status, ts_ns=2)


def test_what_was_appended_is_there_after_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(intent("a"), intent("b", price=None))
    journal.append(outcome("a", "FILLED"), essential=True)
    journal.close()

    again = Journal(tmp_path)
    again.append(intent("c"))

    assert again.recovered.records == [intent("a"), intent("b", price=None), outcome("a", "FILLED")]
    assert recover(tmp_path).records[-1] == intent("c")
    assert recover(tmp_path / "nothing").records == []


def test_a_rotation_keeps_what_is_open_and_two_generations(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for name in "abc":
        journal.append(intent(name))
    for _ in range(3):
        journal.rotate([intent("c")])
    journal.append(intent("d"))
    journal.close()

    assert recover(tmp_path).records == [intent("c"), intent("d")]
    assert sorted(path.name for path in tmp_path.glob("journal.*")) == ["journal.00000003", "journal.00000004"]


def test_it_grows_beyond_its_first_piece(tmp_path: Path) -> None:
    journal = Journal(tmp_path, chunk_bytes=4096, reserve_bytes=512)
    names = [f"order-{number}" for number in range(200)]
    for name in names:
        journal.append(intent(name))

    assert [record.client_order_id for record in recover(tmp_path).records] == names


def test_a_frame_that_is_too_large_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(StateError, match="at most 65536 bytes"):
        journal.append(intent("x" * 70_000))
    journal.append(intent("a"))

    assert recover(tmp_path).records == [intent("a")]


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.close()
    with pytest.raises(PoisonedError, match="closed"):
        journal.append(intent("a"))


def test_a_folder_that_cannot_be_read_is_an_error_and_no_empty_journal(tmp_path: Path) -> None:
    class Unreadable(OsFiles):
        def read(self, path: Path) -> bytes:
            raise OSError(5, "Input/output error")

    Journal(tmp_path).close()
    with pytest.raises(StateError, match="cannot be read"):
        recover(tmp_path, Unreadable())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.floats(1e-9, 1e9), st.none() | st.floats(1e-9, 1e9))))
def test_any_text_and_number_comes_back_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, orders: list[tuple[str, float, float | None]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    records = [intent(name, quantity=quantity, price=price) for name, quantity, price in orders]
    journal = Journal(folder, chunk_bytes=4096, reserve_bytes=512)
    for record in records:
        journal.append(record)
    journal.close()

    assert recover(folder).records == records


def test_a_disk_that_hangs_holds_the_engine_up_once_and_not_for_long(tmp_path: Path) -> None:
    released = threading.Event()

    class Hanging(Journal):
        def append(self, *records: JournalRecord, essential: bool = False) -> None:
            if records == (intent("stuck"),):
                released.wait(10)
            super().append(*records, essential=essential)

    journal = BoundedJournal(Hanging(tmp_path), timeout_s=0.2)
    journal.append(intent("a"))

    with pytest.raises(PoisonedError, match=r"did not answer within 0\.2 s"):
        journal.append(intent("stuck"))
    begin = time.monotonic()
    with pytest.raises(PoisonedError):
        journal.append(intent("b"), essential=True)

    assert time.monotonic() - begin < 0.1
    assert not journal.close()
    released.set()


def test_a_bounded_journal_passes_refusals_on_and_closes_cleanly(tmp_path: Path) -> None:
    journal = BoundedJournal(Journal(tmp_path))
    with pytest.raises(StateError, match="at most 65536 bytes"):
        journal.append(intent("x" * 70_000))
    journal.append(intent("a"))

    assert journal.failed is None
    assert journal.close()
    with pytest.raises(PoisonedError, match="closed"):
        journal.append(intent("b"))
    assert recover(tmp_path).records == [intent("a")]


def test_posted_ends_wait_for_nothing_and_are_written_together(tmp_path: Path) -> None:
    released, written = threading.Event(), []

    class Slow(Journal):
        def append(self, *records: JournalRecord, essential: bool = False) -> None:
            released.wait(10)
            written.append((len(records), essential))
            super().append(*records, essential=essential)

    journal = BoundedJournal(Slow(tmp_path))
    ends = [outcome(f"{number}", "CANCELED") for number in range(250)]
    begin = time.monotonic()
    for end in ends:
        journal.post(end)
    posted_s = time.monotonic() - begin
    released.set()

    assert journal.close()
    assert posted_s < 0.1
    assert recover(tmp_path).records == ends
    assert len(written) <= 4
    assert all(essential for _, essential in written)


def test_a_posted_end_that_fails_is_left_out_and_the_next_intent_is_refused(tmp_path: Path) -> None:
    files = FailingSync()
    journal = BoundedJournal(Journal(tmp_path, files))
    journal.append(intent("a"))
    files.failing = True

    journal.post(outcome("a", "CANCELED"))

    with pytest.raises(PoisonedError):
        journal.append(intent("b"))
    assert journal.close()


class FailingSync(OsFiles):
    """Files whose syncs fail from some time on."""

    failing = False

    def open(self, path: Path, *, create: bool) -> File:
        return _FailingFile(super().open(path, create=create), self)


class _FailingFile:
    def __init__(self, file: File, files: FailingSync) -> None:
        self._file, self._files = file, files
        self.write_at, self.truncate, self.close = file.write_at, file.truncate, file.close

    def sync(self) -> None:
        if self._files.failing:
            raise OSError(errno.EIO, "input/output error")
        self._file.sync()


def test_orders_are_sorted_by_what_journal_and_venue_say_together() -> None:
    records = [intent(name) for name in ("rests", "filled", "ended", "silent", "accepted", "denied")]
    records += [outcome("filled", "FILLED"), outcome("accepted", "ACCEPTED"), outcome("denied", "NOT_SENT")]

    found = unresolved(
        records, VenueOrders(open=frozenset({"rests", "not ours"}), closed=frozenset({"ended", "filled"}))
    )

    assert [each.client_order_id for each in found.open] == ["rests"]
    assert [each.client_order_id for each in found.closed] == ["ended"]
    assert [each.client_order_id for each in found.unknown] == ["silent", "accepted"]
    assert found.foreign == ("not ours",)
    assert [each.client_order_id for each in found.keep] == ["rests", "silent", "accepted", "ended"]


def test_every_order_lands_in_exactly_one_group() -> None:
    names = [f"{number}" for number in range(64)]
    records = [*map(intent, names), *(outcome(name, "CANCELED") for name in names[::4])]
    venue = VenueOrders(open=frozenset(names[::2]), closed=frozenset(names[::3]))

    found = unresolved(records, venue)

    grouped = [each.client_order_id for each in found.keep]
    assert sorted(grouped) == sorted(set(names) - set(names[::4]))


def test_a_hundred_thousand_records_load_in_seconds(tmp_path: Path, counted: Callable[[str], None]) -> None:
    pairs = ((intent(f"o-{number}"), outcome(f"o-{number}", "FILLED")) for number in range(50_000))
    frames = [frame(seq, [record]) for seq, record in enumerate(record for pair in pairs for record in pair)]
    (tmp_path / "journal.00000001").write_bytes(b"".join(frames) + bytes(4096))

    begin = time.process_time()
    records = recover(tmp_path).records
    found = unresolved(records, VenueOrders(open=frozenset(), closed=frozenset()))
    took = time.process_time() - begin

    assert len(records) == 100_000
    assert found.unknown == ()
    assert took < 5
    counted(f"journal of 100,000 records: read and resolved in {took:.2f} s of CPU")
