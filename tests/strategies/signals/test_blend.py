"""Blending: bounded, odd under exchange of sides, monotone in confidence, silent sources left out."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.blend import blend
from strategies.signals.signal import Signal

unit = st.floats(0.0, 1.0, allow_subnormal=False)
signals = st.builds(
    Signal,
    source=st.just("x"),
    direction=st.floats(-1.0, 1.0, allow_subnormal=False),
    confidence=unit,
    expected_return=st.one_of(st.floats(-0.1, 0.1), st.just(math.nan)),
    risk_score=unit,
)
weighted = st.lists(st.tuples(st.floats(0.01, 10.0), st.one_of(st.none(), signals)), max_size=6)


@given(weighted)
def test_the_result_is_in_range_and_its_strength_is_the_weighted_mean(pairs: list[tuple[float, Signal | None]]) -> None:
    blended = blend("b", pairs)

    present = [(weight, signal) for weight, signal in pairs if signal is not None]
    if not present:
        assert blended is None
        return
    assert blended is not None
    assert -1.0 <= blended.direction <= 1.0
    assert 0.0 <= blended.confidence <= 1.0
    assert 0.0 <= blended.risk_score <= 1.0
    total = sum(weight for weight, _ in present)
    expected = sum(weight * signal.direction * signal.confidence for weight, signal in present) / total
    assert blended.strength == pytest.approx(expected, abs=1e-12)


@given(weighted)
def test_exchanging_long_and_short_flips_the_direction_only(pairs: list[tuple[float, Signal | None]]) -> None:
    mirrored = [
        (
            weight,
            signal
            and msgspec.structs.replace(signal, direction=-signal.direction, expected_return=-signal.expected_return),
        )
        for weight, signal in pairs
    ]
    there, back = blend("b", pairs), blend("b", mirrored)

    if there is None:
        assert back is None
        return
    assert back is not None
    assert back.direction == -there.direction
    assert (back.confidence, back.risk_score) == (there.confidence, there.risk_score)
    assert back.expected_return == pytest.approx(-there.expected_return, nan_ok=True)


@given(signals, signals, unit, st.floats(0.01, 10.0), st.floats(0.01, 10.0))
def test_more_confidence_of_a_bullish_source_never_lowers_the_strength(
    source: Signal, other: Signal, more: float, weight: float, other_weight: float
) -> None:
    bullish = msgspec.structs.replace(source, direction=abs(source.direction))
    surer = msgspec.structs.replace(bullish, confidence=max(more, bullish.confidence))

    before = blend("b", [(weight, bullish), (other_weight, other)])
    after = blend("b", [(weight, surer), (other_weight, other)])

    assert before is not None
    assert after is not None
    assert after.strength >= before.strength - 1e-12


def test_an_abstention_and_a_zero_weight_count_for_nothing() -> None:
    alone = Signal(source="x", direction=0.7, confidence=0.4, expected_return=0.01, risk_score=0.2)
    loud = Signal(source="y", direction=-1.0, confidence=1.0)

    blended = blend("b", [(2.0, alone), (1.0, None), (0.0, loud)])

    assert blended is not None
    assert (blended.direction, blended.confidence) == (pytest.approx(0.7), pytest.approx(0.4))
    assert (blended.expected_return, blended.risk_score) == (pytest.approx(0.01), pytest.approx(0.2))


def test_neutral_sources_lower_the_confidence_but_not_the_direction() -> None:
    view = Signal(source="x", direction=0.8, confidence=0.6)
    neutral = Signal(source="y", direction=0.0, confidence=0.0)

    blended = blend("b", [(1.0, view), (1.0, neutral)])

    assert blended is not None
    assert (blended.direction, blended.confidence) == (pytest.approx(0.8), pytest.approx(0.3))


def test_expected_return_averages_only_those_who_know_it() -> None:
    knows = Signal(source="x", direction=1.0, confidence=0.5, expected_return=0.02)
    does_not = Signal(source="y", direction=1.0, confidence=0.5)

    blended = blend("b", [(1.0, knows), (1.0, does_not)])

    assert blended is not None
    assert blended.expected_return == pytest.approx(0.02)


def test_nobody_present_gives_no_signal() -> None:
    assert blend("b", []) is None
    assert blend("b", [(1.0, None)]) is None
