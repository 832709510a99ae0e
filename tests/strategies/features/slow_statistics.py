"""Rolling statistics once more, in plain Python from their definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

from slow_reference import NAN, Column, _deviation, _mean, _over, _pairs, _rolling
from slow_volatility import line

from catalog.model import BarColumns


def stdev(bars: BarColumns, window: int) -> list[Column]:
    closes = bars.close.tolist()
    return [_rolling(closes, window, _deviation), _rolling(closes, window, _mean)]


def sma_analysis(bars: BarColumns, window: int) -> list[Column]:
    def mad(values: Sequence[float]) -> float:
        return math.fsum(abs(value - _mean(values)) for value in values) / window

    def mape(values: Sequence[float]) -> float:
        return math.fsum(abs(value - _mean(values)) / value for value in values) / window

    closes = bars.close.tolist()
    return [
        _rolling(closes, window, mad),
        _rolling(closes, window, lambda values: _deviation(values) ** 2),
        _rolling(closes, window, mape),
    ]


def skew(bars: BarColumns, window: int) -> list[Column]:
    return [_rolling(bars.close.tolist(), window, _skew)]


def kurtosis(bars: BarColumns, window: int) -> list[Column]:
    return [_rolling(bars.close.tolist(), window, _kurtosis)]


def return_moments(bars: BarColumns, window: int) -> list[Column]:
    returns = _returns(bars)
    return [_rolling(returns, window, _skew), _rolling(returns, window, _kurtosis)]


def regression(bars: BarColumns, window: int) -> list[Column]:
    def explained(values: Sequence[float]) -> float:
        exact = [Fraction(value) for value in values]
        around = sum((value - sum(exact) / window) ** 2 for value in exact)
        rise = Fraction(line(values)[0])
        return float(rise**2 * Fraction(window * (window**2 - 1), 12) / around) if around else 0.0

    closes = bars.close.tolist()
    rise = _rolling(closes, window, lambda values: line(values)[0])
    end = _rolling(closes, window, lambda values: line(values)[1])
    return [
        rise,
        [e - (window - 1) * r for e, r in zip(end, rise, strict=True)],
        _rolling(closes, window, explained),
        end,
        [e + r for e, r in zip(end, rise, strict=True)],
    ]


def volume_correlation(bars: BarColumns, window: int) -> list[Column]:
    rows = list(zip(bars.close.tolist(), bars.volume.tolist(), strict=True))
    column = [NAN] * len(rows)
    for row in range(window - 1, len(rows)):
        column[row] = correlation(*zip(*rows[row - window + 1 : row + 1], strict=True))
    return [column]


def autocorrelation(bars: BarColumns, window: int, lag: int) -> list[Column]:
    def repeated(values: Sequence[float]) -> float:
        away = [value - _mean(values) for value in values]
        return _over(
            math.fsum(a * b for a, b in zip(away[lag:], away[:-lag], strict=True)),
            math.fsum(a * a for a in away),
            0.0,
        )

    return [_rolling(_returns(bars), window, repeated)]


def hurst(bars: BarColumns, window: int) -> list[Column]:
    return [_rolling(_returns(bars), window, _hurst)]


def entropy(bars: BarColumns, window: int, order: int) -> list[Column]:
    def disorder(values: Sequence[float]) -> float:
        counts = dict.fromkeys(permutations(range(order)), 0)
        for first in range(window - order + 1):
            run = values[first : first + order]
            counts[tuple(sorted(range(order), key=run.__getitem__))] += 1
        shares = [count / (window - order + 1) for count in counts.values() if count]
        return -math.fsum(share * math.log(share) for share in shares) / math.log(math.factorial(order))

    return [_rolling(bars.close.tolist(), window, disorder)]


def correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Pearson's correlation, from exact sums."""
    a, b = [Fraction(value) for value in left], [Fraction(value) for value in right]
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    shared = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    squares = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    return float(shared) / math.sqrt(squares) if squares else 0.0


def _returns(bars: BarColumns) -> Column:
    return [NAN, *(math.log(after / before) for before, after in _pairs(bars.close))]


def _skew(values: Sequence[float]) -> float:
    count, deviation = len(values), _deviation(values)
    if deviation == 0.0:
        return 0.0
    cubes = math.fsum(((value - _mean(values)) / deviation) ** 3 for value in values)
    return math.sqrt(count * (count - 1)) / (count - 2) * cubes / count


def _kurtosis(values: Sequence[float]) -> float:
    count, deviation = len(values), _deviation(values)
    if deviation == 0.0:
        return 0.0
    fourths = math.fsum(((value - _mean(values)) / deviation) ** 4 for value in values) / count
    return (count - 1) / ((count - 2) * (count - 3)) * ((count + 1) * fourths - 3 * (count - 1))


def _hurst(values: Sequence[float]) -> float:
    points = []
    for chunks in (1, 2, 4, 8, 16, 32):
        length = len(values) // chunks
        if length < 8:
            break
        rest = len(values) - chunks * length
        ranges = [_rescaled(values[first : first + length]) for first in range(rest, len(values), length)]
        if sum(ranges) > 0:
            points.append((math.log(length), math.log(sum(ranges) / chunks)))
    if len(points) < 2:
        return 0.5
    mean_x, mean_y = _mean([x for x, _ in points]), _mean([y for _, y in points])
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def _rescaled(values: Sequence[float]) -> float:
    away = [value - _mean(values) for value in values]
    levels = [math.fsum(away[:place]) for place in range(1, len(away) + 1)]
    return _over(max(levels) - min(levels), _deviation(values), 0.0)
