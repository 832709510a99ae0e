"""The view never drifts from the engine: whatever a strategy sends, both hold the same orders, position and cash."""

from __future__ import annotations

import random
import warnings
from typing import Any

import pytest
from engine_world import CASH, INSTRUMENT, NAME, Scripted, play
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import OrderSide, OrderType, TimeInForce, TriggerType
from nautilus_trader.model.orders import Order

from risk.controller import gate_of
from risk.limits import (
    DailyLossLimitConfig,
    DrawdownLimitConfig,
    DuplicateConfig,
    LimitsConfig,
    OrderRateConfig,
    PositionLimitConfig,
    PriceCollarConfig,
)

LAX = LimitsConfig(
    position=PositionLimitConfig(enabled=False),
    daily_loss=DailyLossLimitConfig(enabled=False),
    drawdown=DrawdownLimitConfig(enabled=False),
    collar=PriceCollarConfig(enabled=False),
    duplicate=DuplicateConfig(enabled=False),
    rate=OrderRateConfig(enabled=False),
)
QUOTES = 50


def assert_agree(strategy: Scripted, view: Any) -> None:
    """Hold the view's working orders, position and cash against the engine's own."""
    at_venue = {
        order.client_order_id.value: order for order in strategy.cache.orders_open() + strategy.cache.orders_inflight()
    }
    book = view.book(NAME)
    known = {*book.opening, *book.flagged} if book is not None else set()
    assert known == set(at_venue)
    for key, order in at_venue.items():
        working = view.working(key)
        sign = 1 if order.side == OrderSide.BUY else -1
        assert working.signed_quantity == pytest.approx(sign * order.leaves_qty.as_double(), abs=1e-9)
        assert working.price == price_of(order)
    held = sum(position.signed_qty for position in strategy.cache.positions_open())
    position = view.position(NAME)
    assert (0.0 if position is None else position.signed_quantity) == pytest.approx(held, abs=1e-9)
    account = strategy.cache.account_for_venue(INSTRUMENT.venue)
    assert view.cash == account.balance_total(USDT).as_double()


def price_of(order: Order) -> float:
    return order.price.as_double() if order.has_price else order.trigger_price.as_double()


class Chaos:
    """Send, change and cancel orders of every kind at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.view: Any = None
        self.compared = 0

    def __call__(self, strategy: Scripted) -> None:
        assert_agree(strategy, self.view)
        self.compared += 1
        for _ in range(self.random.randrange(4)):
            self.act(strategy)

    def act(self, strategy: Scripted) -> None:
        draw = self.random
        side = draw.choice([OrderSide.BUY, OrderSide.SELL])
        sign = 1 if side == OrderSide.BUY else -1
        base = strategy.cache.quote_tick(INSTRUMENT).bid_price.as_double()
        price = {step: strategy.price(base + sign * step) for step in (-200, -150, -60, 50, 60, 100, 150)}
        size = strategy.quantity(draw.choice([0.01, 0.02, 0.05]))
        make, reduce_only = strategy.order_factory, draw.random() < 0.3
        resting = strategy.cache.orders_open()
        kind = draw.randrange(11)
        if kind == 0:
            strategy.submit_order(make.market(INSTRUMENT, side, size, reduce_only=reduce_only))
        elif kind == 1:
            at = price[draw.choice([-60, 50])]
            strategy.submit_order(make.limit(INSTRUMENT, side, size, at, post_only=draw.random() < 0.3))
        elif kind == 2:
            strategy.submit_order(make.stop_market(INSTRUMENT, side, size, price[100], reduce_only=reduce_only))
        elif kind == 3:
            strategy.submit_order(make.stop_limit(INSTRUMENT, side, size, price[60], price[50]))
        elif kind in (4, 5):
            entry = {"entry_order_type": OrderType.LIMIT, "entry_price": price[-60]} if kind == 4 else {}
            bracket = make.bracket(
                INSTRUMENT,
                side,
                size,
                sl_trigger_price=price[-200],
                tp_price=price[150],
                time_in_force=TimeInForce.GTC,
                **entry,
            )
            strategy.submit_order_list(bracket)
        elif kind == 6:
            stop = make.stop_market(INSTRUMENT, side, size, price[50], emulation_trigger=TriggerType.BID_ASK)
            strategy.submit_order(stop)
        elif kind == 7:
            strategy.close_all_positions(INSTRUMENT)
        elif kind == 8 and resting and draw.random() < 0.2:
            strategy.cancel_all_orders(INSTRUMENT)
        elif kind == 9 and resting:
            strategy.cancel_order(draw.choice(resting))
        elif kind == 10 and resting:
            self.change(strategy, draw.choice(resting))

    def change(self, strategy: Scripted, order: Order) -> None:
        """Change an order, now and then into one that the venue refuses."""
        move = self.random.choice([-300.0, -10.0, 10.0, 300.0])
        moved = strategy.price(price_of(order) + move)
        strategy.modify_order(
            order,
            quantity=strategy.quantity(self.random.choice([0.01, 0.02, 0.07])),
            price=moved if order.has_price else None,
            trigger_price=moved if order.has_trigger_price and not order.has_price else None,
        )


def play_chaos(seed: int) -> tuple[Scripted, Chaos]:
    chaos = Chaos(seed)
    steps = random.Random(-seed)
    prices = [50_000.0]
    while len(prices) < QUOTES:
        prices.append(prices[-1] + steps.choice([-80.0, -40.0, 0.0, 40.0, 80.0]))

    def prepare(engine: Any) -> None:
        chaos.view = gate_of(engine.trader).gate.view

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the engine's emulator, on pandas 3
        strategy, _ = play(dict.fromkeys(range(1, QUOTES), chaos), limits=LAX, prices=prices, prepare=prepare)
    return strategy, chaos


@pytest.mark.parametrize("seed", range(1, 26))
def test_the_view_holds_what_the_engine_holds_at_every_quote(seed: int) -> None:
    strategy, chaos = play_chaos(seed)

    assert chaos.compared == QUOTES - 1
    assert len(strategy.orders) > 20


def test_chaos_covers_what_can_make_a_view_drift() -> None:
    seen: set[str] = set()
    for seed in range(1, 6):
        strategy, _ = play_chaos(seed)
        seen |= set(strategy.names())

    assert seen >= {
        "OrderModifyRejected", "OrderUpdated", "OrderCanceled", "OrderRejected", "OrderReleased", "OrderDenied",
        "PositionClosed", "PositionChanged",
    }  # fmt: skip


def test_positions_of_two_strategies_that_cancel_out_keep_their_profit_in_equity() -> None:
    def buy(strategy: Scripted) -> None:
        strategy.submit_order(strategy.order_factory.market(INSTRUMENT, OrderSide.BUY, strategy.quantity(0.05)))

    def sell(strategy: Scripted) -> None:
        strategy.submit_order(strategy.order_factory.market(INSTRUMENT, OrderSide.SELL, strategy.quantity(0.05)))

    prices = [50_000.0] * 10 + [50_400.0] * 30
    second = Scripted({20: sell}, tag="002")
    strategy, controller = play({3: buy}, prices=prices, prepare=lambda engine: engine.add_strategy(second))

    view = controller.gate.view
    assert [position.signed_qty for position in strategy.positions] == [0.05, -0.05]
    paid = strategy.cache.account_for_venue(INSTRUMENT.venue).balance_total(USDT).as_double() - CASH
    assert view.position(NAME) is None
    assert view.equity == pytest.approx(CASH + paid + 0.05 * (50_400.0 - 50_000.1))
