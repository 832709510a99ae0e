from __future__ import annotations

import pytest

from risk.checks.position_limit import PositionLimit
from risk.growth import Growth, growth_of
from risk.intent import Intent
from risk.limits import PositionBasis, PositionLimitConfig
from risk.modes.table import Mode
from risk.verdict import Reason, Refusal
from risk.view import View
from tests.risk.world import BTC, LOT, buy, sell, sent, world

FREE = PositionLimitConfig(slippage_bps=0.0)


def check(intent: Intent, view: View, config: PositionLimitConfig = FREE) -> Refusal | None:
    growth = growth_of(intent, view)
    assert isinstance(growth, Growth)
    return PositionLimit(config)(intent, view, growth)


def test_a_loss_at_the_stop_of_exactly_the_limit_passes_and_one_lot_more_does_not() -> None:
    # 2 % of 10,000 is 200; the stop is 4 away
    assert check(buy(50.0, stop_price=96.0), world()) is None

    refusal = check(buy(50.0 + LOT, stop_price=96.0), world())
    assert refusal is not None
    assert refusal.reason is Reason.POSITION_LIMIT_EXCEEDED
    assert refusal.measured == pytest.approx(200.004)
    assert refusal.limit == pytest.approx(200.0)


def test_a_short_loses_upwards() -> None:
    assert check(sell(50.0, stop_price=104.0), world()) is None
    assert check(sell(50.0 + LOT, stop_price=104.0), world()) is not None


def test_costs_are_fees_and_slippage_both_ways() -> None:
    view = world(taker_fee=0.0005)
    refusal = check(buy(60.0, stop_price=96.0), view, PositionLimitConfig(slippage_bps=5.0))

    assert refusal is not None
    assert refusal.measured == pytest.approx(60.0 * 4.0 + 60.0 * (100.0 + 96.0) * (0.0005 + 0.0005))


@pytest.mark.parametrize(("mode", "quantity"), [(Mode.FULL_AUTO, 50.0), (Mode.SEMI_AUTO, 37.5), (Mode.MANUAL, 25.0)])
def test_the_mode_scales_the_limit(mode: Mode, quantity: float) -> None:
    assert check(buy(quantity, stop_price=96.0), world(mode)) is None
    assert check(buy(quantity + LOT, stop_price=96.0), world(mode)) is not None


@pytest.mark.parametrize("stop", [None, 100.0, 104.0])
def test_without_a_stop_or_with_one_on_the_wrong_side_a_tenth_is_assumed_lost(stop: float | None) -> None:
    assert check(buy(20.0, stop_price=stop), world()) is None
    assert check(buy(20.0 + LOT, stop_price=stop), world()) is not None


def test_a_limit_entry_loses_from_its_own_price() -> None:
    refusal = check(buy(60.0, price=98.0, stop_price=94.0), world())

    assert refusal is not None
    assert refusal.measured == pytest.approx(240.0)


def test_what_is_held_counts_from_the_mark_to_its_stop() -> None:
    view = world()
    view.apply_position(BTC, 30.0, 100.0)
    view.apply_working("SL", BTC, -30.0, 97.0, reduce_only=True, is_stop=True)  # 30 * 3 = 90 of 200

    assert check(buy(27.5, stop_price=96.0), view) is None
    assert check(buy(27.5 + LOT, stop_price=96.0), view) is not None


def test_what_is_held_without_a_stop_counts_at_the_assumed_distance() -> None:
    view = world()
    view.apply_position(BTC, 15.0, 100.0)
    view.apply_working("SL", BTC, -5.0, 98.0, reduce_only=True, is_stop=True)  # 5 * 2 + 10 * 10 = 110 of 200

    assert check(buy(22.5, stop_price=96.0), view) is None
    assert check(buy(22.5 + LOT, stop_price=96.0), view) is not None


def test_a_target_protects_nothing() -> None:
    view = world()
    view.apply_position(BTC, 10.0, 100.0)
    view.apply_working("TP", BTC, -10.0, 110.0, reduce_only=True)

    refusal = check(buy(30.0, stop_price=96.0), view)
    assert refusal is not None
    assert refusal.measured == pytest.approx(10.0 * 10.0 + 30.0 * 4.0)


def test_entries_that_still_work_count_with_the_position() -> None:
    view = world()
    sent(view, buy(10.0, price=100.0, order_type="LIMIT"))

    refusal = check(buy(30.0, stop_price=96.0), view)
    assert refusal is not None
    assert refusal.measured == pytest.approx(10.0 * 10.0 + 30.0 * 4.0)


def test_more_stops_than_position_never_look_better() -> None:
    view = world()
    view.apply_position(BTC, 10.0, 100.0)
    view.apply_working("near", BTC, -10.0, 99.0, reduce_only=True, is_stop=True)
    view.apply_working("far", BTC, -10.0, 80.0, reduce_only=True, is_stop=True)

    refusal = check(buy(1.0, stop_price=96.0), view)
    assert refusal is not None
    assert refusal.measured == pytest.approx(10.0 * 20.0 + 4.0)


def test_a_flip_counts_only_what_it_opens() -> None:
    view = world()
    view.apply_position(BTC, -30.0, 100.0)

    assert check(buy(30.0 + 50.0, stop_price=96.0), view) is None
    assert check(buy(30.0 + 50.0 + LOT, stop_price=96.0), view) is not None


def test_basis_notional_bounds_the_size() -> None:
    config = PositionLimitConfig(basis=PositionBasis.NOTIONAL, max=0.02)

    assert check(buy(2.0), world(), config) is None
    refusal = check(buy(2.0 + LOT), world(), config)
    assert refusal is not None
    assert refusal.measured == pytest.approx(200.1)


def test_basis_notional_includes_what_is_held() -> None:
    view = world()
    view.apply_position(BTC, 1.5, 100.0)
    config = PositionLimitConfig(basis=PositionBasis.NOTIONAL, max=0.02)

    assert check(buy(0.5), view, config) is None
    assert check(buy(0.6), view, config) is not None


def test_a_slice_of_an_approved_parent_is_not_counted_again() -> None:
    view = world()
    parent = sent(view, buy(20.0)).client_order_id

    assert check(buy(10.0, parent_id=parent), view) is None
