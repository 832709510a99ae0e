"""What a commit waits for, what it refuses, and what it lets a restart resume."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from risk.modes.table import Mode
from risk.state.durable import DurableState, Move, StateConfig
from risk.state.failure import FencedError, NoSpaceError, StateError
from risk.state.file_store import FileStore, peek
from risk.state.recovery import settle
from risk.state.store import Finding, Found, Missing, StateRecord

EMERGENCY, MANUAL, SEMI_AUTO, FULL_AUTO = (
    mode.priority for mode in (Mode.EMERGENCY, Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO)
)


class Scripted:
    """A store that keeps what it is given, and fails or hangs when told to."""

    def __init__(self, name: str = "etcd") -> None:
        self.name = name
        self.error: StateError | None = None
        self.hang: threading.Event | None = None
        self.held: list[StateRecord] = []

    def load(self) -> Finding:
        return Missing()

    def save(self, record: StateRecord) -> None:
        if self.hang is not None:
            self.hang.wait(10)
        if self.error is not None:
            raise self.error
        self.held.append(record)

    def close(self) -> None:
        pass


@pytest.fixture
def config(tmp_path: Path) -> StateConfig:
    return StateConfig(folder=str(tmp_path / "state"), file_timeout_s=0.3, upward_timeout_s=0.3)


@pytest.fixture
def file() -> Scripted:
    return Scripted("file")


@pytest.fixture
def fence() -> Scripted:
    return Scripted()


@pytest.fixture
def state(file: Scripted, fence: Scripted, config: StateConfig) -> Iterator[DurableState]:
    state = DurableState(file, fence=fence, config=config)
    state.recover()
    state.commit(b"manual", MANUAL)
    yield state
    for store in (file, fence):
        if store.hang is not None:
            store.hang.set()
    state.close(1)


def test_emergency_takes_effect_though_the_disk_hangs(state: DurableState, file: Scripted) -> None:
    file.hang = threading.Event()

    begin = time.monotonic()
    commit = state.commit(b"emergency", EMERGENCY, Move.EMERGENCY)

    assert time.monotonic() - begin < 0.1
    assert not commit.durable
    assert commit.problems == ("the file does not answer",)
    assert state.current == commit.record
    file.hang.set()
    assert state.close(1)
    assert file.held[-1] == commit.record


def test_emergency_takes_effect_though_every_store_fails(state: DurableState, file: Scripted, fence: Scripted) -> None:
    file.error = fence.error = StateError("dead")

    commit = state.commit(b"emergency", EMERGENCY, Move.EMERGENCY)

    assert commit.problems == ("dead",)
    assert state.current == commit.record


def test_a_disk_that_hangs_ends_everything_but_emergency(state: DurableState, file: Scripted) -> None:
    file.hang = threading.Event()

    with pytest.raises(StateError, match=r"did not answer within 0\.3 s"):
        state.commit(b"still manual", MANUAL)

    file.hang.set()
    with pytest.raises(StateError, match="nothing but Emergency"):
        state.commit(b"again", MANUAL)
    assert state.current.payload == b"manual"
    assert state.commit(b"emergency", EMERGENCY, Move.EMERGENCY).durable


def test_a_full_disk_refuses_one_commit_and_not_those_after_it(state: DurableState, file: Scripted) -> None:
    file.error = NoSpaceError("full")
    with pytest.raises(NoSpaceError):
        state.commit(b"still manual", MANUAL)
    file.error = None

    assert state.commit(b"room again", MANUAL).durable


@pytest.mark.parametrize("move", [Move.LEVEL, Move.UP])
def test_a_lower_rank_needs_the_fence_whatever_the_caller_says(
    state: DurableState, fence: Scripted, move: Move
) -> None:
    fence.error = StateError("down")

    with pytest.raises(StateError, match="loosening refused, etcd did not confirm it: down"):
        state.commit(b"semi", SEMI_AUTO, move)

    assert (state.current.payload, state.current.rank) == (b"manual", MANUAL)


def test_a_loosening_within_a_mode_needs_the_fence_too(state: DurableState, fence: Scripted) -> None:
    fence.error = StateError("down")

    with pytest.raises(StateError, match="loosening refused"):
        state.commit(b"kill switch cleared", MANUAL, Move.UP)


def test_a_refused_loosening_is_taken_back_on_every_store(state: DurableState, file: Scripted, fence: Scripted) -> None:
    fence.hang = threading.Event()
    with pytest.raises(StateError, match=r"no answer within 0\.3 s"):
        state.commit(b"semi", SEMI_AUTO, Move.UP)
    fence.hang.set()
    assert state.close(1)

    assert (file.held[-1].payload, file.held[-1].rank) == (b"manual", MANUAL)
    assert fence.held[-1] == file.held[-1]


def test_a_loosening_that_cannot_be_taken_back_ends_everything_but_emergency(
    state: DurableState, file: Scripted, fence: Scripted
) -> None:
    class FullOnSecond(Scripted):
        pass

    fence.error = StateError("down")
    real = file.save
    saved: list[StateRecord] = []

    def save(record: StateRecord) -> None:
        saved.append(record)
        if len(saved) == 2:
            raise NoSpaceError("full")
        real(record)

    file.save = save  # type: ignore[method-assign]
    with pytest.raises(NoSpaceError):
        state.commit(b"semi", SEMI_AUTO, Move.UP)

    assert "could not be taken back" in (state.failed or "")
    with pytest.raises(StateError, match="nothing but Emergency"):
        state.commit(b"manual", MANUAL)


def test_tightening_waits_for_the_file_alone(state: DurableState, fence: Scripted) -> None:
    fence.hang = threading.Event()

    begin = time.monotonic()
    assert state.commit(b"tighter", MANUAL).durable

    assert time.monotonic() - begin < 0.2


def test_a_fenced_node_may_only_go_to_emergency(state: DurableState, fence: Scripted) -> None:
    fence.error = FencedError("node 'b' has taken over")
    state.commit(b"manual again", MANUAL)
    until = time.monotonic() + 2
    while state.failed is None and time.monotonic() < until:
        time.sleep(0.005)

    with pytest.raises(StateError, match="has taken over"):
        state.commit(b"manual", MANUAL)
    assert state.commit(b"emergency", EMERGENCY, Move.EMERGENCY).durable


def test_a_loosening_is_resumed_only_after_it_was_confirmed(tmp_path: Path, config: StateConfig) -> None:
    def restart() -> int:
        store = FileStore(tmp_path / "state")
        found = settle({"file": store.load()})
        store.close()
        return found.resume_rank

    state = DurableState(FileStore(tmp_path / "state"), config=config)
    state.recover()
    state.commit(b"manual", MANUAL)
    state.commit(b"semi", SEMI_AUTO, Move.UP)
    state.close()
    assert restart() == MANUAL

    state = DurableState(FileStore(tmp_path / "state"), config=config)
    state.recover()
    state.commit(b"semi", SEMI_AUTO, Move.UP)
    state.confirm()
    epoch = state.current.epoch
    state.confirm()
    assert state.current.epoch == epoch
    state.close()
    assert restart() == SEMI_AUTO


def test_a_process_that_resumed_lower_has_to_loosen_again(tmp_path: Path, config: StateConfig) -> None:
    for _ in range(2):
        state = DurableState(FileStore(tmp_path / "state"), config=config)
        if state.recover().first_start:
            state.commit(b"manual", MANUAL)
        assert state.commit(b"semi", SEMI_AUTO).record.resume_rank == MANUAL
        state.close()


def test_the_first_state_of_a_process_in_doubt_cannot_loosen(file: Scripted, config: StateConfig) -> None:
    state = DurableState(file, config=config)
    assert state.recover(traces=["journal"]).doubt is not None

    with pytest.raises(StateError, match="cannot loosen"):
        state.commit(b"manual", MANUAL)

    assert state.commit(b"emergency", EMERGENCY, Move.EMERGENCY).durable
    assert state.commit(b"manual", MANUAL, Move.UP).durable
    state.close()


def test_nothing_of_the_state_folder_is_readable_by_others(tmp_path: Path, config: StateConfig) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    state = DurableState(FileStore(tmp_path / "state"), config=config)
    state.recover()
    state.commit(b"manual", MANUAL)
    state.close()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_a_person_may_look_beside_a_running_node(tmp_path: Path, config: StateConfig) -> None:
    assert peek(tmp_path / "state") == Missing()
    state = DurableState(FileStore(tmp_path / "state"), config=config)
    state.recover()
    writer = threading.Thread(target=lambda: [state.commit(b"%d" % number, MANUAL) for number in range(40)])
    writer.start()
    seen = []
    while writer.is_alive():
        finding = peek(tmp_path / "state")
        if isinstance(finding, Found):
            seen.append(finding.record.epoch)
    writer.join()

    assert seen == sorted(seen)
    assert peek(tmp_path / "state") == Found(state.current)
    state.close()
