"""Race two forked processes for one state folder, again and again; print how often each pair of exit codes came."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

from errors import PreconditionError
from risk.state.file_store import FileStore


def racer(folder: Path, start: int, end: int, done: int) -> int:
    """Fork a process that opens the folder at a byte from `start`, and holds what it got until one from `end`."""
    child = os.fork()
    if child:
        return child
    os.read(start, 1)
    code = 0
    try:
        store = FileStore(folder)
    except PreconditionError as error:
        code = error.exit_code
    except BaseException:  # noqa: BLE001 - a forked child must end here
        code = 70
    else:
        assert store
    os.write(done, b"x")
    os.read(end, 1)
    os._exit(code)


def race(folder: Path) -> tuple[int, ...]:
    (start, starter), (end, ender), (told, done) = os.pipe(), os.pipe(), os.pipe()
    children = [racer(folder, start, end, done) for _ in range(2)]
    os.write(starter, b"xx")
    for _ in children:
        os.read(told, 1)  # both have tried before either ends
    os.write(ender, b"xx")
    codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    for descriptor in (start, starter, end, ender, told, done):
        os.close(descriptor)
    return tuple(codes)


if __name__ == "__main__":
    # every tenth race is for a folder that is not there yet
    outcomes = Counter(race(Path(sys.argv[1]) / str(number // 10)) for number in range(int(sys.argv[2])))
    os.write(1, json.dumps({str(codes): count for codes, count in outcomes.items()}).encode())
