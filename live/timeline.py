"""Move the clocks of everything that decides, and ring their alarms in the order in which the backtest engine does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nautilus_trader.common.component import TestClock


class Timeline:
    """
    Own every clock of a node, and move them together.

    The backtest engine holds due alarms in a binary heap by time alone, so the order of alarms of one instant is that
    heap's: here the same heap is kept, step for step. An alarm rings before an input of a later instant, and after
    the input of its own. Whenever alarms of one instant have rung, the venue settles.

    Parameters
    ----------
    settle : callable
        Lets the venue process what reached it by an instant, ns since the epoch.

    """

    def __init__(self, settle: Callable[[int], None]) -> None:
        self.now_ns = 0
        self.settle = settle
        self._clocks: list[Any] = []
        self._due: list[Any] = []

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
        while due and due[0].event.ts_event <= last_ns:
            handler = _pop(due)
            ts_ns = handler.event.ts_event
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
                _push(self._due, handler)


def _push(heap: list[Any], handler: Any) -> None:
    heap.append(handler)
    _sift_up(heap, len(heap) - 1)


def _pop(heap: list[Any]) -> Any:
    """Take out the earliest: the last takes its place, sinks to the bottom along the earlier children, then rises."""
    last = heap.pop()
    if not heap:
        return last
    first, heap[0] = heap[0], last
    end, position, child = len(heap), 0, 1
    while child + 1 < end:
        if heap[child].event.ts_event >= heap[child + 1].event.ts_event:
            child += 1
        heap[position] = heap[child]
        position, child = child, 2 * child + 1
    if child == end - 1:
        heap[position] = heap[child]
        position = child
    heap[position] = last
    _sift_up(heap, position)
    return first


def _sift_up(heap: list[Any], position: int) -> None:
    handler = heap[position]
    while position > 0:
        parent = (position - 1) // 2
        if handler.event.ts_event >= heap[parent].event.ts_event:
            break
        heap[position] = heap[parent]
        position = parent
    heap[position] = handler
