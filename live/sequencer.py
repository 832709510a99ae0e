"""The single entrance of a node: every input is stamped, recorded, and processed completely before the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from nautilus_trader.model.data import CustomData

from live.timeline import Timeline
from research.recording.codec import UnrecordableError, stamped


class Sink(Protocol):
    """Where inputs are kept."""

    def append(self, data: Any) -> None:
        """Keep one input; raise `UnrecordableError` for a kind that can't be kept."""


class Exchange(Protocol):
    """The paper venue as the sequence drives it."""

    def show(self, data: Any) -> None:
        """Match orders against what came."""

    def settle(self, ts_ns: int) -> None:
        """Process what reached the venue by an instant."""


class Sequencer:
    """
    Put all inputs into one order, and let each take its whole effect.

    The order of effects of one input is the backtest engine's: alarms due before it; the venue; the data engine, and
    through it the gate's watch, then strategies; the venue's answers; alarms due at its very instant. Stamps rise
    strictly, so that order is told by time alone, and a replay needs nothing else.

    Parameters
    ----------
    wall_ns : callable
        Real time, ns since the epoch.

    """

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self.timeline = Timeline(self._settle)
        self.accepted = 0
        self.busy_ns = 0
        self.slowest_ns = 0
        self.after: list[Callable[[int], None]] = []
        """Called with the instant when an input has taken its whole effect."""
        self.on_fault: Callable[[BaseException], None] | None = None
        self._wall_ns = wall_ns
        self._exchange: Exchange | None = None
        self._process: Callable[[Any], None] = _nowhere
        self._sink: Sink | None = None
        self._busy = False

    @property
    def open(self) -> bool:
        """Whether inputs are taken."""
        return self._sink is not None

    @property
    def busy(self) -> bool:
        """Whether an input is being processed: what the engines then tell each other is no input."""
        return self._busy

    def connect(self, exchange: Exchange, process: Callable[[Any], None]) -> None:
        """Name the venue and the data engine's own processing, before the session starts."""
        self._exchange, self._process = exchange, process

    def start(self, sink: Sink) -> None:
        """Take inputs from now on; the clocks must stand at the session's start."""
        self._sink = sink

    def stop(self) -> None:
        """Take no more inputs; what comes later is dropped, as by a host that is gone."""
        self._sink = None

    def next_ns(self) -> int:
        """Return the stamp an input would get now: real time, and always later than the last."""
        return max(self._wall_ns(), self.timeline.now_ns + 1)

    def take(self, data: Any) -> bool:
        """
        Take one input; return False where the entrance is closed.

        An input made since the last one and not from the future keeps its `ts_init`; any other is stamped anew.

        Raises
        ------
        UnrecordableError
            If it is of a kind that recordings can't hold; it then has no effect.

        """
        if self._sink is None or self._exchange is None:
            return False
        if self._busy:
            raise RuntimeError("an input came out of the processing of another")
        began = time.perf_counter_ns()
        latest_ns = self.next_ns()
        if not self.timeline.now_ns < data.ts_init <= latest_ns:
            data = stamped(data, latest_ns)
        ts_ns: int = data.ts_init
        self._busy = True
        try:
            self._sink.append(data)
            self.timeline.advance(ts_ns)
            self._exchange.show(data)
            self._process(data)
            self._settle(ts_ns)
            self.timeline.finish(ts_ns)
        except UnrecordableError:
            raise  # before it had any effect
        except BaseException as fault:
            self.stop()
            if self.on_fault is not None:
                self.on_fault(fault)
            raise
        finally:
            self._busy = False
        for listener in self.after:
            listener(ts_ns)
        took = time.perf_counter_ns() - began
        self.accepted += 1
        self.busy_ns += took
        self.slowest_ns = max(self.slowest_ns, took)
        return True

    def _settle(self, ts_ns: int) -> None:
        if self._exchange is not None:
            self._exchange.settle(ts_ns)


def bare(data: Any) -> Any:
    """Return custom data without its wrapping."""
    return data.data if type(data) is CustomData else data


def _nowhere(_data: Any) -> None:
    raise RuntimeError("the sequencer is not connected")
