"""A file of checked frames: appended whole, readable after a kill, and honest about where it was cut off."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from errors import QualityError

MAGIC: Final = b"BOT4REC1"
_HEAD: Final = struct.Struct("<II")  # length and CRC-32 of the payload
_LENGTH_MAX: Final = 1 << 24


class FrameWriter:
    """
    Append frames to a new file.

    Each frame is handed to the operating system in one write before `append` returns, so a killed process loses
    nothing that was acknowledged; a power cut loses at most what came after the last `sync`.

    Parameters
    ----------
    path : Path
        The file; it must not exist.

    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self.written = 0
        self._write(MAGIC)

    def append(self, payload: bytes) -> None:
        """Append one frame."""
        self._write(_HEAD.pack(len(payload), zlib.crc32(payload)) + payload)

    def sync(self) -> None:
        """Make everything appended so far survive a power cut."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Sync and close; a second time does nothing."""
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            done = os.write(self._fd, view)
            self.written += done
            view = view[done:]


class Cut(msgspec.Struct, frozen=True):
    """Where a file ends in the middle of a frame: its whole bytes, and those after them that are left out."""

    whole_bytes: int
    lost_bytes: int


class Frames:
    """
    Read the frames of a file from the start.

    A tail that a kill left behind (a frame that ends before its length says) is left out and told in `cut`. Anything
    else that does not fit its checksum is damage, and raises.

    Parameters
    ----------
    path : Path
        A file of a `FrameWriter`.

    Raises
    ------
    QualityError
        If it is not such a file, or a frame is damaged; with file and offset.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()
        self.cut: Cut | None = None
        if self._data[: len(MAGIC)] != MAGIC:
            raise QualityError(f"{path}: not a recording of this version: it does not begin with {MAGIC.decode()}")

    def __iter__(self) -> Iterator[bytes]:
        data, position = self._data, len(MAGIC)
        while position < len(data):
            start = position + _HEAD.size
            length, checksum = _HEAD.unpack_from(data, position) if start <= len(data) else (0, 0)
            end = start + length
            if length > _LENGTH_MAX:
                raise QualityError(f"{self._path}: damaged at byte {position}: a frame of {length} bytes")
            if end > len(data):
                self.cut = Cut(position, len(data) - position)
                return
            payload = data[start:end]
            if zlib.crc32(payload) != checksum:
                raise QualityError(f"{self._path}: damaged at byte {position}: the frame does not fit its checksum")
            yield payload
            position = end
