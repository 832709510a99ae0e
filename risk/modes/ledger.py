"""The stored state of the modes: a change is seen in `snapshot` while it is stored, and by everybody once it is."""

from __future__ import annotations

from collections.abc import Callable

from errors import Bot4Error
from risk.modes.authorisation import Authority, clipped
from risk.modes.changes import GovernorSnapshot, ModeChange
from risk.modes.table import Mode
from risk.modes.triggers import Trigger


class Ledger:
    """
    Keep the state of the modes, in memory as it is in effect and in the stores as `persist` leaves it.

    Parameters
    ----------
    state : GovernorSnapshot
        The state of the last run, or a first one.
    persist : callable
        Stores the snapshots of all components; raises a `Bot4Error` where they are not durable.

    """

    def __init__(self, state: GovernorSnapshot, persist: Callable[[], None]) -> None:
        self.state = state
        self._candidate: GovernorSnapshot | None = None
        self._persist = persist

    def snapshot(self) -> GovernorSnapshot:
        """Return what must survive a restart; while a change is being stored, the state after it."""
        return self._candidate or self.state

    def record(
        self,
        after: Mode,
        who: Authority,
        now_ns: int,
        *,
        trigger: Trigger | None = None,
        approved_by: str | None = None,
    ) -> ModeChange:
        """Return the record of a change from the present mode."""
        return ModeChange(
            ts_ns=now_ns,
            before=self.state.mode,
            after=after,
            operator=who.operator,
            role=who.role,
            reason=clipped(who.reason),
            trigger=trigger,
            approved_by=approved_by,
        )

    def store(self, change: ModeChange) -> str | None:
        """Store a change and then take it over; return why it is not durable, and then nothing has changed."""
        candidate = self._candidate = self.state.after(change)
        try:
            self._persist()
        except Bot4Error as error:
            return str(error) or type(error).__name__
        finally:
            self._candidate = None
        self.state = candidate
        return None

    def put(self, change: ModeChange) -> None:
        """Take a change over that waits for no store; `problem_of_storing` stores it later."""
        self.state, self._candidate = self.state.after(change), None

    def problem_of_storing(self) -> str | None:
        """Store the state as it is; return why that is not durable, whatever a store raised."""
        try:
            self._persist()
        except Exception as error:  # noqa: BLE001  an Emergency is in effect whatever a store does; the caller reports it
            return str(error) or type(error).__name__
        return None
