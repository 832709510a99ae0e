"""Run in a small file system of its own: fill it, and tell as JSON what the stores still do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from mode_walk import Payload, durable
from walker import intent

from errors import Bot4Error
from risk.modes.table import Mode
from risk.state.durable import Move
from risk.state.failure import StateError
from risk.state.file_store import FileStore
from risk.state.journal import Journal, recover
from risk.state.recovery import settle


def refusal(action: object) -> str | None:
    try:
        action()
    except Bot4Error as error:
        return type(error).__name__
    return None


def fill(folder: Path) -> Path:
    """Take every byte that is left."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


def main(root: Path) -> None:
    told: dict[str, object] = {}
    folder = root / "state"
    state = durable(FileStore(folder), folder)
    state.recover()
    state.commit(Payload.of(Mode.MANUAL, 0), Mode.MANUAL.priority)
    state.commit(Payload.of(Mode.SEMI_AUTO, 1), Mode.SEMI_AUTO.priority, Move.UP)
    journal = Journal(folder)
    filling = fill(root)
    while journal_room(journal):
        pass

    begin = time.monotonic()
    told["refused"] = refusal(lambda: state.commit(Payload.of(Mode.FULL_AUTO, 2, 9000), 0, Move.UP))
    told["refused_seconds"] = time.monotonic() - begin
    told["rank_after_refusal"] = state.current.rank
    told["opening_order"] = refusal(lambda: journal.append(intent(1)))
    closing = 0
    try:
        while closing < 1000:
            journal.append(intent(closing), essential=True)
            closing += 1
    except StateError:
        pass
    told["closing_orders"] = closing
    journal.close()
    told["closing_orders_recovered"] = len(recover(folder).records) - len(OPENED)
    emergency = state.commit(Payload.of(Mode.EMERGENCY, 3, 9000), Mode.EMERGENCY.priority, Move.EMERGENCY)
    told["emergency_durable"] = emergency.durable
    state.close()
    store = FileStore(folder)
    recovered = settle({"file": store.load()})
    told["rank_at_restart"], told["doubt_at_restart"] = recovered.resume_rank, recovered.doubt
    store.close()

    filling.unlink()
    state = durable(FileStore(folder), folder)
    state.recover()
    told["after_space_came_back"] = state.commit(Payload.of(Mode.MANUAL, 4), Mode.MANUAL.priority, Move.UP).durable
    subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
    told["read_only_refused"] = refusal(lambda: state.commit(Payload.of(Mode.MANUAL, 5), Mode.MANUAL.priority))
    last = state.commit(Payload.of(Mode.EMERGENCY, 6), Mode.EMERGENCY.priority, Move.EMERGENCY)
    told["read_only_emergency_durable"], told["rank_after_read_only"] = last.durable, state.current.rank
    os.write(1, json.dumps(told).encode())
    os._exit(0)


OPENED: list[int] = []


def journal_room(journal: Journal) -> bool:
    """Append one order that adds risk; return whether there was room."""
    try:
        journal.append(intent(len(OPENED)))
    except StateError:
        return False
    OPENED.append(len(OPENED))
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
