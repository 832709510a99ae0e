"""The candlestick patterns, all sixty-one of TA-Lib's, in the order of their names there."""

from __future__ import annotations

from strategies.features.kernel import Feature
from strategies.features.patterns import (
    candles_double,
    candles_gaps,
    candles_hammer,
    candles_many,
    candles_single,
    candles_soldiers,
    candles_stars,
)


def ta_lib_name(feature: Feature) -> str:
    """Return what TA-Lib calls a pattern."""
    return feature.name.replace("_", "").upper()


_FILES = (
    candles_single,
    candles_hammer,
    candles_double,
    candles_stars,
    candles_gaps,
    candles_soldiers,
    candles_many,
)

FEATURES: tuple[Feature, ...] = tuple(
    sorted((feature for file in _FILES for feature in file.FEATURES), key=ta_lib_name)
)
