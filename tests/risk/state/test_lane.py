"""The bulkhead of one store: the newest record only, retries with growing pauses, and an honest end."""

from __future__ import annotations

import threading

import pytest

from risk.state.failure import FencedError, StateError
from risk.state.lane import Lane, RetryConfig
from risk.state.store import Finding, Missing, StateRecord


def record(epoch: int) -> StateRecord:
    return StateRecord(epoch=epoch, rank=0, resume_rank=0, payload=b"")


class Gated:
    """A store whose every save waits for a permit, and raises what is planned for it."""

    name = "gated"

    def __init__(self, *plan: Exception | None) -> None:
        self.plan = list(plan)
        self.begun = threading.Semaphore(0)
        self.permits = threading.Semaphore(0)
        self.tried: list[int] = []
        self.held: list[int] = []

    def load(self) -> Finding:
        return Missing()

    def save(self, record: StateRecord) -> None:
        self.tried.append(record.epoch)
        self.begun.release()
        assert self.permits.acquire(timeout=5)
        error = self.plan.pop(0) if self.plan else None
        if error is not None:
            raise error
        self.held.append(record.epoch)

    def close(self) -> None:
        pass


def test_only_the_newest_of_the_waiting_records_is_written() -> None:
    store = Gated()
    lane = Lane(store)
    first = lane.offer(record(1))
    assert store.begun.acquire(timeout=5)
    later = [lane.offer(record(epoch)) for epoch in (2, 3, 4)]

    store.permits.release()
    first.result(5)
    assert not any(promise.done() for promise in later), "the first save says nothing of the newer records"
    store.permits.release()
    for promise in later:
        promise.result(5)

    assert store.held == [1, 4]
    assert lane.close(5)
    assert lane.health().saved_epoch == 4


def test_a_failure_is_told_at_once_and_tried_again_in_the_background() -> None:
    store = Gated(StateError("down"), StateError("down"))
    lane = Lane(store, RetryConfig(first_s=0.01, longest_s=0.01))
    promise = lane.offer(record(1))
    store.permits.release(3)

    with pytest.raises(StateError, match="down"):
        promise.result(5)
    for _ in range(3):
        assert store.begun.acquire(timeout=5)
    assert lane.close(5)

    assert store.tried == [1, 1, 1]
    assert lane.health().healthy
    assert lane.health().failures == 2


def test_a_newer_record_cuts_the_pause_short() -> None:
    store = Gated(StateError("down"))
    lane = Lane(store, RetryConfig(first_s=30, longest_s=30))
    store.permits.release(2)
    with pytest.raises(StateError):
        lane.offer(record(1)).result(5)

    lane.offer(record(2)).result(5)

    assert store.held == [2]
    assert lane.close(5)


def test_a_store_without_retries_tries_each_record_once() -> None:
    store = Gated(StateError("down"))
    lane = Lane(store)
    store.permits.release(2)
    with pytest.raises(StateError):
        lane.offer(record(1)).result(5)

    assert lane.health().waiting_epoch == -1
    assert not lane.health().healthy
    lane.offer(record(2)).result(5)
    assert store.tried == [1, 2]
    assert lane.close(5)


def test_a_fenced_store_is_never_asked_again() -> None:
    store = Gated(FencedError("taken over"))
    lane = Lane(store, RetryConfig())
    store.permits.release(5)
    with pytest.raises(FencedError):
        lane.offer(record(1)).result(5)

    with pytest.raises(StateError, match="taken over"):
        lane.offer(record(2)).result(5)

    assert store.tried == [1]
    assert lane.health().stopped == "taken over"
    assert not lane.close(5)


def test_a_bug_in_a_store_is_a_failure_and_not_a_silent_end() -> None:
    store = Gated(KeyError("kvs"))
    lane = Lane(store)
    store.permits.release(2)

    with pytest.raises(StateError, match="gated: KeyError"):
        lane.offer(record(1)).result(5)
    lane.offer(record(2)).result(5)
    assert lane.close(5)


def test_closing_gives_up_on_a_store_that_hangs_and_on_one_that_failed() -> None:
    hanging, failing = Gated(), Gated(StateError("down"), StateError("down"))
    lanes = Lane(hanging), Lane(failing, RetryConfig(first_s=30, longest_s=30))
    for lane in lanes:
        lane.offer(record(1))
    failing.permits.release(2)
    assert hanging.begun.acquire(timeout=5)
    assert failing.begun.acquire(timeout=5)

    assert not lanes[0].close(0.05)
    assert not lanes[1].close(5)
    hanging.permits.release()


def test_pauses_double_up_to_the_longest_and_differ_between_stores() -> None:
    retry = RetryConfig(first_s=0.1, longest_s=2)

    pauses = [retry.pause_s("etcd", attempt) for attempt in range(1, 40)]

    for attempt, pause in enumerate(pauses):
        whole = min(2, 0.1 * 2**attempt)
        assert whole / 2 <= pause <= whole
    assert pauses == [retry.pause_s("etcd", attempt) for attempt in range(1, 40)]
    assert pauses != [retry.pause_s("s3", attempt) for attempt in range(1, 40)]
