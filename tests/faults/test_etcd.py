"""D3 against a real etcd: killed, frozen and started again; Emergency waits for nothing, and the fence holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from etcd3gw.exceptions import ConnectionTimeoutError
from etcd_server import EtcdServer
from mode_walk import Payload

from errors import PreconditionError
from risk.modes.table import Mode
from risk.state.durable import DurableState, Move, StateConfig, open_state
from risk.state.etcd_store import EtcdStore
from risk.state.failure import FencedError, StateError
from risk.state.lane import RetryConfig
from risk.state.recovery import settle
from risk.state.store import Corrupt, Found, Missing, StateRecord, Unreachable

pytestmark = pytest.mark.xdist_group("etcd")

MANUAL, SEMI_AUTO, EMERGENCY = (mode.priority for mode in (Mode.MANUAL, Mode.SEMI_AUTO, Mode.EMERGENCY))


@pytest.fixture(scope="module")
def server(etcd_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    running = EtcdServer(etcd_binary, tmp_path_factory.mktemp("etcd"))
    yield running
    running.kill()


def record(epoch: int, rank: int = MANUAL) -> StateRecord:
    return StateRecord(epoch=epoch, rank=rank, resume_rank=rank, payload=b"state %d" % epoch)


def opened(server: EtcdServer, folder: Path, prefix: str, node: str = "node-1", **more: object) -> DurableState:
    retry = RetryConfig(first_s=0.05, longest_s=0.2)
    etcd = server.config(prefix)
    return open_state(StateConfig(folder=str(folder), node=node, etcd=etcd, retry=retry), {}, **more)


def wait_until(holds: Callable[[], bool], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "did not come true in time"
        time.sleep(0.01)


def test_keeps_the_newest_record_and_refuses_an_older_one(server: EtcdServer) -> None:
    store = EtcdStore(server.config("/keeps"), "a")

    assert store.load() == Missing()
    store.save(record(1))
    store.save(record(2))

    assert EtcdStore(server.config("/keeps"), "b").load() == Found(record(2))
    with pytest.raises(StateError, match="epoch must be above 2"):
        store.save(record(2))


def test_a_foreign_text_under_the_key_is_corrupt(server: EtcdServer) -> None:
    store = EtcdStore(server.config("/foreign"), "a")
    store._client.put("/foreign/state", "not a state")

    assert isinstance(store.load(), Corrupt)
    store.save(record(1))
    assert store.load() == Found(record(1))


def test_a_node_that_was_taken_over_cannot_write_any_more(server: EtcdServer) -> None:
    first, second = (EtcdStore(server.config("/fence"), name) for name in ("a", "b"))
    first.save(record(1))

    with pytest.raises(PreconditionError, match="node 'a' owns this state"):
        second.claim()
    second.claim(take_over=True)

    with pytest.raises(FencedError, match="'b' has taken over from 'a'"):
        first.save(record(2))
    assert second.load() == Found(record(1))
    second.save(record(3))


def test_a_restarted_node_takes_back_what_it_owns_and_fences_its_own_past(server: EtcdServer) -> None:
    past, present = (EtcdStore(server.config("/again"), "a") for _ in range(2))
    past.save(record(1))

    present.claim()

    with pytest.raises(FencedError):
        past.save(record(2))
    present.save(record(2))


def test_exactly_one_of_two_nodes_claims(server: EtcdServer, counted: Callable[[str], None]) -> None:
    races = 50
    for number in range(races):
        gate = threading.Barrier(2)
        results: list[bool] = []

        def claim(name: str) -> None:
            store = EtcdStore(server.config(f"/race-{number}"), name)  # noqa: B023 - joined within the pass
            gate.wait()  # noqa: B023
            try:
                store.claim()
            except PreconditionError:
                results.append(False)  # noqa: B023
            else:
                results.append(True)  # noqa: B023

        threads = [threading.Thread(target=claim, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False, True]

    counted(f"two nodes on one etcd key: {races} races, one winner in each")


def test_a_write_that_timed_out_cannot_arrive_over_a_newer_one(server: EtcdServer) -> None:
    store = EtcdStore(server.config("/late", timeout_s=0.2), "a")
    store.save(record(1))
    with server.frozen(), pytest.raises(StateError):
        store.save(record(2))

    # the frozen server has the write in its socket and may answer it now, before or after the next
    for epoch in range(3, 20):
        try:
            store.save(record(epoch))
        except StateError:
            continue
        break
    time.sleep(0.2)

    assert store.load() == Found(record(epoch))


def test_a_delayed_write_is_refused_by_etcd_itself(server: EtcdServer, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EtcdStore(server.config("/delayed"), "a")
    store.save(record(1))
    send, delayed = store._client.transaction, []

    def lose(transaction: dict[str, object]) -> dict[str, object]:
        delayed.append(transaction)
        raise ConnectionTimeoutError("no answer")

    monkeypatch.setattr(store._client, "transaction", lose)
    with pytest.raises(StateError, match="no answer"):
        store.save(record(2))
    monkeypatch.undo()
    store.save(record(3))

    assert not send(delayed[0]).get("succeeded")
    assert store.load() == Found(record(3))


def test_a_compacted_history_changes_nothing(server: EtcdServer) -> None:
    store = EtcdStore(server.config("/compacted"), "a")
    for epoch in range(1, 6):
        store.save(record(epoch))
    client = store._client
    client.post(client.get_url("/kv/compaction"), json={"revision": store._state_revision, "physical": True})

    store.save(record(6))

    assert EtcdStore(server.config("/compacted"), "a").load() == Found(record(6))


def test_emergency_waits_for_no_etcd_and_loosening_needs_it(server: EtcdServer, tmp_path: Path) -> None:
    state = opened(server, tmp_path / "s", "/durable")
    assert state.recover().first_start
    state.commit(Payload.of(Mode.MANUAL, 0), MANUAL)
    state.commit(Payload.of(Mode.SEMI_AUTO, 1), SEMI_AUTO, Move.UP)

    with server.frozen():
        begin = time.monotonic()
        state.commit(Payload.of(Mode.EMERGENCY, 2), EMERGENCY, Move.EMERGENCY)
        took = time.monotonic() - begin
        with pytest.raises(StateError, match="loosening refused"):
            state.commit(Payload.of(Mode.MANUAL, 3), MANUAL, Move.UP)

    assert took < 0.1
    assert state.current.rank == EMERGENCY
    wait_until(lambda: all(each.healthy for each in state.health()))
    state.commit(Payload.of(Mode.MANUAL, 4), MANUAL, Move.UP)
    state.close()
    again = opened(server, tmp_path / "s", "/durable")
    recovered = again.recover()
    assert recovered.doubt is None
    assert recovered.record.payload == Payload.of(Mode.MANUAL, 4)
    again.close()


def test_a_refused_loosening_does_not_come_back_at_the_next_start(server: EtcdServer, tmp_path: Path) -> None:
    state = opened(server, tmp_path / "s", "/refused")
    state.recover()
    state.commit(Payload.of(Mode.MANUAL, 0), MANUAL)
    wait_until(lambda: all(each.healthy for each in state.health()))
    with server.frozen(), pytest.raises(StateError):
        state.commit(Payload.of(Mode.SEMI_AUTO, 1), SEMI_AUTO, Move.UP)
    wait_until(lambda: all(each.healthy for each in state.health()))
    state.close()

    again = opened(server, tmp_path / "s", "/refused")
    recovered = again.recover()
    again.close()

    assert recovered.doubt is None
    assert recovered.resume_rank == MANUAL
    assert recovered.record.payload == Payload.of(Mode.MANUAL, 0)


def test_a_second_node_ends_what_the_first_may_do(server: EtcdServer, tmp_path: Path) -> None:
    first = opened(server, tmp_path / "a", "/nodes", "a")
    first.recover()
    first.commit(Payload.of(Mode.MANUAL, 0), MANUAL)
    wait_until(lambda: all(each.healthy for each in first.health()))

    with pytest.raises(PreconditionError):
        opened(server, tmp_path / "b", "/nodes", "b")
    second = opened(server, tmp_path / "b", "/nodes", "b", take_over=True)
    recovered = second.recover()

    assert recovered.doubt is not None, "its own folder is empty, and etcd shows that there was a state"
    second.commit(Payload.of(Mode.EMERGENCY, 0), EMERGENCY, Move.EMERGENCY)
    with pytest.raises(StateError):
        first.commit(Payload.of(Mode.SEMI_AUTO, 1), SEMI_AUTO, Move.UP)
    wait_until(lambda: first.failed is not None)
    with pytest.raises(StateError, match="has taken over"):
        first.commit(Payload.of(Mode.MANUAL, 2), MANUAL)
    first.close()
    second.close()


def test_a_killed_etcd_comes_back_with_what_it_acknowledged(etcd_binary: str, tmp_path: Path) -> None:
    server = EtcdServer(etcd_binary, tmp_path / "etcd")
    try:
        state = opened(server, tmp_path / "s", "/killed")
        state.recover()
        state.commit(Payload.of(Mode.MANUAL, 0), MANUAL)
        state.commit(Payload.of(Mode.SEMI_AUTO, 1), SEMI_AUTO, Move.UP)
        server.kill()

        begin = time.monotonic()
        state.commit(Payload.of(Mode.EMERGENCY, 2), EMERGENCY, Move.EMERGENCY)
        took = time.monotonic() - begin
        assert isinstance(EtcdStore(server.config("/killed"), "x").load(), Unreachable)
        with pytest.raises(StateError, match="loosening refused"):
            state.commit(Payload.of(Mode.MANUAL, 3), MANUAL, Move.UP)
        server.start()
        wait_until(lambda: all(each.healthy for each in state.health()))
        held = EtcdStore(server.config("/killed"), "x").load()
        state.close()
    finally:
        server.kill()

    assert took < 0.1
    assert held.record.rank == EMERGENCY
    assert settle({"file": held, "etcd": held}).doubt is None


def test_a_start_without_etcd_resumes_nothing_above_manual(etcd_binary: str, tmp_path: Path) -> None:
    server = EtcdServer(etcd_binary, tmp_path / "etcd")
    try:
        state = opened(server, tmp_path / "s", "/without")
        state.recover()
        state.commit(Payload.of(Mode.MANUAL, 0), MANUAL)
        state.commit(Payload.of(Mode.SEMI_AUTO, 1), SEMI_AUTO, Move.UP)
        state.confirm()
        state.close()
    finally:
        server.kill()

    again = opened(server, tmp_path / "s", "/without")
    recovered = again.recover()
    again.close()

    assert recovered.doubt is None
    assert recovered.record.rank == SEMI_AUTO
    assert recovered.resume_rank == MANUAL
    assert "does not answer" in recovered.warnings[0]
