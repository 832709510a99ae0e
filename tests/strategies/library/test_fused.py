"""The fused strategy on a real engine: entries, stops, targets, exits, and everything that can go wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.execution.messages import CancelOrder, SubmitOrder, SubmitOrderList
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import AccountType, OrderStatus, order_status_to_str
from nautilus_trader.model.events import OrderCancelRejected
from nautilus_trader.model.instruments import Instrument

from risk.sizing import SizingConfig
from strategies.library.fused import FusedStrategy
from strategies.library.fused_config import FusedConfig
from strategies.library.judge import BarFigures, Judgement
from strategies.library.position_size import TradeSizeConfig
from strategies.library.powers import StrategyPowers
from strategies.signals.signal import Signal, decode_tag
from tests.strategies.library.simulated_market import (
    HOUR_NS,
    OPEN_TICK_NS,
    VENUE,
    Interceptor,
    Ohlc,
    close_ns,
    engine_with,
    feed,
    perpetual,
    spot,
)

ATR = 2.0  # with the default multiples the stop is 4 and the target 6 away
ALL_IN = TradeSizeConfig(kelly=SizingConfig(volatility_target=5.0), risk_max=1.0, edge_at_full_strength=0.5)
FLAT = Ohlc(100.0, 101.0, 99.0, 100.0)


class Script:
    """A judge that reads its opinions, by bar, from a script: what the strategy does with them is under test."""

    def __init__(self, strengths: Mapping[int, float]) -> None:
        self.strengths = {close_ns(index): strength for index, strength in strengths.items()}
        self.learned = None
        self.asked: list[tuple[int, bool]] = []
        self.observed: list[int] = []

    def observe(self, bar: BarFigures) -> None:
        self.observed.append(bar.ts_ns)

    def judge(self, bar: BarFigures, *, use_model: bool) -> Judgement:
        self.asked.append((bar.ts_ns, use_model))
        strength = self.strengths.get(bar.ts_ns)
        if strength is None:
            return Judgement(None, None, None, (), ATR, 0.01)
        signal = Signal(source="ta", direction=math.copysign(1.0, strength), confidence=abs(strength))
        return Judgement(signal, signal, None, (signal,), ATR, 0.01)


class Scripted(FusedStrategy):
    """The strategy under test, with scripted judgements, and an ear for every order event."""

    def __init__(self, config: FusedConfig, scripts: Mapping[str, Mapping[int, float]]) -> None:
        super().__init__(config)
        self.scripts = {name: Script(strengths) for name, strengths in scripts.items()}
        self.heard: list[Any] = []
        self.positions: list[Any] = []

    def judge_of(self, instrument: Instrument) -> Any:
        return self.scripts[instrument.id.symbol.value]

    def on_order_event(self, event: Any) -> None:
        self.heard.append(event)

    def on_position_event(self, event: Any) -> None:
        self.positions.append(event)


def scripted(strengths: Mapping[int, float], instruments: Sequence[Instrument] = (), **changes: Any) -> Scripted:
    traded = instruments or [perpetual()]
    config = FusedConfig(instrument_ids=tuple(each.id for each in traded), **changes)
    return Scripted(config, {each.id.symbol.value: strengths for each in traded})


def run(strategy: FusedStrategy, rows: Sequence[Ohlc], engine: BacktestEngine | None = None) -> BacktestEngine:
    instrument = perpetual()
    engine = engine or engine_with([instrument])
    engine.add_data(feed(instrument, rows))
    engine.add_strategy(strategy)
    engine.run()
    return engine


def orders(engine: BacktestEngine) -> list[tuple[str, str, float | None, int]]:
    """Return role, status, fill price and time in bars since the first open of every order, in the order sent."""
    found = sorted(engine.cache.orders(), key=lambda order: int(order.client_order_id.value.rsplit("-", 1)[1]))
    return [
        (
            order.tags[0],
            order_status_to_str(order.status),
            None if math.isnan(order.avg_px or math.nan) else float(order.avg_px),
            order.ts_last,
        )
        for order in found
    ]


def opened_at(index: int) -> int:
    """Return the time of the open tick of the bar at `index`."""
    return (index + 1) * HOUR_NS + OPEN_TICK_NS


@pytest.mark.parametrize(
    ("strength", "outcome", "final"),
    [
        (0.5, Ohlc(100.0, 107.0, 99.0, 106.0), ("TAKE_PROFIT", 106.0)),
        (0.5, Ohlc(100.0, 101.0, 93.0, 94.0), ("STOP_LOSS", 96.0)),
        (-0.5, Ohlc(100.0, 101.0, 93.0, 94.0), ("TAKE_PROFIT", 94.0)),
        (-0.5, Ohlc(100.0, 107.0, 99.0, 106.0), ("STOP_LOSS", 104.0)),
    ],
)
def test_a_bracket_ends_at_its_target_or_its_stop(strength: float, outcome: Ohlc, final: tuple[str, float]) -> None:
    strategy = scripted({1: strength})

    engine = run(strategy, [FLAT, FLAT, Ohlc(100.5, 101.0, 99.0, 100.0), outcome, FLAT])

    sent = orders(engine)
    assert [role for role, *_ in sent] == ["ENTRY", "STOP_LOSS", "TAKE_PROFIT"]
    # decided at the close of bar 1, filled at the next bar's open
    assert sent[0][1:] == ("FILLED", 100.5, opened_at(2))
    filled = [(role, price) for role, status, price, _ in sent[1:] if status == "FILLED"]
    assert filled == [final]
    assert {status for _, status, *_ in sent[1:]} == {"FILLED", "CANCELED"}
    assert engine.cache.positions_open() == []


def test_the_entry_carries_role_and_signal_and_the_children_only_reduce() -> None:
    strategy = scripted({1: 0.5})

    engine = run(strategy, [FLAT] * 4)

    entry, stop, target = sorted(engine.cache.orders(), key=lambda order: order.client_order_id.value)
    fields = decode_tag(entry.tags[1])
    assert entry.tags[0] == "ENTRY"
    assert (fields["entry"], fields["stop_loss"], fields["take_profit"]) == (100.0, 96.0, 106.0)
    assert fields["contributions"] == {"ml": None, "ta": 0.5}
    assert (stop.tags, str(stop.trigger_price), stop.is_reduce_only) == (["STOP_LOSS"], "96.00", True)
    assert (target.tags, str(target.price), target.is_reduce_only) == (["TAKE_PROFIT"], "106.00", True)
    assert entry.client_order_id.value == "O-19700101-030000-001-000-1"


def test_a_strength_below_the_threshold_does_nothing_and_at_the_threshold_enters() -> None:
    assert orders(run(scripted({1: 0.2499}), [FLAT] * 4)) == []
    assert len(orders(run(scripted({1: 0.25}), [FLAT] * 4))) == 3


def test_an_opposite_judgement_exits_at_the_next_open_and_reverses_a_bar_later() -> None:
    strategy = scripted({1: 0.5, 3: -0.5, 4: -0.5}, cooldown_bars=0)

    engine = run(strategy, [FLAT, FLAT, FLAT, FLAT, Ohlc(101.0, 101.5, 99.0, 100.0), FLAT, FLAT])

    sent = orders(engine)
    assert [role for role, *_ in sent] == [
        "ENTRY",
        "STOP_LOSS",
        "TAKE_PROFIT",
        "EXIT",
        "ENTRY",
        "STOP_LOSS",
        "TAKE_PROFIT",
    ]
    assert [status for _, status, *_ in sent[1:3]] == ["CANCELED", "CANCELED"]
    assert sent[3][1:] == ("FILLED", 101.0, opened_at(4))
    assert sent[4][1:] == ("FILLED", 100.0, opened_at(5))
    assert engine.cache.positions_open()[0].signed_qty < 0
    assert not any(isinstance(event, OrderCancelRejected) for event in strategy.heard)


def test_a_weak_opposite_judgement_holds() -> None:
    assert [role for role, *_ in orders(run(scripted({1: 0.5, 3: -0.0999}), [FLAT] * 6))] == [
        "ENTRY",
        "STOP_LOSS",
        "TAKE_PROFIT",
    ]


def test_a_position_is_left_after_its_holding_time() -> None:
    engine = run(scripted({1: 0.5}, max_holding_bars=2), [FLAT] * 7)

    sent = orders(engine)
    # opened in bar 2, which is the first it was held; bar 3 is the second and decides; bar 4's open fills
    assert sent[3] == ("EXIT", "FILLED", 100.0, opened_at(4))


def test_the_cooldown_keeps_the_instrument_flat_for_so_many_bars() -> None:
    strengths = dict.fromkeys(range(1, 9), 0.5) | {3: -0.5}

    engine = run(scripted(strengths, cooldown_bars=2), [FLAT] * 10)

    entries = [time for role, _, _, time in orders(engine) if role == "ENTRY"]
    # closed at the open of bar 4; bars 4 and 5 wait; bar 6 decides
    assert entries == [opened_at(2), opened_at(7)]


def test_only_one_entry_is_ever_in_flight() -> None:
    class Silent(Interceptor):
        def execute(self, command: Any) -> None:
            self.commands.append(command)  # neither sent nor answered: its fate is unknown

    engine = engine_with([perpetual()])
    silent = Silent(engine, lambda command: None)

    run(scripted(dict.fromkeys(range(1, 8), 0.5)), [FLAT] * 9, engine)

    assert len(silent.commands) == 1


def test_a_refused_entry_leaves_the_instrument_flat_and_free_to_try_again() -> None:
    engine = engine_with([perpetual()])
    refusals = iter(["TEST_LIMIT: no", None])
    interceptor = Interceptor(engine, lambda command: next(refusals) if isinstance(command, SubmitOrderList) else None)

    strategy = scripted({1: 0.5, 2: 0.5})
    run(strategy, [FLAT] * 5, engine)

    sent = orders(engine)
    assert [status for _, status, *_ in sent[:3]] == ["DENIED"] * 3
    assert sent[3] == ("ENTRY", "FILLED", 100.0, opened_at(3))
    assert len(interceptor.commands) == 2


def test_a_stop_the_venue_refuses_closes_the_position_at_once() -> None:
    # the next bar opens below the stop at 96: the venue refuses a stop that would trigger immediately
    engine = run(scripted({1: 0.5}), [FLAT, FLAT, Ohlc(95.0, 95.5, 94.0, 95.0), FLAT, FLAT])

    sent = orders(engine)
    assert [role for role, *_ in sent] == ["ENTRY", "STOP_LOSS", "TAKE_PROFIT", "EXIT"]
    assert (sent[0][1], sent[0][2]) == ("FILLED", 95.0)
    assert sent[1][1] == "REJECTED"
    assert sent[3][1] == "FILLED"
    assert engine.cache.positions_open() == []


def test_a_stop_withdrawn_by_somebody_closes_the_position_at_once() -> None:
    class Withdrawn(Scripted):
        def on_bar(self, bar: Any) -> None:
            super().on_bar(bar)
            if bar.ts_event == close_ns(3):
                # as an operator or a mode change would, past the strategy
                stop = next(order for order in self.cache.orders_open() if "STOP_LOSS" in order.tags)
                self.cancel_order(stop)

    config = FusedConfig(instrument_ids=(perpetual().id,))
    strategy = Withdrawn(config, {"BTCUSDT-PERP": {1: 0.5}})

    engine = run(strategy, [FLAT] * 7)

    sent = orders(engine)
    assert sent[3][:2] == ("EXIT", "FILLED")
    assert engine.cache.positions_open() == []


def test_an_exit_that_is_refused_is_repeated_at_the_next_bar() -> None:
    engine = engine_with([perpetual()])
    refusals = iter(["VENUE_BUSY: later", None])
    Interceptor(engine, lambda command: next(refusals) if isinstance(command, SubmitOrder) else None)

    run(scripted({1: 0.5, 3: -0.5}), [FLAT] * 7, engine)

    exits = [each for each in orders(engine) if each[0] == "EXIT"]
    assert [status for _, status, *_ in exits] == ["DENIED", "FILLED"]
    assert exits[1][3] == opened_at(5)
    assert engine.cache.positions_open() == []


def test_a_gap_past_the_target_takes_the_profit_at_once() -> None:
    engine = run(scripted({1: 0.5}), [FLAT, FLAT, Ohlc(108.0, 109.0, 107.0, 108.0), FLAT])

    sent = orders(engine)
    assert (sent[0][1], sent[0][2]) == ("FILLED", 108.0)
    assert sent[2][:3] == ("TAKE_PROFIT", "FILLED", 108.0)
    assert engine.cache.positions_open() == []


def test_before_the_start_of_trading_bars_only_warm_up() -> None:
    strategy = scripted(dict.fromkeys(range(6), 0.5), trade_from_ns=close_ns(3))

    engine = run(strategy, [FLAT] * 6)

    script = strategy.scripts["BTCUSDT-PERP"]
    assert script.observed == [close_ns(index) for index in range(3)]
    assert [ts for ts, _ in script.asked] == [close_ns(index) for index in range(3, 6)]
    assert orders(engine)[0] == ("ENTRY", "FILLED", 100.0, opened_at(4))


def test_without_the_power_to_signal_nothing_is_judged_but_open_positions_still_end() -> None:
    class Silenced(Scripted):
        def on_bar(self, bar: Any) -> None:
            if bar.ts_event == close_ns(3):
                self.set_powers(StrategyPowers(generate_signals=False))
            super().on_bar(bar)

    config = FusedConfig(instrument_ids=(perpetual().id,), max_holding_bars=3)
    strategy = Silenced(config, {"BTCUSDT-PERP": dict.fromkeys(range(1, 9), 0.5)})

    engine = run(strategy, [FLAT] * 9)

    assert [ts for ts, _ in strategy.scripts["BTCUSDT-PERP"].asked] == [close_ns(index) for index in range(3)]
    assert [role for role, *_ in orders(engine)] == ["ENTRY", "STOP_LOSS", "TAKE_PROFIT", "EXIT"]


def test_shorts_are_left_alone_where_they_are_not_allowed() -> None:
    assert orders(run(scripted({1: -0.5}, allow_short=False), [FLAT] * 4)) == []


def test_several_instruments_are_led_independently() -> None:
    first, second = perpetual("BTCUSDT-PERP"), perpetual("ETHUSDT-PERP")
    engine = engine_with([first, second])
    config = FusedConfig(instrument_ids=(first.id, second.id))
    strategy = Scripted(config, {"BTCUSDT-PERP": {1: 0.5, 3: -0.5}, "ETHUSDT-PERP": {2: -0.5}})
    engine.add_data(feed(second, [FLAT] * 7), sort=False)
    engine.sort_data()

    run(strategy, [FLAT] * 7, engine)

    open_now = engine.cache.positions_open()
    assert [(position.instrument_id.symbol.value, position.signed_qty < 0) for position in open_now] == [
        ("ETHUSDT-PERP", True)
    ]
    closed = engine.cache.positions_closed()
    assert [position.instrument_id.symbol.value for position in closed] == ["BTCUSDT-PERP"]


def test_a_cash_account_buys_what_it_can_pay_and_never_sells_short() -> None:
    pair = spot()
    engine = engine_with([pair], account=AccountType.CASH)
    engine.add_data(feed(pair, [FLAT] * 8))
    engine.add_strategy(scripted({1: -1.0, 3: 1.0, 5: -1.0}, [pair], sizing=ALL_IN))
    engine.run()

    sent = orders(engine)
    assert [(role, status) for role, status, *_ in sent] == [
        ("ENTRY", "FILLED"),
        ("STOP_LOSS", "CANCELED"),
        ("TAKE_PROFIT", "CANCELED"),
        ("EXIT", "FILLED"),
    ]
    assert engine.cache.account_for_venue(VENUE).balance_total(USDT).as_double() == pytest.approx(
        10_000 - 2 * 9.5, rel=1e-4
    )


def test_a_liquidation_by_the_venue_leaves_the_instrument_flat_and_usable() -> None:
    class Liquidated(Scripted):
        """Stands in for the venue's liquidation: an order this strategy did not decide on closes its position."""

        def on_bar(self, bar: Any) -> None:
            super().on_bar(bar)
            if bar.ts_event == close_ns(3):
                position = self.cache.positions_open()[0]
                self.submit_order(
                    self.order_factory.market(
                        position.instrument_id,
                        position.closing_order_side(),
                        position.quantity,
                        reduce_only=True,
                        tags=["LIQUIDATION"],
                    )
                )

    config = FusedConfig(instrument_ids=(perpetual().id,), cooldown_bars=0)
    strategy = Liquidated(config, {"BTCUSDT-PERP": {1: 0.5, 4: 0.5}})

    engine = run(strategy, [FLAT] * 7)

    assert [(role, status) for role, status, *_ in orders(engine)] == [
        ("ENTRY", "FILLED"),
        ("STOP_LOSS", "CANCELED"),
        ("TAKE_PROFIT", "CANCELED"),
        ("LIQUIDATION", "FILLED"),
        ("ENTRY", "FILLED"),
        ("STOP_LOSS", "ACCEPTED"),
        ("TAKE_PROFIT", "ACCEPTED"),
    ]


def test_after_a_restart_it_takes_up_the_open_position_and_its_orders() -> None:
    class Restarted(Scripted):
        def on_bar(self, bar: Any) -> None:
            super().on_bar(bar)
            if bar.ts_event == close_ns(3):
                self.on_reset()
                self.on_start()

    config = FusedConfig(instrument_ids=(perpetual().id,))
    strategy = Restarted(config, {"BTCUSDT-PERP": {1: 0.5, 4: 0.5, 5: -0.5}})

    engine = run(strategy, [FLAT] * 8)

    assert [(role, status) for role, status, *_ in orders(engine)] == [
        ("ENTRY", "FILLED"),
        ("STOP_LOSS", "CANCELED"),
        ("TAKE_PROFIT", "CANCELED"),
        ("EXIT", "FILLED"),
    ]


def test_no_order_below_the_instruments_minimum() -> None:
    engine = engine_with([perpetual()], cash=4.0)

    assert orders(run(scripted({1: 0.5}), [FLAT] * 4, engine)) == []


def test_every_child_of_a_filled_bracket_has_ended_or_protects() -> None:
    engine = run(scripted(dict.fromkeys(range(1, 30, 3), 0.5) | dict.fromkeys(range(2, 30, 5), -0.5)), [FLAT] * 32)

    holding = bool(engine.cache.positions_open())
    working = [order for order in engine.cache.orders() if not order.is_closed]
    assert [order.tags[0] for order in working] == (["STOP_LOSS", "TAKE_PROFIT"] if holding else [])
    assert all(order.status is not OrderStatus.SUBMITTED for order in working)


def test_an_exit_withdraws_the_children_first_and_only_reduces() -> None:
    engine = engine_with([perpetual()])
    interceptor = Interceptor(engine, lambda command: None)

    run(scripted({1: 0.5, 3: -0.5}), [FLAT] * 6, engine)

    assert [type(command) for command in interceptor.commands] == [SubmitOrderList, CancelOrder, SubmitOrder]
    assert interceptor.commands[-1].order.is_reduce_only


def test_an_exit_is_for_what_is_left_of_the_position() -> None:
    class Halved(Scripted):
        def on_bar(self, bar: Any) -> None:
            super().on_bar(bar)
            if bar.ts_event == close_ns(3):
                # an operator sells half
                position = self.cache.positions_open()[0]
                half = perpetual().make_qty(position.quantity.as_double() / 2)
                self.submit_order(
                    self.order_factory.market(
                        position.instrument_id, position.closing_order_side(), half, reduce_only=True, tags=["OPERATOR"]
                    )
                )

    strategy = Halved(FusedConfig(instrument_ids=(perpetual().id,)), {"BTCUSDT-PERP": {1: 0.5, 5: -0.5}})

    engine = run(strategy, [FLAT] * 8)

    by_role = {order.tags[0]: order for order in engine.cache.orders()}
    assert by_role["EXIT"].quantity == by_role["ENTRY"].quantity - by_role["OPERATOR"].quantity
    assert engine.cache.positions_open() == []


def test_the_model_may_be_asked_only_while_the_mode_allows_it() -> None:
    class Demoted(Scripted):
        def on_bar(self, bar: Any) -> None:
            if bar.ts_event == close_ns(2):
                self.set_powers(StrategyPowers(use_model=False))
            super().on_bar(bar)

    strategy = Demoted(FusedConfig(instrument_ids=(perpetual().id,)), {"BTCUSDT-PERP": {}})

    run(strategy, [FLAT] * 4)

    assert [use_model for _, use_model in strategy.scripts["BTCUSDT-PERP"].asked] == [True, True, False, False]
