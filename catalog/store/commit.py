"""Put prepared files into the catalog all at once, or not at all, whenever the process may die."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from catalog.store.layout import Layout
from errors import PreconditionError

_TREE: Final = "tree"
_PLAN: Final = "plan.json"


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    moves: tuple[str, ...]


class Staging:
    """
    A private copy of the part of the catalog that an ingest is about to add.

    Files are written below `tree` at the paths they will have below the root. `commit` makes them durable,
    then writes the plan of moves: from that instant the change is decided, and whoever takes the lock next
    finishes it. Before that instant a crash leaves nothing but a folder that the next writer removes.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.tree = layout.staging / _TREE
        self.tree.mkdir(parents=True)

    def write(self, target: Path, data: bytes) -> None:
        """Prepare one file for a path below the root."""
        path = self.tree / target.relative_to(self._layout.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def commit(self, last: Path) -> None:
        """Move every prepared file to its place; `last`, the manifest, goes last and makes the rest visible."""
        moves = sorted(str(path.relative_to(self.tree)) for path in self.tree.rglob("*") if path.is_file())
        final = str(last.relative_to(self._layout.root))
        moves.remove(final)
        moves.append(final)
        for move in moves:
            _sync(self.tree / move)
        plan = self._layout.staging / f"{_PLAN}.part"
        plan.write_bytes(msgspec.json.encode(_Plan(tuple(moves))))
        _sync(plan)
        plan.replace(self._layout.staging / _PLAN)
        _sync(self._layout.staging)
        _finish(self._layout)


@contextmanager
def writing(layout: Layout) -> Iterator[Staging]:
    """
    Hold the catalog's write lock, with an empty staging area.

    First completes what a killed ingest had decided, or removes what it had only prepared.

    Raises
    ------
    PreconditionError
        If another process is writing.

    """
    layout.lock.parent.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PreconditionError(
                f"another process is writing to the catalog {layout.root}; try again later"
            ) from None
        recover(layout)
        try:
            yield Staging(layout)
        finally:
            # a decided change stays for the next writer to finish, should finishing it have failed
            if not (layout.staging / _PLAN).exists():
                shutil.rmtree(layout.staging, ignore_errors=True)


def recover(layout: Layout) -> None:
    """Finish a decided change, or remove an undecided one. The caller holds the lock."""
    if (layout.staging / _PLAN).exists():
        _finish(layout)
    else:
        shutil.rmtree(layout.staging, ignore_errors=True)


def _finish(layout: Layout) -> None:
    plan = msgspec.json.decode((layout.staging / _PLAN).read_bytes(), type=_Plan)
    for move in plan.moves:
        prepared, target = layout.staging / _TREE / move, layout.root / move
        if not prepared.exists():  # moved before a crash
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        prepared.replace(target)
        _sync(target.parent)
    (layout.staging / _PLAN).unlink()
    shutil.rmtree(layout.staging)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
