"""Move the clocks of everything that decides, and ring their alarms in the order in which the backtest engine does."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from nautilus_trader.common.component import TestClock


class Timeline:
    """
    Own every clock of a node, and move them together.

    Alarms of one instant ring by name, whichever clocks they are on. (Where two clocks have alarms of one name at one
    instant, the backtest engine rings them in no particular order: give timers of several strategies names of their
    own.) An alarm rings before an input of a later instant, and after the input of its own. Whenever alarms of one
    instant have rung, the venue settles.

    Parameters
    ----------
    settle : callable
        Lets the venue process what reached it by an instant, ns since the epoch.

    """

    def __init__(self, settle: Callable[[int], None]) -> None:
        self.now_ns = 0
        self.settle = settle
        self._clocks: list[Any] = []
        self._due: list[tuple[int, str, int, Any]] = []
        self._collected = 0

    def clock_class(self) -> type[Any]:
        """Return a clock class whose every instance belongs to this timeline, in the order of creation."""
        clocks, timeline = self._clocks, self

        class SequencedClock(TestClock):
            """A clock that moves only with the sequence of inputs."""

            def __init__(self) -> None:
                super().__init__()
                self.set_time(timeline.now_ns)
                clocks.append(self)

        return SequencedClock

    def set_time(self, ts_ns: int) -> None:
        """Set all clocks without ringing anything: the start of a session."""
        self.now_ns = ts_ns
        for clock in self._clocks:
            clock.set_time(ts_ns)

    def advance(self, ts_ns: int) -> None:
        """Ring everything due before an instant, then stand at it."""
        self._collect(ts_ns)
        self._ring(ts_ns - 1, ts_ns)
        self.set_time(ts_ns)

    def finish(self, ts_ns: int) -> None:
        """Ring what was set before this instant for it; what was set within it rings before the next input."""
        self._ring(ts_ns, ts_ns)

    def flush(self) -> None:
        """Ring everything that is due by now: the end of a session."""
        self._collect(self.now_ns)
        self._ring(self.now_ns, self.now_ns)
        self.settle(self.now_ns)

    def _ring(self, last_ns: int, horizon_ns: int) -> None:
        settled_ns = 0
        due = self._due
        while due and due[0][0] <= last_ns:
            ts_ns, _, _, handler = heapq.heappop(due)
            if settled_ns not in (0, ts_ns):
                self.settle(settled_ns)
            settled_ns = ts_ns
            self.set_time(ts_ns)
            handler.handle()
            self._collect(horizon_ns)
        if settled_ns:
            self.settle(settled_ns)

    def _collect(self, ts_ns: int) -> None:
        for clock in list(self._clocks):
            for handler in clock.advance_time(ts_ns, False):
                self._collected += 1
                heapq.heappush(self._due, (handler.event.ts_event, handler.event.name, self._collected, handler))
