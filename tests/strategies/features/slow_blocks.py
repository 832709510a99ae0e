"""What slow references are built of: plain Python over whole columns, NaN meaning that there is no value yet."""

# An average that has nearly reached its value differs from it by last digits only, and a ratio of such differences is
# whatever rounding made of them. So averages here follow by the same elementary step as the kernels; sums do not.

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from catalog.model import BarColumns

NAN = math.nan
type Column = list[float]


def missing(value: float) -> bool:
    return value != value


def seeded_average(values: Column, window: int, decay: float) -> Column:
    """Follow values from the mean of the first `window`, keeping `decay` of the past at each step."""
    column, count, average = [], 0, 0.0
    for value in values:
        if missing(value):
            column.append(NAN)
            continue
        if count < window:
            count += 1
            average += (value - average) / count
        else:
            average = value + decay * (average - value)
        column.append(average if count == window else NAN)
    return column


def ema_of(values: Column, window: int) -> Column:
    return seeded_average(values, window, (window - 1.0) / (window + 1.0))


def wilder_of(values: Column, window: int) -> Column:
    return seeded_average(values, window, (window - 1.0) / window)


def rolling(values: Column, window: int, reduce: Callable[[Sequence[float]], float]) -> Column:
    column = [NAN] * len(values)
    for row in range(window - 1, len(values)):
        part = values[row - window + 1 : row + 1]
        if not any(missing(value) for value in part):
            column[row] = reduce(part)
    return column


def mean_of(values: Sequence[float]) -> float:
    return values[0] if min(values) == max(values) else math.fsum(values) / len(values)


def ramp_mean_of(values: Sequence[float]) -> float:
    if min(values) == max(values):
        return values[0]
    return math.fsum(weight * value for weight, value in enumerate(values, 1)) / (len(values) * (len(values) + 1) / 2)


def deviation_of(values: Sequence[float]) -> float:
    center = mean_of(values)
    return math.sqrt(math.fsum((value - center) ** 2 for value in values) / len(values))


def over(numerator: float, denominator: float, otherwise: float) -> float:
    return otherwise if denominator == 0.0 else numerator / denominator


def delayed(values: Column, bars: int) -> Column:
    return ([NAN] * bars + values)[: len(values)]


def changes(values: Column) -> Column:
    return [NAN, *(b - a for a, b in pairwise(values))]


def closes(bars: BarColumns) -> Column:
    return [float(value) for value in bars.close]


def highs(bars: BarColumns) -> Column:
    return [float(value) for value in bars.high]


def lows(bars: BarColumns) -> Column:
    return [float(value) for value in bars.low]


def medians(bars: BarColumns) -> Column:
    return [0.5 * (high + low) for high, low in zip(highs(bars), lows(bars), strict=True)]


def true_ranges(bars: BarColumns) -> Column:
    column = [NAN]
    for row in range(1, len(bars)):
        high, low, before = float(bars.high[row]), float(bars.low[row]), float(bars.close[row - 1])
        column.append(max(high, before) - min(low, before))
    return column
