"""Leverage, daily loss, drawdown, margin, concurrent positions: at their limits, and one step past."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from risk.checks.concurrent_positions import ConcurrentPositions
from risk.checks.daily_loss import DailyLoss
from risk.checks.drawdown import Drawdown
from risk.checks.leverage import Leverage
from risk.checks.margin import Margin
from risk.growth import Growth, growth_of
from risk.intent import Intent
from risk.limits import (
    ConcurrentPositionsConfig,
    DailyLossLimitConfig,
    DrawdownBase,
    DrawdownLimitConfig,
    LeverageLimitConfig,
    MarginLimitConfig,
)
from risk.modes.table import Mode
from risk.verdict import Reason, Refusal
from risk.view import View
from tests.risk.world import BTC, CASH, DAY, ETH, LOT, NOW, SECOND, Step, buy, facts, sent, world

type Check = Callable[[Intent, View, Growth], Refusal | None]


def ask(check: Check, intent: Intent, view: View) -> Refusal | None:
    growth = growth_of(intent, view)
    assert isinstance(growth, Growth)
    return check(intent, view, growth)


@pytest.mark.parametrize(("mode", "times"), [(Mode.MANUAL, 1.0), (Mode.SEMI_AUTO, 2.0), (Mode.FULL_AUTO, 3.0)])
def test_leverage_of_the_mode(mode: Mode, times: float) -> None:
    check = Leverage(LeverageLimitConfig())
    most = times * CASH / 100.0

    assert ask(check, buy(most), world(mode)) is None
    refusal = ask(check, buy(most + LOT), world(mode))
    assert refusal is not None
    assert refusal.reason is Reason.LEVERAGE_EXCEEDED
    assert refusal.measured == pytest.approx(100.0 * (most + LOT))
    assert refusal.limit == pytest.approx(times * CASH)


def test_leverage_configured_below_the_mode_holds() -> None:
    check = Leverage(LeverageLimitConfig(max=0.5))

    assert ask(check, buy(50.0), world()) is None
    assert ask(check, buy(50.0 + LOT), world()) is not None


def test_leverage_counts_other_positions_and_working_entries() -> None:
    view = world()
    view.set_facts(facts(ETH))
    view.apply_mark(ETH, 10.0, NOW)
    view.apply_position(ETH, -500.0, 10.0)
    sent(view, buy(100.0, price=100.0, order_type="LIMIT"))
    check = Leverage(LeverageLimitConfig())

    assert ask(check, buy(150.0), view) is None
    assert ask(check, buy(150.0 + LOT), view) is not None


def day_with_loss(loss: float, mode: Mode = Mode.FULL_AUTO) -> View:
    view = world(mode)
    view.advance(NOW + SECOND)
    view.apply_cash(CASH - loss)
    return view


@pytest.mark.parametrize(("mode", "limit"), [(Mode.MANUAL, 100.0), (Mode.SEMI_AUTO, 150.0), (Mode.FULL_AUTO, 200.0)])
def test_the_days_loss_may_not_reach_the_modes_limit(mode: Mode, limit: float) -> None:
    check = DailyLoss(DailyLossLimitConfig())

    assert ask(check, buy(1.0), day_with_loss(limit - 0.01, mode)) is None
    refusal = ask(check, buy(1.0), day_with_loss(limit, mode))
    assert refusal is not None
    assert refusal.reason is Reason.DAILY_LOSS_EXCEEDED
    assert refusal.measured == pytest.approx(limit / CASH)
    assert refusal.limit == limit / CASH


def test_a_lower_configured_daily_loss_holds() -> None:
    assert ask(DailyLoss(DailyLossLimitConfig(max=0.001)), buy(1.0), day_with_loss(10.0)) is not None


@pytest.mark.parametrize(("mode", "limit"), [(Mode.MANUAL, 250.0), (Mode.SEMI_AUTO, 375.0), (Mode.FULL_AUTO, 500.0)])
def test_the_drawdown_may_not_reach_the_limit_scaled_by_the_mode(mode: Mode, limit: float) -> None:
    check = Drawdown(DrawdownLimitConfig())

    assert ask(check, buy(1.0), day_with_loss(limit - 0.01, mode)) is None
    refusal = ask(check, buy(1.0), day_with_loss(limit + 1e-6, mode))
    assert refusal is not None
    assert refusal.reason is Reason.DRAWDOWN_EXCEEDED
    assert refusal.measured == pytest.approx(limit / CASH)


def test_a_drawdown_of_exactly_the_limit_has_reached_it() -> None:
    assert ask(Drawdown(DrawdownLimitConfig()), buy(1.0), day_with_loss(500.0)) is not None


def account_of_two_days() -> View:
    """Return an account that started with 10,000, peaked at 12,000, and began its day with 11,000."""
    view = world()
    for ts_ns, cash in ((NOW + SECOND, 12_000.0), (NOW + 2 * SECOND, 11_000.0), (NOW + DAY, 9_900.0)):
        view.advance(ts_ns)
        view.apply_cash(cash)
    view.advance(NOW + DAY + SECOND)
    return view


@pytest.mark.parametrize(
    ("base", "loss"),
    [(DrawdownBase.PEAK, 2_100 / 12_000), (DrawdownBase.START, 0.01), (DrawdownBase.DAY, 0.1)],
)
def test_a_drawdown_is_measured_from_the_stated_base(base: DrawdownBase, loss: float) -> None:
    view = account_of_two_days()

    assert ask(Drawdown(DrawdownLimitConfig(base=base, max=loss + 1e-9)), buy(1.0), view) is None
    refusal = ask(Drawdown(DrawdownLimitConfig(base=base, max=loss - 1e-9)), buy(1.0), view)
    assert refusal is not None
    assert refusal.measured == pytest.approx(loss)
    assert refusal.detail == f"base {base.value}"


@pytest.mark.parametrize("base", DrawdownBase)
def test_a_drawdown_from_an_unknown_base_or_of_an_unknown_equity_refuses(base: DrawdownBase) -> None:
    check = Drawdown(DrawdownLimitConfig(base=base, max=1.0))
    empty, unknown = View(mode=Mode.FULL_AUTO, cash=0.0), world()
    empty.set_facts(facts())
    empty.apply_mark(BTC, 100.0, NOW)
    growth = growth_of(buy(1.0), world())
    assert isinstance(growth, Growth)
    unknown.apply_cash(math.nan)

    for view in (empty, unknown):
        refusal = check(buy(1.0), view, growth)
        assert refusal is not None
        assert refusal.measured is not None
        assert math.isnan(refusal.measured)


@pytest.mark.parametrize("base", DrawdownBase)
def test_a_restart_forgets_no_base(base: DrawdownBase) -> None:
    before = account_of_two_days()
    after = View(mode=Mode.FULL_AUTO, cash=9_900.0, ts_ns=NOW + DAY + 60 * SECOND)
    after.apply_bases(before.bases())
    check = Drawdown(DrawdownLimitConfig(base=base, max=0.005))
    growth = growth_of(buy(1.0), world())
    assert isinstance(growth, Growth)

    assert check(buy(1.0), after, growth) == check(buy(1.0), before, growth) != None  # noqa: E711 (a chain reads best)


def test_a_restart_on_a_later_day_counts_the_day_from_the_last_known_equity() -> None:
    view = View(mode=Mode.FULL_AUTO, cash=8_910.0, ts_ns=NOW + 3 * DAY)
    view.apply_bases(account_of_two_days().bases())

    assert view.daily_loss == pytest.approx(0.1)
    assert view.peak_equity == 12_000.0


def test_margin_is_notional_over_leverage_plus_the_opening_fee() -> None:
    check = Margin(MarginLimitConfig())
    view = world(leverage=2.0, taker_fee=0.001)  # each unit needs 50 + 0.1

    assert ask(check, buy(199.6), view) is None
    refusal = ask(check, buy(199.7), view)
    assert refusal is not None
    assert refusal.reason is Reason.INSUFFICIENT_MARGIN
    assert refusal.measured == pytest.approx(199.7 * 50.1)
    assert refusal.limit == pytest.approx(CASH)


def test_margin_taken_by_positions_and_entries_is_not_available() -> None:
    check = Margin(MarginLimitConfig())
    view = world(leverage=1.0)
    view.apply_position(BTC, 40.0, 100.0)
    sent(view, buy(40.0, price=100.0, order_type="LIMIT"))

    assert ask(check, buy(20.0), view) is None
    assert ask(check, buy(20.0 + LOT), view) is not None


def test_a_reserve_is_not_touched() -> None:
    check = Margin(MarginLimitConfig(reserve=0.5))
    view = world(leverage=1.0)

    assert ask(check, buy(50.0), view) is None
    assert ask(check, buy(50.0 + LOT), view) is not None


def test_moving_into_a_bracket_of_lower_leverage_needs_more_for_all_of_it() -> None:
    steps = (Step(0.0, 10_000.0, 0.01, 0.0, 10.0), Step(10_000.0, 50_000.0, 0.05, 400.0, 2.0))
    view = world(leverage=10.0, brackets=steps)
    view.apply_position(BTC, 100.0, 100.0)  # 10,000 at 10 times: 1,000

    refusal = ask(Margin(MarginLimitConfig()), buy(81.0), view)  # 18,100 at 2 times: 9,050
    assert refusal is None
    refusal = ask(Margin(MarginLimitConfig()), buy(101.0), view)  # 20,100 at 2 times: 10,050
    assert refusal is not None
    assert refusal.measured == pytest.approx(9_050.0)
    assert refusal.limit == pytest.approx(9_000.0)


def test_a_notional_that_no_bracket_admits_is_refused() -> None:
    view = world(brackets=(Step(0.0, 10_000.0, 0.01, 0.0, 10.0),))
    refusal = ask(Margin(MarginLimitConfig()), buy(101.0), view)

    assert refusal is not None
    assert refusal.measured == math.inf


def crowd(count: int) -> View:
    view = world()
    for number in range(count):
        view.set_facts(facts(f"X{number}"))
        view.apply_mark(f"X{number}", 1.0, NOW)
        view.apply_position(f"X{number}", 1.0, 1.0)
    return view


def test_the_twentieth_position_opens_and_the_next_does_not() -> None:
    check = ConcurrentPositions(ConcurrentPositionsConfig())

    assert ask(check, buy(1.0), crowd(19)) is None
    refusal = ask(check, buy(1.0), crowd(20))
    assert refusal is not None
    assert refusal.reason is Reason.CONCURRENT_POSITIONS_EXCEEDED
    assert (refusal.measured, refusal.limit) == (21, 20)


def test_adding_to_a_position_or_a_working_entry_is_not_another_one() -> None:
    check = ConcurrentPositions(ConcurrentPositionsConfig(positions_max=1))
    held, entered = world(), world()
    held.apply_position(BTC, 1.0, 100.0)
    sent(entered, buy(1.0, price=99.0, order_type="LIMIT"))

    assert ask(check, buy(1.0), held) is None
    assert ask(check, buy(1.0), entered) is None


def test_entries_in_flight_count_as_positions() -> None:
    check = ConcurrentPositions(ConcurrentPositionsConfig(positions_max=1))
    view = world()
    view.set_facts(facts(ETH))
    view.apply_mark(ETH, 10.0, NOW)
    sent(view, buy(1.0, instrument=ETH))

    assert ask(check, buy(1.0), view) is not None
