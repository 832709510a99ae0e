"""Run the walker under strace with a fault injected into the n-th occurrence of one system call."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
CALLS = (
    "openat",
    "pwrite64",
    "ftruncate",
    "fdatasync",
    "fsync",
    "rename",
    "unlink",
    "close",
    "flock",
    "mkdir",
    "fchmod",
)
"""What a state folder is changed with."""

NAMES = (
    *("", "lock", "reserve", "initialised", "suspect", "state.a", "state.b", "state.tmp", "journal-tmp"),
    *(f"journal.{number:08d}" for number in range(4)),
)
"""The files a walk touches; the empty name is the folder itself."""


class Outcome(NamedTuple):
    """How a walk ended: exit code (negative for a signal) and the lines it told."""

    code: int
    lines: list[list[str]]

    def last(self, word: str) -> list[int] | None:
        """Return the numbers of the last line that begins with `word`."""
        found = [line for line in self.lines if line and line[0] == word]
        return [int(each) for each in found[-1][1:]] if found else None


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{HERE.parent.parent}{os.pathsep}{HERE}", "PYTHONDONTWRITEBYTECODE": "1"}


def run(
    strace: str,
    folder: Path,
    work: str,
    steps: int,
    *,
    fault: str | None = None,
    names: Sequence[str] = NAMES,
    log: Path | None = None,
) -> Outcome:
    """
    Run one walk and inject `fault`, such as ``fdatasync:error=EIO:when=3``, into calls that touch `names`.

    strace counts the occurrences of each thread for itself.
    """
    paths = [argument for name in names for argument in ("-P", str(folder / name) if name else str(folder))]
    inject = [] if fault is None else ["-e", f"inject={fault}"]
    command = [strace, "-f", "-qqq", "-o", str(log or os.devnull), "-e", f"trace={','.join(CALLS)}", *paths, *inject]
    walker = [sys.executable, str(HERE / "walker.py"), work, str(folder), "7", str(steps)]
    done = subprocess.run(
        [*command, *walker], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert "strace:" not in done.stderr, done.stderr
    return Outcome(done.returncode, [line.split() for line in done.stdout.splitlines()])


def points(strace: str, folder: Path, work: str, steps: int, names: Sequence[str] = NAMES) -> list[tuple[str, int]]:
    """Return every system call of an undisturbed walk that touches `names`, with every number of its occurrence."""
    log = folder.parent / f"{folder.name}.log"
    outcome = run(strace, folder, work, steps, names=names, log=log)
    assert outcome.code == 0, outcome
    calls = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
    longest: dict[str, int] = {}
    for (_thread, call), count in calls.items():
        longest[call] = max(longest.get(call, 0), count)
    return [(call, number) for call in sorted(longest) for number in range(1, longest[call] + 1)]
