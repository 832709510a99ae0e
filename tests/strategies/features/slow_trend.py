"""Slow references of trend direction and of trend following stops."""

from __future__ import annotations

import math

from slow_blocks import (
    NAN,
    Column,
    closes,
    delayed,
    ema_of,
    highs,
    lows,
    mean_of,
    medians,
    missing,
    over,
    rolling,
    true_ranges,
    wilder_of,
)

from catalog.model import BarColumns


def dx(bars: BarColumns, window: int) -> list[Column]:
    plus, minus = [NAN], [NAN]
    high, low = highs(bars), lows(bars)
    for row in range(1, len(bars)):
        up, down = high[row] - high[row - 1], low[row - 1] - low[row]
        plus.append(up if up > max(down, 0.0) else 0.0)
        minus.append(down if down > max(up, 0.0) else 0.0)
    pairs = zip(wilder_of(plus, window), wilder_of(minus, window), strict=True)
    return [[over(100 * abs(p - m), p + m, 0.0) for p, m in pairs]]


def adxr(bars: BarColumns, window: int) -> list[Column]:
    average = wilder_of(dx(bars, window)[0], window)
    return [[0.5 * (now + then) for now, then in zip(average, delayed(average, window), strict=True)]]


def aroon(bars: BarColumns, window: int) -> list[Column]:
    up, down = [NAN] * len(bars), [NAN] * len(bars)
    for row in range(window, len(bars)):
        recent = range(row, row - window - 1, -1)
        top = max(recent, key=lambda i: highs(bars)[i])
        bottom = min(recent, key=lambda i: lows(bars)[i])
        up[row] = 100 * (window - (row - top)) / window
        down[row] = 100 * (window - (row - bottom)) / window
    return [up, down, [a - b for a, b in zip(up, down, strict=True)]]


def vortex(bars: BarColumns, window: int) -> list[Column]:
    high, low = highs(bars), lows(bars)
    rising = [NAN, *(abs(high[i] - low[i - 1]) for i in range(1, len(bars)))]
    falling = [NAN, *(abs(low[i] - high[i - 1]) for i in range(1, len(bars)))]
    spans = rolling(true_ranges(bars), window, math.fsum)
    return [
        [over(move, span, 1.0) for move, span in zip(rolling(moves, window, math.fsum), spans, strict=True)]
        for moves in (rising, falling)
    ]


def choppiness(bars: BarColumns, window: int) -> list[Column]:
    high, low, close = highs(bars), lows(bars), closes(bars)
    tops = rolling([NAN, *(max(high[i], close[i - 1]) for i in range(1, len(bars)))], window, max)
    bottoms = rolling([NAN, *(min(low[i], close[i - 1]) for i in range(1, len(bars)))], window, min)
    column = []
    for top, bottom, way in zip(tops, bottoms, rolling(true_ranges(bars), window, math.fsum), strict=True):
        span = top - bottom
        column.append(NAN if missing(span) else 100.0 if span == 0 else 100 * math.log(way / span, window))
    return [column]


def alligator(bars: BarColumns, **params: int) -> list[Column]:
    return [
        delayed(wilder_of(medians(bars), params[f"{line}_window"]), params[f"{line}_shift"])
        for line in ("jaw", "teeth", "lips")
    ]


def gator(bars: BarColumns, **params: int) -> list[Column]:
    jaw, teeth, lips = alligator(bars, **params)
    upper = [abs(a - b) for a, b in zip(jaw, teeth, strict=True)]
    lower = [-abs(a - b) for a, b in zip(teeth, lips, strict=True)]
    spreading = [
        [
            NAN if missing(before) or missing(now) else float(abs(now) > abs(before))
            for before, now in zip(delayed(side, 1), side, strict=True)
        ]
        for side in (upper, lower)
    ]
    return [upper, lower, *spreading]


def elder_ray(bars: BarColumns, window: int) -> list[Column]:
    average = ema_of(closes(bars), window)
    return [[price - a for price, a in zip(prices, average, strict=True)] for prices in (highs(bars), lows(bars))]


def bop(bars: BarColumns, window: int) -> list[Column]:
    rows = zip(bars.open.tolist(), highs(bars), lows(bars), closes(bars), strict=True)
    return [rolling([over(c - o, h - low, 0.0) for o, h, low, c in rows], window, mean_of)]


def _following(bars: BarColumns, centers: Column, reaches: Column, up_first: list[bool]) -> list[Column]:
    """Return the line and the direction of two bands that only move towards the price."""
    close = closes(bars)
    line, direction = [NAN] * len(bars), [NAN] * len(bars)
    upper, lower, rising = math.inf, -math.inf, None
    for row, reach in enumerate(reaches):
        if missing(reach):
            continue
        if rising is None:
            rising = up_first[row]
        above, below = centers[row] + reach, centers[row] - reach
        upper = above if above < upper or close[row - 1] > upper else upper
        lower = below if below > lower or close[row - 1] < lower else lower
        rising = close[row] > (lower if rising else upper)
        line[row], direction[row] = (lower, 1.0) if rising else (upper, -1.0)
    return [line, direction]


def supertrend(bars: BarColumns, window: int, multiplier: float) -> list[Column]:
    reaches = [multiplier * value for value in wilder_of(true_ranges(bars), window)]
    up_first = [close >= median for close, median in zip(closes(bars), medians(bars), strict=True)]
    return _following(bars, medians(bars), reaches, up_first)


def atr_stop(bars: BarColumns, window: int, multiplier: float) -> list[Column]:
    reaches = [multiplier * value for value in wilder_of(true_ranges(bars), window)]
    close = closes(bars)
    return _following(bars, close, reaches, [row > 0 and close[row] >= close[row - 1] for row in range(len(bars))])


def chandelier(bars: BarColumns, window: int, multiplier: float) -> list[Column]:
    reaches = [multiplier * value for value in wilder_of(true_ranges(bars), window)]
    tops, bottoms = rolling(highs(bars), window, max), rolling(lows(bars), window, min)
    return [
        [top - reach for top, reach in zip(tops, reaches, strict=True)],
        [bottom + reach for bottom, reach in zip(bottoms, reaches, strict=True)],
    ]


def volatility_stop(bars: BarColumns, window: int, multiplier: float) -> list[Column]:
    close, ranges = closes(bars), delayed(wilder_of(true_ranges(bars), window), 1)
    stops, sides, turns = ([NAN] * len(bars) for _ in range(3))
    if len(bars) < window:
        return [stops, sides, turns]
    rising = close[window - 1] > close[0]
    best = max(close[:window]) if rising else min(close[:window])
    for row in range(window, len(bars)):
        reach = multiplier * ranges[row]
        stops[row] = best - reach if rising else best + reach
        sides[row] = 1.0 if rising else -1.0
        hit = close[row] < stops[row] if rising else close[row] > stops[row]
        turns[row] = float(hit)
        if hit:
            rising, best = not rising, close[row]
        else:
            best = max(best, close[row]) if rising else min(best, close[row])
    return _after_first_turn(stops, sides, turns)


def psar(bars: BarColumns, step: float, maximum: float) -> list[Column]:
    high, low = highs(bars), lows(bars)
    stops, sides, turns = ([NAN] * len(bars) for _ in range(3))
    rising, stop, extreme, pace = True, low[0], high[0], min(step, maximum)
    for row in range(1, len(bars)):
        stop += pace * (extreme - stop)
        if row >= 2:
            stop = min(stop, *low[row - 2 : row]) if rising else max(stop, *high[row - 2 : row])
        hit = low[row] < stop if rising else high[row] > stop
        if hit:
            rising, stop, pace = not rising, extreme, min(step, maximum)
            extreme = high[row] if rising else low[row]
        elif high[row] > extreme if rising else low[row] < extreme:
            extreme, pace = high[row] if rising else low[row], min(pace + step, maximum)
        stops[row], sides[row], turns[row] = stop, 1.0 if rising else -1.0, float(hit)
    return _after_first_turn(stops, sides, turns)


def _after_first_turn(stops: Column, sides: Column, turns: Column) -> list[Column]:
    first = turns.index(1.0) if 1.0 in turns else len(turns) - 1
    return [[NAN] * (first + 1) + column[first + 1 :] for column in (stops, sides, turns)]
