"""Price structure once more, in plain Python from its definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby

from slow_reference import NAN, Column, _over, _smoothed, _true_ranges

from catalog.model import BarColumns

HOUR_NS = 3_600_000_000_000
type Row = tuple[float, float, float, float]
type Levels = Callable[[Row, float], tuple[float, ...]]


def _standard(before: Row, _: float) -> tuple[float, ...]:
    _, high, low, close = before
    return _floor((high + low + close) / 3, high, low)


def _woodie(before: Row, open_now: float) -> tuple[float, ...]:
    _, high, low, _ = before
    return _floor((high + low + 2 * open_now) / 4, high, low)


def _floor(pivot: float, high: float, low: float) -> tuple[float, ...]:
    above = (2 * pivot - low, pivot + high - low, high + 2 * (pivot - low))
    below = (2 * pivot - high, pivot - (high - low), low - 2 * (high - pivot))
    return pivot, *above, *below


def _fibonacci(before: Row, _: float) -> tuple[float, ...]:
    _, high, low, close = before
    pivot, shares = (high + low + close) / 3, (0.382, 0.618, 1.0)
    return pivot, *(pivot + s * (high - low) for s in shares), *(pivot - s * (high - low) for s in shares)


def _camarilla(before: Row, _: float) -> tuple[float, ...]:
    _, high, low, close = before
    reaches = [1.1 / part * (high - low) for part in (12, 6, 4, 2)]
    return close, *(close + reach for reach in reaches), *(close - reach for reach in reaches)


def _demark(before: Row, _: float) -> tuple[float, ...]:
    open_, high, low, close = before
    again = low if close < open_ else high if close > open_ else close
    weighed = high + low + close + again
    return weighed / 4, weighed / 2 - low, weighed / 2 - high


def pivots_standard(bars: BarColumns, hours: int, start_hour: int) -> list[Column]:
    return _by_session(bars, hours, start_hour, _standard)


def pivots_fibonacci(bars: BarColumns, hours: int, start_hour: int) -> list[Column]:
    return _by_session(bars, hours, start_hour, _fibonacci)


def pivots_camarilla(bars: BarColumns, hours: int, start_hour: int) -> list[Column]:
    return _by_session(bars, hours, start_hour, _camarilla)


def pivots_woodie(bars: BarColumns, hours: int, start_hour: int) -> list[Column]:
    return _by_session(bars, hours, start_hour, _woodie)


def pivots_demark(bars: BarColumns, hours: int, start_hour: int) -> list[Column]:
    return _by_session(bars, hours, start_hour, _demark)


def rolling_pivots_standard(bars: BarColumns, window: int, offset: int) -> list[Column]:
    return _over_window(bars, window, offset, _standard)


def rolling_pivots_fibonacci(bars: BarColumns, window: int, offset: int) -> list[Column]:
    return _over_window(bars, window, offset, _fibonacci)


def rolling_pivots_camarilla(bars: BarColumns, window: int, offset: int) -> list[Column]:
    return _over_window(bars, window, offset, _camarilla)


def rolling_pivots_woodie(bars: BarColumns, window: int, offset: int) -> list[Column]:
    return _over_window(bars, window, offset, _woodie)


def rolling_pivots_demark(bars: BarColumns, window: int, offset: int) -> list[Column]:
    return _over_window(bars, window, offset, _demark)


def fractals(bars: BarColumns, span: int) -> list[Column]:
    return _turns(bars, span, span)


def fractal_chaos_bands(bars: BarColumns, span: int) -> list[Column]:
    return _turns(bars, span, span)[2:]


def swing_pivots(bars: BarColumns, left: int, right: int, bars_max: int) -> list[Column]:
    columns = _turns(bars, left, right)
    for flags, prices in ((columns[0], columns[2]), (columns[1], columns[3])):
        trend: Column = [NAN] * min(left + right, len(flags)) + [0.0] * max(len(flags) - left - right, 0)
        rows = [row for row, flag in enumerate(flags) if flag == 1.0]
        for before, after in zip(rows, rows[1:], strict=False):
            value = 0.0
            if after - before <= bars_max:
                value = 1.0 if prices[after] > prices[before] else -1.0
            trend[after:] = [value] * (len(trend) - after)
        columns.append(trend)
    return columns


def zigzag(bars: BarColumns, percent: float) -> list[Column]:
    closes = bars.close.tolist()
    return _zigzag(closes, closes, percent)


def zigzag_high_low(bars: BarColumns, percent: float) -> list[Column]:
    return _zigzag(bars.high.tolist(), bars.low.tolist(), percent)


def heikin_ashi(bars: BarColumns) -> list[Column]:
    columns: list[Column] = [[], [], [], []]
    before = None
    for open_, high, low, close in _rows(bars):
        new_close = (open_ + high + low + close) / 4
        new_open = (open_ + close) / 2 if before is None else (before[0] + before[1]) / 2
        row = (new_open, max(high, new_open, new_close), min(low, new_open, new_close), new_close)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
        before = new_open, new_close
    return columns


def renko(bars: BarColumns, brick: float, origin: float) -> list[Column]:
    columns: list[Column] = [[], [], []]
    upper = lower = math.floor((float(bars.close[0]) - origin) / brick + 0.5)
    direction = 0.0
    for close in bars.close.tolist():
        level = (close - origin) / brick
        slack = 1e-9 * max(1.0, abs(level))
        made = 0
        if level > upper:
            made = math.floor(level - upper + slack)
        elif level < lower:
            made = -math.floor(lower - level + slack)
        if made > 0:
            upper, lower, direction = upper + made, upper + made - 1, 1.0
        elif made < 0:
            upper, lower, direction = lower + made + 1, lower + made, -1.0
        end = origin + brick * (lower if direction < 0 else upper)
        for column, value in zip(columns, (direction, end, float(made)), strict=True):
            column.append(value)
    return columns


def renko_atr(bars: BarColumns, window: int) -> list[Column]:
    columns: list[Column] = [[], [], [], []]
    size, upper, lower, direction = NAN, NAN, NAN, 0.0
    ranges = _smoothed(_true_ranges(bars), window, 1.0 / window)
    for close, reach in zip(bars.close.tolist(), ranges, strict=True):
        if reach != reach:
            row = (NAN, NAN, NAN, NAN)
        else:
            if size != size:
                size, upper, lower = reach, close, close
            # whole bricks beyond the nearer edge; none have a size while nothing has moved
            away = max(close - upper, lower - close, 0.0)
            made = math.floor(away / size + 1e-9) if size > 0 else 0
            if made and close > upper:
                upper, direction = upper + made * size, 1.0
                lower = upper - size
            elif made:
                lower, direction = lower - made * size, -1.0
                upper = lower + size
            size = reach if made or size == 0 else size
            row = (direction, lower if direction < 0 else upper, made * direction if made else 0.0, size)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return columns


def bar_parts(bars: BarColumns) -> list[Column]:
    return [
        [(high + low) / 2 for _, high, low, _ in _rows(bars)],
        [(high + low + close) / 3 for _, high, low, close in _rows(bars)],
        [(open_ + close) / 2 for open_, _, _, close in _rows(bars)],
        [(open_ + high + low) / 3 for open_, high, low, _ in _rows(bars)],
        [sum(row) / 4 for row in _rows(bars)],
        [(high + low + 2 * close) / 4 for _, high, low, close in _rows(bars)],
    ]


def candle_shape(bars: BarColumns) -> list[Column]:
    shapes = []
    for open_, high, low, close in _rows(bars):
        sizes = (abs(close - open_), high - max(open_, close), min(open_, close) - low)
        shares = (_over(size, high - low, 0.0) for size in sizes)
        shapes.append((high - low, close - open_, *sizes[1:], *shares))
    return [list(column) for column in zip(*shapes, strict=True)]


def doji(bars: BarColumns, percent: float) -> list[Column]:
    return [[float(abs(close / open_ - 1) <= percent / 100) for open_, _, _, close in _rows(bars)]]


def marubozu(bars: BarColumns, percent: float) -> list[Column]:
    return [
        [
            math.copysign(1.0, close - open_)
            if close != open_ and abs(close - open_) >= percent / 100 * (high - low)
            else 0.0
            for open_, high, low, close in _rows(bars)
        ]
    ]


def _by_session(bars: BarColumns, hours: int, start_hour: int, levels: Levels) -> list[Column]:
    sessions = [(ts - 1 - start_hour * HOUR_NS) // (hours * HOUR_NS) for ts in bars.ts_ns.tolist()]
    rows, columns, before = _rows(bars), [], None
    for _, members in groupby(range(len(rows)), key=sessions.__getitem__):
        part = [rows[row] for row in members]
        if before is None:
            width = len(levels((1.0, 1.0, 1.0, 1.0), 1.0))
            columns += [(NAN,) * width] * len(part)
        else:
            columns += [levels(before, part[0][0])] * len(part)
        before = _joined(part)
    return [list(column) for column in zip(*columns, strict=True)]


def _over_window(bars: BarColumns, window: int, offset: int, levels: Levels) -> list[Column]:
    rows, columns = _rows(bars), []
    width = len(levels((1.0, 1.0, 1.0, 1.0), 1.0))
    for row in range(len(rows)):
        first = row - offset - window
        part = rows[max(first, 0) : row - offset]
        columns.append(levels(_joined(part), rows[row][0]) if first >= 0 else (NAN,) * width)
    return [list(column) for column in zip(*columns, strict=True)]


def _joined(rows: Sequence[Row]) -> Row:
    return rows[0][0], max(row[1] for row in rows), min(row[2] for row in rows), rows[-1][3]


def _turns(bars: BarColumns, left: int, right: int) -> list[Column]:
    count = len(bars)
    flags, prices = [], []
    for values, sign in ((bars.high.tolist(), 1), (bars.low.tolist(), -1)):
        flag: Column = [NAN] * count
        price: Column = [NAN] * count
        last = NAN
        for row in range(left + right, count):
            turn = row - right
            others = values[turn - left : turn] + values[turn + 1 : row + 1]
            flag[row] = float(all(sign * values[turn] > sign * other for other in others))
            last = values[turn] if flag[row] else last
            price[row] = last
        flags.append(flag)
        prices.append(price)
    return [*flags, *prices]


def _zigzag(highs: Column, lows: Column, percent: float) -> list[Column]:
    turn, columns = 0.01 * percent, [[], [], [], [], []]
    direction, pivot, leg = 0, None, 0  # the row of the last pivot, and of the leg's extreme so far
    top = bottom = 0
    for row, (high, low) in enumerate(zip(highs, lows, strict=True)):
        confirmed = 0
        rises, falls = high - lows[bottom] >= turn * lows[bottom], highs[top] - low >= turn * highs[top]
        if direction == 0 and row:
            confirmed = -1 if rises else 1 if falls else 0
        elif direction == 1 and high <= highs[top]:
            confirmed = int(falls)
        elif direction == -1 and low >= lows[bottom]:
            confirmed = -int(rises)
        if confirmed:
            pivot = top if confirmed == 1 else bottom
            pivot_price = highs[top] if confirmed == 1 else lows[bottom]
            direction = -confirmed
            top, bottom = (top, row) if confirmed == 1 else (row, bottom)
        top = row if direction >= 0 and high > highs[top] else top
        bottom = row if direction <= 0 and low < lows[bottom] else bottom
        leg = top if direction == 1 else bottom
        values = (float(direction), float(confirmed), NAN, NAN, NAN)
        if pivot is not None:
            values = (*values[:2], pivot_price, float(row - pivot), highs[leg] if direction == 1 else lows[leg])
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return columns


def _rows(bars: BarColumns) -> list[Row]:
    return list(zip(bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True))
