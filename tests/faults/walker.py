"""The process that the crash tests kill: mode transitions or journal appends, each acknowledged once it is durable."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from mode_walk import Payload, durable, walk

from errors import Bot4Error
from risk.intent import Side
from risk.modes.table import Mode
from risk.state.file_store import FileStore
from risk.state.journal import Journal
from risk.state.journal_text import IntentRecord


def tell(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def transitions(folder: Path, seed: int, count: int) -> None:
    """Walk from what the folder holds; `ack EPOCH RANK` follows each commit, `try EPOCH` goes before it."""
    state = durable(FileStore(folder), folder)
    recovered = state.recover()
    mode = next(mode for mode in Mode if mode.priority == recovered.resume_rank)
    epoch = recovered.epoch
    for number, (following, move) in enumerate(itertools.islice(walk(seed, mode), count)):
        tell(f"try {epoch + 1}")
        commit = state.commit(Payload.of(following, number, 200), following.priority, move)
        epoch = commit.record.epoch
        if not commit.durable:
            raise Bot4Error("; ".join(commit.problems))
        tell(f"ack {epoch} {following.priority}")
    state.close()


def appends(folder: Path, seed: int, count: int) -> None:
    """Append intents, and rotate once in the middle; `ack NUMBER` follows each."""
    folder.mkdir(exist_ok=True)
    journal = Journal(folder, chunk_bytes=2048, reserve_bytes=256)
    for number in range(count):
        journal.append(intent(number))
        tell(f"ack {number}")
        if number == count // 2:
            journal.rotate([intent(number)])
            tell(f"rotated {number}")
    journal.close()


def intent(number: int) -> IntentRecord:
    return IntentRecord(
        client_order_id=f"O-{number}-" + "x" * 300,
        instrument="BTCUSDT-PERP.BINANCE",
        side=Side.BUY,
        quantity=1.0,
        price=None,
        reduce_only=False,
        ts_ns=number,
    )


def serve() -> None:
    """Walk without end in a forked child for each line `FOLDER SEED` read, so that starting costs a fork."""
    for line in sys.stdin:
        folder, seed = line.split()
        child = os.fork()
        if child == 0:
            tell(f"pid {os.getpid()}")
            transitions(Path(folder), int(seed), 10**9)
            os._exit(0)
        os.waitpid(child, 0)
        tell("end")


def main() -> None:
    if sys.argv[1] == "serve":
        serve()
        return
    work = {"transitions": transitions, "appends": appends}[sys.argv[1]]
    try:
        work(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    except (Bot4Error, OSError) as error:
        tell(f"failed {type(error).__name__}: {error}")
        os._exit(getattr(error, "exit_code", 1))


if __name__ == "__main__":
    main()
