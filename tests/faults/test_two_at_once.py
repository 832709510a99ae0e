"""R10: of two nodes that start at once on one folder exactly one gets it, and the other ends with exit code 3."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from under_strace import HERE, environment

from errors import PreconditionError
from risk.state.file_store import FileStore

RACES = 200


def test_one_of_two_processes_gets_the_folder(tmp_path: Path, counted: Callable[[str], None]) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "folder_races.py"), str(tmp_path), str(RACES)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"(0, 3)": RACES}
    counted(f"two processes on one state folder: {RACES} races, one winner in each, the other ends with code 3")


def test_the_folder_is_free_again_after_a_close(tmp_path: Path) -> None:
    first = FileStore(tmp_path)
    with pytest.raises(PreconditionError, match="another process holds"):
        FileStore(tmp_path)
    first.close()
    FileStore(tmp_path).close()


def test_two_threads_do_not_share_a_folder_either(tmp_path: Path) -> None:
    results: list[object] = []

    def start() -> None:
        try:
            results.append(FileStore(tmp_path))
        except PreconditionError as error:
            results.append(error)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(isinstance(each, FileStore) for each in results) == [False, True]
