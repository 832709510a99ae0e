"""The control state on all its stores: what must be durable before it takes effect, and what waits for nobody."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec

from errors import PreconditionError
from risk.modes.table import Mode
from risk.state.etcd_store import EtcdConfig, EtcdStore
from risk.state.failure import NoSpaceError, StateError
from risk.state.file_store import FileStore
from risk.state.files import Files
from risk.state.lane import Lane, LaneHealth, RetryConfig
from risk.state.object_store import ObjectStore, ObjectStoreConfig, open_bucket
from risk.state.recovery import COPY, FENCE, FILE, Recovered, settle
from risk.state.store import StateRecord, StateStore

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]


class StateConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Where the control state is kept, and how long who waits for it.

    Parameters
    ----------
    folder : str
        The authority: a folder on a local disk, held by one node.
    node : str
        Name of the node, one for each folder; a node takes etcd back only from itself.
    file_timeout_s : float
        A disk that takes longer counts as failed.
    upward_timeout_s : float
        How long a loosening waits for etcd.
    emergency_wait_s : float
        How long Emergency, in effect already, waits to be able to report that it is stored.
    etcd, object_store
        Absent where not used.

    """

    folder: str
    node: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "node-1"
    file_timeout_s: _Seconds = 2.0
    upward_timeout_s: _Seconds = 2.0
    emergency_wait_s: _Seconds = 0.05
    retry: RetryConfig = RetryConfig()
    etcd: EtcdConfig | None = None
    object_store: ObjectStoreConfig | None = None


class Move(Enum):
    """What a commit does to the restrictions: how durable it must be before it takes effect follows from it."""

    UP = "UP"
    """Loosens: file and etcd."""
    LEVEL = "LEVEL"
    """Keeps or tightens: file."""
    EMERGENCY = "EMERGENCY"
    """Closes everything: in effect already, whatever the stores do."""


class Commit(msgspec.Struct, frozen=True):
    """What became of a commit: `durable` is False only for Emergency, with the reasons in `problems`."""

    record: StateRecord
    durable: bool
    problems: tuple[str, ...] = ()


def open_state(
    config: StateConfig, environment: Mapping[str, str], *, files: Files | None = None, take_over: bool = False
) -> DurableState:
    """
    Open every store a configuration names: lock the folder, claim etcd, connect the copy.

    Parameters
    ----------
    config : StateConfig
        Which stores.
    environment : mapping of str to str
        Holds the keys of the object store.
    files : Files or None
        None for the real file system.
    take_over : bool
        Fence out another node that owns etcd.

    Raises
    ------
    PreconditionError
        If another process holds the folder, or another node etcd.
    ConfigError
        If a key of the object store is not in the environment.

    """
    fence = None if config.etcd is None else EtcdStore(config.etcd, config.node)
    copy = None
    if config.object_store is not None:
        copy = ObjectStore(open_bucket(config.object_store, environment), config.object_store.prefix)
    file = FileStore(Path(config.folder), files)
    if fence is not None:
        try:
            # an etcd that does not answer is claimed with the first record it takes
            with contextlib.suppress(StateError):
                fence.claim(take_over=take_over)
        except PreconditionError:
            file.close()
            raise
    return DurableState(file, config=config, fence=fence, copy=copy)


class DurableState:
    """
    Keep the control state on a file and, where configured, etcd and an object store.

    A record that loosens also tells a restart to resume no looser than the state before it, until the next commit
    (or `confirm`) shows that the loosening took effect: a crash between storing and telling is then harmless.
    Call from one thread.

    Parameters
    ----------
    file : StateStore
        The authority.
    fence, copy : StateStore or None
        etcd, and the object store.
    config : StateConfig
        Time limits and retries.

    """

    def __init__(
        self,
        file: StateStore,
        *,
        config: StateConfig,
        fence: StateStore | None = None,
        copy: StateStore | None = None,
    ) -> None:
        self._config = config
        self._findings = {
            name: store.load() for name, store in ((FILE, file), (FENCE, fence), (COPY, copy)) if store is not None
        }
        self._file = Lane(file)
        self._fence = None if fence is None else Lane(fence, config.retry)
        self._copy = None if copy is None else Lane(copy, config.retry)
        self._epoch = settle(self._findings).epoch
        self._current: StateRecord | None = None
        self._rank = Mode.EMERGENCY.priority
        self._failed: str | None = None

    @property
    def current(self) -> StateRecord | None:
        """Return the newest record that took effect in this process."""
        return self._current

    @property
    def failed(self) -> str | None:
        """Return why nothing but Emergency is accepted any more; None while all is well."""
        if self._failed is not None:
            return self._failed
        stopped = [lane.health().stopped for lane in (self._file, self._fence) if lane is not None]
        return next((reason for reason in stopped if reason is not None), None)

    def recover(self, *, traces: Sequence[str] = (), contradictions: Sequence[str] = ()) -> Recovered:
        """Return what the stores held when they were opened; see `settle`. The caller commits what it makes of it."""
        recovered = settle(self._findings, traces=traces, contradictions=contradictions)
        if self._current is None and recovered.doubt is None:
            self._current = recovered.record
            self._rank = Mode.MANUAL.priority if recovered.record is None else recovered.resume_rank
        return recovered

    def commit(self, payload: bytes, rank: int, move: Move = Move.LEVEL) -> Commit:
        """
        Store a new state.

        Parameters
        ----------
        payload : bytes
            The whole control state.
        rank : int
            `Mode.priority` of its mode.
        move : Move
            UP where anything is loosened, EMERGENCY where the state is in effect already. A fall of the rank counts
            as UP whatever is said here.

        Returns
        -------
        Commit
            Durable, unless `move` is EMERGENCY.

        Raises
        ------
        StateError
            If the record is not durable everywhere it must be: it must not take effect. Never for EMERGENCY, which is
            therefore what remains to a caller whose tightening was refused.

        """
        if move is Move.EMERGENCY:
            return self._commit_emergency(self._next(payload, rank, max(rank, self._rank)))
        if (failed := self.failed) is not None:
            raise StateError(f"the state accepts nothing but Emergency since {failed}")
        upward = move is Move.UP or rank < self._rank
        if upward and self._current is None:
            raise StateError("the first state of a process cannot loosen what the stores held")
        record = self._next(payload, rank, max(rank, self._rank))
        self._await_file(record)
        if self._fence is not None:
            promise = self._fence.offer(record)
            if upward:
                self._await_fence(promise)
        if self._copy is not None:
            self._copy.offer(record)
        self._take_effect(record)
        return Commit(record, durable=True)

    def confirm(self) -> None:
        """Let a restart resume at the current rank, once a loosening has been seen to take effect."""
        current = self._current
        if current is not None and current.resume_rank != current.rank:
            self.commit(current.payload, current.rank)

    def health(self) -> tuple[LaneHealth, ...]:
        """Return how each store keeps up."""
        return tuple(lane.health() for lane in (self._file, self._fence, self._copy) if lane is not None)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Give every store up to `timeout_s` to write what waits; return whether all of them hold everything."""
        lanes = [lane for lane in (self._copy, self._fence, self._file) if lane is not None]
        held = [lane.close(timeout_s) for lane in lanes]
        return all(held)

    def _take_effect(self, record: StateRecord) -> None:
        self._current, self._rank = record, record.rank

    def _next(self, payload: bytes, rank: int, resume_rank: int) -> StateRecord:
        self._epoch += 1
        return StateRecord(epoch=self._epoch, rank=rank, resume_rank=resume_rank, payload=payload)

    def _commit_emergency(self, record: StateRecord) -> Commit:
        self._take_effect(record)
        promise = self._file.offer(record)
        for lane in (self._fence, self._copy):
            if lane is not None:
                lane.offer(record)
        try:
            promise.result(self._config.emergency_wait_s)
        except TimeoutError:
            return Commit(record, durable=False, problems=("the file does not answer",))
        except StateError as error:
            return Commit(record, durable=False, problems=(str(error),))
        return Commit(record, durable=True)

    def _await_file(self, record: StateRecord) -> None:
        try:
            self._file.offer(record).result(self._config.file_timeout_s)
        except TimeoutError:
            # the write may still happen, so nothing this process believes of the disk holds any more
            self._failed = f"the state file did not answer within {self._config.file_timeout_s} s"
            raise StateError(self._failed) from None
        except NoSpaceError:
            raise
        except StateError as error:
            self._failed = str(error)
            raise

    def _await_fence(self, promise: Future[None]) -> None:
        try:
            promise.result(self._config.upward_timeout_s)
        except (StateError, TimeoutError) as error:
            reason = str(error) or f"no answer within {self._config.upward_timeout_s} s"
            self._take_back()
            raise StateError(f"loosening refused, etcd did not confirm it: {reason}") from error

    def _take_back(self) -> None:
        """Put the state that stays in effect over a loosening that the file has and etcd may have."""
        if self._current is None or self._fence is None:
            return
        stays = self._next(self._current.payload, self._rank, self._rank)
        self._fence.offer(stays)
        try:
            self._await_file(stays)
        except StateError as error:
            self._failed = f"a refused loosening stands in the state file and could not be taken back: {error}"
            raise
        self._take_effect(stays)
