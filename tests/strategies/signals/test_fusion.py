"""Fusion and the trade plan: both sides' shares, stop and target, degenerate weights."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.fusion import FusionConfig, fuse, plan
from strategies.signals.signal import Signal, decode_tag

EVEN = FusionConfig()
BULL = Signal(source="ta", direction=0.8, confidence=0.5, risk_score=0.2)
BEAR = Signal(source="ml", direction=-1.0, confidence=0.3, expected_return=-0.004, risk_score=0.9)


def test_without_a_model_the_technical_side_decides_alone() -> None:
    fused = fuse(BULL, None, EVEN)

    assert fused is not None
    assert (fused.direction, fused.confidence) == (pytest.approx(0.8), pytest.approx(0.5))


def test_even_weights_give_the_mean_strength() -> None:
    fused = fuse(BULL, BEAR, EVEN)

    assert fused is not None
    assert fused.strength == pytest.approx((0.4 - 0.3) / 2)
    assert fused.confidence == pytest.approx(0.4)


@pytest.mark.parametrize(("technical", "learned", "strength"), [(1.0, 0.0, 0.4), (0.0, 1.0, -0.3)])
def test_a_weight_of_zero_silences_that_side(technical: float, learned: float, strength: float) -> None:
    fused = fuse(BULL, BEAR, FusionConfig(technical_weight=technical, learned_weight=learned))

    assert fused is not None
    assert fused.strength == pytest.approx(strength)


def test_nobody_decides_where_the_only_weighted_side_abstains() -> None:
    assert fuse(BULL, None, FusionConfig(technical_weight=0.0, learned_weight=1.0)) is None
    assert fuse(None, None, EVEN) is None


def test_two_zero_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        FusionConfig(technical_weight=0.0, learned_weight=0.0)


@pytest.mark.parametrize(("technical", "sign"), [(BULL, 1), (Signal(source="ta", direction=-0.8, confidence=0.5), -1)])
def test_stop_and_target_lie_on_opposite_sides_of_the_entry(technical: Signal, sign: int) -> None:
    fused = fuse(technical, None, EVEN)
    assert fused is not None

    trade = plan(fused, technical, None, EVEN, price=100.0, atr=2.0, size=0.5)

    assert trade is not None
    assert trade.sign == sign
    assert (trade.entry, trade.stop_loss, trade.take_profit) == (100.0, 100.0 - sign * 4.0, 100.0 + sign * 6.0)
    assert (trade.size, trade.technical, trade.learned) == (0.5, pytest.approx(sign * 0.4), None)


@given(
    st.floats(-1.0, 1.0, allow_subnormal=False).filter(lambda d: d != 0.0),
    st.floats(0.01, 1.0),
    st.floats(-1.0, 1.0, allow_subnormal=False),
    st.floats(0.01, 1.0),
    st.floats(0.0, 5.0),
    st.floats(0.01, 5.0),
)
def test_the_shares_add_up_to_the_strength(
    d1: float, c1: float, d2: float, c2: float, technical_weight: float, learned_weight: float
) -> None:
    config = FusionConfig(technical_weight=technical_weight, learned_weight=learned_weight)
    technical, learned = (Signal(source=s, direction=d, confidence=c) for s, d, c in (("ta", d1, c1), ("ml", d2, c2)))
    fused = fuse(technical, learned, config)
    assert fused is not None

    trade = plan(fused, technical, learned, config, price=100.0, atr=1.0, size=1.0)

    if fused.direction == 0.0:
        assert trade is None
        return
    assert trade is not None
    assert trade.technical is not None
    assert trade.learned is not None
    assert trade.technical + trade.learned == pytest.approx(fused.strength, abs=1e-12)


@pytest.mark.parametrize(
    ("price", "atr", "size"),
    [
        (math.nan, 1.0, 1.0),
        (100.0, math.nan, 1.0),
        (100.0, 1.0, math.nan),
        (0.0, 1.0, 1.0),
        (100.0, 0.0, 1.0),
        (100.0, 1.0, 0.0),
        (100.0, 50.0, 1.0),  # the stop would be at exactly zero
        (100.0, 1.0, math.inf),
        (math.inf, 1.0, 1.0),
    ],
)
def test_ugly_inputs_plan_nothing(price: float, atr: float, size: float) -> None:
    fused = fuse(BULL, None, EVEN)
    assert fused is not None

    assert plan(fused, BULL, None, EVEN, price=price, atr=atr, size=size) is None


def test_a_neutral_opinion_plans_nothing() -> None:
    neutral = Signal(source="ta", direction=0.0, confidence=0.9)
    fused = fuse(neutral, None, EVEN)
    assert fused is not None

    assert plan(fused, neutral, None, EVEN, price=100.0, atr=1.0, size=1.0) is None


def test_the_tag_explains_the_plan() -> None:
    fused = fuse(BULL, BEAR, EVEN)
    assert fused is not None
    trade = plan(fused, BULL, BEAR, EVEN, price=100.0, atr=2.0, size=0.25)
    assert trade is not None

    fields = decode_tag(trade.tag((Signal(source="trend", direction=0.5, confidence=0.5), None)))

    assert fields["contributions"] == {"ml": -0.15, "ta": 0.2}
    assert fields["rules"] == {"trend": 0.25}
    assert (fields["entry"], fields["stop_loss"], fields["take_profit"], fields["size"]) == (100.0, 96.0, 106.0, 0.25)
    assert fields["confidence"] == pytest.approx(0.4)


def test_payoff_is_target_over_stop() -> None:
    assert FusionConfig(stop_atr=2.0, take_profit_atr=3.0).payoff == 1.5
