"""Emergency in a real engine: several strategies closed in slices, small rests, and a hedge that the gate lets pass."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from engine_world import INSTRUMENT, NAME, SECOND, START_NS, Scripted, play
from kill_world import Floor
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.identifiers import InstrumentId

from catalog.spec_files import shipped_spec
from risk.controller import facts_of
from risk.desk import Purpose
from risk.intent import Side
from risk.modes.emergency_records import EmergencyConfig, HedgeConfig
from risk.modes.table import Mode

ETH = "ETHUSDT-PERP.BINANCE"
SIZE = 0.05


def market(side: OrderSide, size: float = SIZE) -> Any:
    return lambda strategy: strategy.submit_order(
        strategy.order_factory.market(INSTRUMENT, side, strategy.quantity(size))
    )


def limit(price: float, side: OrderSide = OrderSide.BUY, size: float = SIZE) -> Any:
    def act(strategy: Scripted) -> None:
        strategy.order = strategy.order_factory.limit(INSTRUMENT, side, strategy.quantity(size), strategy.price(price))
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


BUY, SELL = market(OrderSide.BUY), market(OrderSide.SELL)


def guards(floor: Floor) -> list[Any]:
    orders = floor.engine.cache.orders()
    sent = [order for order in orders if order.client_order_id.value.startswith("GUARD-")]
    return sorted(sent, key=lambda order: int(order.client_order_id.value.rsplit("-", 1)[1]))


def test_everything_of_every_strategy_is_closed_and_nothing_opens_any_more() -> None:
    floor = Floor(
        Scripted({3: SELL, 4: limit(48_000.0), 20: SELL}, tag="002"),
        Scripted({3: bracket, 20: bracket}, tag="003"),
    )
    script = {3: bracket, 4: limit(48_500.0), 8: floor.emergency, 20: BUY, 21: limit(48_000.0)}
    strategy, controller = play(script, prepare=floor)

    assert strategy.positions == []
    assert [order for order in strategy.orders if not order.is_closed] == []
    assert controller.gate.decisions.counts["MODE_FORBIDS"] == 6
    progress = floor.closer.progress()
    assert progress.positions_closed == 3
    assert progress.closure_s < 6.0
    assert progress.risk_left == 0.0
    assert "EMERGENCY_CLOSED" in floor.kinds()
    assert "FILL_WITHOUT_TICKET" not in floor.kinds()


def test_a_thin_quote_is_closed_in_slices_of_what_it_shows() -> None:
    # the quote shows 100 on each side: a share of 0.0002 is 0.02
    floor = Floor(emergency=EmergencyConfig(participation=0.0002, slice_every_s=2.0))
    strategy, _ = play({3: BUY, 6: floor.emergency}, prepare=floor)

    assert strategy.positions == []
    assert [order.quantity.as_double() for order in guards(floor)] == pytest.approx([0.02, 0.02, 0.01])
    times = [order.ts_init for order in guards(floor)]
    assert [(after - before) / SECOND for before, after in pairwise(times)] == [2.0, 2.0]


def test_a_close_the_strategy_lets_rest_is_withdrawn_before_it_can_turn_the_position() -> None:
    floor = Floor(emergency=EmergencyConfig(participation=0.0001, slice_every_s=30.0))
    script = {3: BUY, 6: floor.emergency, 8: limit(50_500.0, OrderSide.SELL, 0.03)}
    strategy, _ = play(script, prepare=floor, prices=[50_000.0] * 15 + [51_000.0] * 45)

    assert strategy.order.status is OrderStatus.CANCELED
    assert all(position.signed_qty > 0 for position in strategy.positions)


def test_a_strategy_that_leaves_by_itself_is_not_closed_twice() -> None:
    floor = Floor(emergency=EmergencyConfig(participation=0.0001, slice_every_s=10.0))

    def leave(strategy: Scripted) -> None:
        strategy.close_all_positions(INSTRUMENT)

    strategy, controller = play({3: BUY, 6: floor.emergency, 8: leave}, prepare=floor)

    assert strategy.positions == []
    assert len(guards(floor)) == 1
    assert set(controller.gate.decisions.counts) == {"APPROVED"}


# -- the hedge ---------------------------------------------------------------------------------------------------------


class HedgingFloor(Floor):
    """A floor with a second instrument to hedge with."""

    def __init__(self) -> None:
        config = EmergencyConfig(slice_every_s=2.0, hedges={NAME: HedgeConfig(instrument=ETH, ratio=20.0)})
        super().__init__(emergency=config)

    def __call__(self, engine: Any) -> None:
        instrument = shipped_spec(ETH).instrument()
        engine.add_instrument(instrument)
        size = instrument.make_qty(1_000)
        quotes = [
            QuoteTick(
                InstrumentId.from_str(ETH),
                instrument.make_price(2_500.0),
                instrument.make_price(2_500.1),
                size,
                size,
                START_NS + index * SECOND,
                START_NS + index * SECOND,
            )
            for index in range(60)
        ]
        engine.add_data(quotes)
        super().__call__(engine)
        self.controller.gate.view.set_facts(facts_of(shipped_spec(ETH), 3.0))


def test_what_can_not_be_closed_is_hedged_through_the_gate_and_let_go_with_it() -> None:
    floor = HedgingFloor()
    seen: list[dict[str, float]] = []

    def look(it: Floor) -> None:
        seen.append({position.instrument: position.signed_quantity for position in it.desk.positions()})

    def halt(strategy: Scripted) -> None:
        # the venue's switch holds for all of it; the hedge's own venue is asked apart
        floor.closer._can_trade = lambda venue: False
        floor.closer._hedges._can_trade = lambda venue: True
        floor.emergency(strategy)

    def heal(strategy: Scripted) -> None:
        floor.closer._can_trade = lambda venue: True

    script = {3: BUY, 6: halt, 20: floor.at(look), 25: heal}
    strategy, controller = play(script, prepare=floor)

    assert seen == [{NAME: pytest.approx(0.05), ETH: pytest.approx(-1.0)}]
    assert strategy.positions == []
    hedge = next(order for order in guards(floor) if order.tags == ["guard:HEDGE"])
    assert hedge.strategy_id.value == "Guard-HEDGE"
    assert hedge.status is OrderStatus.FILLED
    assert set(controller.gate.decisions.counts) == {"APPROVED"}
    assert floor.closer.progress().finished


def test_a_hedge_that_nobody_allowed_is_refused_by_the_gate() -> None:
    floor = HedgingFloor()
    ask = floor.at(lambda it: it.desk.hedge(ETH, Side.SELL, 1.0, Purpose.HEDGE))
    _, controller = play({3: BUY, 6: ask}, prepare=floor, mode=Mode.FULL_AUTO)

    assert controller.gate.decisions.counts == {"APPROVED": 1, "MODE_FORBIDS": 1}
    assert guards(floor)[0].status is OrderStatus.DENIED
