"""Ways round the gate that were once open: two closes at once, batch cancels, and what rests when the mode changes."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import INSTRUMENT, SECOND, START_NS, Scripted, play
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.model.enums import OrderSide, OrderStatus, OrderType, TimeInForce
from nautilus_trader.model.identifiers import ExecAlgorithmId

from risk.controller import GateController, gate_of
from risk.modes.approvals import Outcome
from risk.modes.operators import LatencyConfig, OperatorConfig, Policy, Spread
from risk.modes.table import Mode

SMALL = 0.05
DROP = [50_000.0] * 12 + [49_000.0] * 12
RISE = [50_000.0] * 12 + [50_500.0] * 12


class Held:
    """Keep the gate's controller for what a script does while the engine runs."""

    def __init__(self) -> None:
        self.controller: GateController

    def __call__(self, engine: Any) -> None:
        self.controller = gate_of(engine.trader)

    def mode(self, mode: Mode) -> Any:
        return lambda strategy: self.controller.gate.set_mode(mode, "a test")


def buy(strategy: Scripted) -> None:
    strategy.submit_order(strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(SMALL)))


def rest(side: OrderSide, price: float, **options: Any) -> Any:
    def act(strategy: Scripted) -> None:
        size, at = strategy.quantity(SMALL), strategy.price(price)
        strategy.order = strategy.order_factory.limit(INSTRUMENT, side, size, at, **options)
        strategy.submit_order(strategy.order)

    return act


def answering(seconds: float) -> OperatorConfig:
    return OperatorConfig(policy=Policy.APPROVE_ALL, latency=LatencyConfig(spread=Spread.FIXED, median_s=seconds))


def test_two_plain_orders_that_each_close_a_position_can_not_turn_it_together() -> None:
    held = Held()

    def close_twice(strategy: Scripted) -> None:
        rest(OrderSide.SELL, 50_100.0)(strategy)
        rest(OrderSide.SELL, 50_200.0)(strategy)

    script = {3: buy, 5: held.mode(Mode.EMERGENCY), 6: close_twice}
    strategy, controller = play(script, prices=RISE, prepare=held)

    assert controller.gate.decisions.counts == {"APPROVED": 2, "MODE_FORBIDS": 1}
    assert strategy.positions == []


def test_what_goes_beyond_closing_is_measured_with_what_works_already() -> None:
    _, controller = play({3: buy, 6: rest(OrderSide.SELL, 50_100.0), 7: rest(OrderSide.SELL, 50_200.0)})

    view = controller.gate.view
    assert view.working_notional == pytest.approx(SMALL * 50_150.0, rel=1e-3)


def test_an_algorithm_may_close_slice_by_slice_in_emergency() -> None:
    held = Held()

    def twap(strategy: Scripted) -> None:
        order = strategy.order_factory.market(
            INSTRUMENT,
            OrderSide.SELL,
            strategy.quantity(SMALL),
            exec_algorithm_id=ExecAlgorithmId("TWAP"),
            exec_algorithm_params={"horizon_secs": 6, "interval_secs": 2},
        )
        strategy.submit_order(order)

    def prepare(engine: Any) -> None:
        held(engine)
        engine.add_exec_algorithm(TWAPExecAlgorithm())

    strategy, controller = play({3: buy, 5: held.mode(Mode.EMERGENCY), 6: twap}, prepare=prepare)

    assert strategy.positions == []
    assert set(controller.gate.decisions.counts) == {"APPROVED"}


def test_a_batch_cancel_withdraws_what_waits_for_approval() -> None:
    script = {3: rest(OrderSide.BUY, 49_900.0), 5: lambda strategy: strategy.cancel_orders([strategy.order])}
    strategy, controller = play(script, mode=Mode.SEMI_AUTO, operator=answering(10.0))

    assert strategy.order.status is OrderStatus.DENIED
    assert controller.gate.review.queue.counts[Outcome.WITHDRAWN] == 1


def test_cancelling_all_of_one_strategy_leaves_another_strategys_request_alone() -> None:
    other = Scripted({4: rest(OrderSide.BUY, 49_950.0)}, tag="002")

    def twice(strategy: Scripted) -> None:
        # what is sent as an operator needs no approval: it rests, so that there is something to cancel
        rest(OrderSide.BUY, 49_800.0, tags=["operator:jane"])(strategy)
        rest(OrderSide.BUY, 49_900.0)(strategy)

    script = {3: twice, 5: lambda strategy: strategy.cancel_all_orders(INSTRUMENT)}
    strategy, controller = play(
        script,
        mode=Mode.SEMI_AUTO,
        operator=answering(10.0),
        prepare=lambda engine: engine.add_strategy(other),
    )

    assert strategy.order.status is OrderStatus.DENIED
    assert other.order.status is OrderStatus.ACCEPTED
    assert controller.gate.review.queue.counts[Outcome.WITHDRAWN] == 1


def test_a_change_of_what_waits_for_approval_is_refused_and_not_counted() -> None:
    held = Held()

    def grow(strategy: Scripted) -> None:
        strategy.modify_order(strategy.order, quantity=strategy.quantity(2 * SMALL))
        assert held.controller.gate.view.working_notional == 0.0

    strategy, _ = play(
        {3: rest(OrderSide.BUY, 49_900.0), 5: grow}, mode=Mode.SEMI_AUTO, operator=answering(10.0), prepare=held
    )

    rejected = next(event for event in strategy.events if type(event).__name__ == "OrderModifyRejected")
    assert "waits for approval" in rejected.reason
    assert strategy.order.quantity == strategy.quantity(SMALL)


@pytest.mark.parametrize("mode", [Mode.EMERGENCY, Mode.MANUAL, Mode.SEMI_AUTO])
def test_an_entry_that_rests_is_cancelled_when_its_mode_ends(mode: Mode) -> None:
    held = Held()
    strategy, controller = play({3: rest(OrderSide.BUY, 49_900.0), 6: held.mode(mode)}, prices=DROP, prepare=held)

    assert strategy.order.status is OrderStatus.CANCELED
    assert strategy.positions == []
    assert [record.kind for record in controller.gate.audit.records] == ["MODE", "CANCEL_ON_MODE"]


def test_a_resting_bracket_goes_with_its_children_when_its_mode_ends() -> None:
    held = Held()

    def bracket(strategy: Scripted) -> None:
        strategy.submit_order_list(
            strategy.order_factory.bracket(
                INSTRUMENT,
                OrderSide.BUY,
                strategy.quantity(SMALL),
                entry_order_type=OrderType.LIMIT,
                entry_price=strategy.price(49_900.0),
                sl_trigger_price=strategy.price(49_500.0),
                tp_price=strategy.price(50_900.0),
                time_in_force=TimeInForce.GTC,
            )
        )

    strategy, controller = play({3: bracket, 6: held.mode(Mode.EMERGENCY)}, prices=DROP, prepare=held)

    assert {order.status for order in strategy.orders} == {OrderStatus.CANCELED}
    assert controller.gate.view.working_notional == 0.0


def test_what_closes_stays_when_the_mode_changes_even_if_it_is_not_reduce_only() -> None:
    held = Held()
    stop = rest(OrderSide.SELL, 50_400.0)
    strategy, _ = play({3: buy, 5: stop, 6: held.mode(Mode.EMERGENCY)}, prices=RISE, prepare=held)

    assert strategy.order.status is OrderStatus.FILLED
    assert strategy.positions == []


def test_an_operators_order_stays_in_manual() -> None:
    held = Held()
    order = rest(OrderSide.BUY, 49_900.0, tags=["operator:jane", "reason:rebalance"])
    strategy, _ = play({3: order, 6: held.mode(Mode.MANUAL)}, prices=DROP, prepare=held)

    assert strategy.order.status is OrderStatus.FILLED


def test_a_change_counts_the_larger_of_both_until_the_venue_has_answered_and_then_what_rests() -> None:
    held = Held()
    on_its_way = []

    def shrink(strategy: Scripted) -> None:
        gate, send = held.controller.gate, held.controller.gate._execute

        def watched(command: Any) -> None:
            on_its_way.append(gate.view.working(strategy.order.client_order_id.value).signed_quantity)
            send(command)

        gate._execute = watched
        # crossing the market, a post-only order can not be changed so: the venue leaves it as it was
        strategy.modify_order(strategy.order, quantity=strategy.quantity(0.01), price=strategy.price(50_400.0))

    strategy, controller = play({3: rest(OrderSide.BUY, 49_900.0, post_only=True), 6: shrink}, prepare=held)

    assert "OrderModifyRejected" in strategy.names()
    assert on_its_way == [SMALL]
    assert controller.gate.view.working_notional == pytest.approx(SMALL * 49_900.0)


def test_no_timer_outlives_its_request() -> None:
    held = Held()
    left = []

    def look(strategy: Scripted) -> None:
        left.extend(held.controller.clock.timer_names)

    strategy, _ = play({3: buy, 9: look}, mode=Mode.SEMI_AUTO, operator=answering(2.0), prepare=held)

    assert "OrderFilled" in strategy.names()
    assert left == []


def test_an_approved_order_counts_at_its_approval_for_the_order_rate() -> None:
    _, controller = play({3: buy}, mode=Mode.SEMI_AUTO, operator=answering(5.0))

    assert controller.gate.view.sent.sent_ns(1) == START_NS + 8 * SECOND
