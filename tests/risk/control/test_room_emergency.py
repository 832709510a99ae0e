"""An Emergency in the whole room: what begins it, that everything is closed, and who brings the run back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from risk.ask import Verb
from risk.breaker_config import BreakerConfig, BreakersConfig, Cause
from risk.control.config import ControlConfig
from risk.control.room import ControlRoom
from risk.limits import DrawdownLimitConfig
from risk.modes.operators import OperatorConfig, Policy
from risk.modes.table import Mode
from risk.modes.triggers import BreakerCascadeConfig, TriggersConfig
from tests.risk.control.room_world import PEOPLE, WIDE, World, ask, buys, filled, rests, run, sells
from tests.risk.engine_world import NAME, Scripted

HOUR_S = 3_600
FALL = [50_000.0] * 3 + [47_000.0] * 3 + [46_900.0] * 24
"""Two BTC bought with 100,000 lose 6,000 of it."""


CALM = BreakersConfig(system=BreakerConfig(causes=(Cause.LOSSES,)))
"""No drawdown opens the system's breaker, which would keep FullAuto away until a trade has closed it."""


def fallen(supervisor: OperatorConfig | None, breakers: BreakersConfig = CALM, prices: list[float] = FALL) -> World:
    return run(
        {0: buys(2.0), 20: buys(0.5)},
        config=ControlConfig(people=PEOPLE, breakers=breakers),
        limits=msgspec.structs.replace(WIDE, drawdown=DrawdownLimitConfig(window_days=1)),
        prices=prices,
        supervisor=supervisor,
        step_s=HOUR_S // 2,
    )


def test_a_drawdown_begins_an_emergency_that_closes_everything() -> None:
    world = fallen(None)

    change = world.kinds("MODE_CHANGE")[0]
    assert (change["after"], change["trigger"]) == ("Emergency", "DRAWDOWN")
    assert world.modes() == ["Emergency"]
    assert filled(world) == [("BUY", 2.0), ("SELL", 2.0)]
    assert world.strategy.positions == []
    closed = world.kinds("EMERGENCY_ALL_CLOSED")
    assert [(record["took_s"], record["in_time"]) for record in closed] == [(0.0, True)]
    assert [reason.split(" ")[0].rstrip(":") for reason in world.denials()] == ["MODE_FORBIDS"]


def test_the_simulated_supervisor_brings_the_run_back_step_by_step_after_the_time_it_takes() -> None:
    world = fallen(OperatorConfig(recovers_after_h=4.0))

    changes = world.kinds("MODE_CHANGE")
    assert [change["after"] for change in changes] == ["Emergency", "Manual", "SemiAuto", "FullAuto"]
    waited_h = (changes[1]["ts_ns"] - changes[0]["ts_ns"]) / 1e9 / HOUR_S
    assert waited_h == pytest.approx(4.0)
    assert {change["operator"] for change in changes[1:]} == {"simulated"}
    assert filled(world)[-1] == ("BUY", 0.5)  # and it trades again
    assert world.room.gate.view.mode is Mode.FULL_AUTO


@pytest.mark.parametrize("supervisor", [OperatorConfig(), OperatorConfig(policy=Policy.AWAY, recovers_after_h=1.0)])
def test_without_anybody_who_looks_the_run_stays_in_emergency(supervisor: OperatorConfig) -> None:
    assert fallen(supervisor).modes() == ["Emergency"]


def test_a_second_fall_after_the_return_is_a_second_emergency() -> None:
    world = fallen(OperatorConfig(recovers_after_h=4.0), prices=[*FALL, *[36_000.0] * 4])

    assert world.modes() == ["Emergency", "Manual", "SemiAuto", "FullAuto", "Emergency"]
    assert filled(world) == [("BUY", 2.0), ("SELL", 2.0), ("BUY", 0.5), ("SELL", 0.5)]


def test_full_auto_waits_until_the_systems_breaker_is_closed() -> None:
    assert fallen(OperatorConfig(recovers_after_h=4.0), BreakersConfig()).modes() == ["Emergency", "Manual", "SemiAuto"]


def test_the_supervisor_resets_breakers_that_keep_an_emergency_from_ending() -> None:
    cascade = TriggersConfig(breaker_cascade=BreakerCascadeConfig(open_min=1, trips_min=100))
    world = run(
        losing(5),
        config=ControlConfig(people=PEOPLE, triggers=cascade),
        supervisor=OperatorConfig(recovers_after_h=1.0),
        step_s=600,
    )

    changes = world.kinds("MODE_CHANGE")
    assert [change["after"] for change in changes] == ["Emergency", "Manual", "SemiAuto", "FullAuto"]
    closed = [record for record in world.kinds("BREAKER") if record["to"] == "closed"]
    assert {record["operator"] for record in closed} == {"simulated"}


def test_a_person_who_resets_breakers_in_an_emergency_may_then_end_it() -> None:
    cascade = TriggersConfig(breaker_cascade=BreakerCascadeConfig(open_min=1, trips_min=100))
    scopes = [("position", f"Scripted-001/{NAME}"), ("strategy", "Scripted-001"), ("venue", "BINANCE"), ("system", "")]
    resets = [
        (20.0, ask(f"reset-{level}", Verb.CLEAR, "rita", what="breaker", level=level, name=name))
        for level, name in scopes
    ]
    early = (19.0, ask("early", Verb.SET_MODE, "rita", mode="Manual"))
    late = (21.0, ask("late", Verb.SET_MODE, "rita", mode="Manual"))
    world = run(losing(5), config=ControlConfig(people=PEOPLE, triggers=cascade), asks=[early, *resets, late])

    assert "RISK_NORMAL does not hold" in world.answer("early")
    assert [world.answer(f"reset-{level}") for level, _ in scopes] == ["DONE: closed"] * 4
    assert world.answer("late") == "DONE: Emergency to Manual"


def losing(times: int, *, quantity: float = 0.01) -> dict[int, Callable[[Scripted], Any]]:
    """Buy and sell at once, a tick apart: so many trades that lose a little each."""
    script: dict[int, Callable[[Scripted], Any]] = {}
    for number in range(times):
        script[2 * number] = buys(quantity)
        script[2 * number + 1] = sells(quantity)
    return script


def test_a_row_of_losses_opens_four_levels_and_is_one_event() -> None:
    world = run(losing(5))

    opened = [record for record in world.kinds("BREAKER") if record["to"] == "open"]
    assert {record["level"] for record in opened} == {"position", "strategy", "venue", "system"}
    assert world.modes() == []
    assert world.room.triggers.standing(world.room.now(), 0.0) == ()


def test_as_many_open_breakers_as_make_a_cascade_begin_an_emergency() -> None:
    cascade = TriggersConfig(breaker_cascade=BreakerCascadeConfig(trips_min=1))
    world = run(losing(5), config=ControlConfig(people=PEOPLE, triggers=cascade))

    assert world.kinds("MODE_CHANGE")[0]["trigger"] == "BREAKER_CASCADE"


def test_levels_that_cool_down_at_different_times_are_still_one_event() -> None:
    losses = BreakersConfig(
        position=BreakerConfig(cooldown_s=2.0),
        strategy=BreakerConfig(cooldown_s=4.0),
        venue=BreakerConfig(cooldown_s=6.0),
        system=BreakerConfig(cooldown_s=8.0),
    )
    world = run(losing(5), config=ControlConfig(people=PEOPLE, breakers=losses))

    assert [record["to"] for record in world.kinds("BREAKER")].count("half_open") == 4
    assert world.modes() == []


def test_a_model_that_fails_leaves_semi_auto() -> None:
    world = run({}, act={3: lambda room: room.on_model_failure("the file is damaged")})

    change = world.kinds("MODE_CHANGE")[0]
    assert (change["after"], change["operator"]) == ("SemiAuto", "system")
    assert "the file is damaged" in change["reason"]


def test_a_model_that_fails_in_manual_changes_nothing() -> None:
    world = run({}, mode=Mode.MANUAL, act={3: lambda room: room.on_model_failure("the file is damaged")})

    assert world.modes() == []


def test_a_fill_nobody_approved_begins_an_emergency() -> None:
    def forget(room: ControlRoom) -> None:
        room.gate.watch._tickets.clear()

    world = run({1: rests(0.1, 49_000.0)}, prices=[50_000.0] * 5 + [48_900.0] * 5, act={3: forget})

    assert len(world.kinds("FILL_WITHOUT_TICKET")) == 1
    change = world.kinds("MODE_CHANGE")[0]
    assert (change["after"], change["trigger"]) == ("Emergency", "SECURITY_BREACH")
    assert world.strategy.positions == []


def test_after_a_clearance_drawdown_counts_from_there() -> None:
    clear = ask("clear", Verb.SET_MODE, "rita", mode="Manual")
    world = run({0: buys(2.0)}, prices=FALL, asks=[(10.0, clear)])
    view, triggers = world.room.gate.view, world.room.triggers

    assert world.modes() == ["Emergency", "Manual"]
    assert view.drawdown > 0.05
    assert triggers.evaluate(world.room.now(), view.drawdown) is None
