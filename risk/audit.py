"""The audit log: an append-only chain in which every record carries the hash of the one before it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

GENESIS = "0" * 64
"""What the first record names as the hash before it."""

_encode = msgspec.json.Encoder(order="sorted").encode


class AuditRecord(msgspec.Struct, frozen=True):
    """One record as it stands in the file: what happened, when, and how it is chained."""

    seq: int
    ts: int
    kind: str
    data: dict[str, Any]
    prev: str
    hash: str


class AuditLog:
    """
    Append records to a hash chain.

    Parameters
    ----------
    file : BinaryIO or None
        Where the lines go; None keeps only the head hash and the records in `recent`.

    """

    def __init__(self, file: BinaryIO | None = None) -> None:
        self.head = GENESIS
        self.count = 0
        self.records: list[AuditRecord] = []
        self._file = file

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
        return record


class ChainBreak(msgspec.Struct, frozen=True):
    """The first record at which a chain does not hold, and what is wrong with it."""

    line: int
    problem: str


def verify(path: Path, head: str | None = None) -> ChainBreak | None:
    """
    Check a stored chain; return the first break, or None if it holds.

    A chain alone cannot show that its end was cut off: pass the published `head` to detect truncation.
    """
    previous, expected = GENESIS, 0
    with path.open("rb") as file:
        for line, text in enumerate(file, start=1):
            record = _read(text)
            problem = record if isinstance(record, str) else _problem(record, text, previous, expected)
            if isinstance(record, str) or problem is not None:
                return ChainBreak(line, str(problem))
            previous, expected = record.hash, expected + 1
    if head is not None and previous != head:
        return ChainBreak(expected + 1, "the chain ends before the published head")
    return None


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
