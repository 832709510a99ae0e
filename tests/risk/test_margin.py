"""Expected values: Binance's published cross-margin example, hand calculation, and the definition itself."""

from __future__ import annotations

import gzip
import itertools
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.margin import (
    bracket_at,
    initial_margin,
    liquidation_distance,
    liquidation_price_cross,
    liquidation_price_isolated,
    maintenance_margin,
)
from tests.risk.world import Step

BTC_STEPS = (
    Step(0.0, 300_000.0, 0.004, 0.0, 150.0),
    Step(300_000.0, 800_000.0, 0.005, 300.0, 100.0),
    Step(800_000.0, 3_000_000.0, 0.0065, 1_500.0, 75.0),
    Step(3_000_000.0, 12_000_000.0, 0.01, 12_000.0, 50.0),
)


def only(rate: float, amount: float) -> tuple[Step, ...]:
    return (Step(0.0, math.inf, rate, amount, 20.0),)


def test_agrees_with_the_two_contracts_of_the_published_example() -> None:
    btc = liquidation_price_cross(109.488, 32_481.980, 1_535_443.01, 356_512.508, -448_192.890, only(0.025, 16_300.0))
    eth = liquidation_price_cross(3_683.979, 1_456.84, 1_535_443.01, 71_200.81144, -56_354.57, only(0.1, 135_365.0))

    assert btc == pytest.approx(26_316.89, abs=0.01)
    assert eth == pytest.approx(1_153.26, abs=0.01)


def test_isolated_long_and_short_by_hand() -> None:
    # 1 BTC at 60,000 with 6,000 of margin (10 times) and 0.4 %: 60,000 - 6,000 = LP * (1 - 0.004)
    assert liquidation_price_isolated(1.0, 60_000.0, 6_000.0, BTC_STEPS) == pytest.approx(54_000.0 / 0.996)
    assert liquidation_price_isolated(-1.0, 60_000.0, 6_000.0, BTC_STEPS) == pytest.approx(66_000.0 / 1.004)


def test_uses_the_bracket_at_the_liquidation_price_not_at_entry() -> None:
    # 6 BTC short from 49,000 (294,000, first bracket) is liquidated above 300,000, in the second
    price = liquidation_price_isolated(-6.0, 49_000.0, 29_400.0, BTC_STEPS)

    assert price == pytest.approx((29_400.0 + 294_000.0 + 300.0) / (6.0 * 1.005))
    assert 6.0 * price > 300_000.0


def test_a_long_with_its_whole_value_behind_it_is_never_liquidated() -> None:
    assert liquidation_price_isolated(1.0, 100.0, 100.0, BTC_STEPS) is None
    assert liquidation_distance(1.0, 100.0, None) == math.inf


def test_distance_is_how_far_the_mark_may_move_against_the_position() -> None:
    assert liquidation_distance(1.0, 100.0, 97.0) == pytest.approx(0.03)
    assert liquidation_distance(-1.0, 100.0, 103.0) == pytest.approx(0.03)
    assert liquidation_distance(1.0, 97.0, 97.0) == 0.0
    assert liquidation_distance(1.0, 96.0, 97.0) == 0.0  # beyond it nothing is left
    assert liquidation_distance(-1.0, 100.0, 0.0) == 0.0
    assert math.isnan(liquidation_distance(1.0, math.nan, 97.0))
    assert math.isnan(liquidation_distance(1.0, math.nan, None))


def test_a_short_that_every_price_liquidates_is_liquidated_at_zero() -> None:
    assert liquidation_price_cross(-1.0, 100.0, -200.0, 0.0, 0.0, BTC_STEPS) == 0.0


@given(
    quantity=st.floats(0.01, 200.0).flatmap(lambda size: st.sampled_from([size, -size])),
    entry=st.floats(100.0, 50_000.0),
    leverage=st.floats(1.5, 50.0),
    other=st.floats(0.0, 0.2),
)
def test_at_its_liquidation_price_equity_equals_maintenance(
    quantity: float, entry: float, leverage: float, other: float
) -> None:
    wallet = abs(quantity) * entry / leverage
    price = liquidation_price_cross(quantity, entry, wallet, other * wallet, -other * wallet, BTC_STEPS)
    if price is None or price == 0.0:
        return

    equity = wallet - other * wallet + quantity * (price - entry)
    needed = maintenance_margin(abs(quantity) * price, BTC_STEPS) + other * wallet
    assert equity == pytest.approx(needed, rel=1e-9, abs=1e-9 * abs(quantity) * entry)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_liquidation_refuses_what_is_not_finite(bad: float) -> None:
    for place in range(5):
        arguments = [1.0, 100.0, 10.0, 0.0, 0.0]
        arguments[place] = bad
        with pytest.raises(ValueError, match="finite"):
            liquidation_price_cross(*arguments, BTC_STEPS)


def test_liquidation_needs_a_position_and_brackets() -> None:
    with pytest.raises(ValueError, match="need a position"):
        liquidation_price_isolated(0.0, 100.0, 10.0, BTC_STEPS)
    with pytest.raises(ValueError, match="brackets"):
        liquidation_price_isolated(1.0, 100.0, 10.0, ())


def test_brackets_include_their_cap() -> None:
    assert bracket_at(300_000.0, BTC_STEPS) is BTC_STEPS[0]
    assert bracket_at(300_000.01, BTC_STEPS) is BTC_STEPS[1]
    assert bracket_at(12_000_000.01, BTC_STEPS) is None
    assert bracket_at(math.nan, BTC_STEPS) is None


def test_initial_margin_is_capped_by_the_brackets_leverage() -> None:
    assert initial_margin(1_000_000.0, 10.0, BTC_STEPS) == pytest.approx(100_000.0)
    assert initial_margin(1_000_000.0, 125.0, BTC_STEPS) == pytest.approx(1_000_000.0 / 75.0)
    assert initial_margin(13_000_000.0, 10.0, BTC_STEPS) == math.inf
    assert initial_margin(1_000.0, 1.0, ()) == 1_000.0
    assert initial_margin(0.0, 10.0, BTC_STEPS) == 0.0
    assert math.isnan(initial_margin(math.nan, 10.0, BTC_STEPS))


def test_maintenance_margin_by_hand() -> None:
    assert maintenance_margin(500_000.0, BTC_STEPS) == pytest.approx(2_200.0)
    assert maintenance_margin(20_000_000.0, BTC_STEPS) == pytest.approx(188_000.0)
    assert maintenance_margin(500.0, ()) == 0.0
    assert math.isnan(maintenance_margin(math.nan, BTC_STEPS))


def test_published_brackets_are_convex_and_join_without_a_jump(shared_data: Path) -> None:
    with gzip.open(shared_data / "api" / "binance_usdm_leverage_tiers_2026-09.json.gz") as file:
        tiers = json.load(file)

    broken = []
    for symbol, rows in tiers.items():
        steps = [
            Step(
                row["minNotional"],
                row["maxNotional"],
                row["maintenanceMarginRate"],
                row["info"]["cum"],
                row["maxLeverage"],
            )
            for row in rows
        ]
        for lower, upper in itertools.pairwise(steps):
            below = maintenance_margin(lower.notional_cap, [lower])
            above = maintenance_margin(upper.notional_floor, [upper])
            rising = upper.maintenance_rate >= lower.maintenance_rate
            if not (rising and math.isclose(below, above, rel_tol=1e-6, abs_tol=0.02)):
                broken.append(symbol)
    assert broken == []
