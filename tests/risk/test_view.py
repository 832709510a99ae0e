from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.modes.table import POWERS, Mode
from risk.view import View
from tests.risk.world import BTC, CASH, DAY, ETH, NOW, SECOND, SPOT, buy, facts, sell, sent, world

HOUR = 3_600 * SECOND
NAMES = (BTC, ETH, SPOT)

change = st.one_of(
    st.tuples(st.just("mark"), st.sampled_from(NAMES), st.floats(0.01, 1e5)),
    st.tuples(st.just("position"), st.sampled_from(NAMES), st.floats(-100, 100), st.floats(0.01, 1e5)),
    st.tuples(st.just("cash"), st.floats(-1e4, 1e6)),
    st.tuples(
        st.just("working"),
        st.integers(0, 5),
        st.sampled_from(NAMES),
        st.floats(-50, 50),
        st.floats(0.01, 1e5),
        st.booleans(),
    ),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("time"), st.integers(1, 30)),
)


def apply(view: View, step: tuple[object, ...]) -> None:
    match step:
        case ("mark", str(name), float(price)):
            view.apply_mark(name, price, view.ts_ns)
        case ("position", str(name), float(quantity), float(entry)):
            view.apply_position(name, quantity, entry)
        case ("cash", float(cash)):
            view.apply_cash(cash)
        case ("working", int(number), str(name), float(quantity), float(price), bool(flagged)):
            view.apply_working(f"W-{number}", name, quantity, price, flagged)
        case ("remove", int(number)):
            view.remove_working(f"W-{number}")
        case ("time", int(hours)):
            view.advance(view.ts_ns + hours * HOUR)


class BruteForce:
    """The same account, worked out anew from everything that is there, in rational numbers."""

    def __init__(self) -> None:
        self.marks: dict[str, float] = dict.fromkeys(NAMES, 100.0)
        self.positions: dict[str, tuple[float, float]] = {}
        self.cash = CASH
        self.working: dict[str, tuple[str, float, float, bool]] = {}

    def apply(self, step: tuple[object, ...]) -> None:
        match step:
            case ("mark", str(name), float(price)):
                self.marks[name] = price
            case ("position", str(name), float(quantity), float(entry)):
                self.positions[name] = (quantity, entry)
            case ("cash", float(cash)):
                self.cash = cash
            case ("working", int(number), str(name), float(quantity), float(price), bool(flagged)):
                self.working.pop(f"W-{number}", None)
                if quantity:
                    self.working[f"W-{number}"] = (name, quantity, price, flagged)
            case ("remove", int(number)):
                self.working.pop(f"W-{number}", None)

    def equity(self) -> Fraction:
        worth = Fraction(0)
        for name, (quantity, entry) in self.positions.items():
            paid = Fraction(0) if name == SPOT else Fraction(entry)
            worth += Fraction(quantity) * (Fraction(self.marks[name]) - paid)
        return worth + Fraction(self.cash)

    def gross(self) -> Fraction:
        return sum(
            (abs(Fraction(quantity)) * Fraction(self.marks[name]) for name, (quantity, _) in self.positions.items()),
            Fraction(0),
        )

    def working_notional(self) -> Fraction:
        total = Fraction(0)
        for name in NAMES:
            held = Fraction(self.positions.get(name, (0.0, 0.0))[0])
            for sign in (1, -1):
                mine = [order for order in self.working.values() if order[0] == name and order[1] * sign > 0]
                opening = [(abs(Fraction(q)), Fraction(p)) for _, q, p, flagged in mine if not flagged]
                flagged = sum((abs(Fraction(q)) for _, q, _, only_reduces in mine if only_reduces), Fraction(0))
                quantity = sum((q for q, _ in opening), Fraction(0))
                growth = quantity - max(Fraction(0), max(Fraction(0), -sign * held) - flagged)
                if growth > Fraction(facts().size_increment) / 2:
                    total += sum((q * p for q, p in opening), Fraction(0)) * growth / quantity
        return total


def three_instruments() -> View:
    view = View(mode=Mode.FULL_AUTO, cash=CASH, ts_ns=NOW)
    for name in NAMES:
        view.set_facts(facts(name, spot=name == SPOT))
        view.apply_mark(name, 100.0, NOW)
    return view


@settings(max_examples=150)
@given(st.lists(change, max_size=40))
def test_running_figures_equal_a_reckoning_from_scratch(steps: list[tuple[object, ...]]) -> None:
    view, brute = three_instruments(), BruteForce()
    for step in steps:
        apply(view, step)
        brute.apply(step)
        scale = float(brute.gross()) + abs(float(brute.equity())) + float(brute.working_notional()) + 1e7

        assert view.equity == pytest.approx(float(brute.equity()), abs=1e-14 * scale)
        assert view.exposure_notional == pytest.approx(float(brute.gross()), rel=1e-14)
        assert view.working_notional == pytest.approx(float(brute.working_notional()), rel=1e-9, abs=1e-6)
        assert view.open_positions == sum(1 for quantity, _ in brute.positions.values() if quantity)


@settings(max_examples=60)
@given(st.lists(change, max_size=30))
def test_figures_do_not_depend_on_the_path_that_led_to_them(steps: list[tuple[object, ...]]) -> None:
    travelled, fresh = three_instruments(), three_instruments()
    brute = BruteForce()
    for step in steps:
        apply(travelled, step)
        assert travelled.margin_used >= 0.0  # reading in between must leave no trace either
        brute.apply(step)
    for name, (quantity, entry) in brute.positions.items():
        fresh.apply_position(name, quantity, entry)
    for name, price in brute.marks.items():
        fresh.apply_mark(name, price, NOW)
    for key, (name, quantity, price, flagged) in brute.working.items():
        fresh.apply_working(key, name, quantity, price, flagged)
    fresh.apply_cash(brute.cash)

    assert travelled.equity == fresh.equity
    assert travelled.exposure_notional == fresh.exposure_notional
    assert travelled.working_notional == fresh.working_notional
    assert travelled.margin_used == fresh.margin_used


def test_spot_holdings_count_whole_and_contracts_by_their_profit() -> None:
    view = three_instruments()
    view.apply_position(BTC, -2.0, 110.0)
    view.apply_position(SPOT, 3.0, 90.0)

    assert view.equity == CASH + 2.0 * 10.0 + 3.0 * 100.0
    assert view.exposure_notional == 500.0
    assert view.margin_used == pytest.approx(50.0)


def test_a_position_without_a_mark_makes_every_total_unknown_until_it_has_one() -> None:
    view = world(mark=None)
    view.apply_position(BTC, 1.0, 100.0)
    figures = (view.equity, view.exposure_notional, view.margin_used, view.drawdown, view.daily_loss)
    assert all(math.isnan(figure) for figure in figures)

    view.apply_mark(BTC, 90.0, NOW)
    assert view.equity == CASH - 10.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0, 1e305])
def test_a_broken_mark_makes_the_totals_unknown_and_a_good_one_heals_them(bad: float) -> None:
    view = world()
    view.apply_position(BTC, 1.0, 100.0)
    view.apply_mark(BTC, bad, NOW)
    assert math.isnan(view.equity)

    view.apply_mark(BTC, 105.0, NOW)
    assert view.equity == CASH + 5.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_order_without_a_usable_price_makes_the_totals_unknown_until_it_is_gone(bad: float) -> None:
    view = world()
    view.apply_working("W", BTC, 1.0, bad, reduce_only=False)
    assert math.isnan(view.working_notional)

    view.remove_working("W")
    assert view.working_notional == 0.0


def test_a_market_order_in_flight_is_valued_at_the_mark() -> None:
    view = world()
    view.apply_working("W", BTC, -2.0, None, reduce_only=False)

    assert view.working_notional == 200.0
    assert view.committed_positions == 1
    assert view.open_positions == 0


def test_working_entries_and_positions_in_one_instrument_count_once() -> None:
    view = world()
    view.apply_position(BTC, 1.0, 100.0)
    view.apply_working("W", BTC, 1.0, 99.0, reduce_only=False)

    assert view.committed_positions == 1


def test_the_rest_of_a_partial_fill_replaces_the_order() -> None:
    view = world()
    view.apply_working("W", BTC, 3.0, 100.0, reduce_only=False)
    view.apply_working("W", BTC, 1.0, 100.0, reduce_only=False)
    assert view.working_notional == 100.0

    view.apply_working("W", BTC, 0.0, 100.0, reduce_only=False)
    assert view.working_notional == 0.0
    assert view.working("W") is None


def test_peak_is_taken_from_settled_instants_only() -> None:
    view = world()
    view.apply_position(BTC, 10.0, 100.0)
    view.apply_mark(BTC, 200.0, NOW)  # two marks of one instant: the first is not a state anyone could trade on
    view.apply_mark(BTC, 110.0, NOW)
    view.apply_mark(BTC, 99.0, NOW + SECOND)

    assert view.peak_equity == CASH + 100.0
    assert view.drawdown == pytest.approx(110.0 / 10_100.0)


def test_drawdown_is_zero_at_a_new_peak() -> None:
    view = world()
    view.apply_position(BTC, 10.0, 100.0)
    view.apply_mark(BTC, 120.0, NOW + SECOND)

    assert view.drawdown == 0.0


def test_the_peak_of_a_window_is_forgotten_with_its_day() -> None:
    view = View(mode=Mode.FULL_AUTO, cash=1_000.0, ts_ns=NOW, peak_window_days=3)
    view.advance(NOW + 1)
    view.apply_cash(900.0)
    view.advance(NOW + 2 * DAY)
    assert view.drawdown == pytest.approx(0.1)

    view.advance(NOW + 3 * DAY)
    assert view.drawdown == 0.0


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(1.0, 1e6)), min_size=1, max_size=60), st.integers(1, 5))
def test_a_windowed_peak_equals_the_highest_of_its_days(moves: list[tuple[int, float]], days: int) -> None:
    view = View(mode=Mode.FULL_AUTO, cash=100.0, ts_ns=NOW, peak_window_days=days)
    settled: list[tuple[int, float]] = []
    for hours, cash in moves:
        settled.append((view.ts_ns // DAY, view.cash))
        view.advance(view.ts_ns + hours * HOUR)
        view.apply_cash(cash)
        inside = [equity for day, equity in settled if day > view.ts_ns // DAY - days]
        assert view.peak_equity == max([*inside, cash] if inside else [settled[-1][1], cash])


def test_the_day_begins_at_midnight_utc_with_what_the_bar_closing_then_left() -> None:
    midnight = (NOW // DAY + 1) * DAY
    view = world()
    view.apply_position(BTC, 10.0, 100.0)
    view.apply_mark(BTC, 95.0, midnight - HOUR)
    assert view.daily_loss == pytest.approx(50.0 / CASH)

    view.apply_mark(BTC, 90.0, midnight)
    assert view.day_start_equity == CASH - 100.0
    assert view.daily_loss == 0.0

    view.apply_mark(BTC, 89.0, midnight + SECOND)
    assert view.daily_loss == pytest.approx(10.0 / (CASH - 100.0))


def test_a_day_that_opens_between_bars_begins_with_the_last_known_equity() -> None:
    view = world()
    view.apply_position(BTC, 10.0, 100.0)
    view.apply_mark(BTC, 95.0, NOW + HOUR)
    view.apply_mark(BTC, 94.0, NOW + DAY)

    assert view.day_start_equity == CASH - 50.0
    assert view.daily_loss == pytest.approx(10.0 / (CASH - 50.0))


def test_a_gain_is_no_loss_and_an_empty_account_has_no_fraction() -> None:
    view = world()
    view.advance(NOW + SECOND)
    view.apply_cash(2 * CASH)
    assert view.daily_loss == 0.0

    assert math.isnan(world(cash=0.0).daily_loss)
    assert math.isnan(world(cash=0.0).drawdown)


def test_time_does_not_run_backwards() -> None:
    view = world()
    view.advance(NOW - DAY)

    assert view.ts_ns == NOW


def test_mode_and_powers_move_together() -> None:
    view = world(Mode.MANUAL)
    view.apply_mode(Mode.EMERGENCY)

    assert view.mode is Mode.EMERGENCY
    assert view.powers is POWERS[Mode.EMERGENCY]


@pytest.mark.parametrize(
    "read", [lambda view: view.mark("X"), lambda view: view.position("X"), lambda view: view.facts("X")]
)
def test_nothing_is_known_of_an_instrument_nobody_named(read: Callable[[View], object]) -> None:
    assert read(world()) is None


def test_an_intent_withdrawn_leaves_the_view_as_it_was() -> None:
    view = world()
    first = sent(view, buy(5.0, price=99.0, order_type="LIMIT"))
    before = (view.working_notional, view.margin_used, view.budget(first.client_order_id))
    second = sell(7.3, price=101.7, order_type="LIMIT")

    view.apply_intent(second)
    assert view.working_notional > before[0]
    view.withdraw_intent(second)

    assert (view.working_notional, view.margin_used, view.budget(first.client_order_id)) == before
    assert view.budget(second.client_order_id) is None


def test_memory_of_closed_orders_is_bounded() -> None:
    view = world()
    for number in range(2_500):
        intent = sent(view, buy(1.0 + number))
        view.remove_working(intent.client_order_id)

    assert len(view._budgets) <= 1_000
    assert len(view.sent._recent) <= 1_000
    assert len(view.sent._times) <= 1_000
    assert view._orders == {}
