"""A disk in memory that can lose power: it remembers what was synced, and makes images of what may be left."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SECTOR_BYTES = 512

type Image = dict[str, bytes]


class Step(NamedTuple):
    """One operation as the disk saw it; `file` is the number of an inode, not a name."""

    kind: str
    file: int = 0
    name: str = ""
    target: str = ""
    offset: int = 0
    data: bytes = b""


class PowerCutFiles:
    """A `Files` with one folder; every operation is a step, and a power cut may come after any of them."""

    def __init__(self, image: Image | None = None) -> None:
        self.steps: list[Step] = []
        self._inodes: dict[int, bytearray] = {}
        self._names: dict[str, int] = {}
        for name, data in (image or {}).items():
            self._names[name] = self._new(data)
        self.base = {name: bytes(self._inodes[file]) for name, file in self._names.items()}
        self._base_names = dict(self._names)

    def open(self, path: Path, *, create: bool) -> _OpenFile:
        if create and path.name in self._names:
            file = self._names[path.name]
            self.truncate(file, 0)
        elif create:
            file = self._names[path.name] = self._new(b"")
            self.steps.append(Step("create", file, path.name))
        elif path.name not in self._names:
            raise FileNotFoundError(str(path))
        else:
            file = self._names[path.name]
        return _OpenFile(self, file)

    def read(self, path: Path) -> bytes:
        if path.name not in self._names:
            raise FileNotFoundError(str(path))
        return bytes(self._inodes[self._names[path.name]])

    def list(self, folder: Path) -> list[str]:
        return sorted(self._names)

    def make_folder(self, folder: Path) -> None:
        pass

    def rename(self, source: Path, target: Path) -> None:
        self.steps.append(Step("rename", self._names[source.name], source.name, target.name))
        self._names[target.name] = self._names.pop(source.name)

    def remove(self, path: Path) -> None:
        if path.name in self._names:
            self.steps.append(Step("remove", self._names.pop(path.name), path.name))

    def sync_folder(self, folder: Path) -> None:
        self.steps.append(Step("sync_folder"))

    def lock(self, path: Path) -> Callable[[], None]:
        return lambda: None

    def write(self, file: int, offset: int, data: bytes) -> None:
        self.steps.append(Step("write", file, offset=offset, data=data))
        _write(self._inodes[file], offset, data)

    def truncate(self, file: int, size: int) -> None:
        self.steps.append(Step("truncate", file, offset=size))
        _truncate(self._inodes[file], size)

    def sync(self, file: int) -> None:
        self.steps.append(Step("sync", file))

    def image(self, after: int, chance: random.Random) -> Image:
        """
        Return one folder that a power cut after the first `after` steps may leave.

        Of what was not synced each 512-byte sector holds any of its versions, a file has any of its sizes, and each
        change of a name happened or not.
        """
        names, files = dict(self._base_names), {file: bytearray(self.base[n]) for n, file in self._base_names.items()}
        pending: dict[int, list[Step]] = {}
        changes: list[Step] = []
        for step in self.steps[:after]:
            match step.kind:
                case "write" | "truncate":
                    pending.setdefault(step.file, []).append(step)
                case "sync":
                    for each in pending.pop(step.file, []):
                        _apply(files.setdefault(step.file, bytearray()), each)
                case "sync_folder":
                    for each in changes:
                        _change(names, each)
                    changes = []
                case _:
                    changes.append(step)
        mood = chance.random()  # whole images near all-lost and all-kept matter as much as the mixtures
        for each in changes:
            if chance.random() < mood:
                _change(names, each)
        return {
            name: _survivor(files.get(file, bytearray()), pending.get(file, []), chance) for name, file in names.items()
        }

    def _new(self, data: bytes) -> int:
        file = len(self._inodes) + 1
        self._inodes[file] = bytearray(data)
        return file


class _OpenFile:
    def __init__(self, disk: PowerCutFiles, file: int) -> None:
        self._disk, self._file = disk, file

    def write_at(self, offset: int, data: bytes) -> None:
        self._disk.write(self._file, offset, data)

    def truncate(self, size: int) -> None:
        self._disk.truncate(self._file, size)

    def sync(self) -> None:
        self._disk.sync(self._file)

    def close(self) -> None:
        pass


def _survivor(durable: bytearray, pending: list[Step], chance: random.Random) -> bytes:
    versions = [bytes(durable)]
    for step in pending:
        following = bytearray(versions[-1])
        _apply(following, step)
        versions.append(bytes(following))
    size = len(chance.choice(versions))
    sectors = []
    for low in range(0, size, SECTOR_BYTES):
        high = min(low + SECTOR_BYTES, size)
        sectors.append(chance.choice(versions)[low:high].ljust(high - low, b"\0"))
    return b"".join(sectors)


def _apply(content: bytearray, step: Step) -> None:
    if step.kind == "write":
        _write(content, step.offset, step.data)
    else:
        _truncate(content, step.offset)


def _write(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _truncate(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _change(names: dict[str, int], step: Step) -> None:
    if step.kind == "remove":
        names.pop(step.name, None)
    elif step.kind == "create":
        names[step.name] = step.file
    else:
        if names.get(step.name) == step.file:
            names.pop(step.name)
        names[step.target] = step.file
