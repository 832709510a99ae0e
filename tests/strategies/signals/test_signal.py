"""The signal type: validation, abstention, the prediction's mapping, the canonical tag."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.signal import Action, Prediction, decode_tag, encode_tag, from_prediction, opinion


@pytest.mark.parametrize("field", ["direction", "confidence", "risk_score"])
def test_a_nan_abstains(field: str) -> None:
    numbers = {"direction": 0.5, "confidence": 0.5, "risk_score": 0.5} | {field: math.nan}

    assert opinion("x", **numbers) is None


@pytest.mark.parametrize(
    ("direction", "confidence", "risk_score"),
    [(1.0 + 1e-9, 0.5, 0.5), (-1.0 - 1e-9, 0.5, 0.5), (0.5, -1e-9, 0.5), (0.5, 1.0 + 1e-9, 0.5), (0.5, 0.5, math.inf)],
)
def test_a_number_just_outside_its_range_is_the_sources_mistake(
    direction: float, confidence: float, risk_score: float
) -> None:
    with pytest.raises(ValueError, match=r"must be in \[-1, 1\]"):
        opinion("x", direction, confidence, risk_score=risk_score)


def test_the_bounds_themselves_are_allowed_and_an_unknown_return_is_nan() -> None:
    signal = opinion("x", -1.0, 1.0, risk_score=0.0)

    assert signal is not None
    assert signal.strength == -1.0
    assert math.isnan(signal.expected_return)


def test_an_infinite_expected_return_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        opinion("x", 0.5, 0.5, expected_return=math.inf)


@pytest.mark.parametrize(("action", "direction"), [(Action.BUY, 1.0), (Action.SELL, -1.0), (Action.HOLD, 0.0)])
def test_a_prediction_keeps_its_action_and_loses_confidence_where_models_disagree(
    action: Action, direction: float
) -> None:
    prediction = Prediction(action=action, confidence=0.8, expected_return=0.01, risk_score=0.3, models_agree=0.6)

    signal = from_prediction(prediction)

    assert signal is not None
    assert (signal.source, signal.direction) == ("ml", direction)
    assert signal.confidence == pytest.approx(0.48)
    assert (signal.expected_return, signal.risk_score) == (0.01, 0.3)


def test_a_tag_has_sorted_keys_eight_digits_and_null_for_nan() -> None:
    tag = encode_tag({"z": 1 / 3, "a": {"d": math.nan, "c": -2.0}, "n": None, "o": -0.0})

    assert tag == 'signal:{"a":{"c":-2.0,"d":null},"n":null,"o":0.0,"z":0.33333333}'


@given(st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False), max_size=6))
def test_a_tag_does_not_depend_on_insertion_order_and_reads_back_rounded(fields: dict[str, float]) -> None:
    tag = encode_tag(fields)

    assert tag == encode_tag(dict(reversed(fields.items())))
    assert decode_tag(tag) == {key: float(f"{value:.8g}") for key, value in fields.items()}


def test_a_foreign_tag_is_not_read_as_a_signal() -> None:
    with pytest.raises(ValueError, match="starts with"):
        decode_tag("ENTRY")
