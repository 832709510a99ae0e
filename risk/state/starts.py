"""The times of the last starts, kept so that a node which crashes again and again is noticed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from risk.state.failure import StateError
from risk.state.files import Files, OsFiles
from risk.state.store import StateRecord, pack, unpack

_NAME = "starts"
_TMP = "starts-tmp"
_KEPT = 8


def note_start(folder: Path, now_ns: int, files: Files | None = None) -> tuple[int, ...]:
    """
    Store this start durably and return those before it, oldest first, for `recovery.crash_loop`.

    Call it first thing after the folder is locked. A damaged list counts as two starts just now: what cannot be
    read cannot clear anybody.

    Raises
    ------
    StateError
        If the start cannot be stored; a start that is not counted must not go on to trade.

    """
    files = OsFiles() if files is None else files
    try:
        starts = _stored(files, folder, now_ns)
        _store(files, folder, (*starts, now_ns)[-_KEPT:])
    except OSError as error:
        raise StateError(f"{folder / _NAME}: this start cannot be noted: {error}") from error
    return starts


def note_end(folder: Path, files: Files | None = None) -> None:
    """
    Forget the starts, as this process ends in good order: only those that ended otherwise make a crash loop.

    A list that can't be written stays as it is, and then the next start counts those before it.
    """
    with contextlib.suppress(OSError):
        _store(OsFiles() if files is None else files, folder, ())


def _store(files: Files, folder: Path, starts: tuple[int, ...]) -> None:
    record = StateRecord(epoch=len(starts), rank=0, resume_rank=0, payload=msgspec.json.encode(starts))
    file = files.open(folder / _TMP, create=True)
    try:
        file.write_at(0, pack(record))
        file.sync()
    finally:
        file.close()
    files.rename(folder / _TMP, folder / _NAME)
    files.sync_folder(folder)


def _stored(files: Files, folder: Path, now_ns: int) -> tuple[int, ...]:
    try:
        return msgspec.json.decode(unpack(files.read(folder / _NAME)).record.payload, type=tuple[int, ...])
    except FileNotFoundError:
        return ()
    except ValueError:
        return (now_ns, now_ns)
