"""The sequencer stamps in strict order, records before it processes, and lets nothing in while it is busy."""

from __future__ import annotations

from typing import Any

import pytest

from live.sequencer import Sequencer
from research.recording.heartbeat import Heartbeat, as_engine_data

T0 = 1_700_000_000_000_000_000


class World:
    """A venue, a data engine and a recorder that note what they were told."""

    def __init__(self) -> None:
        self.now_ns = T0
        self.notes: list[tuple[str, int]] = []
        self.sequencer = Sequencer(lambda: self.now_ns)
        self.sequencer.connect(self, self.process)
        self.sequencer.timeline.set_time(T0)

    def append(self, data: Any) -> None:
        self.notes.append(("recorded", data.ts_init))

    def show(self, data: Any) -> None:
        self.notes.append(("shown", data.ts_init))

    def process(self, data: Any) -> None:
        self.notes.append(("processed", data.ts_init))

    def settle(self, ts_ns: int) -> None:
        self.notes.append(("settled", ts_ns))

    def take(self, ts_init: int) -> bool:
        return self.sequencer.take(as_engine_data(Heartbeat(ts_init)))


def test_an_input_is_recorded_then_shown_then_processed_then_settled() -> None:
    world = World()
    world.sequencer.start(world)
    world.now_ns = T0 + 10

    assert world.take(T0 + 10)

    stamp = T0 + 10
    assert world.notes == [("recorded", stamp), ("shown", stamp), ("processed", stamp), ("settled", stamp)]


def test_inputs_of_one_instant_are_stamped_a_nanosecond_apart() -> None:
    world = World()
    world.sequencer.start(world)
    world.now_ns = T0 + 10

    for _ in range(3):
        world.take(T0 + 10)

    assert [ts for what, ts in world.notes if what == "recorded"] == [T0 + 10, T0 + 11, T0 + 12]


def test_an_input_from_the_past_or_the_future_is_stamped_now() -> None:
    world = World()
    world.sequencer.start(world)
    world.now_ns = T0 + 100

    world.take(T0 - 5)
    world.now_ns = T0 + 200
    world.take(T0 + 10**12)

    assert [ts for what, ts in world.notes if what == "recorded"] == [T0 + 100, T0 + 200]


def test_a_wall_clock_that_jumps_back_does_not_turn_the_order() -> None:
    world = World()
    world.sequencer.start(world)
    world.now_ns = T0 + 100
    world.take(T0 + 100)
    world.now_ns = T0 + 50

    world.take(T0 + 50)

    assert [ts for what, ts in world.notes if what == "recorded"] == [T0 + 100, T0 + 101]


def test_nothing_is_taken_before_the_start_and_after_the_stop() -> None:
    world = World()
    assert not world.take(T0 + 1)
    world.sequencer.start(world)
    world.sequencer.stop()

    assert not world.take(T0 + 2)
    assert world.notes == []


def test_an_input_out_of_another_is_refused_and_the_fault_closes_the_entrance() -> None:
    world = World()
    faults: list[BaseException] = []
    world.sequencer.on_fault = faults.append
    world.sequencer.connect(world, lambda _data: world.take(T0 + 11))
    world.sequencer.start(world)
    world.now_ns = T0 + 20

    with pytest.raises(RuntimeError, match="out of the processing"):
        world.take(T0 + 10)

    assert len(faults) == 1
    assert not world.sequencer.open


def test_what_can_not_be_recorded_is_not_processed() -> None:
    world = World()

    class Full:
        def append(self, data: Any) -> None:
            raise OSError("no space left")

    world.sequencer.start(Full())

    with pytest.raises(OSError, match="no space"):
        world.take(T0 + 1)

    assert world.notes == []
