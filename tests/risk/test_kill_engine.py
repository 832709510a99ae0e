"""Kill switches in a real engine: several strategies, brackets, parked, emulated and sliced orders; and afterwards."""

from __future__ import annotations

import time
from typing import Any

import pytest
from engine_world import INSTRUMENT, NAME, Scripted, play
from kill_world import EVERYTHING, JANE, Floor
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.model.enums import OrderSide, OrderStatus, OrderType, TriggerType
from nautilus_trader.model.identifiers import ExecAlgorithmId

from risk.barriers import Level
from risk.kill_records import Flatten, KillConfig, Scope, Stage
from risk.limits import (
    CorrelationLimitConfig,
    LeverageLimitConfig,
    LimitsConfig,
    MarginLimitConfig,
    OrderRateConfig,
    PositionLimitConfig,
    PriceCollarConfig,
    ValueAtRiskLimitConfig,
)
from risk.modes.approvals import Outcome
from risk.modes.table import Mode

SIZE = 0.02
FREE = LimitsConfig(rate=OrderRateConfig(orders_max=1_000))
WIDE = LimitsConfig(
    rate=OrderRateConfig(orders_max=1_000),
    value_at_risk=ValueAtRiskLimitConfig(enabled=False),
    correlation=CorrelationLimitConfig(enabled=False),
    position=PositionLimitConfig(enabled=False),
    leverage=LeverageLimitConfig(enabled=False),
    margin=MarginLimitConfig(enabled=False),
    collar=PriceCollarConfig(enabled=False),
)


def market(side: OrderSide, size: float = SIZE, **options: Any) -> Any:
    return lambda strategy: strategy.submit_order(
        strategy.order_factory.market(INSTRUMENT, side, strategy.quantity(size), **options)
    )


BUY, SELL = market(OrderSide.BUY), market(OrderSide.SELL)


def limit(price: float, side: OrderSide = OrderSide.BUY, **options: Any) -> Any:
    def act(strategy: Scripted) -> None:
        strategy.order = strategy.order_factory.limit(
            INSTRUMENT, side, strategy.quantity(SIZE), strategy.price(price), **options
        )
        strategy.submit_order(strategy.order)

    return act


def bracket(strategy: Scripted) -> None:
    strategy.submit_order_list(
        strategy.order_factory.bracket(
            INSTRUMENT,
            OrderSide.BUY,
            strategy.quantity(SIZE),
            sl_trigger_price=strategy.price(49_000.0),
            tp_price=strategy.price(51_000.0),
        )
    )


def waiting_bracket(strategy: Scripted) -> None:
    strategy.submit_order_list(
        strategy.order_factory.bracket(
            INSTRUMENT,
            OrderSide.BUY,
            strategy.quantity(SIZE),
            entry_order_type=OrderType.LIMIT,
            entry_price=strategy.price(49_500.0),
            sl_trigger_price=strategy.price(49_000.0),
            tp_price=strategy.price(51_000.0),
        )
    )


def twap(strategy: Scripted) -> None:
    options = {
        "exec_algorithm_id": ExecAlgorithmId("TWAP"),
        "exec_algorithm_params": {"horizon_secs": 20, "interval_secs": 4},
    }
    market(OrderSide.BUY, 0.05, **options)(strategy)


def both(*actions: Any) -> Any:
    return lambda strategy: [action(strategy) for action in actions]


def alive(floor: Floor) -> int:
    return sum(not order.is_closed for order in floor.engine.cache.orders())


def test_a_full_kill_of_everything_at_once_leaves_no_order_and_no_position() -> None:
    floor = Floor(
        Scripted({3: bracket, 4: limit(48_000.0)}, tag="002"),
        Scripted({3: SELL, 4: limit(48_500.0, emulation_trigger=TriggerType.BID_ASK)}, tag="003"),
        Scripted({3: twap}, tag="004"),
        prepare=lambda engine: engine.add_exec_algorithm(TWAPExecAlgorithm()),
    )
    strategy, _ = play({3: bracket, 4: limit(48_000.0), 10: floor.press()}, prepare=floor, limits=FREE)

    assert alive(floor) == 0
    assert strategy.positions == []
    (report,) = floor.reports
    assert report.finished
    assert report.kill.closed == 4
    assert report.kill.cancelled >= 4
    assert report.total_s < 1.0
    assert "FILL_WITHOUT_TICKET" not in floor.kinds()


def test_positions_that_cancel_each_other_out_are_closed_both() -> None:
    floor = Floor(Scripted({3: SELL}, tag="002"))
    strategy, controller = play({3: BUY, 6: floor.press()}, prepare=floor)

    assert strategy.positions == []
    assert controller.gate.decisions.counts == {"APPROVED": 4}
    assert floor.reports[0].kill.closed == 2


def test_a_strategy_may_close_its_own_beside_anothers_opposite_and_no_more_than_that() -> None:
    def reduce(size: float) -> Any:
        return market(OrderSide.SELL, size, reduce_only=True)

    other = Scripted({3: market(OrderSide.SELL, 0.03)}, tag="002")
    strategy, controller = play(
        {3: BUY, 6: reduce(0.03), 9: reduce(SIZE), 12: reduce(0.01)}, prepare=lambda engine: engine.add_strategy(other)
    )

    assert controller.gate.decisions.counts == {"APPROVED": 3, "REDUCE_ONLY_INCREASES": 2}
    own = [order for order in strategy.orders if order.is_reduce_only]
    assert {order.init_event.quantity.as_double(): order.status for order in own} == {
        0.03: OrderStatus.DENIED,
        SIZE: OrderStatus.FILLED,
        0.01: OrderStatus.DENIED,
    }
    assert [position.strategy_id.value for position in strategy.positions] == ["Scripted-002"]


def test_after_a_full_kill_only_what_reduces_passes_until_a_person_clears_it() -> None:
    floor = Floor()
    clear = floor.at(lambda it: it.kill.clear(EVERYTHING, JANE))
    script = {
        3: BUY,
        5: floor.press(flatten=Flatten.KEEP),
        7: BUY,
        8: both(limit(48_000.0), bracket),
        10: SELL,
        12: SELL,
        15: clear,
        17: BUY,
    }
    strategy, controller = play(script, prepare=floor)

    refused = [order for order in strategy.orders if order.status is OrderStatus.DENIED]
    assert controller.gate.decisions.counts == {"APPROVED": 3, "KILL_SWITCH_ENGAGED": 6}
    assert len(refused) == 6
    (position,) = strategy.positions
    assert position.signed_qty == pytest.approx(SIZE)
    assert floor.kinds()[-1] == "KILL_CLEARED"


def test_what_waits_for_approval_is_withdrawn_with_its_children() -> None:
    floor = Floor()
    script = {3: bracket, 4: limit(48_000.0), 6: floor.press()}
    strategy, controller = play(script, prepare=floor, mode=Mode.SEMI_AUTO)

    assert {order.status for order in strategy.orders} == {OrderStatus.DENIED}
    assert len(controller.gate.review.queue) == 0
    assert controller.gate.review.queue.counts[Outcome.WITHDRAWN] == 2
    assert floor.reports[0].finished


def test_resting_children_of_an_earlier_approval_go_too() -> None:
    floor = Floor()
    strategy, _ = play({3: waiting_bracket, 6: floor.press()}, prepare=floor, prices=[50_000.0] * 12 + [47_000.0] * 9)

    assert {order.status for order in strategy.orders} == {OrderStatus.CANCELED}
    assert strategy.positions == []
    assert floor.reports[0].finished


def test_a_kept_position_keeps_its_stop() -> None:
    floor = Floor()
    script = {3: bracket, 4: limit(48_000.0), 6: floor.press(flatten=Flatten.KEEP)}
    strategy, _ = play(script, prepare=floor)

    assert strategy.order.status is OrderStatus.CANCELED
    assert len(strategy.positions) == 1
    assert alive(floor) == 2
    assert floor.reports[0].finished


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        (Scope(Level.STRATEGY, "Scripted-002"), {"Scripted-001"}),
        (Scope(Level.SYMBOL, NAME), set()),
        (Scope(Level.VENUE, "BINANCE"), set()),
        (Scope(Level.VENUE, "BYBIT"), {"Scripted-001", "Scripted-002"}),
    ],
)
def test_a_partial_kill_touches_only_its_scope(scope: Scope, left: set[str]) -> None:
    other = Scripted({3: bracket, 12: limit(48_000.0)}, tag="002")
    floor = Floor(other)
    strategy, _ = play({3: bracket, 6: floor.press(scope), 12: limit(48_000.0)}, prepare=floor)

    assert {position.strategy_id.value for position in strategy.positions} == left
    assert {order.strategy_id.value for order in strategy.orders if not order.is_closed} == left
    assert (strategy.order.status is OrderStatus.ACCEPTED) == ("Scripted-001" in left)
    assert (other.order.status is OrderStatus.ACCEPTED) == ("Scripted-002" in left)


def test_a_second_press_in_the_engine_sends_nothing_more() -> None:
    floor = Floor()
    strategy, _ = play({3: bracket, 6: both(floor.press(), floor.press()), 9: floor.press()}, prepare=floor)

    assert sum(order.client_order_id.value.startswith("GUARD-") for order in strategy.orders) == 1
    assert floor.kinds().count("KILL_ENGAGED") == 1
    assert floor.kinds().count("KILL_PRESSED_AGAIN") == 2


def test_a_strategy_that_enters_again_at_every_fill_does_not_get_back_in() -> None:
    floor = Floor()
    stubborn: list[bool] = []

    def again(strategy: Scripted, event: Any) -> None:
        if floor.kill.engaged():
            stubborn.append(True)
            BUY(strategy)

    strategy, _ = play({3: BUY, 6: floor.press()}, prepare=floor, on_filled=again)

    assert stubborn
    assert strategy.positions == []
    assert alive(floor) == 0


def test_two_hundred_resting_orders_are_cancelled_and_verified_within_a_second(record_property: Any) -> None:
    floor = Floor(kill=KillConfig(verify_ms=100))
    took: list[float] = []

    def many(strategy: Scripted) -> None:
        start = 100 * strategy.quotes  # the engine's own throttle takes a hundred a second
        for number in range(start, start + 100):
            limit(40_000.0 + 5.0 * number)(strategy)

    def press(strategy: Scripted) -> None:
        assert alive(floor) == 200
        start = time.process_time()
        floor.press()(strategy)
        took.append(time.process_time() - start)

    strategy, _ = play({3: many, 5: many, 8: press}, prepare=floor, limits=WIDE)

    (report,) = floor.reports
    assert report.kill.cancelled == 200
    assert alive(floor) == 0
    assert strategy.positions == []
    assert report.cancel_s is not None
    assert report.cancel_s <= 0.2
    record_property(
        "counted", f"kill: 200 cancels sent in {1e3 * took[0]:.0f} ms of CPU, gone after {report.cancel_s} s"
    )
    assert took[0] < 1.0


def test_the_kill_is_done_on_the_engines_clock_alone() -> None:
    floor = Floor()
    play({3: bracket, 6: floor.press()}, prepare=floor)

    (kill,) = floor.kill.engaged()
    assert kill.stage is Stage.DONE
    assert kill.orders_gone_ns == kill.engaged_ns
    assert kill.flat_ns == kill.engaged_ns + 100_000_000
