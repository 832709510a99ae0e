"""Amendments on a real engine: the venue fills the amended size, and strategy and recorders are told of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from engine_world import INSTRUMENT, SECOND, START_NS, Scripted, play
from hypothesis import given, settings
from hypothesis import strategies as some
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.enums import OrderSide, OrderStatus, TimeInForce, TriggerType
from nautilus_trader.model.events import OrderInitialized, OrderUpdated
from nautilus_trader.trading.strategy import Strategy

from risk.amendment import sizes_of
from risk.controller import GateController, gate_of
from risk.modes.approvals import Outcome
from risk.modes.operators import LatencyConfig, OperatorConfig, Over, Policy, RulesConfig, Spread
from risk.modes.table import Mode
from risk.review import Reply
from risk.review_trail import By

JANE = By("jane", "smaller")
FULL = 0.05


class Desk:
    """Answers the oldest request while the engine runs, and keeps the replies."""

    def __init__(self) -> None:
        self.controller: GateController
        self.replies: list[Reply] = []

    def __call__(self, engine: Any) -> None:
        self.controller = gate_of(engine.trader)

    def amend(self, quantity: float) -> Callable[[Scripted], None]:
        return lambda _strategy: self.replies.append(self.controller.gate.review.amend(self.key, quantity, JANE))

    def approve(self, _strategy: Scripted) -> None:
        self.replies.append(self.controller.gate.review.approve(self.key, JANE))

    @property
    def key(self) -> str:
        return self.controller.gate.review.queue.waiting()[0].key


def market(strategy: Scripted) -> None:
    strategy.submit_order(strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(FULL)))


def limit(price: float, **options: Any) -> Callable[[Scripted], None]:
    def act(strategy: Scripted) -> None:
        size, at = strategy.quantity(FULL), strategy.price(price)
        strategy.submit_order(strategy.order_factory.limit(INSTRUMENT, OrderSide.BUY, size, at, **options))

    return act


def bracket(strategy: Scripted, **options: Any) -> None:
    strategy.submit_order_list(
        strategy.order_factory.bracket(
            INSTRUMENT,
            OrderSide.BUY,
            strategy.quantity(FULL),
            sl_trigger_price=strategy.price(49_000.0),
            tp_price=strategy.price(52_000.0),
            time_in_force=TimeInForce.GTC,
            **options,
        )
    )


def test_a_market_order_fills_the_amended_quantity() -> None:
    desk = Desk()
    strategy, controller = play({3: market, 6: desk.amend(0.02)}, mode=Mode.SEMI_AUTO, prepare=desk)

    order = strategy.orders[0]
    assert (order.quantity, order.filled_qty, order.status) == (
        strategy.quantity(0.02), strategy.quantity(0.02), OrderStatus.FILLED
    )  # fmt: skip
    assert strategy.positions[0].signed_qty == 0.02
    assert strategy.names()[:4] == ["OrderInitialized", "OrderUpdated", "OrderSubmitted", "OrderFilled"]
    assert strategy.events[1].ts_event == START_NS + 6 * SECOND
    assert controller.gate.view.working_notional == 0.0
    assert desk.replies[0].sent


def test_a_limit_order_rests_with_the_amended_quantity_at_its_own_price() -> None:
    desk = Desk()
    strategy, controller = play({3: limit(49_900.0), 6: desk.amend(0.02)}, mode=Mode.SEMI_AUTO, prepare=desk)

    order = strategy.orders[0]
    assert (order.quantity, order.price, order.status) == (
        strategy.quantity(0.02), strategy.price(49_900.0), OrderStatus.ACCEPTED
    )  # fmt: skip
    assert controller.gate.view.working_notional == pytest.approx(0.02 * 49_900.0)


def test_a_brackets_stop_and_target_shrink_with_their_entry() -> None:
    desk = Desk()
    fall = [50_000.0] * 10 + [48_900.0] * 5
    strategy, _ = play({3: bracket, 6: desk.amend(0.02)}, mode=Mode.SEMI_AUTO, prepare=desk, prices=fall)

    assert {order.quantity for order in strategy.orders} == {strategy.quantity(0.02)}
    # the stop closes what was bought, all of it and no more
    assert [order.status.name for order in strategy.orders] == ["FILLED", "FILLED", "CANCELED"]
    assert strategy.positions == []


class Managed(Scripted):
    """A strategy that leaves contingent orders to the engine's order manager."""

    def __init__(self, script: dict[int, Callable[[Scripted], Any]]) -> None:
        Strategy.__init__(self, StrategyConfig(order_id_tag="002", manage_contingent_orders=True))
        self.script = script
        self.act_on_fill = None
        self.quotes = 0
        self.events: list[Any] = []


def test_the_engines_own_care_for_contingent_orders_agrees() -> None:
    desk = Desk()
    managed = Managed({3: bracket, 6: desk.amend(0.02)})

    def prepare(engine: Any) -> None:
        desk(engine)
        engine.add_strategy(managed)

    strategy, _ = play({}, mode=Mode.SEMI_AUTO, prepare=prepare)

    assert desk.replies[0].sent
    assert {order.quantity for order in strategy.orders} == {managed.quantity(0.02)}
    assert sorted(order.status.name for order in strategy.orders) == ["ACCEPTED", "ACCEPTED", "FILLED"]
    assert managed.names().count("OrderUpdated") == 3


def test_an_emulated_order_is_amended_when_its_release_waits() -> None:
    desk = Desk()

    def emulate(strategy: Scripted) -> None:
        order = strategy.order_factory.stop_market(
            INSTRUMENT,
            OrderSide.BUY,
            strategy.quantity(FULL),
            strategy.price(50_100.0),
            emulation_trigger=TriggerType.BID_ASK,
        )
        strategy.submit_order(order)

    prices = [50_000.0] * 10 + [50_200.0] * 20
    strategy, _ = play({3: emulate, 15: desk.amend(0.02)}, mode=Mode.SEMI_AUTO, prepare=desk, prices=prices)

    assert strategy.positions[0].signed_qty == 0.02
    assert strategy.orders[0].status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("quantity", "problem"),
    [
        (0.0005, "leave an order of the command off its lot: choose a multiple of 0.001"),
        (0.001, "is worth less than the venue's least value 100.00000000 USDT"),
        (0.0, "must be above 0"),
        (-0.01, "must be above 0"),
        (0.05, "must be below the 0.05 that wait"),
        (float("nan"), "must be below the 0.05 that wait"),
    ],
)
def test_an_impossible_amendment_changes_nothing_and_the_request_waits_on(quantity: float, problem: str) -> None:
    desk = Desk()
    script = {3: market, 6: desk.amend(quantity), 9: desk.approve}
    strategy, controller = play(script, mode=Mode.SEMI_AUTO, prepare=desk)

    assert desk.replies[0].outcome is None
    assert problem in desk.replies[0].detail
    assert "OrderUpdated" not in strategy.names()
    assert strategy.positions[0].signed_qty == FULL
    assert [record.kind for record in controller.gate.audit.records] == ["AMEND_REFUSED", "APPROVAL"]


def test_an_order_can_not_become_smaller_than_what_it_shows() -> None:
    desk = Desk()

    def iceberg(strategy: Scripted) -> None:
        limit(49_900.0, display_qty=strategy.quantity(0.03))(strategy)

    play({3: iceberg, 6: desk.amend(0.02)}, mode=Mode.SEMI_AUTO, prepare=desk)

    assert "0.020 is below the 0.030 that the order shows of itself" in desk.replies[0].detail


def targets_of(strategy: Scripted, *parts: float) -> list[Any]:
    """Return an entry of the full size, and targets that share it out."""
    factory = strategy.order_factory
    entry = factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(FULL))
    sell = OrderSide.SELL
    return [
        entry,
        *(
            factory.limit(INSTRUMENT, sell, strategy.quantity(part), strategy.price(52_000.0), reduce_only=True)
            for part in parts
        ),
    ]


def test_targets_that_share_an_entry_keep_their_shares_or_the_step_that_works_is_named() -> None:
    found: dict[float, Any] = {}

    def measure(strategy: Scripted) -> None:
        orders = targets_of(strategy, 0.03, 0.02)
        for quantity in (0.01, 0.02, 0.025):
            found[quantity] = sizes_of(orders, quantity, 50_000.0, strategy.cache)

    play({3: measure})

    assert [str(size) for size in found[0.01]] == ["0.010", "0.006", "0.004"]
    assert [str(size) for size in found[0.02]] == ["0.020", "0.012", "0.008"]
    assert [str(size) for size in found[0.025]] == ["0.025", "0.015", "0.010"]


def test_a_quantity_that_no_share_can_follow_is_refused_with_the_step_that_works() -> None:
    found: list[Any] = []

    def measure(strategy: Scripted) -> None:
        orders = targets_of(strategy, 0.03, 0.02)
        found.append(sizes_of(orders, 0.012, 50_000.0, strategy.cache))

    play({3: measure})

    assert found == ["0.012 would leave an order of the command off its lot: choose a multiple of 0.005"]


@settings(max_examples=60, deadline=None)
@given(entry=some.integers(2, 400), shares=some.lists(some.integers(1, 400), max_size=4), wanted=some.integers(1, 400))
def test_every_amendment_that_is_possible_keeps_all_proportions_exactly(
    entry: int, shares: list[int], wanted: int
) -> None:
    factory, cache = _factory()
    lots = [entry, *shares]
    orders = [factory(Decimal(count) / 1000) for count in lots]

    sizes = sizes_of(orders, wanted / 1000, 1e9, cache)

    possible = wanted < entry and all(count * wanted % entry == 0 for count in shares)
    assert isinstance(sizes, list) is possible
    if isinstance(sizes, list):
        amended = [round(size.as_double() * 1000) for size in sizes]
        assert amended[0] == wanted
        assert all(new * entry == old * wanted for new, old in zip(amended, lots, strict=True))


def _factory() -> tuple[Callable[[Decimal], Any], Any]:
    from nautilus_trader.test_kit.stubs.component import TestComponentStubs

    from catalog.spec_files import shipped_spec

    instrument = shipped_spec(INSTRUMENT.value).instrument()
    cache = TestComponentStubs.cache()
    cache.add_instrument(instrument)
    order_factory = TestComponentStubs.order_factory()
    return lambda size: order_factory.market(INSTRUMENT, OrderSide.BUY, instrument.make_qty(size)), cache


def test_a_strategy_may_cancel_when_it_hears_of_the_amendment() -> None:
    desk = Desk()

    def prepare(engine: Any) -> None:
        desk(engine)
        strategy = engine.trader.strategies()[0]
        strategy.on_order_updated = lambda event: strategy.cancel_order(strategy.cache.order(event.client_order_id))

    strategy, controller = play({3: market, 6: desk.amend(0.02)}, mode=Mode.SEMI_AUTO, prepare=prepare)

    assert strategy.orders[0].status is OrderStatus.DENIED
    assert strategy.positions == []
    assert controller.gate.review.statistics().withdrawn == 1


def test_the_recorded_order_reads_as_asked_and_then_as_amended() -> None:
    desk = Desk()
    strategy, controller = play({3: market, 6: desk.amend(0.02)}, mode=Mode.SEMI_AUTO, prepare=desk)

    events = strategy.orders[0].events
    assert [type(event) for event in events[:2]] == [OrderInitialized, OrderUpdated]
    assert (events[0].quantity, events[1].quantity) == (strategy.quantity(FULL), strategy.quantity(0.02))
    record = controller.gate.audit.records[-1].data
    assert (record["asked_quantity"], record["quantity"]) == (FULL, 0.02)


def test_the_simulated_operator_cuts_a_bracket_to_the_size_it_allows() -> None:
    operator = OperatorConfig(
        policy=Policy.RULES,
        rules=RulesConfig(notional_max=1_234.0, over=Over.AMEND),
        latency=LatencyConfig(spread=Spread.FIXED, median_s=5.0),
    )
    strategy, controller = play({3: bracket}, mode=Mode.SEMI_AUTO, operator=operator)

    assert {order.quantity for order in strategy.orders} == {strategy.quantity(0.024)}
    assert controller.gate.review.queue.counts[Outcome.AMENDED] == 1
