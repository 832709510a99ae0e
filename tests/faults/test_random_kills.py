"""R1: SIGKILL at random instants, one life of the folder after another."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mode_walk import complaint
from under_strace import HERE, environment

from risk.state.file_store import FileStore
from risk.state.recovery import settle


@pytest.fixture
def walkers() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "walker.py"), "serve"],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def live_and_die(walkers: subprocess.Popen[str], folder: Path, chance: random.Random) -> tuple[list[str], int]:
    """Let a walker live for a random time; return the lines it told and how many acknowledgements they hold."""
    walkers.stdin.write(f"{folder} {chance.randrange(10**9)}\n")
    walkers.stdin.flush()
    child = int(walkers.stdout.readline().split()[1])
    killer = threading.Timer(chance.uniform(0.0, 0.08), os.kill, (child, signal.SIGKILL))
    killer.start()
    lines = []
    while (line := walkers.stdout.readline().strip()) != "end":
        lines.append(line)
    killer.join()
    return lines, sum(line.startswith("ack") for line in lines)


def kill_often(walkers: subprocess.Popen[str], folder: Path, cycles: int, seed: int) -> int:
    """Assert after each kill that nothing acknowledged is torn, lost or loosened; return the acknowledgements."""
    chance = random.Random(seed)
    acknowledged: tuple[int, int] | None = None
    acknowledgements = 0
    for cycle in range(cycles):
        lines, count = live_and_die(walkers, folder, chance)
        acknowledgements += count
        begun = acknowledged[0] if acknowledged else -1
        for line in lines:
            word, *numbers = line.split()
            if word == "ack":
                acknowledged = int(numbers[0]), int(numbers[1])
            elif word == "try":
                begun = int(numbers[0])
        store = FileStore(folder)
        recovered = settle({"file": store.load()})
        store.close()
        assert complaint(recovered, acknowledged, begun) is None, (cycle, lines[-2:], recovered)
        assert recovered.doubt is None, (cycle, recovered)
        if recovered.record is not None:
            acknowledged = recovered.epoch, recovered.resume_rank
    return acknowledgements


@pytest.mark.parametrize("cycles", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_kills_lose_and_loosen_nothing(
    tmp_path: Path, walkers: subprocess.Popen[str], counted: Callable[[str], None], cycles: int
) -> None:
    acknowledgements = kill_often(walkers, tmp_path / "state", cycles, seed=cycles)

    counted(f"random kills: {cycles} cycles, {acknowledgements} acknowledged transitions, 0 torn, lost or loosened")
    assert acknowledgements > cycles // 10
