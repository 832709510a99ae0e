"""A bulkhead: one thread that writes to one store, so that a slow or dead store delays nobody else."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import Future
from typing import Annotated

import msgspec

from risk.state.failure import FencedError, PoisonedError, StateError
from risk.state.store import StateRecord, StateStore


class RetryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How a background write is tried again: after `first_s`, then twice as long each time up to `longest_s`.

    Each pause is shortened by up to half, so that stores that failed together are not asked together.
    """

    first_s: Annotated[float, msgspec.Meta(gt=0)] = 0.2
    longest_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0

    def __post_init__(self) -> None:
        if not self.first_s <= self.longest_s:
            raise ValueError(f"need first_s <= longest_s, were {self.first_s}, {self.longest_s}")

    def pause_s(self, name: str, attempt: int) -> float:
        """Return the pause after the `attempt`-th failure in a row, from 1; the jitter is a hash, not chance."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 30))
        spread = hashlib.sha256(f"{name} {attempt}".encode()).digest()[0] / 255
        return whole * (1 - 0.5 * spread)


class LaneHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one store keeps up; epochs are -1 where there is none. `stopped` says why it will never write again."""

    store: str
    saved_epoch: int
    waiting_epoch: int
    failures: int
    last_error: str | None
    stopped: str | None

    @property
    def healthy(self) -> bool:
        """Return whether the store holds all it was given."""
        return self.last_error is None and self.waiting_epoch < 0 and self.stopped is None


class Lane:
    """
    Write records to one store in a thread of its own, the newest first and only.

    Nothing queues up: a record that still waits when a newer one comes is dropped, for the newer holds all it held.

    Parameters
    ----------
    store : StateStore
        Used by this lane's thread alone from now on.
    retry : RetryConfig or None
        None tries every record once.

    """

    def __init__(self, store: StateStore, retry: RetryConfig | None = None) -> None:
        self._store = store
        self._retry = retry
        self._changed = threading.Condition()
        self._waiting: StateRecord | None = None
        self._failed: StateRecord | None = None
        self._promises: list[tuple[int, Future[None]]] = []
        self._saved_epoch = -1
        self._failures = 0
        self._last_error: str | None = None
        self._stopped: str | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"state-{store.name}", daemon=True)
        self._thread.start()

    def offer(self, record: StateRecord) -> Future[None]:
        """Have `record` written; the future ends when it or a newer one is durable, or its first try has failed."""
        promise: Future[None] = Future()
        with self._changed:
            if self._stopped is not None:
                promise.set_exception(StateError(self._stopped))
                return promise
            self._waiting = record
            self._promises.append((record.epoch, promise))
            self._changed.notify_all()
        return promise

    def health(self) -> LaneHealth:
        """Return how the store keeps up."""
        with self._changed:
            return LaneHealth(
                store=self._store.name,
                saved_epoch=self._saved_epoch,
                waiting_epoch=-1 if self._waiting is None else self._waiting.epoch,
                failures=self._failures,
                last_error=self._last_error,
                stopped=self._stopped,
            )

    def close(self, timeout_s: float) -> bool:
        """Write what waits, for at most `timeout_s`; return whether the store holds all it was given."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._store.close()
        return self.health().healthy

    def _run(self) -> None:
        attempt = 0
        while self._stopped is None and (record := self._next(attempt)) is not None:
            error = self._try(record)
            attempt = 0 if error is None else attempt + 1
            self._note(record, error)

    def _next(self, attempt: int) -> StateRecord | None:
        """Wait for a record, or for the pause after a failure; None ends the thread."""
        with self._changed:
            if self._failed is not None and self._retry is not None:
                self._pause(self._failed, self._retry.pause_s(self._store.name, attempt))
            while self._waiting is None and not self._closing:
                self._changed.wait()
            return None if self._closing and self._waiting is self._failed else self._waiting

    def _pause(self, failed: StateRecord, pause_s: float) -> None:
        """Wait out a pause; a newer record or the end cuts it short."""
        until = time.monotonic() + pause_s
        while self._waiting is failed and not self._closing and (left := until - time.monotonic()) > 0:
            self._changed.wait(left)

    def _try(self, record: StateRecord) -> StateError | None:
        try:
            self._store.save(record)
        except StateError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a lane that dies of a bug would look like a slow store
            return StateError(f"{self._store.name}: {type(error).__name__}: {error}")
        return None

    def _note(self, record: StateRecord, error: StateError | None) -> None:
        with self._changed:
            if error is None:
                self._saved_epoch = record.epoch
                self._failed = self._last_error = None
            else:
                self._failures += 1
                self._failed, self._last_error = record, str(error)
                if isinstance(error, (FencedError, PoisonedError)):
                    self._stopped, self._waiting = str(error), None
            if self._waiting is record and (error is None or self._retry is None):
                self._waiting = self._failed = None
            # a promise made for a newer record that came meanwhile waits for that one
            ended = [each for each in self._promises if each[0] <= record.epoch or self._stopped is not None]
            self._promises = [each for each in self._promises if each not in ended]
        for _, promise in ended:
            if error is None:
                promise.set_result(None)
            else:
                promise.set_exception(error)
