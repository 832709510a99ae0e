"""The one shape of an opinion: what technical rules, models and their fusion say about the next move."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import msgspec

TAG_PREFIX = "signal:"
"""Prefix of the order tag that carries a signal to the gate and into the decision log."""

TAG_DIGITS = 8
"""Significant digits of every number in a signal tag: enough to explain, few enough to compare by eye."""


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    One source's opinion at one instant; build it with `opinion`, which validates.

    Attributes
    ----------
    source : str
        Who says so: ``"trend"``, ``"ta"``, ``"ml"``, ``"fused"``.
    direction : float
        In [-1, 1]; plus expects a rise, minus a fall, 0 has no view.
    confidence : float
        In [0, 1]; how much the source trusts `direction`.
    expected_return : float
        Signed return over the source's horizon, as a fraction of price; NaN where the source does not estimate it.
    risk_score : float
        In [0, 1]; 0 calm or certain, 1 as risky as the source can tell.

    """

    source: str
    direction: float
    confidence: float
    expected_return: float = math.nan
    risk_score: float = 0.5

    @property
    def strength(self) -> float:
        """Return ``direction * confidence``, in [-1, 1]: the number that thresholds compare."""
        return self.direction * self.confidence


class Action(Enum):
    """What a model would do."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"

    @property
    def sign(self) -> int:
        """Return +1, -1 or 0."""
        return {Action.BUY: 1, Action.SELL: -1, Action.HOLD: 0}[self]


class Prediction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    What a model, or an ensemble of them, predicts.

    `confidence` and `risk_score` are in [0, 1]; `expected_return` is a signed fraction over the model's horizon, NaN
    where unknown; `models_agree` is the share in [0, 1] of the ensemble's models that back `action`, 1.0 for one model.
    """

    action: Action
    confidence: float
    expected_return: float
    risk_score: float
    models_agree: float = 1.0


def opinion(
    source: str, direction: float, confidence: float, expected_return: float = math.nan, risk_score: float = 0.5
) -> Signal | None:
    """
    Build a signal, or abstain.

    Returns
    -------
    Signal or None
        None where direction, confidence or risk score is NaN: a source that cannot tell abstains, and is then left
        out of every average, which is not the same as a neutral opinion.

    Raises
    ------
    ValueError
        If a number is outside its range or infinite: that is a mistake of the source, not of the market.

    """
    if math.isnan(direction + confidence + risk_score):
        return None
    if not (-1.0 <= direction <= 1.0 and 0.0 <= confidence <= 1.0 and 0.0 <= risk_score <= 1.0):
        raise ValueError(
            f"{source}: direction must be in [-1, 1], confidence and risk score in [0, 1], "
            f"were {direction}, {confidence}, {risk_score}"
        )
    if math.isinf(expected_return):
        raise ValueError(f"{source}: expected return must be finite or NaN, was {expected_return}")
    return Signal(
        source=source,
        direction=direction,
        confidence=confidence,
        expected_return=expected_return,
        risk_score=risk_score,
    )


def from_prediction(prediction: Prediction, source: str = "ml") -> Signal | None:
    """
    Turn a prediction into a signal; None where its numbers are NaN.

    A split ensemble is a less certain one: confidence is scaled by the share of models that agree.
    """
    return opinion(
        source,
        direction=float(prediction.action.sign),
        confidence=prediction.confidence * prediction.models_agree,
        expected_return=prediction.expected_return,
        risk_score=prediction.risk_score,
    )


def encode_tag(fields: dict[str, Any]) -> str:
    """
    Write a signal as an order tag: ``signal:`` and canonical JSON.

    Keys are sorted and floats rounded to `TAG_DIGITS` significant digits, so that equal signals give equal text in
    every process; NaN becomes ``null``.
    """
    return TAG_PREFIX + msgspec.json.encode(_rounded(fields), order="sorted").decode()


def decode_tag(tag: str) -> dict[str, Any]:
    """Read back what `encode_tag` wrote; raise `ValueError` where the tag is not a signal tag."""
    if not tag.startswith(TAG_PREFIX):
        raise ValueError(f"a signal tag starts with {TAG_PREFIX!r}, was {tag[:20]!r}")
    decoded: dict[str, Any] = msgspec.json.decode(tag[len(TAG_PREFIX) :], type=dict[str, Any])
    return decoded


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{TAG_DIGITS}g}") + 0.0  # a negative zero reads like a view
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value
