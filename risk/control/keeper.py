"""Keep the control document: in memory for a replay, on the state stores for a node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from risk.control.document import ControlState
from risk.modes.table import Mode
from risk.state.durable import Commit, Move
from risk.state.failure import StateError


class Stores(Protocol):
    """What the keeper needs of `risk.state.durable.DurableState`."""

    @property
    def failed(self) -> str | None:
        """Return why nothing but Emergency is accepted any more; None while all is well."""

    def commit(self, payload: bytes, rank: int, move: Move = Move.LEVEL) -> Commit:
        """Store a state; raises a StateError where it is not durable, but never for Emergency."""

    def confirm(self) -> None:
        """Let a restart resume at the present rank."""


class Keeper:
    """
    Store the whole document whenever a part of it changes.

    Parameters
    ----------
    collect : callable
        Returns the document as it shall be stored.
    stores : Stores or None
        None where nothing survives: a replay.
    last : ControlState or None
        What the stores hold already; None where that is nothing.

    """

    def __init__(
        self, collect: Callable[[], ControlState], stores: Stores | None = None, last: ControlState | None = None
    ) -> None:
        self._collect = collect
        self._stores = stores
        self._last = last
        self.loosening_refused = False
        """Whether what was last stored was a loosening that stores in good order refused: then nothing is lost."""

    @property
    def failed(self) -> str | None:
        """Return why the stores accept nothing any more; None while all is well, and where there are none."""
        return None if self._stores is None else self._stores.failed

    @property
    def loosens(self) -> bool:
        """Return whether the state as it is now allows what the stored one does not."""
        return self._stores is not None and self._collect().looser_than(self._last)

    def store(self) -> None:
        """
        Make the state durable: what loosens waits for every store, what tightens for the file, Emergency for none.

        Raises
        ------
        StateError
            If it is not durable where it must be; for Emergency, if the file has failed and so never will be.

        """
        if self._stores is None:
            return
        state = self._collect()
        looser = state.looser_than(self._last)
        move = Move.EMERGENCY if state.mode is Mode.EMERGENCY and not looser else Move.UP if looser else Move.LEVEL
        try:
            commit = self._stores.commit(state.encode(), state.mode.priority, move)
        except StateError:
            self.loosening_refused = move is Move.UP and self._stores.failed is None
            raise
        self.loosening_refused = False
        self._last = state
        if not commit.durable and self._stores.failed is not None:
            raise StateError("; ".join(commit.problems))

    def store_soon(self) -> None:
        """
        Store what is in effect in any case, and wait for no more than a moment: a kill switch.

        Raises
        ------
        StateError
            If it is not known to be durable yet.

        """
        if self._stores is None:
            return
        state = self._collect()
        if state.looser_than(self._last):
            self.store()
            return
        commit = self._stores.commit(state.encode(), state.mode.priority, Move.EMERGENCY)
        self._last = state
        if not commit.durable:
            raise StateError("; ".join(commit.problems))

    def confirm(self) -> None:
        """Let a restart resume the present state, now that it is in effect."""
        if self._stores is not None and self._stores.failed is None:
            self._stores.confirm()
