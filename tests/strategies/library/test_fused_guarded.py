"""The fused strategy when a guard closes, reduces or cancels in its name: it goes by what the engine reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nautilus_trader.core.datetime import unix_nanos_to_dt

from risk.desk import Purpose
from risk.engine_desk import EngineDesk
from tests.strategies.library.simulated_market import HOUR_NS, Ohlc, close_ns, engine_with, feed, perpetual
from tests.strategies.library.test_fused import FLAT, Scripted, scripted

NAME = perpetual().id.value


class Guarded:
    """A run of the strategy in which a guard acts half an hour after the bars named."""

    def __init__(self, strategy: Scripted, rows: list[Ohlc], acts: dict[int, Callable[[EngineDesk], Any]]) -> None:
        instrument = perpetual()
        self.engine = engine_with([instrument])
        kernel = self.engine.kernel
        self.desk = EngineDesk(
            msgbus=kernel.msgbus,
            cache=kernel.cache,
            clock=kernel.clock,
            send=kernel.exec_engine.execute,
            mark_of=lambda instrument: 100.0,
            trader_id=kernel.trader_id,
        )
        self.engine.add_data(feed(instrument, rows))
        self.engine.add_strategy(strategy)
        for index, act in acts.items():
            moment = unix_nanos_to_dt(close_ns(index) - HOUR_NS // 2)
            kernel.clock.set_time_alert(f"act-{index}", moment, lambda _event, act=act: act(self.desk))
        self.engine.run()

    @property
    def held(self) -> float:
        return sum(position.signed_qty for position in self.engine.cache.positions_open())

    @property
    def working(self) -> list[str]:
        return sorted(order.tags[0] for order in self.engine.cache.orders() if not order.is_closed)

    def sent(self, tag: str) -> int:
        return sum(order.tags[0] == tag for order in self.engine.cache.orders())


def close(share: float) -> Callable[[EngineDesk], Any]:
    def act(desk: EngineDesk) -> None:
        for position in desk.positions():
            desk.reduce(position.position_id, share * abs(position.signed_quantity), Purpose.KILL)

    return act


def cancel(*tags: str) -> Callable[[EngineDesk], Any]:
    def act(desk: EngineDesk) -> None:
        for order in desk.orders():
            if ("STOP_LOSS" if order.is_stop else "TAKE_PROFIT") in tags:
                desk.cancel(order.client_order_id)

    return act


@pytest.mark.parametrize("strength", [0.5, -0.5])
def test_a_position_a_guard_has_closed_is_gone_and_the_next_entry_comes_as_ever(strength: float) -> None:
    strategy = scripted({1: strength, 6: strength}, cooldown_bars=0)
    run = Guarded(strategy, [FLAT] * 10, {4: close(1.0)})

    assert run.sent("ENTRY") == 2
    assert run.sent("guard:KILL") == 1
    assert run.sent("EXIT") == 0
    assert run.held * strength > 0.0
    assert run.working == ["STOP_LOSS", "TAKE_PROFIT"]


def test_what_a_guard_has_reduced_is_left_whole_at_the_strategys_own_exit() -> None:
    strategy = scripted({1: 0.5, 6: -0.5}, exit_strength=0.3)
    run = Guarded(strategy, [FLAT] * 10, {4: close(0.5)})

    (position_closed,) = [event for event in strategy.positions if type(event).__name__ == "PositionClosed"]
    exits = [order for order in run.engine.cache.orders() if order.tags[0] == "EXIT"]
    assert [order.quantity.as_double() for order in exits] == [pytest.approx(position_closed.peak_qty.as_double() / 2)]
    assert run.held == 0.0
    assert run.working == []


def test_a_reduced_position_keeps_its_stop_which_never_turns_it() -> None:
    drop = Ohlc(100.0, 101.0, 90.0, 91.0)
    run = Guarded(scripted({1: 0.5}), [FLAT] * 6 + [drop, FLAT, FLAT], {4: close(0.5)})

    assert run.held == 0.0
    assert run.sent("EXIT") == 0
    assert run.working == []


def test_a_guard_and_the_strategy_that_close_at_once_do_not_turn_the_position() -> None:
    strategy = scripted({1: 0.5, 4: -0.5}, exit_strength=0.3)

    def at_the_close(desk: EngineDesk) -> None:
        close(1.0)(desk)

    run = Guarded(strategy, [FLAT] * 10, {})
    assert run.held == 0.0
    run = Guarded(scripted({1: 0.5, 4: -0.5}, exit_strength=0.3), [FLAT] * 10, {5: at_the_close})
    assert run.held == 0.0
    assert run.working == []


def test_a_stop_that_a_guard_cancels_from_a_position_makes_the_strategy_leave() -> None:
    run = Guarded(scripted({1: 0.5}), [FLAT] * 10, {4: cancel("STOP_LOSS")})

    assert run.sent("EXIT") == 1
    assert run.held == 0.0
    assert run.working == []


def test_a_guards_own_stop_is_nothing_the_strategy_leads() -> None:
    def protect(desk: EngineDesk) -> None:
        for position in desk.positions():
            desk.protect(position.position_id, 1e9, 50.0, Purpose.STOP)

    run = Guarded(scripted({1: 0.5}), [FLAT] * 8, {4: protect})

    assert run.held > 0.0
    assert run.working == ["STOP_LOSS", "TAKE_PROFIT", "guard:STOP"]
