"""Average several signals into one, by weight and by confidence."""

from __future__ import annotations

import math
from collections.abc import Iterable

from strategies.signals.signal import Signal


def blend(source: str, weighted: Iterable[tuple[float, Signal | None]]) -> Signal | None:
    """
    Return the confidence-weighted mean of the signals that did not abstain.

    With weights ``w``, directions ``d`` and confidences ``c`` of the signals present:
    ``direction = sum(w c d) / sum(w c)`` and ``confidence = sum(w c) / sum(w)``, so that the strength, their product,
    is ``sum(w c d) / sum(w)``: linear in each source, bounded by the strongest of them, odd under exchange of long and
    short, and non-decreasing in the confidence of a source that points up. A doubtful source weighs less in the
    direction and lowers the confidence of the whole.

    Parameters
    ----------
    source : str
        Name of the result.
    weighted : iterable of (float, Signal or None)
        Weights, not negative, and signals; None abstains and its weight is left out.

    Returns
    -------
    Signal or None
        None where nobody with a positive weight has an opinion. Expected return and risk score are means over
        ``w c`` of the sources that know them (over ``w`` where all confidences are 0); the former NaN if none does.

    References
    ----------
    Genest & Zidek (1986), Combining probability distributions, Statistical Science 1(1): linear opinion pool.

    """
    weights = mass = pull = risk = plain_risk = known = gain = 0.0
    for weight, signal in weighted:
        if signal is None or weight <= 0.0:
            continue
        share = weight * signal.confidence
        weights += weight
        mass += share
        pull += share * signal.direction
        risk += share * signal.risk_score
        plain_risk += weight * signal.risk_score
        expected = signal.expected_return
        if not math.isnan(expected):
            known += share
            gain += share * expected
    if weights == 0.0:
        return None
    direction = pull / mass if mass > 0.0 else 0.0
    # rounding may put a mean of equal ones a unit in the last place beyond one
    return Signal(
        source=source,
        direction=direction if -1.0 <= direction <= 1.0 else math.copysign(1.0, direction),
        confidence=min(mass / weights, 1.0),
        expected_return=gain / known if known > 0.0 else math.nan,
        risk_score=min(risk / mass if mass > 0.0 else plain_risk / weights, 1.0),
    )
