"""One session's recording: what it began with, every input in order, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from catalog.instruments import InstrumentSpec
from errors import QualityError
from research.recording.account import AccountState
from research.recording.codec import decode, encode
from research.recording.frames import Cut, Frames, FrameWriter
from research.recording.opening import Opening

FORMAT: Final = 1
FILE_NAME: Final = "recording.bot4"

_END: Final = 0


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Everything a replay needs besides the inputs.

    `session` is the configuration of what decides, as plain data (see `research.session.SessionConfig`), complete with
    its defaults. `start_ns` is the engine time at which the session's strategies started; every input lies after it.
    """

    format: int = FORMAT
    node: str
    number: int
    start_ns: int
    code_version: str
    engine_version: str
    session: dict[str, Any]
    specs: tuple[InstrumentSpec, ...]
    marked: tuple[str, ...] = ()
    account: AccountState
    opening: Opening


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How a session ended in good order: why, after how many inputs, and the hash of its decisions."""

    reason: str
    inputs: int
    decisions: int
    decision_hash: str


class RecordingWriter:
    """
    Record a session as it happens.

    Each input is in the operating system's hands before it is processed; see `FrameWriter`.

    Parameters
    ----------
    path : Path
        A new file.
    header : Header
        What the session began with.

    """

    def __init__(self, path: Path, header: Header) -> None:
        self._frames = FrameWriter(path)
        self._frames.append(msgspec.json.encode(header))
        self.inputs = 0

    def append(self, data: Any) -> None:
        """Record one input; raise `UnrecordableError` for a kind recordings do not hold."""
        self._frames.append(encode(data))
        self.inputs += 1

    def sync(self) -> None:
        """Make what was recorded survive a power cut."""
        self._frames.sync()

    def end(self, end: End) -> None:
        """Note the end and close."""
        self._frames.append(msgspec.msgpack.encode([_END, msgspec.to_builtins(end)]))
        self._frames.close()

    def close(self) -> None:
        """Close without an end, as after a fault."""
        self._frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Recording:
    """
    Read a recording.

    Parameters
    ----------
    path : Path
        The file, or the session's folder.

    Raises
    ------
    QualityError
        If it is no recording, is of another format, or is damaged.

    """

    def __init__(self, path: Path) -> None:
        self.path = path / FILE_NAME if path.is_dir() else path
        self._frames = Frames(self.path)
        try:
            self.header = msgspec.json.decode(next(iter(self._frames), b""), type=Header)
        except msgspec.DecodeError as error:
            raise QualityError(f"{self.path}: the header is damaged or of another format: {error}") from None
        if self.header.format != FORMAT:
            raise QualityError(f"{self.path}: format {self.header.format}, expected {FORMAT}")
        self.end: End | None = None

    @property
    def cut(self) -> Cut | None:
        """Return where the file was cut off; None where its last frame is whole, or it was not read to the end yet."""
        return self._frames.cut

    def __iter__(self) -> Iterator[Any]:
        """Yield every input, as the data engine was given it; `end` and `cut` are known afterwards."""
        frames = iter(self._frames)
        next(frames, None)
        last_ns = self.header.start_ns
        for payload in frames:
            if self.end is not None:
                raise QualityError(f"{self.path}: holds inputs after its end")
            if payload[:2] == _END_HEAD:
                self.end = msgspec.convert(msgspec.msgpack.decode(payload)[1], End)
                continue
            data = decode(payload)
            if data.ts_init <= last_ns:
                raise QualityError(f"{self.path}: an input of {data.ts_init} follows one of {last_ns}")
            last_ns = data.ts_init
            yield data

    def inputs(self) -> list[Any]:
        """Return all inputs."""
        self.end = None
        return list(self)


_END_HEAD: Final = msgspec.msgpack.encode([_END, {}])[:2]
