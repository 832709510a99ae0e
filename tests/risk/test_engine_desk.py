"""The desk at a real engine: whose orders it sends, how much, how they are named, and where cancels go."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import INSTRUMENT, NAME, Scripted, play
from kill_world import Floor
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.model.enums import OrderSide, OrderStatus, OrderType, TriggerType
from nautilus_trader.model.identifiers import ExecAlgorithmId, PositionId

from risk.desk import Purpose
from risk.modes.approvals import Outcome
from risk.modes.table import Mode

SIZE = 0.05
POSITION = f"{NAME}-Scripted-001"


def market(side: OrderSide, size: float = SIZE) -> Any:
    return lambda strategy: strategy.submit_order(
        strategy.order_factory.market(INSTRUMENT, side, strategy.quantity(size))
    )


BUY, SELL = market(OrderSide.BUY), market(OrderSide.SELL)


def limit(price: float, size: float = SIZE, **options: Any) -> Any:
    def act(strategy: Scripted) -> None:
        strategy.order = strategy.order_factory.limit(
            INSTRUMENT, OrderSide.BUY, strategy.quantity(size), strategy.price(price), **options
        )
        strategy.submit_order(strategy.order)

    return act


def guards(strategy: Scripted) -> list[Any]:
    return [order for order in strategy.orders if order.client_order_id.value.startswith("GUARD-")]


@pytest.mark.parametrize("entry", [BUY, SELL])
def test_closes_all_of_a_position_in_its_strategys_name(entry: Any) -> None:
    floor = Floor(session=7)
    close = floor.at(lambda it: it.desk.reduce(POSITION, 1.0, Purpose.KILL))
    strategy, controller = play({3: entry, 6: close}, prepare=floor)

    (order,) = guards(strategy)
    assert strategy.positions == []
    assert order.client_order_id.value == "GUARD-7-1"
    assert order.strategy_id == strategy.id
    assert order.position_id == PositionId(POSITION)
    assert order.is_reduce_only
    assert order.init_event.quantity == strategy.quantity(SIZE)
    assert order.tags == ["guard:KILL"]
    assert "PositionClosed" in strategy.names()
    told = [type(event).__name__ for event in strategy.events if getattr(event, "client_order_id", None) is not None]
    assert told.count("OrderInitialized") == 2
    assert controller.gate.decisions.counts == {"APPROVED": 2}
    assert "FILL_WITHOUT_TICKET" not in floor.kinds()


def test_closes_a_part_rounded_down_to_the_lot() -> None:
    floor = Floor()
    part = floor.at(lambda it: it.desk.reduce(POSITION, 0.0299999, Purpose.EMERGENCY))
    strategy, _ = play({3: BUY, 6: part}, prepare=floor)

    (position,) = strategy.positions
    assert position.signed_qty == pytest.approx(0.021)
    assert guards(strategy)[0].tags == ["guard:EMERGENCY"]


@pytest.mark.parametrize("quantity", [0.1 + 0.2 - 0.28, 0.02 - 1e-16])
def test_float_noise_is_no_reason_to_lose_a_lot(quantity: float) -> None:
    floor = Floor()
    strategy, _ = play(
        {3: BUY, 6: floor.at(lambda it: it.desk.reduce(POSITION, quantity, Purpose.STOP))}, prepare=floor
    )

    assert strategy.positions[0].signed_qty == pytest.approx(0.03)


@pytest.mark.parametrize("quantity", [0.0, -1.0, 0.0004, float("nan")])
def test_what_is_no_quantity_sends_nothing(quantity: float) -> None:
    floor = Floor()
    answers: list[Any] = []
    strategy, _ = play(
        {3: BUY, 6: floor.at(lambda it: answers.append(it.desk.reduce(POSITION, quantity, Purpose.STOP)))},
        prepare=floor,
    )

    assert answers == [None]
    assert guards(strategy) == []


def test_what_is_flat_or_unknown_sends_nothing() -> None:
    floor = Floor()
    answers: list[Any] = []

    def ask(it: Floor) -> None:
        answers.append(it.desk.reduce(POSITION, 1.0, Purpose.STOP))
        answers.append(it.desk.reduce("nobody", 1.0, Purpose.STOP))
        answers.append(it.desk.protect(POSITION, 1.0, 49_000.0, Purpose.STOP))

    play({3: BUY, 6: SELL, 9: floor.at(ask)}, prepare=floor)

    assert answers == [None, None, None]


def test_a_position_below_the_smallest_order_is_closed_whole() -> None:
    floor = Floor()
    # 0.001 at 50,000 is 50 of notional, where the instrument asks for 100
    leave = floor.at(lambda it: it.desk.reduce(POSITION, 0.049, Purpose.EMERGENCY))
    close = floor.at(lambda it: it.desk.reduce(POSITION, 0.001, Purpose.EMERGENCY))
    strategy, _ = play({3: BUY, 6: leave, 9: close}, prepare=floor)

    assert strategy.positions == []
    assert [order.status for order in guards(strategy)] == [OrderStatus.FILLED, OrderStatus.FILLED]


@pytest.mark.parametrize(
    ("entry", "asked", "trigger"), [(BUY, 49_000.04, 49_000.1), (SELL, 51_000.06, 51_000.0), (BUY, 49_000.0, 49_000.0)]
)
def test_a_stop_is_rounded_towards_the_mark_and_works(entry: Any, asked: float, trigger: float) -> None:
    floor = Floor()
    strategy, _ = play(
        {3: entry, 6: floor.at(lambda it: it.desk.protect(POSITION, 1.0, asked, Purpose.STOP))}, prepare=floor
    )

    (order,) = guards(strategy)
    assert order.order_type == OrderType.STOP_MARKET
    assert order.status == OrderStatus.ACCEPTED
    assert order.trigger_price.as_double() == pytest.approx(trigger)
    assert order.is_reduce_only


def test_numbers_never_repeat_and_name_their_session() -> None:
    floor = Floor(session=3)
    part = floor.at(lambda it: it.desk.reduce(POSITION, 0.01, Purpose.STOP))
    strategy, _ = play({3: BUY, 6: part, 9: part, 12: part}, prepare=floor)

    assert sorted(order.client_order_id.value for order in guards(strategy)) == ["GUARD-3-1", "GUARD-3-2", "GUARD-3-3"]


def test_tells_what_is_open() -> None:
    floor = Floor()
    seen: list[Any] = []

    def bracket(strategy: Scripted) -> None:
        orders = strategy.order_factory.bracket(
            INSTRUMENT,
            OrderSide.BUY,
            strategy.quantity(SIZE),
            sl_trigger_price=strategy.price(49_000.0),
            tp_price=strategy.price(51_000.0),
        )
        strategy.submit_order_list(orders)

    play({3: bracket, 6: floor.at(lambda it: seen.append((it.desk.positions(), it.desk.orders())))}, prepare=floor)

    ((position,), orders) = seen[0]
    assert (position.position_id, position.strategy) == (POSITION, "Scripted-001")
    assert position.signed_quantity == pytest.approx(SIZE)
    assert position.mark == pytest.approx(50_000.05)
    assert sorted((order.is_stop, order.price, order.signed_quantity) for order in orders) == [
        (False, 51_000.0, -SIZE),
        (True, 49_000.0, -SIZE),
    ]
    assert all(order.reduce_only and order.parent_id is not None for order in orders)


def test_the_book_is_what_the_quote_shows() -> None:
    floor = Floor()
    books: list[Any] = []
    play({3: floor.at(lambda it: books.append(it.desk.book(NAME)))}, prepare=floor)

    (top,) = books
    assert (top.bid, top.ask, top.bid_depth, top.ask_depth) == (50_000.0, 50_000.1, 100.0, 100.0)


def test_there_is_no_book_of_what_was_never_quoted() -> None:
    floor = Floor()
    books: list[Any] = []
    play({3: floor.at(lambda it: books.append(it.desk.book("ETHUSDT-PERP.BINANCE")))}, prepare=floor)

    assert books == [None]


# -- cancels -----------------------------------------------------------------------------------------------------------


def cancel_all(it: Floor) -> None:
    for order in it.desk.orders():
        it.desk.cancel(order.client_order_id)
        it.desk.cancel(order.client_order_id)


def test_cancels_what_rests_and_the_second_cancel_is_nothing() -> None:
    floor = Floor()
    marked: list[Any] = []

    def twice(it: Floor) -> None:
        cancel_all(it)
        marked.extend(order.cancelling for order in it.desk.orders())

    strategy, _ = play({3: limit(49_000.0), 6: floor.at(twice)}, prepare=floor)

    assert strategy.order.status is OrderStatus.CANCELED
    assert marked == [True]
    assert strategy.names().count("OrderPendingCancel") == 1
    assert "OrderCancelRejected" not in strategy.names()


def test_cancels_what_waits_for_approval() -> None:
    floor = Floor()
    strategy, controller = play({3: limit(49_000.0), 6: floor.at(cancel_all)}, prepare=floor, mode=Mode.SEMI_AUTO)

    assert strategy.order.status is OrderStatus.DENIED
    assert controller.gate.review.queue.counts[Outcome.WITHDRAWN] == 1


def test_cancels_what_the_emulator_holds() -> None:
    floor = Floor()
    seen: list[Any] = []

    def look(it: Floor) -> None:
        seen.append(len(it.desk.orders()))
        cancel_all(it)

    strategy, _ = play(
        {3: limit(49_000.0, emulation_trigger=TriggerType.BID_ASK), 6: floor.at(look)},
        prices=[50_000.0] * 12 + [48_000.0] * 12,
        prepare=floor,
    )

    assert seen == [1]
    assert strategy.order.status is OrderStatus.CANCELED
    assert strategy.positions == []


def test_cancels_what_an_execution_algorithm_works() -> None:
    def twap(strategy: Scripted) -> None:
        strategy.order = strategy.order_factory.market(
            INSTRUMENT,
            OrderSide.BUY,
            strategy.quantity(SIZE),
            exec_algorithm_id=ExecAlgorithmId("TWAP"),
            exec_algorithm_params={"horizon_secs": 20, "interval_secs": 4},
        )
        strategy.submit_order(strategy.order)

    floor = Floor(prepare=lambda engine: engine.add_exec_algorithm(TWAPExecAlgorithm()))
    strategy, _ = play({3: twap, 6: floor.at(cancel_all)}, prepare=floor)

    assert strategy.order.status is OrderStatus.CANCELED
    (position,) = strategy.positions
    assert position.signed_qty == pytest.approx(0.01)


def test_cancelling_what_is_unknown_or_over_is_nothing() -> None:
    floor = Floor()

    def ask(it: Floor) -> None:
        it.desk.cancel("nobody")
        for order in it.engine.cache.orders():
            it.desk.cancel(order.client_order_id.value)

    strategy, _ = play({3: BUY, 6: floor.at(ask)}, prepare=floor)

    assert "OrderCancelRejected" not in strategy.names()


def test_margin_can_not_be_moved_unless_the_venue_offers_a_way() -> None:
    floor = Floor()
    answers: list[bool] = []
    play({3: floor.at(lambda it: answers.append(it.desk.add_margin(POSITION, 10.0)))}, prepare=floor)

    assert answers == [False]


def test_a_negative_session_is_refused() -> None:
    with pytest.raises(ValueError, match="session"):
        play({}, prepare=Floor(session=-1))


def test_the_same_run_sends_the_same_orders() -> None:
    def hash_of_run() -> str:
        floor = Floor()
        _, controller = play(
            {3: BUY, 6: floor.at(lambda it: it.desk.reduce(POSITION, 0.02, Purpose.STOP)), 9: floor.press()},
            prepare=floor,
        )
        return str(controller.gate.decisions.decision_hash)

    assert hash_of_run() == hash_of_run()
