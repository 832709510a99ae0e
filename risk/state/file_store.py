"""The authority: state in a local folder, in two generations, each visible only once it is durable."""

from __future__ import annotations

from pathlib import Path

import msgspec

from errors import PreconditionError
from risk.modes.table import Mode
from risk.state.failure import NoSpaceError, PoisonedError, StateError
from risk.state.files import NO_SPACE, Files, OsFiles
from risk.state.store import (
    NO_PREDECESSOR,
    Corrupt,
    Finding,
    Found,
    Generation,
    Missing,
    StateRecord,
    Unreachable,
    pack,
    refuse_older,
    unpack,
)

SLOTS = ("state.a", "state.b")
MARKER = "initialised"
SUSPECT = "suspect"
LOCK = "lock"
RESERVE = "reserve"
RESERVE_BYTES = 256 * 1024
_TMP = "state.tmp"


class _SyncFailed(Exception):  # noqa: N818 - never leaves this file
    """The sync of a file failed, whatever the error number."""


class FileStore:
    """
    Keep the newest state and the one before it in a folder that one process holds.

    A save writes the slot of the older generation: new file, sync, rename, sync of the folder. Each generation
    names the digest of the one before it, so a deleted, exchanged or rolled-back file shows; the first save writes
    both slots. A full disk refuses a save and leaves the old state intact; the most
    restrictive state then goes into a reserve whose blocks were allocated beforehand. After a failed sync or
    rename nothing more is stored, and a marker makes the next start doubt the folder.

    Parameters
    ----------
    folder : Path
        Made if missing. Nothing else writes in it but the journal and the list of starts.
    files : Files
        The file system.
    reserved_rank : int
        Records of this rank or higher may use the reserve.

    Raises
    ------
    PreconditionError
        If another process holds the folder, or it cannot be used.
    PoisonedError
        If the disk fails while the reserve is allocated.

    """

    name = "file"

    def __init__(
        self, folder: Path, files: Files | None = None, *, reserved_rank: int = Mode.EMERGENCY.priority
    ) -> None:
        self._folder = folder
        self._files = OsFiles() if files is None else files
        self._reserved_rank = reserved_rank
        self._poison: str | None = None
        try:
            self._files.make_folder(folder)
            self._release = self._files.lock(folder / LOCK)
            self._names = set(self._files.list(folder))
        except OSError as error:
            raise PreconditionError(f"{folder}: cannot hold the state: {error}") from error
        self._contents = _read(self._files, folder)
        try:
            self._renew_reserve()
        except StateError:
            self._release()
            raise

    def load(self) -> Finding:
        """Return what the folder held when it was opened, or what was saved since."""
        return self._contents.finding

    def save(self, record: StateRecord) -> None:
        """Return when `record` is durable; raise `NoSpaceError`, `PoisonedError` or `StateError` where it is not."""
        if self._poison is not None:
            raise PoisonedError(self._poison)
        contents = self._contents
        refuse_older(self.name, record, contents.epoch)
        older, digest = contents.older, contents.digest
        if digest == NO_PREDECESSOR:
            # there is nothing to follow: with both slots written, the loss of either shows
            older, digest = _other(older), self._put(older, record, digest)
        newest = self._put(older, record, digest)
        self._contents = _Contents(Found(record), record.epoch, _other(older), newest)
        self._tidy()

    def close(self) -> None:
        """Let another process have the folder."""
        self._release()

    def _put(self, slot: str, record: StateRecord, predecessor: str) -> str:
        """Write one slot durably; return the digest of what it holds now."""
        data = pack(record, predecessor)
        try:
            source = self._write(data, may_use_reserve=record.rank >= self._reserved_rank)
            self._files.rename(self._folder / source, self._folder / slot)
            self._files.sync_folder(self._folder)
        except (OSError, _SyncFailed) as error:
            raise self._poisoned(error) from error
        return unpack(data).digest

    def _write(self, data: bytes, *, may_use_reserve: bool) -> str:
        """Write `data` durably into a file that is not visible yet; return its name."""
        try:
            self._fill(_TMP, data, create=True)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self._files.remove(self._folder / _TMP)
            if not may_use_reserve or RESERVE not in self._names:
                raise NoSpaceError(f"{self._folder}: no space for the state: {error.strerror}") from error
        else:
            return _TMP
        try:
            self._fill(RESERVE, data, create=False)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            raise NoSpaceError(f"{self._folder}: no space even in the reserve: {error.strerror}") from error
        self._names.discard(RESERVE)
        return RESERVE

    def _fill(self, name: str, data: bytes, *, create: bool) -> None:
        file = self._files.open(self._folder / name, create=create)
        try:
            file.write_at(0, data)
            file.truncate(len(data))
            try:
                file.sync()
            except OSError as error:
                raise _SyncFailed(str(error)) from error
        finally:
            file.close()

    def _tidy(self) -> None:
        """After a durable save: mark the folder as used, lift an old suspicion, allocate the reserve again."""
        try:
            if MARKER not in self._names:
                self._fill(MARKER, b"", create=True)
                self._files.sync_folder(self._folder)
                self._names.add(MARKER)
            if SUSPECT in self._names:
                self._files.remove(self._folder / SUSPECT)
                self._names.discard(SUSPECT)
        except (OSError, _SyncFailed) as error:
            if not isinstance(error, OSError) or error.errno not in NO_SPACE:
                raise self._poisoned(error) from error
        self._renew_reserve()

    def _renew_reserve(self) -> None:
        """Allocate the reserve if it is not there; on a full disk go without until the next save."""
        if RESERVE in self._names:
            return
        try:
            self._fill(_TMP, bytes(RESERVE_BYTES), create=True)
            self._files.rename(self._folder / _TMP, self._folder / RESERVE)
            self._names.add(RESERVE)
        except (OSError, _SyncFailed) as error:
            if not isinstance(error, OSError) or error.errno not in NO_SPACE:
                raise self._poisoned(error) from error
            self._files.remove(self._folder / _TMP)

    def _poisoned(self, error: Exception) -> StateError:
        """Store nothing from now on, and leave a mark for the next start if the disk still takes one."""
        self._poison = f"{self._folder}: the disk failed, so what it holds is unknown: {error}"
        try:
            self._files.open(self._folder / SUSPECT, create=True).close()
        except OSError as second:
            self._poison += f"; nor can that be noted: {second}"
        return PoisonedError(self._poison)


def peek(folder: Path, files: Files | None = None) -> Finding:
    """Read the stored state without holding the folder, as a person does beside a running node."""
    finding = _read(files or OsFiles(), folder).finding
    for _ in range(2):
        if isinstance(finding, Found):
            break
        finding = _read(files or OsFiles(), folder).finding  # the node may have renamed between the two slots
    return finding


class _Contents(msgspec.Struct, frozen=True):
    """What a folder holds: the finding, its newest epoch and digest, and the slot the next save goes to."""

    finding: Finding
    epoch: int
    older: str
    digest: str


def _read(files: Files, folder: Path) -> _Contents:
    slots: dict[str, Generation] = {}
    problems = []
    try:
        names = files.list(folder)
        for slot in SLOTS:
            if slot not in names:
                continue
            try:
                slots[slot] = unpack(files.read(folder / slot))
            except ValueError as error:
                problems.append(f"{slot}: {error}")
    except FileNotFoundError:
        return _Contents(Missing(), -1, SLOTS[0], NO_PREDECESSOR)
    except OSError as error:
        return _Contents(Unreachable(f"{folder}: {error}"), -1, SLOTS[0], NO_PREDECESSOR)
    return _judge(slots, problems, names)


def _judge(slots: dict[str, Generation], problems: list[str], names: list[str]) -> _Contents:
    """Say what two slots amount to: whole only where one follows the other and nothing speaks against it."""
    suspicion = ["an earlier run met a failing disk"] if SUSPECT in names else []
    if not slots:
        if MARKER in names and not problems:
            problems = ["both generations are gone"]
        reasons = problems + suspicion
        finding: Finding = Corrupt("; ".join(reasons)) if reasons else Missing()
        return _Contents(finding, -1, SLOTS[0], NO_PREDECESSOR)

    newest = max(slots, key=lambda slot: _seniority(slot, slots))
    generation = slots[newest]
    record = generation.record
    if len(slots) == 2:
        if generation.predecessor != slots[_other(newest)].digest:
            problems.append("the two generations do not follow each other")
    elif not problems and (MARKER in names or generation.predecessor != NO_PREDECESSOR):
        # before the marker stands, one slot alone is a first save that was cut short
        problems.append("one generation is gone")
    problems += suspicion
    finding = Corrupt("; ".join(problems), survivor=record) if problems else Found(record)
    return _Contents(finding, record.epoch, _other(newest), generation.digest)


def _seniority(slot: str, slots: dict[str, Generation]) -> tuple[int, bool, int]:
    """Rank generations: newest epoch, then the one that follows the other, then the most restrictive."""
    generation = slots[slot]
    other = slots.get(_other(slot))
    follows = other is not None and generation.predecessor == other.digest
    return generation.record.epoch, follows, generation.record.resume_rank


def _other(slot: str) -> str:
    return SLOTS[1 - SLOTS.index(slot)]
