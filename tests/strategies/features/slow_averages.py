"""Slow references of the averages: exponential, windowed, adaptive."""

from __future__ import annotations

import math
from collections.abc import Sequence

from slow_blocks import (
    NAN,
    Column,
    closes,
    deviation_of,
    ema_of,
    mean_of,
    missing,
    over,
    ramp_mean_of,
    rolling,
    wilder_of,
)

from catalog.model import BarColumns


def layers_of(values: Column, window: int, layers: int) -> list[Column]:
    """Return averages of averages, all seeded by the mean of the first `window` values."""
    decay = (window - 1.0) / (window + 1.0)
    columns = [ema_of(values, window)]
    for _ in range(1, layers):
        column: Column = []
        average = NAN
        for value in columns[-1]:
            average = value if missing(average) else value + decay * (average - value)
            column.append(average)
        columns.append(column)
    return columns


def dema(bars: BarColumns, window: int) -> list[Column]:
    first, second = layers_of(closes(bars), window, 2)
    return [[2 * a - b if a != b else a for a, b in zip(first, second, strict=True)]]


def tema(bars: BarColumns, window: int) -> list[Column]:
    rows = zip(*layers_of(closes(bars), window, 3), strict=True)
    return [[3 * a - 3 * b + c if not a == b == c else a for a, b, c in rows]]


def t3(bars: BarColumns, window: int, factor: float) -> list[Column]:
    layers = [closes(bars)]
    for _ in range(6):
        layers.append(ema_of(layers[-1], window))
    # (1 + factor - factor * EMA)^3, multiplied out, of the third average
    weights = ((1 + factor) ** 3, -3 * factor * (1 + factor) ** 2, 3 * factor**2 * (1 + factor), -(factor**3))
    return [
        [
            row[-1] if len(set(row)) == 1 else math.fsum(w * value for w, value in zip(weights, row, strict=True))
            for row in zip(*layers[3:], strict=True)
        ]
    ]


def smma(bars: BarColumns, window: int) -> list[Column]:
    return [wilder_of(closes(bars), window)]


def zlema(bars: BarColumns, window: int) -> list[Column]:
    lag = (window - 1) // 2
    return [ema_of(rolling(closes(bars), lag + 1, lambda part: part[-1] + (part[-1] - part[0])), window)]


def hma(bars: BarColumns, window: int) -> list[Column]:
    slow = rolling(closes(bars), window, ramp_mean_of)
    fast = rolling(closes(bars), window // 2, ramp_mean_of)
    sharp = [2 * b - a if a != b else a for a, b in zip(slow, fast, strict=True)]
    return [rolling(sharp, math.isqrt(window), ramp_mean_of)]


def alma(bars: BarColumns, window: int, offset: float, sigma: float) -> list[Column]:
    center, spread = offset * (window - 1), window / sigma
    weights = [math.exp(-((place - center) ** 2) / (2 * spread**2)) for place in range(window)]

    def weighted(part: Sequence[float]) -> float:
        if min(part) == max(part):
            return part[0]
        return math.fsum(w * value for w, value in zip(weights, part, strict=True)) / math.fsum(weights)

    return [rolling(closes(bars), window, weighted)]


def vwma(bars: BarColumns, window: int) -> list[Column]:
    prices, sizes = closes(bars), [float(size) for size in bars.volume]
    column = [NAN] * len(prices)
    for row in range(window - 1, len(prices)):
        part = list(zip(prices[row - window + 1 : row + 1], sizes[row - window + 1 : row + 1], strict=True))
        if min(price for price, _ in part) == max(price for price, _ in part) and any(size for _, size in part):
            column[row] = part[0][0]
        else:
            column[row] = over(math.fsum(p * size for p, size in part), math.fsum(size for _, size in part), NAN)
    return [column]


def epma(bars: BarColumns, window: int) -> list[Column]:
    def end_of_line(part: Sequence[float]) -> float:
        middle, center = mean_of(part), (window - 1) / 2
        steep = math.fsum((i - center) * (value - middle) for i, value in enumerate(part))
        return middle + steep / math.fsum((i - center) ** 2 for i in range(window)) * center

    return [rolling(closes(bars), window, end_of_line)]


def trima(bars: BarColumns, window: int) -> list[Column]:
    weights = [min(place, window + 1 - place) for place in range(1, window + 1)]

    def weighted(part: Sequence[float]) -> float:
        if min(part) == max(part):
            return part[0]
        return math.fsum(w * value for w, value in zip(weights, part, strict=True)) / math.fsum(weights)

    return [rolling(closes(bars), window, weighted)]


def ma_envelopes(bars: BarColumns, window: int, percent: float) -> list[Column]:
    middle = rolling(closes(bars), window, mean_of)
    return [middle, [m * (1 + percent / 100) for m in middle], [m * (1 - percent / 100) for m in middle]]


def kama(bars: BarColumns, window: int, fast: int, slow: int) -> list[Column]:
    prices = closes(bars)
    column = [NAN] * len(prices)
    for row in range(window - 1, len(prices)):
        if row == window - 1:
            column[row] = prices[row]
            continue
        travelled = math.fsum(abs(prices[i] - prices[i - 1]) for i in range(row - window + 1, row + 1))
        efficiency = over(abs(prices[row] - prices[row - window]), travelled, 1.0)
        pace = (efficiency * (2 / (fast + 1) - 2 / (slow + 1)) + 2 / (slow + 1)) ** 2
        column[row] = column[row - 1] + pace * (prices[row] - column[row - 1])
    return [column]


def mcginley(bars: BarColumns, window: int, k: float) -> list[Column]:
    prices = closes(bars)
    column, average = [NAN], prices[0]
    for price in prices[1:]:
        divisor = k * window * (price / average) ** 4
        average = price if divisor <= 1 else average + (price - average) / divisor
        column.append(average)
    return [column]


def vidya(bars: BarColumns, short: int, long: int, alpha: float) -> list[Column]:
    prices = closes(bars)
    column = [NAN] * len(prices)
    for row in range(long - 2, len(prices)):
        if row == long - 2:
            column[row] = prices[row]
            continue
        near = deviation_of(prices[row - short + 1 : row + 1])
        far = deviation_of(prices[row - long + 1 : row + 1])
        pace = min(1.0, alpha * over(near, far, 0.0))
        column[row] = column[row - 1] + pace * (prices[row] - column[row - 1])
    return [column]


def vidya_cmo(bars: BarColumns, window: int, momentum_window: int) -> list[Column]:
    prices = closes(bars)
    column = [NAN] * len(prices)
    for row in range(momentum_window, len(prices)):
        if row == momentum_window:
            column[row] = prices[row]
            continue
        moves = [prices[i] - prices[i - 1] for i in range(row - momentum_window + 1, row + 1)]
        strength = over(abs(math.fsum(moves)), math.fsum(abs(move) for move in moves), 0.0)
        column[row] = column[row - 1] + 2 / (window + 1) * strength * (prices[row] - column[row - 1])
    return [column]
