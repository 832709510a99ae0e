"""The platform presses the full kill switch by itself when a day loses too much, and only a person clears it."""

from __future__ import annotations

import msgspec

from risk.breaker_config import BreakerConfig, BreakersConfig
from risk.control.config import ControlConfig
from risk.kill_records import KillConfig
from risk.limits import DailyLossLimitConfig, DrawdownLimitConfig
from risk.modes.operators import OperatorConfig
from risk.modes.triggers import DrawdownTriggerConfig, TriggersConfig
from tests.risk.control.room_world import PEOPLE, WIDE, World, buys, filled, run

OFF = BreakerConfig(enabled=False)
FALL = [50_000.0] * 3 + [44_500.0] * 5
"""Two BTC bought with 100,000 lose 11,000 of it within the day."""


def fallen(limit: float | None, supervisor: OperatorConfig | None = None) -> World:
    config = ControlConfig(
        people=PEOPLE,
        kill=KillConfig(daily_loss_max=limit),
        triggers=TriggersConfig(drawdown=DrawdownTriggerConfig(enabled=False)),
        breakers=BreakersConfig(position=OFF, strategy=OFF, venue=OFF, system=OFF),
    )
    limits = msgspec.structs.replace(
        WIDE, drawdown=DrawdownLimitConfig(enabled=False), daily_loss=DailyLossLimitConfig(enabled=False)
    )
    return run({0: buys(2.0), 6: buys(0.1)}, config=config, limits=limits, prices=FALL, supervisor=supervisor)


def test_a_day_that_loses_too_much_is_killed_flat_and_barred() -> None:
    world = fallen(0.10)

    pressed = world.kinds("KILL_ENGAGED")
    assert [(press["operator"], press["level"]) for press in pressed] == [("system", "system")]
    assert filled(world) == [("BUY", 2.0), ("SELL", 2.0)]
    assert world.denials()[0].startswith("KILL_SWITCH_ENGAGED")


def test_a_loss_below_the_limit_presses_nothing() -> None:
    assert fallen(0.12).kinds("KILL_ENGAGED") == []


def test_it_can_be_switched_off() -> None:
    assert fallen(None).kinds("KILL_ENGAGED") == []


def test_in_a_replay_the_simulated_supervisor_clears_it() -> None:
    world = fallen(0.10, OperatorConfig(recovers_after_h=0.0))

    assert [clear["operator"] for clear in world.kinds("KILL_CLEARED")][:1] == ["simulated"]
