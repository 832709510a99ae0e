"""The intent journal: an order is on disk before it is sent, so that no crash forgets one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from risk.state.failure import JournalCorruptError, NoSpaceError, PoisonedError, StateError
from risk.state.files import NO_SPACE, File, Files, OsFiles
from risk.state.journal_text import JournalRecord, JournalText, SealRecord, frame, read

CHUNK_BYTES = 1024 * 1024
RESERVE_BYTES = 256 * 1024
FRAME_BYTES_MAX = 64 * 1024

_PREFIX = "journal."
_TMP = "journal-tmp"


class JournalContents(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a start finds.

    `number` is that of the newest file, 0 where there is none. `torn_bytes` counts what an unfinished, never
    acknowledged write left.
    """

    records: list[JournalRecord]
    number: int
    torn_bytes: int = 0


class Journal:
    """
    Append records, each durable before `append` returns.

    The file is extended in large pieces of NUL bytes beforehand: an append then changes no size, and a reserve at
    its end serves orders that only reduce when the disk is full. After a failed write or sync nothing more
    is accepted.

    Parameters
    ----------
    folder : Path
        The state folder, whose lock the caller holds.
    files : Files
        The file system.
    chunk_bytes, reserve_bytes : int
        By how much the file is extended, and how much of that only essential records may use.

    Raises
    ------
    JournalCorruptError
        If the newest file is damaged where no power cut can have damaged it.
    StateError
        If the folder cannot be read or the first file cannot be made.

    """

    def __init__(
        self,
        folder: Path,
        files: Files | None = None,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self._folder = folder
        self._chunk_bytes = chunk_bytes
        self._reserve_bytes = reserve_bytes
        self._files = OsFiles() if files is None else files
        self._poison: str | None = None
        self._file: File | None = None
        number, text, size = _newest(self._files, folder)
        self._recovered = JournalContents(
            records=[] if text is None else text.records,
            number=number,
            torn_bytes=0 if text is None else text.torn_bytes,
        )
        if text is None:
            self._file, self._number, self._size, self._end, self._frames = self._create(1, [])
        else:
            self._number, self._size, self._end, self._frames = number, size, text.end, text.frames
            self._reopen(text.torn_bytes)

    @property
    def recovered(self) -> JournalContents:
        """Return what the journal held when it was opened."""
        return self._recovered

    def append(self, *records: JournalRecord, essential: bool = False) -> None:
        """
        Return when all of `records` are durable, together or not at all.

        Parameters
        ----------
        *records : JournalRecord
            One or more.
        essential : bool
            Orders that only reduce, and outcomes: they may use the reserve of a full disk.

        Raises
        ------
        NoSpaceError
            If the disk is full; nothing was written, a later try may succeed.
        PoisonedError
            If a write or sync failed, now or before. What was to be appended must not be sent.

        """
        if self._poison is not None or self._file is None:
            raise PoisonedError(self._poison or f"{self._folder}: the journal is closed")
        data = frame(self._frames, list(records))
        if len(data) > FRAME_BYTES_MAX:
            raise StateError(f"{self._folder}: a frame must be at most {FRAME_BYTES_MAX} bytes, was {len(data)}")
        self._make_room(self._file, len(data), essential=essential)
        try:
            self._file.write_at(self._end, data)
            self._file.sync()
        except OSError as error:
            raise self._poisoned(error) from error
        self._end += len(data)
        self._frames += 1

    def rotate(self, keep: list[JournalRecord]) -> None:
        """
        Go on in a new file that begins with `keep`, at a clean start; the file before the present one is removed.

        Parameters
        ----------
        keep : list of JournalRecord
            The intents that are still open or unknown.

        Raises
        ------
        NoSpaceError
            If the disk is full; the present file goes on.
        PoisonedError
            If the disk failed.

        """
        if self._poison is not None or self._file is None:
            raise PoisonedError(self._poison or f"{self._folder}: the journal is closed")
        before = self._number
        new = self._create(before + 1, keep)
        # without a seal, the loss of the new file would make this one look like the newest
        with contextlib.suppress(NoSpaceError):
            self.append(SealRecord(next_number=before + 1), essential=True)
        self._file.close()
        self._file, self._number, self._size, self._end, self._frames = new
        try:
            self._files.remove(self._folder / _name(before - 1))
        except OSError as error:
            raise self._poisoned(error) from error

    def close(self) -> None:
        """Close the file; all that was accepted is durable already."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _create(self, number: int, keep: list[JournalRecord]) -> tuple[File, int, int, int, int]:
        """Make a whole new file durable before it is visible; return it with number, size, end and frames."""
        pieces = [frame(seq, keep[low : low + 100]) for seq, low in enumerate(range(0, len(keep), 100))]
        text = b"".join(pieces)
        size = len(text) + self._chunk_bytes
        try:
            file = self._files.open(self._folder / _TMP, create=True)
            file.write_at(0, text + bytes(self._chunk_bytes))
            file.sync()
            self._files.rename(self._folder / _TMP, self._folder / _name(number))
            self._files.sync_folder(self._folder)
        except OSError as error:
            if error.errno in NO_SPACE:
                self._files.remove(self._folder / _TMP)
                raise NoSpaceError(f"{self._folder}: no space for a new journal: {error.strerror}") from error
            raise self._poisoned(error) from error
        return file, number, size, len(text), len(pieces)

    def _reopen(self, torn_bytes: int) -> None:
        """Open the newest file for appending, with nothing but NULs after its last whole frame."""
        try:
            self._file = self._files.open(self._folder / _name(self._number), create=False)
            if torn_bytes:
                text = b"\n" + bytes(torn_bytes) if self._end else bytes(torn_bytes)
                self._file.write_at(max(self._end - 1, 0), text)
                self._file.sync()
        except OSError as error:
            raise self._poisoned(error) from error

    def _make_room(self, file: File, needed: int, *, essential: bool) -> None:
        """Extend the file so that the reserve and one NUL stay behind `needed` bytes."""
        if self._size - self._end > needed + self._reserve_bytes:
            return
        try:
            file.write_at(self._size, bytes(self._chunk_bytes))
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise self._poisoned(error) from error
            if essential and self._size - self._end > needed:
                return
            raise NoSpaceError(f"{self._folder}: no space for the journal: {error.strerror}") from error
        try:
            file.sync()
        except OSError as error:
            raise self._poisoned(error) from error
        self._size += self._chunk_bytes

    def _poisoned(self, error: OSError) -> PoisonedError:
        self._poison = f"{self._folder}: the disk failed, so what the journal holds is unknown: {error}"
        return PoisonedError(self._poison)


def recover(folder: Path, files: Files | None = None) -> JournalContents:
    """Read the newest journal without changing it; raise `JournalCorruptError` if it is damaged."""
    number, text, _ = _newest(files or OsFiles(), folder)
    if text is None:
        return JournalContents(records=[], number=0)
    return JournalContents(records=text.records, number=number, torn_bytes=text.torn_bytes)


def _newest(files: Files, folder: Path) -> tuple[int, JournalText | None, int]:
    """Return number, text and size of the newest file."""
    try:
        names = files.list(folder)
        numbers = [int(name.removeprefix(_PREFIX)) for name in names if name.startswith(_PREFIX)]
        if not numbers:
            return 0, None, 0
        number = max(numbers)
        data = files.read(folder / _name(number))
    except FileNotFoundError:
        return 0, None, 0
    except OSError as error:
        raise StateError(f"{folder}: the journal cannot be read: {error}") from error
    where = str(folder / _name(number))
    text = read(data, where)
    if text.records and isinstance(text.records[-1], SealRecord):
        raise JournalCorruptError(f"{where}: goes on in file {number + 1}, which is gone")
    return number, text, len(data)


def _name(number: int) -> str:
    return f"{_PREFIX}{number:08d}"
