"""Measure how much of a backtest's time is spent in the gate, and in all that hangs on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from research.backtest.recorder import Recorder
from research.backtest.tidy import Tidier
from risk.engine_alarms import EngineAlarms
from risk.gate import Gate
from risk.watch import Watch

_clock = time.perf_counter_ns

EVENTS = ("on_order_event", "on_position_event", "on_instant_end")


class Share:
    """
    Count the time between entering and leaving the gate's code, and leave out what that calls beyond it.

    Entered are the watch's handlers, `Gate.execute` and every alarm; left are the execution engine, and the recorder
    and the tidier of the backtest, which only listen through the watch.
    """

    def __init__(self) -> None:
        self.entered = 0
        self._spent_ns = 0
        self._inside = False
        self._since_ns = 0

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Put the clock around everything; undone with the patch."""
        handlers, install, set_alarm = Watch.handlers, Gate.install, EngineAlarms.set

        def timed_handlers(watch: Watch) -> dict[str, Callable[[Any], None]]:
            return {topic: self.inside(handler) for topic, handler in handlers(watch).items()}

        def timed_install(gate: Gate) -> None:
            install(gate)
            gate._execute = self.outside(gate._execute)

        def timed_alarm(alarms: EngineAlarms, name: str, ts_ns: int, action: Callable[[], object]) -> None:
            set_alarm(alarms, name, ts_ns, self.inside(action))

        patch.setattr(Watch, "handlers", timed_handlers)
        patch.setattr(Gate, "install", timed_install)
        patch.setattr(Gate, "execute", self.inside(Gate.execute))
        patch.setattr(EngineAlarms, "set", timed_alarm)
        for listener in (Recorder, Tidier):
            for event in EVENTS:
                patch.setattr(listener, event, self.outside(getattr(listener, event)))

    def seconds(self) -> float:
        """Return the time spent inside, less what the clock itself takes."""
        return 1e-9 * (self._spent_ns - self.entered * _own_cost_ns())

    def inside(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted, once where such functions call each other."""

        def entered(*args: Any) -> Any:
            if self._inside:
                return function(*args)
            self.entered += 1
            self._inside = True
            self._since_ns = _clock()
            try:
                return function(*args)
            finally:
                self._spent_ns += _clock() - self._since_ns
                self._inside = False

        return entered

    def outside(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time left out."""

        def left(*args: Any) -> Any:
            if not self._inside:
                return function(*args)
            self._spent_ns += _clock() - self._since_ns
            self._inside = False
            try:
                return function(*args)
            finally:
                self._inside = True
                self._since_ns = _clock()

        return left


def _own_cost_ns() -> float:
    """Return what the clock adds to each entry: what it counts for a call of something that does nothing."""
    share, calls = Share(), 20_000
    nothing = share.inside(_nothing)
    for _ in range(calls):
        nothing(None)
    began = _clock()
    for _ in range(calls):
        _nothing(None)
    return (share._spent_ns - (_clock() - began)) / calls


def _nothing(_event: object) -> None:
    """Stand for a handler that does nothing."""
