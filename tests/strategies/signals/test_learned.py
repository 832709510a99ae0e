"""The model's signal: mapping of probabilities, abstention without a model, failures that are told once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.learned import LearnedConfig, LearnedSignal, predict
from strategies.signals.signal import Action

CONFIG = LearnedConfig(edge_full=0.2, edge_hold=0.02)
ROW = np.zeros(3)


class Coin:
    """A model that always answers the same, and counts how often it is asked."""

    def __init__(self, probability: float) -> None:
        self.answer = probability
        self.asked = 0

    def probability(self, row: object) -> float:
        self.asked += 1
        return self.answer


class OneModel:
    """A schedule with one model, valid from a time on."""

    def __init__(self, model: Coin, valid_from_ns: int = 0, layout_hash: str = "layout") -> None:
        self.model = model
        self.valid_from_ns = valid_from_ns
        self.layout_hash = layout_hash
        self.horizon_bars = 4

    def at(self, ts_ns: int) -> Coin | None:
        return self.model if ts_ns >= self.valid_from_ns else None


def learned(schedule: OneModel, failures: list[str]) -> LearnedSignal:
    return LearnedSignal(schedule, "layout", CONFIG, failures.append)


@pytest.mark.parametrize(
    ("probability", "action", "confidence"),
    [
        (0.5, Action.HOLD, 0.0),
        (0.505, Action.HOLD, 0.05),
        (0.55, Action.BUY, 0.5),
        (0.45, Action.SELL, 0.5),
        (0.6, Action.BUY, 1.0),
        (0.0, Action.SELL, 1.0),
    ],
)
def test_probability_becomes_action_and_confidence(probability: float, action: Action, confidence: float) -> None:
    prediction = predict(probability, 0.01, 4, CONFIG)

    assert prediction.action is action
    assert prediction.confidence == pytest.approx(confidence)
    assert prediction.models_agree == 1.0


def test_expected_return_is_the_edge_times_the_mean_move_over_the_horizon() -> None:
    prediction = predict(0.55, 0.01, 4, CONFIG)

    assert prediction.expected_return == pytest.approx(0.1 * 0.01 * 2.0 * math.sqrt(2 / math.pi))
    assert math.isnan(predict(0.55, math.nan, 4, CONFIG).expected_return)


@given(st.floats(0.0, 1.0))
def test_risk_is_the_entropy_and_symmetric(probability: float) -> None:
    prediction, mirrored = (predict(p, 0.01, 4, CONFIG) for p in (probability, 1.0 - probability))

    assert 0.0 <= prediction.risk_score <= 1.0
    assert mirrored.risk_score == pytest.approx(prediction.risk_score, abs=1e-9)


@pytest.mark.parametrize(("probability", "risk"), [(0.5, 1.0), (0.0, 0.0), (1.0, 0.0), (0.89, 0.4999)])
def test_risk_of_known_probabilities(probability: float, risk: float) -> None:
    assert predict(probability, 0.01, 4, CONFIG).risk_score == pytest.approx(risk, abs=1e-4)


def test_abstains_before_the_first_model_without_calling_it_a_failure() -> None:
    failures: list[str] = []
    schedule = OneModel(Coin(0.6), valid_from_ns=100)
    signal = learned(schedule, failures)

    assert signal(99, ROW, 0.01) is None
    assert schedule.model.asked == 0
    answer = signal(100, ROW, 0.01)
    assert answer is not None
    assert (answer.source, answer.direction, answer.confidence) == ("ml", 1.0, pytest.approx(1.0))
    assert failures == []


@pytest.mark.parametrize("bad", [math.nan, 1.5, -0.1])
def test_a_probability_that_is_none_is_a_failure_told_once(bad: float) -> None:
    failures: list[str] = []
    schedule = OneModel(Coin(bad))
    signal = learned(schedule, failures)

    assert [signal(ts, ROW, 0.01) for ts in range(3)] == [None, None, None]
    assert len(failures) == 1
    assert schedule.model.asked == 1
    assert signal.failure == failures[0]


def test_an_exception_of_the_model_is_a_failure_not_a_crash() -> None:
    class Broken(Coin):
        def probability(self, row: object) -> float:
            raise IndexError("feature 12 of 11")

    failures: list[str] = []

    assert learned(OneModel(Broken(0.6)), failures)(0, ROW, 0.01) is None
    assert failures == ["IndexError: feature 12 of 11"]


def test_another_feature_layout_is_a_failure_and_the_model_is_never_asked() -> None:
    failures: list[str] = []
    schedule = OneModel(Coin(0.6), layout_hash="another")
    signal = learned(schedule, failures)

    assert signal(0, ROW, 0.01) is None
    assert "another" in failures[0]
    assert "layout" in failures[0]
    assert schedule.model.asked == 0


def test_after_rearming_the_model_is_asked_again() -> None:
    failures: list[str] = []
    schedule = OneModel(Coin(math.nan))
    signal = learned(schedule, failures)
    signal(0, ROW, 0.01)
    schedule.model.answer = 0.4

    signal.rearm()
    answer = signal(1, ROW, 0.01)

    assert answer is not None
    assert answer.direction == -1.0


def test_a_hold_range_as_wide_as_the_full_edge_is_refused() -> None:
    with pytest.raises(ValueError, match="edge_hold < edge_full"):
        LearnedConfig(edge_full=0.1, edge_hold=0.1)
