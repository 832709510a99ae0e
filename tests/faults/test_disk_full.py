"""R5: a full disk, a size limit and a read-only folder refuse new states, keep the old, and let Emergency through."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mode_walk import complaint
from under_strace import HERE, environment, points, run

from risk.modes.table import Mode
from risk.state.file_store import FileStore
from risk.state.recovery import settle


def outcome_of(folder: Path, command: list[str], timeout: float = 60) -> dict[str, object]:
    done = subprocess.run(
        [*command, sys.executable, str(HERE / "full_disk.py"), str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if "not permitted" in done.stderr or "permission denied" in done.stderr:
        pytest.skip(f"needs the right to mount in a namespace of its own: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_emergency_is_stored_on_a_disk_that_is_full(tmp_path: Path, unshare: str) -> None:
    mount = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'
    outcome = outcome_of(tmp_path, [unshare, "-m", "sh", "-c", mount, str(tmp_path)])

    assert outcome["refused"] == "NoSpaceError"
    assert outcome["refused_seconds"] < 1
    assert outcome["rank_after_refusal"] == Mode.SEMI_AUTO.priority
    assert outcome["emergency_durable"] is True
    assert outcome["rank_at_restart"] == Mode.EMERGENCY.priority
    assert outcome["doubt_at_restart"] is None
    assert outcome["opening_order"] == "NoSpaceError"
    assert outcome["closing_orders"] >= 200
    assert outcome["closing_orders_recovered"] == outcome["closing_orders"]
    assert outcome["after_space_came_back"] is True


@pytest.mark.parametrize("call", ["openat", "pwrite64"])
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
def test_a_refused_write_leaves_the_old_state_intact(
    tmp_path: Path, strace: str, counted: Callable[[str], None], call: str, error: str
) -> None:
    names = ("state.tmp",)
    places = [point for point in points(strace, tmp_path / "whole", "transitions", 5, names) if point[0] == call]
    refused = 0
    for _, number in places:
        folder = tmp_path / str(number)
        outcome = run(strace, folder, "transitions", 5, fault=f"{call}:error={error}:when={number}", names=names)
        told, begun = outcome.last("ack"), outcome.last("try")
        store = FileStore(folder)
        recovered = settle({"file": store.load()})
        store.close()
        assert recovered.doubt is None, (number, outcome, recovered)
        assert begun is not None
        assert complaint(recovered, (told[0], told[1]) if told else None, begun[0]) is None, (number, outcome)
        # one that moves into Emergency goes through on the reserve; any other ends the walk
        assert outcome.code == 0 or outcome.lines[-1][:2] == ["failed", "NoSpaceError:"], outcome
        refused += outcome.code == 1

    assert refused
    counted(f"{error} at each {call} of a new generation: {len(places)} places, {refused} refused, 0 states lost")


def test_a_size_limit_refuses_and_the_old_state_stays(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400));"
    FileStore(tmp_path / "s").close()
    script = f"""{limit}
from pathlib import Path
from mode_walk import Payload
from risk.modes.table import Mode
from risk.state.failure import NoSpaceError
from risk.state.file_store import FileStore
from risk.state.store import StateRecord
store = FileStore(Path({str(tmp_path / "s")!r}))
store.save(StateRecord(epoch=0, rank=2, resume_rank=2, payload=b"small"))
try:
    store.save(StateRecord(epoch=1, rank=0, resume_rank=2, payload=b"x" * 1000))
except NoSpaceError:
    store.save(StateRecord(epoch=2, rank=3, resume_rank=3, payload=b"still works"))
    print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=False
    )

    assert done.stdout == "refused\n", done.stderr
    assert FileStore(tmp_path / "s").load().record.payload == b"still works"


def test_a_folder_turned_read_only_takes_nothing_and_says_so(tmp_path: Path, unshare: str) -> None:
    mount = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'
    outcome = outcome_of(tmp_path, [unshare, "-m", "sh", "-c", mount, str(tmp_path)])

    assert outcome["read_only_refused"] == "PoisonedError"
    assert outcome["read_only_emergency_durable"] is False
    assert outcome["rank_after_read_only"] == Mode.EMERGENCY.priority
