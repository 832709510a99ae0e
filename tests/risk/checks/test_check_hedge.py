"""A hedge: opposite to what can't be closed, not larger, only in Emergency, only by the closer."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.barriers import Barrier, Level, Source
from risk.book import InstrumentFacts
from risk.checks.hedge import HEDGE_STRATEGY, HEDGE_TAG, HedgeAllowance, hedge_allowed
from risk.intent import Action, Intent, Side
from risk.modes.table import Mode
from risk.verdict import Approved, Basis, Reason, Refusal
from risk.view import View

LOST, ELSEWHERE = "BTCUSDT-PERP.BYBIT", "BTCUSDT-PERP.BINANCE"
NOW = 1_700_000_000_000_000_000
ALLOWED = {ELSEWHERE: HedgeAllowance(((LOST, 1.0),))}


def world(exposure: float = 2.0, held: float = 0.0, mode: Mode = Mode.EMERGENCY) -> View:
    view = View(mode=mode, cash=1e6, ts_ns=NOW)
    for name in (LOST, ELSEWHERE):
        view.set_facts(InstrumentFacts(instrument=name, spot=False, size_increment=0.001))
        view.apply_mark(name, 50_000.0, NOW)
    view.apply_position(LOST, exposure, 50_000.0)
    view.apply_position(ELSEWHERE, held, 50_000.0)
    return view


def hedge(side: Side, quantity: float, **changes: object) -> Intent:
    intent = Intent(
        ts_ns=NOW,
        strategy=HEDGE_STRATEGY,
        instrument=ELSEWHERE,
        client_order_id="GUARD-0-1",
        side=side,
        order_type="MARKET",
        quantity=quantity,
        tags=(HEDGE_TAG,),
    )
    return msgspec.structs.replace(intent, **changes)


def test_an_order_that_is_no_hedge_is_left_to_the_other_rules() -> None:
    assert hedge_allowed(hedge(Side.SELL, 1.0, tags=("guard:KILL",)), world(), ALLOWED) is None


@pytest.mark.parametrize(("exposure", "side"), [(2.0, Side.SELL), (-2.0, Side.BUY)])
def test_passes_up_to_the_exposure_and_not_a_lot_beyond(exposure: float, side: Side) -> None:
    assert hedge_allowed(hedge(side, 2.0), world(exposure), ALLOWED) == Approved(Basis.LIMITS)

    refusal = hedge_allowed(hedge(side, 2.001), world(exposure), ALLOWED)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.MODE_FORBIDS
    assert refusal.measured == 2.001
    assert refusal.limit == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize(
    ("intent", "view"),
    [
        (hedge(Side.BUY, 0.5), world()),
        (hedge(Side.SELL, 0.5), world(exposure=0.0)),
        (hedge(Side.SELL, 0.5), world(exposure=math.nan)),
        (hedge(Side.SELL, 0.5), world(held=-2.0)),
        (hedge(Side.SELL, 0.5), world(held=math.nan)),
        (hedge(Side.SELL, 2.5), world(held=1.0)),
        (hedge(Side.SELL, 0.5), world(mode=Mode.FULL_AUTO)),
        (hedge(Side.SELL, 0.5, strategy="Trend-001"), world()),
        (hedge(Side.SELL, 0.5, instrument=LOST), world()),
        (hedge(Side.SELL, 0.5, action=Action.MODIFY), world()),
    ],
    ids=[
        "same side", "nothing to hedge", "unknown exposure", "hedged already", "unknown hedge",
        "more than the exposure because others hold against it", "not an emergency", "somebody else",
        "no such allowance", "a change",
    ],
)  # fmt: skip
def test_everything_else_is_refused(intent: Intent, view: View) -> None:
    refusal = hedge_allowed(intent, view, ALLOWED)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.MODE_FORBIDS


def test_an_allowance_taken_back_lets_nothing_pass() -> None:
    assert isinstance(hedge_allowed(hedge(Side.SELL, 0.5), world(), {}), Refusal)


def test_a_kill_switch_stops_hedges_and_a_breaker_does_not() -> None:
    view = world()
    view.apply_barriers(Source.BREAKER, [Barrier(Source.BREAKER, Level.SYSTEM, "", "losses", NOW)])
    assert hedge_allowed(hedge(Side.SELL, 1.0), view, ALLOWED) == Approved(Basis.LIMITS)

    view.apply_barriers(Source.KILL_SWITCH, [Barrier(Source.KILL_SWITCH, Level.VENUE, "BINANCE", "pressed", NOW)])
    refusal = hedge_allowed(hedge(Side.SELL, 1.0), view, ALLOWED)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.KILL_SWITCH_ENGAGED


def test_what_is_on_its_way_counts() -> None:
    view = world()
    view.apply_intent(hedge(Side.SELL, 1.5))

    assert isinstance(hedge_allowed(hedge(Side.SELL, 1.0, client_order_id="GUARD-0-2"), view, ALLOWED), Refusal)
    assert hedge_allowed(hedge(Side.SELL, 0.5, client_order_id="GUARD-0-2"), view, ALLOWED) == Approved(Basis.LIMITS)


@given(
    exposure=st.floats(-100.0, 100.0),
    ratio=st.floats(0.1, 10.0),
    held=st.floats(-100.0, 100.0),
    quantity=st.floats(0.001, 2_000.0),
    side=st.sampled_from(Side),
)
def test_what_passes_is_opposite_and_never_more_than_there_is_to_hedge(
    exposure: float, ratio: float, held: float, quantity: float, side: Side
) -> None:
    verdict = hedge_allowed(hedge(side, quantity), world(exposure, held), {ELSEWHERE: HedgeAllowance(((LOST, ratio),))})

    if isinstance(verdict, Approved):
        assert side.sign * exposure < 0.0
        assert quantity <= ratio * abs(exposure) + 0.001
        if side.sign * held > 0.0:
            assert quantity + abs(held) <= ratio * abs(exposure) + 0.001
