"""Every feature once more, in plain Python, from its definition and with exact sums: slow, and hard to get wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from catalog.model import BarColumns

NAN = math.nan
type Column = list[float]


def sma(bars: BarColumns, window: int) -> list[Column]:
    return [_rolling(bars.close.tolist(), window, _mean)]


def ema(bars: BarColumns, window: int) -> list[Column]:
    return [_smoothed(bars.close.tolist(), window, 2.0 / (window + 1))]


def wma(bars: BarColumns, window: int) -> list[Column]:
    def weighted(values: Sequence[float]) -> float:
        return math.fsum(k * value for k, value in enumerate(values, 1)) / (window * (window + 1) / 2)

    return [_rolling(bars.close.tolist(), window, weighted)]


def rsi(bars: BarColumns, window: int) -> list[Column]:
    changes = [NAN, *(b - a for a, b in _pairs(bars.close))]
    gains = _smoothed([max(change, 0.0) if change == change else NAN for change in changes], window, 1.0 / window)
    losses = _smoothed([max(-change, 0.0) if change == change else NAN for change in changes], window, 1.0 / window)
    return [[_over(100.0 * gain, gain + loss, 50.0) for gain, loss in zip(gains, losses, strict=True)]]


def macd(bars: BarColumns, fast: int, slow: int, signal: int) -> list[Column]:
    line = [a - b for a, b in zip(ema(bars, fast)[0], ema(bars, slow)[0], strict=True)]
    smooth = _smoothed(line, signal, 2.0 / (signal + 1))
    return [line, smooth, [a - b for a, b in zip(line, smooth, strict=True)]]


def bollinger(bars: BarColumns, window: int, deviations: float) -> list[Column]:
    closes = bars.close.tolist()
    middle = _rolling(closes, window, _mean)
    spread = [deviations * value for value in _rolling(closes, window, _deviation)]
    upper = [m + s for m, s in zip(middle, spread, strict=True)]
    lower = [m - s for m, s in zip(middle, spread, strict=True)]
    place = [_over(c - low, 2 * s, 0.5) for c, low, s in zip(closes, lower, spread, strict=True)]
    return [middle, upper, lower, place, [2 * s / m for m, s in zip(middle, spread, strict=True)]]


def atr(bars: BarColumns, window: int) -> list[Column]:
    return [_smoothed(_true_ranges(bars), window, 1.0 / window)]


def adx(bars: BarColumns, window: int) -> list[Column]:
    plus, minus = [NAN], [NAN]
    for (high_before, high), (low_before, low) in zip(_pairs(bars.high), _pairs(bars.low), strict=True):
        up, down = high - high_before, low_before - low
        plus.append(up if up > down and up > 0 else 0.0)
        minus.append(down if down > up and down > 0 else 0.0)
    ranges = _smoothed(_true_ranges(bars), window, 1.0 / window)
    plus_di = [_over(100 * p, r, 0.0) for p, r in zip(_smoothed(plus, window, 1.0 / window), ranges, strict=True)]
    minus_di = [_over(100 * m, r, 0.0) for m, r in zip(_smoothed(minus, window, 1.0 / window), ranges, strict=True)]
    strength = [_over(100 * abs(p - m), p + m, 0.0) for p, m in zip(plus_di, minus_di, strict=True)]
    return [_smoothed(strength, window, 1.0 / window), plus_di, minus_di]


def stochastic(bars: BarColumns, window: int, smooth_k: int, smooth_d: int) -> list[Column]:
    place = [_over(100 * (c - low), high - low, 50.0) for c, high, low in _ranges(bars, window)]
    k = _rolling(place, smooth_k, _mean)
    return [k, _rolling(k, smooth_d, _mean)]


def cci(bars: BarColumns, window: int) -> list[Column]:
    def place(values: Sequence[float]) -> float:
        center = _mean(values)
        return _over(values[-1] - center, 0.015 * _mean([abs(value - center) for value in values]), 0.0)

    return [_rolling(_typical(bars), window, place)]


def obv(bars: BarColumns) -> list[Column]:
    signed = [0.0]
    for (before, close), volume in zip(_pairs(bars.close), bars.volume.tolist()[1:], strict=True):
        signed.append(volume if close > before else -volume if close < before else 0.0)
    return [[math.fsum(signed[: row + 1]) for row in range(len(signed))]]


def vwap(bars: BarColumns, window: int) -> list[Column]:
    rows = list(zip(_typical(bars), bars.volume.tolist(), strict=True))
    values = [NAN] * len(rows)
    for row in range(window - 1, len(rows)):
        part = rows[row - window + 1 : row + 1]
        values[row] = _over(math.fsum(price * size for price, size in part), math.fsum(size for _, size in part), NAN)
    return [values]


def donchian(bars: BarColumns, window: int) -> list[Column]:
    highs = [NAN, *_rolling(bars.high.tolist(), window, max)[:-1]]
    lows = [NAN, *_rolling(bars.low.tolist(), window, min)[:-1]]
    return [highs, [(a + b) / 2 for a, b in zip(highs, lows, strict=True)], lows]


def keltner(bars: BarColumns, window: int, atr_window: int, multiplier: float) -> list[Column]:
    rows = list(zip(ema(bars, window)[0], atr(bars, atr_window)[0], strict=True))
    middle = [m if r == r else NAN for m, r in rows]
    return [[m + multiplier * r for m, r in rows], middle, [m - multiplier * r for m, r in rows]]


def roc(bars: BarColumns, window: int) -> list[Column]:
    return [_rolling(bars.close.tolist(), window + 1, lambda values: 100 * (values[-1] / values[0] - 1))]


def williams_r(bars: BarColumns, window: int) -> list[Column]:
    return [[_over(-100 * (high - c), high - low, -50.0) for c, high, low in _ranges(bars, window)]]


def mfi(bars: BarColumns, window: int) -> list[Column]:
    up, down = [NAN], [NAN]
    for (before, typical), volume in zip(_pairs(_typical(bars)), bars.volume.tolist()[1:], strict=True):
        up.append(typical * volume if typical > before else 0.0)
        down.append(typical * volume if typical < before else 0.0)
    sums = zip(_rolling(up, window, math.fsum), _rolling(down, window, math.fsum), strict=True)
    return [[_over(100 * rising, rising + falling, 50.0) for rising, falling in sums]]


def realised_volatility(bars: BarColumns, window: int) -> list[Column]:
    squares = [NAN, *(math.log(b / a) ** 2 for a, b in _pairs(bars.close))]
    return [[math.sqrt(value) for value in _rolling(squares, window, math.fsum)]]


def zscore(bars: BarColumns, window: int) -> list[Column]:
    return [_rolling(bars.close.tolist(), window, lambda v: _over(v[-1] - _mean(v), _deviation(v), 0.0))]


def ewma_volatility(bars: BarColumns, decay: float) -> list[Column]:
    column, variance, weight = [NAN], NAN, 1.0
    for count, (before, close) in enumerate(_pairs(bars.close)):
        square = math.log(close / before) ** 2
        variance = square if count == 0 else decay * variance + (1 - decay) * square
        weight = 1.0 if count == 0 else weight * decay
        column.append(math.sqrt(variance) if weight <= 0.01 else NAN)
    return [column]


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(float(value) for value in values))


def _typical(bars: BarColumns) -> Column:
    return [
        (h + low + c) / 3 for h, low, c in zip(bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True)
    ]


def _true_ranges(bars: BarColumns) -> Column:
    rows = zip(bars.high.tolist()[1:], bars.low.tolist()[1:], bars.close.tolist()[:-1], strict=True)
    return [NAN, *(max(high - low, abs(high - before), abs(low - before)) for high, low, before in rows)]


def _ranges(bars: BarColumns, window: int) -> list[tuple[float, float, float]]:
    highs, lows = _rolling(bars.high.tolist(), window, max), _rolling(bars.low.tolist(), window, min)
    return list(zip(bars.close.tolist(), highs, lows, strict=True))


def _rolling(values: Column, window: int, reduce: Callable[[Sequence[float]], float]) -> Column:
    column = [NAN] * len(values)
    for row in range(window - 1, len(values)):
        part = values[row - window + 1 : row + 1]
        if not any(value != value for value in part):
            column[row] = reduce(part)
    return column


def _smoothed(values: Column, window: int, weight: float) -> Column:
    column, seed, average = [], [], NAN
    for value in values:
        if value != value:
            column.append(NAN)
        elif len(seed) < window:
            seed.append(value)
            average = _mean(seed)
            column.append(average if len(seed) == window else NAN)
        else:
            average = (1 - weight) * average + weight * value
            column.append(average)
    return column


def _mean(values: Sequence[float]) -> float:
    # equal values have exactly their value as mean, which a sum and a division may miss
    return values[0] if min(values) == max(values) else math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    center = _mean(values)
    return math.sqrt(math.fsum((value - center) ** 2 for value in values) / len(values))


def _over(numerator: float, denominator: float, otherwise: float) -> float:
    return otherwise if denominator == 0.0 else numerator / denominator
