"""The smallest move that breaks a limit: against brute force, and against the distance to liquidation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catalog.instruments import LeverageBracket
from risk.reverse_stress import REACH, Breach, Direction, reverse_stress
from risk.stress import Limit, headrooms, liquidation_distance, move
from risk.stress_portfolio import StressPortfolio, StressPosition

BRACKETS = tuple(
    LeverageBracket(
        notional_floor=low, notional_cap=high, maintenance_rate=rate, maintenance_amount=amount, leverage_max=20.0
    )
    for low, high, rate, amount in (
        (0.0, 5_000.0, 0.01, 0.0),
        (5_000.0, 20_000.0, 0.05, 200.0),
        (20_000.0, 1e9, 0.10, 1_200.0),
    )
)
NAMES = ("BTCUSDT-PERP.X", "ETHUSDT-PERP.X", "SOLUSDT-PERP.X")

positions = st.lists(st.floats(-200.0, 200.0).filter(lambda q: abs(q) > 1.0), min_size=1, max_size=3)


def account(quantities: list[float], cash: float, isolated: float | None = None) -> StressPortfolio:
    return StressPortfolio(
        cash=cash,
        positions=tuple(
            StressPosition(
                instrument=name, signed_quantity=quantity, entry_price=95.0, mark=100.0, brackets=BRACKETS,
                isolated_margin=isolated if name == NAMES[0] else None,
            )
            for name, quantity in zip(NAMES, quantities, strict=False)
        ),
    )  # fmt: skip


def room(portfolio: StressPortfolio, limit: Limit, direction: Direction, size: float) -> float:
    signs = {Direction.DOWN: lambda _: -1.0, Direction.UP: lambda _: 1.0}
    sign = signs.get(direction, lambda position: -1.0 if position.signed_quantity > 0 else 1.0)
    return headrooms(move(portfolio, lambda position: sign(position) * size))[limit]


@settings(max_examples=25, deadline=None)
@given(positions, st.floats(3_000.0, 100_000.0), st.none() | st.floats(500.0, 3_000.0))
def test_equals_a_search_in_small_steps(quantities: list[float], cash: float, isolated: float | None) -> None:
    portfolio = account(quantities, cash, isolated).based()
    assume(portfolio.equity > 1_000.0)
    for breach in reverse_stress(portfolio):
        steps = np.linspace(0.0, REACH[breach.direction], 101)
        broken = np.array([not room(portfolio, breach.limit, breach.direction, step) >= 0.0 for step in steps])
        if broken[0]:
            assert breach.move == 0.0
            continue
        # broken once, broken on: what makes bisection right
        assert (np.diff(broken.astype(int)) >= 0).all()
        if not broken.any():
            assert breach.move is None or breach.move > steps[-1] - 1e-9
        else:
            assert breach.move is not None
            first = int(np.argmax(broken))
            assert steps[max(0, first - 1)] - 1e-12 <= breach.move <= steps[first] + 1e-12


@given(st.floats(10.0, 200.0), st.floats(5_000.0, 50_000.0))
def test_the_drawdown_that_breaks_is_the_limit_itself(quantity: float, cash: float) -> None:
    portfolio = account([quantity], cash).based()

    breach = found(reverse_stress(portfolio), Limit.DRAWDOWN, Direction.DOWN)

    expected = 0.05 * portfolio.equity / (quantity * 100.0)
    if expected > 1.0:
        assert breach.move is None
    else:
        assert breach.move == pytest.approx(expected)
        assert breach.loss == pytest.approx(0.05)


@settings(max_examples=50)
@given(positions, st.floats(5_000.0, 50_000.0))
def test_liquidation_in_the_worst_direction_is_the_distance_the_ladder_watches(
    quantities: list[float], cash: float
) -> None:
    portfolio = account(quantities, cash)
    assume(headrooms(portfolio)[Limit.LIQUIDATION] > 0.0)
    breach = found(reverse_stress(portfolio), Limit.LIQUIDATION, Direction.WORST)
    together = portfolio.account_at("X").distance_together()

    if breach.move is None:
        assert together >= 1.0 - 1e-9
    else:
        assert breach.move == pytest.approx(together, rel=1e-9)
        assert liquidation_distance(portfolio) <= breach.move + 1e-9


def test_what_is_broken_already_needs_no_move() -> None:
    portfolio = account([400.0], 10_000.0)  # leverage above 3

    assert found(reverse_stress(portfolio), Limit.LEVERAGE, Direction.DOWN) == Breach(
        Limit.LEVERAGE, Direction.DOWN, 0.0, 0.0
    )


def test_an_account_without_positions_has_nothing_to_break() -> None:
    assert {breach.move for breach in reverse_stress(account([], 10_000.0))} == {None}


def found(breaches: tuple[Breach, ...], limit: Limit, direction: Direction) -> Breach:
    return next(breach for breach in breaches if breach.limit is limit and breach.direction is direction)
