"""A strategy that floods the venue with orders is held at the rate, and then stopped until a person acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from engine_world import CASH, INSTRUMENT, SECOND, START_NS, Scripted, play
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.events import OrderFilled, OrderSubmitted
from nautilus_trader.model.identifiers import ExecAlgorithmId

from risk.ask import Ask, Verb
from risk.barriers import Level
from risk.breaker_config import Cause
from risk.circuit import Circuit, Scope, State
from risk.control.config import ControlConfig
from risk.control.document import ControlState, decode
from risk.control.floods import FloodGuard
from risk.control.operator_desk import OperatorDesk
from risk.control.room import ControlRoom
from risk.control.wiring import equip
from risk.controller import gate_of
from risk.intent import Intent, Side
from risk.limits import DuplicateConfig, LimitsConfig, OrderRateConfig, PositionLimitConfig, ValueAtRiskLimitConfig
from risk.lookout import CrossMargins
from risk.modes.authorisation import AuthorisationConfig, Role
from risk.modes.start import StartDecision
from risk.modes.table import Mode
from risk.operations import OperatorCommand
from risk.verdict import Reason, Refusal

BROKEN = Scope(Level.STRATEGY, "Scripted-001")
RATE = 10
WINDOW_S = 5.0
LIMITS = LimitsConfig(
    rate=OrderRateConfig(orders_max=RATE, window_s=WINDOW_S),
    duplicate=DuplicateConfig(enabled=False),
    position=PositionLimitConfig(max=1.0),
    value_at_risk=ValueAtRiskLimitConfig(max=1.0),
)
TINY = 0.001


class Control:
    """Put the control room around a script's gate; scripts reach it here."""

    def __init__(self, restored: ControlState | None = None) -> None:
        self.restored = restored
        self.room: ControlRoom
        self.engine: Any

    def __call__(self, engine: Any) -> None:
        self.engine = engine
        controller = gate_of(engine.trader)
        self.room = equip(
            controller,
            config=ControlConfig(people=AuthorisationConfig(roles={"jane": Role.RISK_OFFICER, "joe": Role.OPERATOR})),
            start=StartDecision(Mode.FULL_AUTO, "a test"),
            equity=CASH,
            margins=CrossMargins(controller.gate.view),
            restored=self.restored,
        )
        OperatorDesk(self.room).install(engine.kernel.msgbus)
        self.desk = OperatorDesk(self.room)

    def breaker(self) -> Circuit:
        return self.room.breakers.circuit(BROKEN)

    def reset(self, who: str, answers: list[str | None]) -> Callable[[Scripted], None]:
        arguments = {"what": "breaker", "level": "strategy", "name": BROKEN.name}

        def act(strategy: Scripted) -> None:
            now = self.room.now()
            ask = Ask(id=f"{who}-{now}", verb=Verb.CLEAR, operator=who, role="", reason="repaired", arguments=arguments)
            self.desk.handle(OperatorCommand(ask, now, now))
            answers.append(self.desk.answer(ask.id))

        return act


def flood(count: int) -> Callable[[Scripted], None]:
    def act(strategy: Scripted) -> None:
        for _ in range(count):
            strategy.submit_order(
                strategy.order_factory.limit(
                    INSTRUMENT, OrderSide.BUY, strategy.quantity(TINY), strategy.price(49_000.0)
                )
            )

    return act


def buy(strategy: Scripted) -> None:
    strategy.submit_order(strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(0.1)))


def close_one(strategy: Scripted) -> None:
    order = strategy.order_factory.market(INSTRUMENT, OrderSide.SELL, strategy.quantity(TINY), reduce_only=True)
    strategy.submit_order(order)


def sent_ns(strategy: Scripted) -> list[int]:
    return [event.ts_init for event in strategy.events if isinstance(event, OrderSubmitted)]


def most_in_a_window(times: list[int]) -> int:
    window = round(WINDOW_S * SECOND)
    return max((sum(at <= other < at + window for other in times) for at in times), default=0)


def test_a_flood_is_held_at_the_rate_and_opens_the_breaker_in_the_same_instant() -> None:
    control = Control()

    strategy, controller = play({3: flood(100)}, limits=LIMITS, prepare=control)

    counts = controller.gate.decisions.counts
    assert counts == {
        "APPROVED": RATE,
        "ORDER_RATE_EXCEEDED": RATE,
        "CIRCUIT_BREAKER_OPEN": 100 - 2 * RATE,
    }
    assert len(sent_ns(strategy)) == RATE
    breaker = control.breaker()
    assert (breaker.state, breaker.cause, breaker.until_ns) == (State.OPEN, Cause.ORDERED, None)
    assert breaker.since_ns == START_NS + 3 * SECOND
    assert "10 orders beyond the rate of 10 within 5 s" in breaker.reason


@pytest.mark.parametrize("asked", [1, 2, 3, 4, 7, 25])
def test_no_window_ever_holds_more_than_the_rate(asked: int) -> None:
    control = Control()

    strategy, controller = play(dict.fromkeys(range(60), flood(asked)), limits=LIMITS, prepare=control)

    sent = most_in_a_window(sent_ns(strategy))
    refused = controller.gate.decisions.counts.get("ORDER_RATE_EXCEEDED", 0)
    assert sent == min(RATE, 5 * asked)
    assert (control.breaker().state is State.OPEN) == (asked >= 4)  # at 3 a second 5 are refused in a window
    assert (refused > 0) == (asked >= 3)


def test_the_breaker_stays_open_over_all_cool_downs_while_closing_orders_pass() -> None:
    control = Control()
    script = {1: buy, 3: flood(30)} | dict.fromkeys(range(20, 50), close_one) | {55: flood(1), 57: flood(1)}

    strategy, controller = play(script, limits=LIMITS, prepare=control, step_s=1800)

    assert control.breaker().state is State.OPEN
    assert controller.gate.decisions.counts == {
        "APPROVED": 1 + RATE + 30,  # the stop that the guardian placed in the same instant is one of the rate's
        "ORDER_RATE_EXCEEDED": RATE,
        "CIRCUIT_BREAKER_OPEN": 30 - 2 * RATE + 1 + 2,
    }
    assert strategy.positions[0].quantity.as_double() == pytest.approx(0.1 - 30 * TINY)


def test_closing_orders_pass_within_the_flood_itself() -> None:
    control = Control()

    def flood_and_close(strategy: Scripted) -> None:
        flood(30)(strategy)
        for _ in range(20):
            close_one(strategy)

    strategy, _ = play({1: buy, 3: flood_and_close}, limits=LIMITS, prepare=control)

    assert strategy.positions[0].quantity.as_double() == pytest.approx(0.1 - 20 * TINY)


def test_only_a_supervisor_closes_the_breaker_and_the_count_begins_anew() -> None:
    control = Control()
    answers: list[str | None] = []
    script = {
        3: flood(30),
        20: control.reset("joe", answers),
        21: flood(1),
        25: control.reset("jane", answers),
        26: flood(RATE + RATE - 1),
    }

    _, controller = play(script, limits=LIMITS, prepare=control)

    assert answers[0] is not None
    assert answers[0].startswith("REFUSED: NOT_AUTHORISED")
    assert answers[1] == "DONE: closed"
    assert controller.gate.decisions.counts == {
        "APPROVED": 2 * RATE,
        "ORDER_RATE_EXCEEDED": RATE + RATE - 1,
        "CIRCUIT_BREAKER_OPEN": 30 - 2 * RATE + 1,
    }
    assert control.breaker().state is State.CLOSED


def test_the_breaker_survives_a_restart_until_a_person_resets_it() -> None:
    first = Control()
    play({3: flood(30)}, limits=LIMITS, prepare=first)
    stored = first.room.state().encode()

    second = Control(decode(stored))
    answers: list[str | None] = []
    script = {3: flood(2), 30: second.reset("jane", answers), 31: flood(2)}
    strategy, controller = play(script, limits=LIMITS, prepare=second, step_s=600)

    assert answers == ["DONE: closed"]
    assert controller.gate.decisions.counts == {"CIRCUIT_BREAKER_OPEN": 2, "APPROVED": 2}
    assert sent_ns(strategy) == [START_NS + 31 * 600 * SECOND] * 2


def test_another_strategy_goes_on() -> None:
    control = Control()
    other = Scripted({20: flood(2)}, tag="002")

    def prepare(engine: Any) -> None:
        control(engine)
        engine.add_strategy(other)

    play({3: flood(30)}, limits=LIMITS, prepare=prepare)

    assert control.breaker().state is State.OPEN
    assert len(sent_ns(other)) == 2


def test_an_algorithm_that_hands_out_more_than_approved_loses_its_strategy_the_right_to_open() -> None:
    class Greedy(TWAPExecAlgorithm):
        def on_order(self, order: Any) -> None:
            spawned = self.spawn_market(order, order.quantity, reduce_primary=False)
            self.submit_order(spawned)
            self.submit_order(self.spawn_market(order, order.quantity, reduce_primary=False))

    control = Control()

    def prepare(engine: Any) -> None:
        control(engine)
        engine.add_exec_algorithm(Greedy())

    def work(strategy: Scripted) -> None:
        order = strategy.order_factory.market(
            INSTRUMENT,
            OrderSide.BUY,
            strategy.quantity(0.01),
            exec_algorithm_id=ExecAlgorithmId("TWAP"),
            exec_algorithm_params={"horizon_secs": 2, "interval_secs": 1},
        )
        strategy.submit_order(order)

    _, controller = play({3: work, 10: flood(1)}, limits=LIMITS, prepare=prepare)

    counts = controller.gate.decisions.counts
    assert counts["BUDGET_EXCEEDED"] == 1
    assert counts["CIRCUIT_BREAKER_OPEN"] == 1
    assert control.breaker().cause is Cause.ORDERED
    assert "BUDGET_EXCEEDED" in control.breaker().reason


def test_a_fill_without_a_ticket_is_an_emergency_that_closes_it() -> None:
    control = Control()

    def bypass(strategy: Scripted) -> None:
        order = strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(0.01))
        command = SubmitOrder(
            trader_id=strategy.trader_id,
            strategy_id=strategy.id,
            order=order,
            command_id=UUID4(),
            ts_init=strategy.clock.timestamp_ns(),
        )
        control.engine.kernel.exec_engine.execute(command)

    strategy, controller = play({3: bypass, 8: flood(1)}, limits=LIMITS, prepare=control)

    kinds = Counter(record.kind for record in controller.gate.audit.records)
    assert kinds["FILL_WITHOUT_TICKET"] == 1
    assert control.room.governor.mode is Mode.EMERGENCY
    assert controller.gate.decisions.counts["MODE_FORBIDS"] == 1
    assert strategy.positions == []
    assert any(isinstance(event, OrderFilled) for event in strategy.events)
    assert all(order.status is not OrderStatus.ACCEPTED for order in strategy.orders)


def guard(trips: list[tuple[Scope, int]], rate: OrderRateConfig) -> FloodGuard:
    return FloodGuard(lambda: rate, lambda scope, _reason, now_ns: trips.append((scope, now_ns)))


def asked(strategy: str = "A-001") -> Intent:
    return Intent(
        ts_ns=0,
        strategy=strategy,
        instrument="X.Y",
        client_order_id="O-1",
        side=Side.BUY,
        order_type="MARKET",
        quantity=1,
    )


@pytest.mark.parametrize(("last_ns", "trips"), [(9_999_999_999, 1), (10_000_000_000, 0)])
def test_refusals_count_together_within_one_window_only(last_ns: int, trips: int) -> None:
    tripped: list[tuple[Scope, int]] = []
    floods = guard(tripped, OrderRateConfig(orders_max=3, window_s=10.0))

    for now in (0, 5_000_000_000, last_ns):
        floods.note_refusal(asked(), Refusal(Reason.ORDER_RATE_EXCEEDED), now)

    assert len(tripped) == trips


def test_each_strategy_is_counted_on_its_own_and_other_refusals_not_at_all() -> None:
    tripped: list[tuple[Scope, int]] = []
    floods = guard(tripped, OrderRateConfig(orders_max=3, window_s=10.0))

    for name in ("A-001", "B-001"):
        floods.note_refusal(asked(name), Refusal(Reason.ORDER_RATE_EXCEEDED), 1)
        floods.note_refusal(asked(name), Refusal(Reason.ORDER_RATE_EXCEEDED), 2)
    for reason in set(Reason) - {Reason.ORDER_RATE_EXCEEDED, Reason.BUDGET_EXCEEDED}:
        floods.note_refusal(asked(), Refusal(reason), 3)

    assert tripped == []
    floods.note_refusal(asked("B-001"), Refusal(Reason.ORDER_RATE_EXCEEDED), 4)
    assert tripped == [(Scope(Level.STRATEGY, "B-001"), 4)]
