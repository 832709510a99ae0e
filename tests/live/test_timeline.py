"""The timeline rings alarms in the order in which the backtest engine does, ties included."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.actor import Actor
from nautilus_trader.common.config import ActorConfig, LoggingConfig
from nautilus_trader.core.datetime import unix_nanos_to_dt
from nautilus_trader.model.identifiers import ClientId

from live.timeline import Timeline
from research.recording.heartbeat import HEARTBEAT, Heartbeat, as_engine_data

T0 = 1_700_000_000_000_000_000
MS = 1_000_000

type Alarms = list[tuple[int, int]]
"""Per clock: alarms as (interval in ms, 0 for a single alert; first in ms)."""


class Ringer:
    """Set the same alarms on a clock of either host, log what rings, and chain an alert to every third."""

    def __init__(self, number: int, alarms: Alarms, log: list[tuple[int, str]]) -> None:
        self.number, self.alarms, self.log = number, alarms, log
        self.clock: Any = None
        self.rung = 0

    def set(self, clock: Any) -> None:
        self.clock = clock
        for index, (interval_ms, first_ms) in enumerate(self.alarms):
            name = f"{self.number}.{index}"
            if interval_ms:
                clock.set_timer(name, timedelta(milliseconds=interval_ms), callback=self.ring)
            else:
                clock.set_time_alert(name, unix_nanos_to_dt(T0 + first_ms * MS), self.ring)

    def ring(self, event: Any) -> None:
        self.log.append((self.clock.timestamp_ns(), event.name))
        self.rung += 1
        if self.rung % 3 == 0 and self.rung < 40:
            self.clock.set_time_alert(f"{self.number}.chain{self.rung}", unix_nanos_to_dt(self.next_ns()), self.ring)

    def next_ns(self) -> int:
        return int(self.clock.timestamp_ns()) + (self.rung % 4) * MS

    def input(self, ts_ns: int) -> None:
        self.log.append((ts_ns, f"{self.number}.input"))
        self.clock.set_time_alert(f"{self.number}.at-input{ts_ns}", unix_nanos_to_dt(ts_ns), self.ring)


class RingerActor(Actor):
    def __init__(self, ringer: Ringer) -> None:
        super().__init__(ActorConfig(component_id=f"RINGER-{ringer.number}"))
        self.ringer = ringer

    def on_start(self) -> None:
        self.ringer.set(self.clock)
        if self.ringer.number == 0:
            self.subscribe_data(HEARTBEAT, client_id=ClientId("SEQUENCE"))

    def on_data(self, data: Any) -> None:
        self.ringer.input(data.ts_init)


def in_the_engine(clocks: list[Alarms], inputs: list[int]) -> list[tuple[int, str]]:
    log: list[tuple[int, str]] = []
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    try:
        for number, alarms in enumerate(clocks):
            engine.add_actor(RingerActor(Ringer(number, alarms, log)))
        engine.add_data([as_engine_data(Heartbeat(ts)) for ts in inputs], client_id=ClientId("SEQUENCE"))
        engine.run(start=unix_nanos_to_dt(T0))
    finally:
        engine.dispose()
    return log


def on_the_timeline(clocks: list[Alarms], inputs: list[int]) -> list[tuple[int, str]]:
    log: list[tuple[int, str]] = []
    timeline = Timeline(lambda _ts: None)
    clock_class = timeline.clock_class()
    clock_class()  # the kernel's own
    timeline.set_time(T0)
    ringers = [Ringer(number, alarms, log) for number, alarms in enumerate(clocks)]
    for ringer in ringers:
        ringer.set(clock_class())
    for ts_ns in inputs:
        timeline.advance(ts_ns)
        ringers[0].input(ts_ns)
        timeline.finish(ts_ns)
    timeline.flush()
    return log


alarms = st.tuples(st.sampled_from([0, 0, 2, 3, 6]), st.integers(1, 30))


@settings(max_examples=60, deadline=None)
@given(
    clocks=st.lists(st.lists(alarms, max_size=5), min_size=1, max_size=4),
    gaps=st.lists(st.integers(1, 12), min_size=1, max_size=8),
)
def test_rings_in_the_engines_order(clocks: list[Alarms], gaps: list[int]) -> None:
    inputs = [T0 + sum(gaps[: index + 1]) * MS for index in range(len(gaps))]

    assert on_the_timeline(clocks, inputs) == in_the_engine(clocks, inputs)


def test_many_alarms_of_one_instant_ring_in_the_engines_order() -> None:
    clocks: list[Alarms] = [[(2, 0), (0, 6), (3, 0), (0, 12)], [(0, 6), (2, 0)], [(3, 0), (6, 0), (0, 12)]]

    rung = in_the_engine(clocks, [T0 + 24 * MS])

    assert len(rung) > len({ts for ts, _ in rung})
    assert on_the_timeline(clocks, [T0 + 24 * MS]) == rung


def test_the_venue_settles_once_for_every_instant_at_which_something_rang() -> None:
    settled: list[int] = []
    timeline = Timeline(settled.append)
    clock = timeline.clock_class()()
    timeline.set_time(T0)
    for name, ms in (("a", 1), ("b", 1), ("c", 2)):
        clock.set_time_alert(name, unix_nanos_to_dt(T0 + ms * MS), lambda _event: None)

    timeline.advance(T0 + 5 * MS)

    assert settled == [T0 + MS, T0 + 2 * MS]


def test_time_never_runs_backwards() -> None:
    timeline = Timeline(lambda _ts: None)
    timeline.clock_class()()
    timeline.set_time(T0)

    with pytest.raises(ValueError, match="monotonic"):
        timeline.advance(T0 - 1)
