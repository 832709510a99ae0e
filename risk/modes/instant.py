"""Requests of one instant: the most restrictive wins, in whatever order they come."""

from __future__ import annotations

from risk.modes.table import Mode
from risk.modes.transitions import AT_ONCE, STAYS, TRANSITIONS

_NOTHING_ASKED = -1


class Instant:
    """
    Remember the most restrictive mode asked for at one engine time, and the mode in which that instant began.

    A clock that goes backwards begins no new instant, so it cannot be used to get around an earlier request.

    Parameters
    ----------
    ts_ns : int
        The last instant known, ns since the epoch; -1 for none.
    mode : Mode
        The mode then; nothing less restrictive may follow at that instant.

    """

    def __init__(self, ts_ns: int, mode: Mode) -> None:
        self.began = mode
        self._ts_ns = ts_ns
        self._rank = mode.priority

    def open(self, now_ns: int, mode: Mode) -> None:
        """Begin a new instant where time has moved on."""
        if now_ns > self._ts_ns:
            self.began, self._ts_ns, self._rank = mode, now_ns, _NOTHING_ASKED

    def claim(self, target: Mode) -> None:
        """Take that a mode was asked for."""
        self._rank = max(self._rank, target.priority)

    def overrules(self, target: Mode) -> bool:
        """Return whether a more restrictive mode was asked for at this instant."""
        return target.priority < self._rank

    def undoes(self, mode: Mode, target: Mode) -> bool:
        """
        Return whether `target` was to be had at once when the instant began, although from `mode` there is no way.

        So it is after an instant went up and is then asked to go down: SemiAuto, FullAuto, and Manual at one time.
        """
        from_began = TRANSITIONS[self.began][target] in (AT_ONCE, STAYS)
        return from_began and target.priority > mode.priority and not TRANSITIONS[mode][target].exists
