"""The journal behind a time limit: a disk that hangs must not hang the engine with it."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from concurrent.futures import Future
from queue import SimpleQueue

from errors import Bot4Error
from risk.state.failure import PoisonedError
from risk.state.journal import Journal
from risk.state.journal_text import JournalRecord

_TOGETHER_MAX = 100
"""Posted records that are written as one."""

type _Task = tuple[tuple[JournalRecord, ...], bool, Future[None]]


class BoundedJournal:
    """
    Append in a thread of its own and wait for it, but not for ever.

    After one time-out nothing more is accepted: the late write may or may not be on disk. An order that only
    reduces may be sent in spite of that; one that adds risk may not.

    Parameters
    ----------
    journal : Journal
        Used by this journal's thread alone from now on.
    timeout_s : float
        How long an append may take.

    """

    def __init__(self, journal: Journal, timeout_s: float = 2.0) -> None:
        self._journal = journal
        self._timeout_s = timeout_s
        self._failed: str | None = None
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._posted: deque[JournalRecord] = deque()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> str | None:
        """Return why nothing is accepted any more; None while all is well."""
        return self._failed

    def append(self, *records: JournalRecord, essential: bool = False) -> None:
        """Return when all of `records` are durable; see `Journal.append` for what is raised."""
        if self._failed is not None:
            raise PoisonedError(self._failed)
        done: Future[None] = Future()
        self._tasks.put((records, essential, done))
        try:
            done.result(self._timeout_s)
        except TimeoutError:
            self._failed = f"the journal did not answer within {self._timeout_s} s"
            raise PoisonedError(self._failed) from None
        except PoisonedError as error:
            self._failed = str(error)
            raise

    def post(self, record: JournalRecord) -> None:
        """
        Have `record` written soon, together with others, and wait for nothing: it may be lost.

        For what a start can do without, such as how an order ended. It may also use the reserve of a full disk.
        """
        if self._failed is None:
            self._posted.append(record)
            self._tasks.put(((), True, Future()))

    def close(self) -> bool:
        """Close the journal; return whether the disk answered."""
        self._failed = self._failed or "the journal is closed"
        self._tasks.put(None)
        self._thread.join(self._timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            records, essential, done = task
            try:
                if records:
                    self._journal.append(*records, essential=essential)
            except Exception as error:  # noqa: BLE001 - it is raised again where the append was called
                done.set_exception(error)
            else:
                done.set_result(None)
            self._write_posted()
        self._journal.close()

    def _write_posted(self) -> None:
        together = [self._posted.popleft() for _ in range(min(len(self._posted), _TOGETHER_MAX))]
        if together:
            with contextlib.suppress(Bot4Error):
                self._journal.append(*together, essential=True)
