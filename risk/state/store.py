"""One state record, its self-checking text form, and what every store of it answers."""

from __future__ import annotations

import hashlib
from typing import Annotated, Protocol

import msgspec

from risk.state.failure import StateError

NO_PREDECESSOR = "0" * 64
"""What a generation names where it follows none."""

_MAGIC = b"bot4 state 1\n"
_TRAILER = len("sha256 \n") + 64
_encode = msgspec.json.Encoder(order="deterministic").encode


class StateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """
    The control state at one epoch.

    `rank` says how restrictive the state is (`Mode.priority`: higher is more restrictive). `resume_rank` is the
    least restrictive rank a restart may resume at: that of the state before, where this record loosens it, because
    a crash can come after the record is stored and before anyone has been told.
    """

    epoch: int
    rank: int
    resume_rank: int
    payload: bytes


class Found(msgspec.Struct, frozen=True):
    """The store is whole and holds this record."""

    record: StateRecord


class Missing(msgspec.Struct, frozen=True):
    """The store has never held a record, as far as it can tell."""


class Corrupt(msgspec.Struct, frozen=True):
    """The store was damaged or tampered with; `survivor` is what of it still proves itself, and may be stale."""

    reason: str
    survivor: StateRecord | None = None


class Unreachable(msgspec.Struct, frozen=True):
    """The store does not answer."""

    reason: str


type Finding = Found | Missing | Corrupt | Unreachable


class StateStore(Protocol):
    """A place that keeps the newest state record."""

    @property
    def name(self) -> str:
        """What operators call the store."""

    def load(self) -> Finding:
        """Return what the store holds; never raises for what a store can do wrong."""

    def save(self, record: StateRecord) -> None:
        """Return when `record` is durable; raise `StateError` where it is not, or may not be."""

    def close(self) -> None:
        """Let go of locks and connections."""


class Generation(msgspec.Struct, frozen=True):
    """One stored text: its record, the digest of the generation before it, and its own digest."""

    record: StateRecord
    predecessor: str
    digest: str


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epoch: Annotated[int, msgspec.Meta(ge=0)]
    rank: int
    resume_rank: int
    predecessor: str
    length: int


def pack(record: StateRecord, predecessor: str = NO_PREDECESSOR) -> bytes:
    """Return the stored form: a line of magic, a line of header, the payload, and a line with the hash of it all."""
    header = _Header(record.epoch, record.rank, record.resume_rank, predecessor, len(record.payload))
    body = _MAGIC + _encode(header) + b"\n" + record.payload + b"\n"
    return body + b"sha256 " + hashlib.sha256(body).hexdigest().encode() + b"\n"


def unpack(data: bytes) -> Generation:
    """Return what `pack` stored; raise `ValueError` saying what does not hold."""
    if not data.startswith(_MAGIC):
        raise ValueError("does not begin as a state file of this version")
    body, trailer = data[:-_TRAILER], data[-_TRAILER:]
    digest = hashlib.sha256(body).hexdigest()
    if trailer != b"sha256 " + digest.encode() + b"\n":
        raise ValueError("content does not match its hash")
    line, _, rest = body[len(_MAGIC) :].partition(b"\n")
    header = msgspec.json.decode(line, type=_Header)
    if len(rest) != header.length + 1:
        raise ValueError(f"payload must be {header.length} bytes, was {len(rest) - 1}")
    record = StateRecord(
        epoch=header.epoch, rank=header.rank, resume_rank=header.resume_rank, payload=rest[: header.length]
    )
    return Generation(record, header.predecessor, digest)


def unpack_finding(data: bytes) -> Found | Corrupt:
    """Return what a store that keeps one text holds."""
    try:
        return Found(unpack(data).record)
    except ValueError as error:
        return Corrupt(str(error))


def refuse_older(name: str, record: StateRecord, epoch: int) -> None:
    """Raise `StateError` unless `record` is newer than `epoch`."""
    if record.epoch <= epoch:
        raise StateError(f"{name}: epoch must be above {epoch}, was {record.epoch}")
