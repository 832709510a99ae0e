"""The compiled pass says what the plain functions say, position by position."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.account_margin import AccountMargin, Holding
from risk.position_watch import Schedules, watch, watch_holdings
from tests.risk.test_account_margin import FLAT, SMALL, STEPS, agree, hold, holdings
from tests.risk.world import ETH

SCHEDULES = Schedules()


@st.composite
def mixed(draw: st.DrawFn) -> tuple[float, list[Holding]]:
    """Draw an account with isolated and cross-margined positions, and perhaps a mark that is not known."""
    held = []
    for bare in draw(holdings(6)):
        margin = bare.notional * draw(st.floats(0.0, 0.5)) if draw(st.booleans()) else None
        mark = math.nan if draw(st.integers(0, 19)) == 0 else bare.mark
        held.append(Holding(bare.instrument, bare.signed_quantity, bare.entry_price, mark, bare.brackets, margin))
    margins = math.fsum(holding.margin or 0.0 for holding in held)
    gross = math.fsum(abs(holding.signed_quantity) * holding.entry_price for holding in held)
    return margins + gross * draw(st.floats(-0.2, 2.0)), held


@settings(deadline=None)  # the first call compiles
@given(drawn=mixed())
def test_equals_the_plain_functions(drawn: tuple[float, list[Holding]]) -> None:
    wallet, held = drawn
    account = AccountMargin(wallet, held)
    seen = watch_holdings(wallet, held, SCHEDULES)

    for holding, distance, alone in zip(held, seen.distance, seen.alone, strict=True):
        assert agree(distance, account.distance(holding), rel=1e-9)
        assert agree(alone, account.distance_alone(holding), rel=1e-9)
    assert seen.ratio[0] == pytest.approx(account.margin_ratio(), rel=1e-9, abs=1e-9, nan_ok=True)


def test_accounts_do_not_back_each_other() -> None:
    poor, rich = hold(10.0, brackets=SMALL), hold(-7.0, brackets=STEPS, instrument=ETH)
    spans = [SCHEDULES.span(poor.brackets), SCHEDULES.span(rich.brackets)]
    seen = watch(
        np.array([10.0, -7.0]), np.array([100.0, 100.0]), np.array([100.0, 100.0]), np.zeros(2),
        np.zeros(2, dtype=np.int64), np.array([0, 1]), np.array([spans[0][0], spans[1][0]]),
        np.array([spans[0][1], spans[1][1]]), SCHEDULES, np.array([150.0, 600.0]),
    )  # fmt: skip

    alone = [AccountMargin(150.0, [poor]), AccountMargin(600.0, [rich])]
    assert seen.distance == pytest.approx([alone[0].distance(poor), alone[1].distance(rich)])
    assert seen.ratio == pytest.approx([account.margin_ratio() for account in alone])


def test_spot_is_never_liquidated_and_backs_nothing() -> None:
    perpetual, spot = hold(10.0), hold(1_000.0, brackets=(), instrument="BTCUSD.BITFINEX")
    seen = watch_holdings(150.0, [perpetual, spot], SCHEDULES)

    assert seen.distance[0] == pytest.approx(AccountMargin(150.0, [perpetual]).distance(perpetual))
    assert seen.distance[1] == math.inf


def test_nothing_held_is_seen_as_nothing() -> None:
    seen = watch_holdings(150.0, [], SCHEDULES)

    assert len(seen.distance) == 0
    assert seen.ratio[0] == math.inf


def test_schedules_are_kept_once() -> None:
    schedules = Schedules()

    assert schedules.span(FLAT) == (0, 1)
    assert schedules.span(SMALL) == (1, 4)
    assert schedules.span(FLAT) == (0, 1)
    assert schedules.span(()) == (4, 4)
    assert len(schedules.caps) == 4


def test_columns_must_be_of_one_length() -> None:
    one, two = np.zeros(1), np.zeros(2)
    rows = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match="1 rows"):
        watch(one, one, two, one, rows, rows, rows, rows, SCHEDULES, one)
