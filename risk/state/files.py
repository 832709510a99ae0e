"""The few operations on files that durable state is made of, thin enough for a power-cut double to stand in."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from errors import PreconditionError

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that say there is no room, and nothing about what is stored already."""


class File(Protocol):
    """An open file."""

    def write_at(self, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset`."""

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""

    def sync(self) -> None:
        """Return when the file's bytes would survive a power cut."""

    def close(self) -> None:
        """Close; says nothing about durability."""


class Files(Protocol):
    """A file system. Every operation raises `OSError` where it fails."""

    def open(self, path: Path, *, create: bool) -> File:
        """Open for writing, as a new empty file where `create`, else as it stands."""

    def read(self, path: Path) -> bytes:
        """Return the whole file."""

    def list(self, folder: Path) -> list[str]:
        """Return the names in a folder, sorted."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only its owner may enter, and its parents; one that exists is narrowed to that."""

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target` in one step; durable after a sync of the folder."""

    def remove(self, path: Path) -> None:
        """Remove a file if it is there."""

    def sync_folder(self, folder: Path) -> None:
        """Return when the folder's names would survive a power cut."""

    def lock(self, path: Path) -> Callable[[], None]:
        """Take a lock that ends with the process, and return its release; raise `PreconditionError` if it is taken."""


class OsFiles:
    """The real file system."""

    def open(self, path: Path, *, create: bool) -> File:
        """Open for writing, as a new empty file where `create`, else as it stands."""
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        return _OsFile(os.open(path, flags | os.O_CREAT | os.O_TRUNC if create else flags, 0o600))

    def read(self, path: Path) -> bytes:
        """Return the whole file."""
        return path.read_bytes()

    def list(self, folder: Path) -> list[str]:
        """Return the names in a folder, sorted."""
        return sorted(entry.name for entry in folder.iterdir())

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only its owner may enter, and its parents; one that exists is narrowed to that."""
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
            self.sync_folder(each.parent)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target` in one step; durable after a sync of the folder."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove a file if it is there."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Return when the folder's names would survive a power cut."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: Path) -> Callable[[], None]:
        """Take a lock that ends with the process, and return its release; raise `PreconditionError` if it is taken."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise PreconditionError(f"{path.parent}: another process holds this state folder") from None
        except OSError:
            os.close(descriptor)
            raise
        return lambda: os.close(descriptor)


class _OsFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write_at(self, offset: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._descriptor, rest, offset)
            offset += written
            rest = rest[written:]

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
