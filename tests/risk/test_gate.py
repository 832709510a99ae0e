"""The gate on a real engine: every road to the venue leads through it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engine_world import INSTRUMENT, SECOND, START_NS, Scripted, play
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.core.datetime import unix_nanos_to_dt
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import OrderSide, OrderStatus, TimeInForce, TriggerType
from nautilus_trader.model.identifiers import ExecAlgorithmId

from risk.controller import GateController, gate_of
from risk.limits import LimitsConfig, PositionLimitConfig
from risk.modes.operators import LatencyConfig, OperatorConfig, Policy, Spread
from risk.modes.table import Mode
from risk.review import Reply
from risk.review_trail import By

BIG = 30.0  # 1.5 million at 50,000: fifteen times the account
SMALL = 0.05


def buy(quantity: float, tags: list[str] | None = None) -> object:
    def act(strategy: Scripted) -> None:
        strategy.submit_order(
            strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(quantity), tags=tags)
        )

    return act


def sell_all(strategy: Scripted) -> None:
    strategy.close_all_positions(INSTRUMENT)


def bracket(quantity: float) -> object:
    def act(strategy: Scripted) -> None:
        strategy.submit_order_list(
            strategy.order_factory.bracket(
                INSTRUMENT,
                OrderSide.BUY,
                strategy.quantity(quantity),
                sl_trigger_price=strategy.price(49_000.0),
                tp_price=strategy.price(52_000.0),
                time_in_force=TimeInForce.GTC,
            )
        )

    return act


def instant(policy: Policy = Policy.APPROVE_ALL, seconds: float = 5.0) -> OperatorConfig:
    return OperatorConfig(policy=policy, latency=LatencyConfig(spread=Spread.FIXED, median_s=seconds))


def test_a_plain_strategy_is_gated_and_told_why() -> None:
    strategy, controller = play({3: buy(BIG), 5: buy(SMALL)})

    denied = [event for event in strategy.events if type(event).__name__ == "OrderDenied"]
    assert len(denied) == 1
    assert denied[0].reason.startswith("POSITION_LIMIT_EXCEEDED: measured=")
    assert strategy.names().count("OrderFilled") == 1
    assert controller.gate.decisions.counts == {"POSITION_LIMIT_EXCEEDED": 1, "APPROVED": 1}


def test_closing_passes_whatever_the_limits() -> None:
    tight = LimitsConfig(position=PositionLimitConfig(max=0.01))
    strategy, _ = play({3: buy(SMALL), 6: sell_all}, limits=tight)

    assert strategy.names().count("OrderFilled") == 2
    assert strategy.positions == []


def test_opening_the_other_side_right_after_closing_is_no_duplicate() -> None:
    def turn(strategy: Scripted) -> None:
        strategy.close_all_positions(INSTRUMENT)
        strategy.submit_order(strategy.order_factory.market(INSTRUMENT, OrderSide.SELL, strategy.quantity(SMALL)))

    strategy, controller = play({3: buy(SMALL), 6: turn})

    assert controller.gate.decisions.counts == {"APPROVED": 3}
    assert strategy.positions[0].signed_qty == -SMALL


def test_a_bracket_is_refused_as_a_whole() -> None:
    strategy, controller = play({3: bracket(BIG)})

    assert [order.status for order in strategy.orders] == [OrderStatus.DENIED] * 3
    assert len(controller.gate.decisions) == 3


def test_a_bracket_within_limits_rests_with_both_children() -> None:
    strategy, _ = play({3: bracket(SMALL)})

    assert sorted(order.status.name for order in strategy.orders) == ["ACCEPTED", "ACCEPTED", "FILLED"]


def test_a_change_that_grows_beyond_the_limit_keeps_the_old_order() -> None:
    def rest(strategy: Scripted) -> None:
        strategy.submit_order(
            strategy.order_factory.limit(
                INSTRUMENT, OrderSide.BUY, strategy.quantity(SMALL), strategy.price(49_500.0), tags=["ENTRY"]
            )
        )

    def grow(strategy: Scripted) -> None:
        strategy.modify_order(strategy.cache.orders_open()[0], quantity=strategy.quantity(BIG))

    strategy, _ = play({3: rest, 6: grow})

    assert "OrderModifyRejected" in strategy.names()
    assert strategy.orders[0].quantity == strategy.quantity(SMALL)
    assert strategy.orders[0].status is OrderStatus.ACCEPTED


def test_an_emulated_stop_is_checked_when_it_is_released() -> None:
    def emulate(strategy: Scripted) -> None:
        strategy.submit_order(
            strategy.order_factory.stop_market(
                INSTRUMENT,
                OrderSide.BUY,
                strategy.quantity(BIG),
                strategy.price(50_100.0),
                emulation_trigger=TriggerType.BID_ASK,
            )
        )

    strategy, _ = play({3: emulate}, prices=[50_000.0] * 10 + [50_200.0] * 10)

    assert "OrderEmulated" in strategy.names()
    assert "OrderReleased" in strategy.names()
    assert strategy.orders[0].status is OrderStatus.DENIED


def test_children_of_an_algorithm_pass_the_gate_within_their_parents_budget() -> None:
    def twap(strategy: Scripted) -> None:
        strategy.submit_order(
            strategy.order_factory.market(
                INSTRUMENT,
                OrderSide.BUY,
                strategy.quantity(0.06),
                exec_algorithm_id=ExecAlgorithmId("TWAP"),
                exec_algorithm_params={"horizon_secs": 6, "interval_secs": 2},
            )
        )

    strategy, controller = play({3: twap}, prepare=lambda engine: engine.add_exec_algorithm(TWAPExecAlgorithm()))

    filled = sum(order.filled_qty.as_double() for order in strategy.orders)
    assert filled == pytest.approx(0.06)
    # One line for the whole order, one for each slice.
    assert len(controller.gate.decisions) == len(strategy.orders) + 1 == 4
    assert controller.gate.view.working_notional == 0.0


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.EMERGENCY])
def test_no_automated_order_opens_in_manual_or_emergency(mode: Mode) -> None:
    strategy, controller = play({3: buy(SMALL), 5: bracket(SMALL)}, mode=mode)

    assert "OrderFilled" not in strategy.names()
    assert controller.gate.decisions.counts == {"MODE_FORBIDS": 4}


def test_an_identified_operator_may_trade_in_manual() -> None:
    strategy, _ = play({3: buy(SMALL, ["operator:jane", "reason:rebalance"])}, mode=Mode.MANUAL)

    assert "OrderFilled" in strategy.names()


def test_semi_auto_sends_what_the_operator_approves_when_he_approves() -> None:
    strategy, controller = play({3: buy(SMALL)}, mode=Mode.SEMI_AUTO, operator=instant(seconds=5.0))

    filled = next(event for event in strategy.events if type(event).__name__ == "OrderFilled")
    assert filled.ts_event == START_NS + 8 * SECOND
    assert controller.gate.decisions.counts == {"PARKED": 1, "APPROVED": 1}


@pytest.mark.parametrize(
    ("operator", "code"),
    [(instant(Policy.REJECT_ALL), "APPROVAL_REJECTED"), (instant(Policy.AWAY), "APPROVAL_TIMEOUT")],
)
def test_semi_auto_sends_nothing_the_operator_does_not_approve(operator: OperatorConfig, code: str) -> None:
    strategy, controller = play({3: buy(SMALL)}, mode=Mode.SEMI_AUTO, operator=operator)

    assert "OrderFilled" not in strategy.names()
    assert controller.gate.decisions.counts == {"PARKED": 1, code: 1}


def test_no_answer_in_thirty_seconds_is_a_rejection_to_the_nanosecond() -> None:
    strategy, _ = play({3: buy(SMALL)}, mode=Mode.SEMI_AUTO, operator=instant(seconds=30.0))

    denied = next(event for event in strategy.events if type(event).__name__ == "OrderDenied")
    assert denied.ts_event == START_NS + 33 * SECOND
    assert denied.reason.startswith("APPROVAL_TIMEOUT")


@pytest.mark.parametrize(("after_ns", "fills"), [(-1, 1), (0, 0), (1, 0)])
def test_a_yes_at_the_engines_clock_counts_up_to_the_nanosecond_before_expiry(after_ns: int, fills: int) -> None:
    held: list[GateController] = []
    replies: list[Reply] = []

    def answer(_event: object) -> None:
        review = held[0].gate.review
        replies.extend(review.approve(request.key, By("jane")) for request in review.queue.waiting())

    def prepare(engine: BacktestEngine) -> None:
        held.append(gate_of(engine.trader))
        expiry = unix_nanos_to_dt(START_NS + 33 * SECOND + after_ns)
        # set before anything is parked, so that at the instant of expiry the yes comes before the alarm
        engine.kernel.clock.set_time_alert("a person answers", expiry, answer)

    strategy, controller = play({3: buy(SMALL)}, mode=Mode.SEMI_AUTO, prepare=prepare)

    assert strategy.names().count("OrderFilled") == fills
    outcomes = [record.data["outcome"] for record in controller.gate.audit.records]
    assert outcomes == ["APPROVED" if fills else "TIMEOUT"]
    assert all(reply.sent is bool(fills) for reply in replies)


def test_an_approval_is_checked_again_on_the_world_as_it_is_then() -> None:
    crash = [50_000.0] * 5 + [20_000.0] * 30
    tight = LimitsConfig()
    strategy, controller = play(
        {1: buy(0.2), 3: bracket(SMALL)},
        mode=Mode.SEMI_AUTO,
        limits=tight,
        operator=instant(seconds=2.5),
        prices=crash,
    )

    # The first is approved at 3.5 s and held through the crash; the second was fine when it was sent at 3 s,
    # and at 5.5 s the day has lost more than SemiAuto allows.
    assert strategy.names().count("OrderFilled") == 1
    assert controller.gate.decisions.counts["DAILY_LOSS_EXCEEDED"] == 3


def test_closing_never_waits_for_approval() -> None:
    strategy, controller = play({3: buy(SMALL), 20: sell_all}, mode=Mode.SEMI_AUTO, operator=instant())

    closed = next(event for event in strategy.events if type(event).__name__ == "PositionClosed")
    assert closed.ts_event == START_NS + 20 * SECOND
    assert controller.gate.decisions.counts["PARKED"] == 1


def test_an_order_sent_while_a_fill_is_told_is_judged_on_the_position_after_it() -> None:
    def on_filled(strategy: Scripted, event: object) -> None:
        if event.order_side == OrderSide.SELL:
            # Flat now: this sell opens a short far beyond the limit, and is not a second closing of what was held.
            order = strategy.order_factory.market(INSTRUMENT, OrderSide.SELL, strategy.quantity(BIG))
            strategy.submit_order(order)
        else:
            strategy.submit_order(
                strategy.order_factory.stop_market(
                    INSTRUMENT, OrderSide.SELL, event.last_qty, strategy.price(49_000.0), reduce_only=True
                )
            )

    strategy, controller = play({3: buy(SMALL), 6: sell_all}, on_filled=on_filled)

    assert [order.status.name for order in strategy.orders if order.quantity == strategy.quantity(BIG)] == ["DENIED"]
    assert controller.gate.decisions.counts["POSITION_LIMIT_EXCEEDED"] == 1
    assert "REDUCE_ONLY_INCREASES" not in controller.gate.decisions.counts


def test_cancelling_a_parked_order_withdraws_it() -> None:
    def cancel(strategy: Scripted) -> None:
        strategy.cancel_order(strategy.order)

    def rest(strategy: Scripted) -> None:
        strategy.order = strategy.order_factory.limit(
            INSTRUMENT, OrderSide.BUY, strategy.quantity(SMALL), strategy.price(49_900.0)
        )
        strategy.submit_order(strategy.order)

    strategy, controller = play({3: rest, 5: cancel}, mode=Mode.SEMI_AUTO, operator=instant(seconds=10.0))

    assert strategy.order.status is OrderStatus.DENIED
    assert len(controller.gate.review.queue) == 0


def test_a_fill_that_never_passed_the_gate_raises_the_alarm() -> None:
    def go_around(strategy: Scripted) -> None:
        strategy.bypass(strategy)

    def prepare(engine: object) -> None:
        def bypass(strategy: Scripted) -> None:
            order = strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(SMALL))
            from nautilus_trader.core.uuid import UUID4
            from nautilus_trader.execution.messages import SubmitOrder

            engine.kernel.exec_engine.execute(
                SubmitOrder(strategy.trader_id, strategy.id, order, UUID4(), strategy.clock.timestamp_ns())
            )

        engine.trader.strategies()[0].bypass = bypass

    _, controller = play({3: go_around, 6: buy(SMALL)}, prepare=prepare)

    assert controller.gate.view.mode is Mode.EMERGENCY
    assert [record.kind for record in controller.gate.audit.records][:2] == ["FILL_WITHOUT_TICKET", "MODE"]
    assert controller.gate.decisions.counts == {"MODE_FORBIDS": 1}


def test_the_same_run_gives_the_same_hash() -> None:
    script = {3: buy(SMALL), 6: bracket(SMALL), 9: sell_all, 12: buy(BIG)}
    first, second = (play(script)[1].gate.decisions.decision_hash for _ in range(2))

    assert first == second
    assert first != play({3: buy(SMALL)})[1].gate.decisions.decision_hash


def test_the_view_agrees_with_the_account_after_trading() -> None:
    strategy, controller = play({3: buy(SMALL), 6: buy(SMALL * 2), 20: sell_all, 25: buy(SMALL)})

    view = controller.gate.view
    position = strategy.positions[0]
    assert view.position(INSTRUMENT.value).signed_quantity == position.signed_qty
    assert view.position(INSTRUMENT.value).entry_price == position.avg_px_open
    assert view.cash == strategy.cache.account_for_venue(INSTRUMENT.venue).balance_total(USDT).as_double()
    assert view.equity == pytest.approx(view.cash + position.signed_qty * (50_000.05 - position.avg_px_open))


def test_timedelta_of_the_queue_is_half_a_minute() -> None:
    _, controller = play({})
    assert controller.gate.review.queue.timeout_ns == timedelta(seconds=30) // timedelta(microseconds=1) * 1000
