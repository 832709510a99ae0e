"""The audit log: an append-only chain in which every record carries the hash of the one before it."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from errors import PreconditionError

GENESIS = "0" * 64
"""What the first record names as the hash before it."""

RECENT_MAX = 10_000
"""Records kept in memory; all are in the file."""

PUBLISH_EVERY = 100
"""Records between two publications of the head, unless told otherwise."""

_encode = msgspec.json.Encoder(order="sorted").encode


class AuditRecord(msgspec.Struct, frozen=True):
    """One record as it stands in the file: what happened, when, and how it is chained."""

    seq: int
    ts: int
    kind: str
    data: dict[str, Any]
    prev: str
    hash: str


class Head(msgspec.Struct, frozen=True):
    """The end of a chain at some moment: how many records it had, and the hash of the last one."""

    count: int = 0
    hash: str = GENESIS
    ts: int = 0


class AuditLog:
    """
    Append records to a hash chain.

    Parameters
    ----------
    file : BinaryIO or None
        Where the lines go; None keeps only the records in `records`. Open it unbuffered where they must outlive the
        process.
    publish : callable or None
        Given the head every `publish_every` records and at `publish_now`. A chain alone can't show that its end was
        cut off or written anew: keep the heads where whoever can change the log can't change them too.
    publish_every : int
        Records between two publications.
    after : Head
        Where a chain goes on that an earlier process began; see `resume`.

    """

    def __init__(
        self,
        file: BinaryIO | None = None,
        *,
        publish: Callable[[Head], None] | None = None,
        publish_every: int = PUBLISH_EVERY,
        after: Head | None = None,
    ) -> None:
        if publish_every < 1:
            raise ValueError(f"publish_every must be at least 1, was {publish_every}")
        start = Head() if after is None else after
        self.head = start.hash
        self.count = start.count
        self.records: deque[AuditRecord] = deque(maxlen=RECENT_MAX)
        self._file = file
        self._publish = publish
        self._publish_every = publish_every
        self._ts = start.ts

    def append(self, ts_ns: int, kind: str, data: dict[str, Any]) -> AuditRecord:
        """Append one record; `data` must be plain JSON values."""
        record = AuditRecord(
            self.count, ts_ns, kind, data, self.head, _digest(self.count, ts_ns, kind, data, self.head)
        )
        if self._file is not None:
            self._file.write(_encode(record) + b"\n")
        self.records.append(record)
        self.head = record.hash
        self.count += 1
        self._ts = ts_ns
        if self.count % self._publish_every == 0:
            self.publish_now()
        return record

    def publish_now(self) -> Head:
        """Publish the head as it is, after the file is on the disk; return it."""
        head = Head(self.count, self.head, self._ts)
        if self._publish is not None:
            if self._file is not None:
                self._file.flush()
            self._publish(head)
        return head


class HeadFile:
    """Publish heads as lines of a file, synced after each; `also` publishes them elsewhere, such as a remote store."""

    def __init__(self, path: Path, also: Callable[[Head], None] | None = None) -> None:
        self._file = path.open("ab")
        self._also = also

    def __call__(self, head: Head) -> None:
        """Append a head."""
        self._file.write(_encode(head) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._also is not None:
            self._also(head)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ChainBreak(msgspec.Struct, frozen=True):
    """The first record at which a chain does not hold, and what is wrong with it."""

    line: int
    problem: str


def records(path: Path) -> Iterator[AuditRecord]:
    """
    Give the records of a stored log, unchecked.

    Raises
    ------
    PreconditionError
        At a line that is no record.

    """
    with path.open("rb") as file:
        for line, text in enumerate(file, start=1):
            record = _read(text)
            if isinstance(record, str):
                raise PreconditionError(f"{path}, line {line}: {record}; `bot4 audit verify` says more")
            yield record


def read_heads(path: Path) -> tuple[Head, ...]:
    """Return the published heads of a file, none where there is no file; a torn last line is left out."""
    if not path.is_file():
        return ()
    lines = path.read_bytes().split(b"\n")
    try:
        return tuple(msgspec.json.decode(line, type=Head) for line in lines[:-1])
    except msgspec.DecodeError as error:
        raise PreconditionError(f"{path}: not a list of published heads: {error}") from None


def verify(path: Path, head: str | None = None, heads: Sequence[Head] = ()) -> ChainBreak | None:
    """
    Check a stored chain; return the first break, or None if it holds.

    A chain alone cannot show that its end was cut off, or that all from some record on was written anew.

    Parameters
    ----------
    path : Path
        The log.
    head : str, optional
        The hash of the last record, where it is known: truncation is then found.
    heads : sequence of Head
        Heads published while the log grew: a chain rewritten before one of them, or cut off before it, is found.

    """
    marks = {mark.count: mark.hash for mark in heads}
    previous, expected = GENESIS, 0
    with path.open("rb") as file:
        for line, text in enumerate(file, start=1):
            checked = check_line(text, previous, expected)
            if isinstance(checked, str):
                return ChainBreak(line, checked)
            previous, expected = checked.hash, expected + 1
            if marks.get(expected, previous) != previous:
                return ChainBreak(line, "was written anew: not the record whose hash was published")
    longest = max(marks, default=0)
    if longest > expected or (head is not None and previous != head):
        return ChainBreak(expected + 1, "the chain ends before the published head")
    return None


def check_line(text: bytes, previous: str, expected: int) -> AuditRecord | str:
    """Return the record of one line that follows the hash `previous` as number `expected`, or what is wrong with it."""
    record = _read(text)
    return record if isinstance(record, str) else _problem(record, text, previous, expected) or record


def resume(path: Path, heads: Sequence[Head] = ()) -> tuple[Head, int]:
    """
    Check a log that an earlier process wrote and cut off a last line that it did not finish.

    Parameters
    ----------
    path : Path
        The log; one that does not exist is an empty one.
    heads : sequence of Head
        Published heads to hold it against.

    Returns
    -------
    tuple of Head and int
        Where to go on, and the bytes of an unfinished record that were cut off.

    Raises
    ------
    PreconditionError
        If the chain does not hold, with the record.

    """
    if not path.is_file():
        if heads:
            raise PreconditionError(f"{path} is missing, though {heads[-1].count} of its records were published")
        return Head(), 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    torn = len(content) - whole
    if torn:
        os.truncate(path, whole)
    broken = verify(path, heads=heads)
    if broken is not None:
        raise PreconditionError(f"{path}, record {broken.line}: {broken.problem}")
    last = deque(records(path), maxlen=1)
    return (Head(last[0].seq + 1, last[0].hash, last[0].ts) if last else Head()), torn


def _read(text: bytes) -> AuditRecord | str:
    try:
        return msgspec.json.decode(text, type=AuditRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"not a record: {error}"


def _problem(record: AuditRecord, text: bytes, previous: str, expected: int) -> str | None:
    if record.seq != expected:
        return f"sequence number must be {expected}, was {record.seq}"
    if record.prev != previous:
        return "does not follow the record before it"
    if record.hash != _digest(record.seq, record.ts, record.kind, record.data, record.prev):
        return "content does not match its hash"
    if text != _encode(record) + b"\n":
        return "not in canonical form"
    return None


def _digest(seq: int, ts_ns: int, kind: str, data: dict[str, Any], previous: str) -> str:
    return hashlib.sha256(_encode([seq, ts_ns, kind, data, previous])).hexdigest()
