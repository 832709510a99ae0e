"""A node's folder: one process at a time, a folder for each session, and what the sessions before left."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from errors import PreconditionError, QualityError
from research.recording.recording import Recording

SESSIONS: Final = "sessions"


class NodeFolder:
    """
    Hold a node's folder for this process.

    Parameters
    ----------
    path : Path
        Made where it is not there.

    Raises
    ------
    PreconditionError
        If another process holds it.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / SESSIONS).mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path / "node.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise PreconditionError(f"a node is running in {path} already") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    def next_session(self) -> tuple[int, Path]:
        """Make the folder of a new session; return its number, from 1, and the folder."""
        number = max((int(path.name) for path in sessions(self.path)), default=0) + 1
        folder = self.path / SESSIONS / f"{number:06}"
        folder.mkdir()
        return number, folder

    def last_words(self) -> str | None:
        """Say how the session before ended, where it did not end in good order; None otherwise."""
        before = sessions(self.path)
        if not before:
            return None
        try:
            recording = Recording(before[-1])
            inputs = recording.inputs()
        except (QualityError, OSError) as error:
            return f"the recording of session {before[-1].name} can't be read: {error}"
        if recording.end is not None:
            return None
        lost = f", and {recording.cut.lost_bytes} bytes of one more" if recording.cut is not None else ""
        return f"session {before[-1].name} did not end in good order; {len(inputs)} inputs of it are recorded{lost}"


def sessions(folder: Path) -> list[Path]:
    """Return the sessions' folders of a node, oldest first."""
    found = (folder / SESSIONS).glob("[0-9]" * 6) if (folder / SESSIONS).is_dir() else ()
    return sorted(found)
