"""Volume features once more, in plain Python from their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from itertools import accumulate

from slow_reference import NAN, Column, _mean, _over, _pairs, _rolling, _smoothed, _typical

from catalog.model import BarColumns

DAY_HOUR_NS = 3_600_000_000_000


def adl(bars: BarColumns) -> list[Column]:
    multipliers = [
        _over((close - low) - (high - close), high - low, 0.0)
        for high, low, close in zip(bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True)
    ]
    flows = [multiplier * volume for multiplier, volume in zip(multipliers, bars.volume.tolist(), strict=True)]
    return [[math.fsum(flows[: row + 1]) for row in range(len(flows))], multipliers, flows]


def chaikin_oscillator(bars: BarColumns, fast: int, slow: int) -> list[Column]:
    # the line's level may be huge beside the oscillator: sixty digits hold both
    with localcontext(prec=60):
        line = list(accumulate(Decimal(flow) for flow in adl(bars)[2]))
        averages = [_exact_average(line, window) for window in (fast, slow)]
        return [[float(a - b) for a, b in zip(*averages, strict=True)]]


def cmf(bars: BarColumns, window: int) -> list[Column]:
    flows = _rolling(adl(bars)[2], window, math.fsum)
    volumes = _rolling(bars.volume.tolist(), window, math.fsum)
    return [[_over(flow, volume, 0.0) if flow == flow else NAN for flow, volume in zip(flows, volumes, strict=True)]]


def force_index(bars: BarColumns, window: int) -> list[Column]:
    forces = [
        (after - before) * volume
        for (before, after), volume in zip(_pairs(bars.close), bars.volume.tolist()[1:], strict=True)
    ]
    return [_smoothed([NAN, *forces], window, 2 / (window + 1))]


def kvo(bars: BarColumns, fast: int, slow: int, signal: int) -> list[Column]:
    rows = list(zip(bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), bars.volume.tolist(), strict=True))
    sums = [high + low + close for high, low, close, _ in rows]
    ranges = [high - low for high, low, _, _ in rows]
    trends = [0, *(1 if after > before else -1 for before, after in _pairs(sums))]
    forces, cumulative = [NAN] * len(rows), 0.0
    for row in range(2, len(rows)):
        carried = cumulative if trends[row] == trends[row - 1] else ranges[row - 1]
        cumulative = carried + ranges[row]
        volume = rows[row][3]
        force = 0.0
        if cumulative != ranges[row] and volume > 0:
            force = volume * abs(2 * (ranges[row] / cumulative - 1)) * trends[row] * 100
        forces[row] = force
    pairs = zip(_smoothed(forces, fast, 2 / (fast + 1)), _smoothed(forces, slow, 2 / (slow + 1)), strict=True)
    line = [a - b for a, b in pairs]
    return [line, _smoothed(line, signal, 2 / (signal + 1))]


def ease_of_movement(bars: BarColumns, window: int, unit: float) -> list[Column]:
    middles = [(high + low) / 2 for high, low in zip(bars.high.tolist(), bars.low.tolist(), strict=True)]
    rows = zip(_pairs(middles), bars.high.tolist()[1:], bars.low.tolist()[1:], bars.volume.tolist()[1:], strict=True)
    eases = [_over((after - before) * (high - low) * unit, volume, 0.0) for (before, after), high, low, volume in rows]
    return [_rolling([NAN, *eases], window, _mean)]


def nvi(bars: BarColumns) -> list[Column]:
    return [_volume_index(bars, lambda before, after: after < before)]


def pvi(bars: BarColumns) -> list[Column]:
    return [_volume_index(bars, lambda before, after: after > before)]


def vwap_session(bars: BarColumns, deviations: float, hours: int, start_hour: int) -> list[Column]:
    sessions = [(ts - 1 - start_hour * DAY_HOUR_NS) // (hours * DAY_HOUR_NS) for ts in bars.ts_ns.tolist()]
    return _vwap_bands(bars, deviations, [sessions.index(session) for session in sessions])


def vwap_anchored(bars: BarColumns, deviations: float, anchor: int) -> list[Column]:
    closes = bars.ts_ns.tolist()
    first = 0 if anchor == 0 else sum(ts <= anchor * 10**9 for ts in closes)
    return _vwap_bands(bars, deviations, [first] * len(closes))


def volume_profile(bars: BarColumns, window: int, bins: int, share: float) -> list[Column]:
    rows = list(zip(bars.low.tolist(), bars.high.tolist(), bars.volume.tolist(), strict=True))
    columns = [[NAN] * len(rows) for _ in range(3)]
    for row in range(window - 1, len(rows)):
        for column, value in zip(columns, _profile(rows[row - window + 1 : row + 1], bins, share), strict=True):
            column[row] = value
    return columns


def _profile(rows: Sequence[tuple[float, float, float]], bins: int, share: float) -> tuple[float, float, float]:
    bottom, top = min(low for low, _, _ in rows), max(high for _, high, _ in rows)
    total = math.fsum(volume for _, _, volume in rows)
    if total == 0:
        return NAN, NAN, NAN
    if top == bottom:
        return bottom, bottom, bottom
    width = (top - bottom) / bins
    parts: list[list[float]] = [[] for _ in range(bins)]
    for low, high, volume in rows:
        first, last = (low - bottom) / width, (high - bottom) / width
        for place in range(bins):
            overlap = min(last, place + 1) - max(first, place)
            if min(int(first), bins - 1) == min(int(last), bins - 1):
                parts[place].append(volume if place == min(int(first), bins - 1) else 0.0)
            elif overlap > 0:
                parts[place].append(volume * overlap / (last - first))
    profile = [math.fsum(part) for part in parts]
    middle = (bins - 1) // 2
    nearest = sorted(range(bins), key=lambda place: (abs(place - middle), -place))
    point = nearest[0]
    for place in nearest:
        if profile[place] > profile[point] * (1 + 1e-9):
            point = place
    low_bin = high_bin = point
    while sum(profile[low_bin : high_bin + 1]) < share * total * (1 - 1e-9) and high_bin - low_bin + 1 < bins:
        below = profile[low_bin - 1] if low_bin else -1.0
        above = profile[high_bin + 1] if high_bin + 1 < bins else -1.0
        equal = abs(above - below) <= 1e-9 * below
        if high_bin - point <= point - low_bin if equal else above > below:
            high_bin += 1
        else:
            low_bin -= 1
    return bottom + (point + 0.5) * width, bottom + (high_bin + 1) * width, bottom + low_bin * width


def _exact_average(line: Sequence[Decimal], window: int) -> list[Decimal]:
    average, weight = sum(line[:window], Decimal(0)) / window, Decimal(2) / (window + 1)
    column = [Decimal("NaN")] * min(window - 1, len(line))
    for row in range(window - 1, len(line)):
        average = average if row == window - 1 else average + weight * (line[row] - average)
        column.append(average)
    return column


def _volume_index(bars: BarColumns, counts: Callable[[float, float], bool]) -> Column:
    level, column = 1000.0, [1000.0]
    for (before, after), (volume_before, volume) in zip(_pairs(bars.close), _pairs(bars.volume), strict=True):
        if counts(volume_before, volume):
            level = min(max(level * after / before, 1e-100), 1e100)
        column.append(level)
    return column


def _vwap_bands(bars: BarColumns, deviations: float, firsts: Sequence[int]) -> list[Column]:
    rows = list(zip(_typical(bars), bars.volume.tolist(), strict=True))
    columns: list[Column] = [[], [], []]
    for row, first in enumerate(firsts):
        part = [(price, volume) for price, volume in rows[first : row + 1] if volume > 0]
        if not part:
            values = (NAN, NAN, NAN)
        else:
            total = math.fsum(volume for _, volume in part)
            middle = math.fsum(price * volume for price, volume in part) / total
            squares = math.fsum(volume * (price - middle) ** 2 for price, volume in part)
            reach = deviations * math.sqrt(squares / total)
            values = (middle, middle + reach, middle - reach)
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return columns
