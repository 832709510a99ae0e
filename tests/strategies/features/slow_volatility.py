"""Channels and volatility estimators once more, in plain Python from their definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from slow_reference import (
    NAN,
    Column,
    _deviation,
    _mean,
    _over,
    _pairs,
    _rolling,
    _smoothed,
    _true_ranges,
)

from catalog.model import BarColumns


def starc(bars: BarColumns, window: int, atr_window: int, multiplier: float) -> list[Column]:
    middle = _rolling(bars.close.tolist(), window, _mean)
    reach = [multiplier * value for value in _smoothed(_true_ranges(bars), atr_window, 1.0 / atr_window)]
    return [
        [m + r for m, r in zip(middle, reach, strict=True)],
        middle,
        [m - r for m, r in zip(middle, reach, strict=True)],
    ]


def regression_channel(bars: BarColumns, window: int, deviations: float) -> list[Column]:
    closes = bars.close.tolist()
    middle = _rolling(closes, window, lambda values: line(values)[1])
    reach = [deviations * value for value in _rolling(closes, window, _deviation)]
    return [
        middle,
        [m + r for m, r in zip(middle, reach, strict=True)],
        [m - r for m, r in zip(middle, reach, strict=True)],
        _rolling(closes, window, lambda values: line(values)[0]),
    ]


def squeeze(bars: BarColumns, window: int, deviations: float, multiplier: float) -> list[Column]:
    closes = bars.close.tolist()
    inner = [deviations * value for value in _rolling(closes, window, _deviation)]
    outer = [multiplier * value for value in _rolling(_true_ranges(bars), window, _mean)]
    ratio = [_over(i, o, 0.0) if o == o else NAN for i, o in zip(inner, outer, strict=True)]
    highs, lows = _rolling(bars.high.tolist(), window, max), _rolling(bars.low.tolist(), window, min)
    means = _rolling(closes, window, _mean)
    distance = [
        close - ((high + low) / 2 + average) / 2
        for close, high, low, average in zip(closes, highs, lows, means, strict=True)
    ]
    on = [NAN if value != value else 1.0 if value < 1.0 else 0.0 for value in ratio]
    return [on, ratio, _rolling(distance, window, lambda values: line(values)[1])]


def true_range(bars: BarColumns) -> list[Column]:
    return [_true_ranges(bars)]


def natr(bars: BarColumns, window: int) -> list[Column]:
    ranges = _smoothed(_true_ranges(bars), window, 1.0 / window)
    return [[100.0 * value / close for value, close in zip(ranges, bars.close.tolist(), strict=True)]]


def close_to_close(bars: BarColumns, window: int) -> list[Column]:
    returns = [NAN, *(math.log(after / before) for before, after in _pairs(bars.close))]
    return [_rolling(returns, window, lambda values: math.sqrt(_sample_variance(values)))]


def parkinson(bars: BarColumns, window: int) -> list[Column]:
    terms = [math.log(high / low) ** 2 / (4 * math.log(2)) for high, low in zip(bars.high, bars.low, strict=True)]
    return [_root_mean(terms, window)]


def garman_klass(bars: BarColumns, window: int) -> list[Column]:
    terms = [
        math.log(high / low) ** 2 / 2 - (2 * math.log(2) - 1) * math.log(close / open_) ** 2
        for open_, high, low, close in _prices(bars)
    ]
    return [_root_mean(terms, window)]


def rogers_satchell(bars: BarColumns, window: int) -> list[Column]:
    return [_root_mean(_rogers_satchell_terms(bars), window)]


def yang_zhang(bars: BarColumns, window: int) -> list[Column]:
    overnight = [NAN] + [
        math.log(open_ / before) for open_, before in zip(bars.open.tolist()[1:], bars.close.tolist()[:-1], strict=True)
    ]
    body = [math.log(close / open_) for open_, _, _, close in _prices(bars)]
    weight = 0.34 / (1.34 + (window + 1) / (window - 1))
    parts = zip(
        _rolling(overnight, window, _sample_variance),
        _rolling(body, window, _sample_variance),
        _rolling(_rogers_satchell_terms(bars), window, lambda values: math.fsum(values) / window),
        strict=True,
    )
    return [[_root(a + weight * b + (1 - weight) * c) for a, b, c in parts]]


def ulcer_index(bars: BarColumns, window: int) -> list[Column]:
    def pain(values: Sequence[float]) -> float:
        falls = [100 * (value / max(values[: place + 1]) - 1) for place, value in enumerate(values)]
        return math.sqrt(math.fsum(fall**2 for fall in falls) / window)

    return [_rolling(bars.close.tolist(), window, pain)]


def line(values: Sequence[float]) -> tuple[float, float]:
    """Return the slope and the last value of the least-squares line, computed exactly and rounded once."""
    count = len(values)
    center = Fraction(count - 1, 2)
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / count
    rise = sum((place - center) * value for place, value in enumerate(exact)) / Fraction(count * (count**2 - 1), 12)
    return float(rise), float(mean + rise * center)


def _sample_variance(values: Sequence[float]) -> float:
    return _deviation(values) ** 2 * len(values) / (len(values) - 1)


def _root_mean(terms: Column, window: int) -> Column:
    return _rolling(terms, window, lambda values: _root(math.fsum(values) / window))


def _root(value: float) -> float:
    return NAN if value != value else math.sqrt(max(value, 0.0))


def _prices(bars: BarColumns) -> list[tuple[float, float, float, float]]:
    return list(zip(bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True))


def _rogers_satchell_terms(bars: BarColumns) -> Column:
    return [
        math.log(high / close) * math.log(high / open_) + math.log(low / close) * math.log(low / open_)
        for open_, high, low, close in _prices(bars)
    ]
