"""The text of the intent journal: its records, their frames, and which damage a power cut can have done."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import Literal

import msgspec

from risk.intent import Side
from risk.state.failure import JournalCorruptError

SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""

_FRAME_HEAD = len("00000000 00000000 ")


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True, tag="INTENT"):
    """
    An order about to be sent.

    `quantity` is in base units and positive, prices are in quote currency, None for a market order.
    """

    client_order_id: str
    instrument: str
    side: Side
    quantity: float
    price: float | None
    reduce_only: bool
    ts_ns: int


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True, tag="OUTCOME"):
    """What became of an order; the states after which it can do nothing more are in `CLOSED`."""

    client_order_id: str
    status: Literal["ACCEPTED", "NOT_SENT", "REJECTED", "FILLED", "CANCELED", "EXPIRED"]
    ts_ns: int


class SealRecord(msgspec.Struct, frozen=True, kw_only=True, tag="SEAL"):
    """The journal goes on in the file of the next number; a sealed file that is the newest shows a loss."""

    next_number: int


type JournalRecord = IntentRecord | OutcomeRecord | SealRecord

CLOSED = frozenset({"NOT_SENT", "REJECTED", "FILLED", "CANCELED", "EXPIRED"})


class _Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    seq: int
    records: list[IntentRecord | OutcomeRecord | SealRecord]


class JournalText(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a journal file holds.

    `end` is the offset after the last whole frame, `frames` their number. `torn_bytes` counts what is missing from
    it or lies beyond: a write that never completed, and so was never acknowledged.
    """

    records: list[JournalRecord]
    end: int
    frames: int
    torn_bytes: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Frame).decode


def frame(seq: int, records: list[JournalRecord]) -> bytes:
    """Return one line: length and CRC of the JSON text in hex, and the text, which holds no newline and no NUL."""
    text = _encode(_Frame(seq, records))
    return b"%08x %08x %s\n" % (len(text), zlib.crc32(text), text)


def read(data: bytes, where: str) -> JournalText:
    """
    Read a journal file: whole frames, then NUL bytes up to its end.

    A file is extended with NULs before they are written over, each frame is synced before the next is written, and
    a disk writes whole sectors. So a power cut can only leave the last frame without some of its sectors or
    without its end; anything else is damage.

    Raises
    ------
    JournalCorruptError
        If there is damage.

    """
    if not data.endswith(b"\0"):
        raise JournalCorruptError(f"{where}: must end in its padding, was cut off at {len(data)} bytes")
    body = data.rstrip(b"\0")
    lines = body.split(b"\n")
    records: list[JournalRecord] = []
    offset = 0
    for seq, line in enumerate(lines[:-1]):
        found = _unframe(line, seq)
        if isinstance(found, str):
            last = seq == len(lines) - 2 and not lines[-1]
            if last and _torn(data, offset, offset + len(line) + 1):
                return JournalText(records=records, end=offset, frames=seq, torn_bytes=len(line) + 1)
            raise JournalCorruptError(f"{where}: frame {seq} at byte {offset}: {found}")
        records += found
        offset += len(line) + 1
    tail, frames = lines[-1], len(lines) - 1
    if tail and not isinstance(found := _unframe(tail, frames), str):
        # all but the newline: nothing of it is in doubt
        return JournalText(records=records + found, end=offset + len(tail) + 1, frames=frames + 1, torn_bytes=1)
    if tail:
        _check_tail(data, offset, tail, frames, where)
    return JournalText(records=records, end=offset, frames=frames, torn_bytes=len(tail))


def _unframe(line: bytes, seq: int) -> list[IntentRecord | OutcomeRecord | SealRecord] | str:
    """Return the records of a line, or what is wrong with it."""
    text = line[_FRAME_HEAD:]
    if line[:_FRAME_HEAD] != b"%08x %08x " % (len(text), zlib.crc32(text)):
        return "content does not match its length and check sum"
    try:
        found = _decode(text)
    except msgspec.DecodeError as error:
        return f"not a frame: {error}"
    if found.seq != seq:
        return f"sequence number must be {seq}, was {found.seq}"
    return found.records


def _check_tail(data: bytes, offset: int, tail: bytes, seq: int, where: str) -> None:
    """Raise unless text without a newline at the end can be a write that was cut short."""
    if _torn(data, offset, offset + len(tail)):
        return
    head = tail[:_FRAME_HEAD]
    if len(head) == _FRAME_HEAD and _declared(head) is not None and len(tail) <= _FRAME_HEAD + (_declared(head) or 0):
        return
    if len(head) < _FRAME_HEAD and b"\0" not in head:
        return
    raise JournalCorruptError(f"{where}: frame {seq} at byte {offset}: text that no unfinished write leaves")


def _declared(head: bytes) -> int | None:
    try:
        return int(head[:8], 16) if head[8:9] == head[17:18] == b" " else None
    except ValueError:
        return None


def _torn(data: bytes, start: int, end: int) -> bool:
    """Return whether some sector's share of the bytes is all NUL, as it is where the sector was never written."""
    edges = [start, *range(start + SECTOR_BYTES - start % SECTOR_BYTES, end, SECTOR_BYTES), end]
    return any(not data[low:high].strip(b"\0") for low, high in pairwise(edges))
