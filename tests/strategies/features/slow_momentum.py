"""Slow references of momentum: price against its averages and past, and oscillators within bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from slow_averages import layers_of
from slow_blocks import (
    NAN,
    Column,
    changes,
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
    seeded_average,
    true_ranges,
    wilder_of,
)

from catalog.model import BarColumns


def _less(first: Column, second: Column) -> Column:
    return [a - b for a, b in zip(first, second, strict=True)]


def _percentage(values: Column, fast: int, slow: int, signal: int) -> list[Column]:
    pairs = zip(ema_of(values, fast), ema_of(values, slow), strict=True)
    line = [over(100 * (a - b), b, 0.0) for a, b in pairs]
    smooth = ema_of(line, signal)
    return [line, smooth, _less(line, smooth)]


def ppo(bars: BarColumns, fast: int, slow: int, signal: int) -> list[Column]:
    return _percentage(closes(bars), fast, slow, signal)


def pvo(bars: BarColumns, fast: int, slow: int, signal: int) -> list[Column]:
    return _percentage([float(size) for size in bars.volume], fast, slow, signal)


def pmo(bars: BarColumns, first: int, second: int, signal: int) -> list[Column]:
    rates = rolling(closes(bars), 2, lambda pair: 100 * (pair[1] / pair[0] - 1))
    once = [10 * value for value in seeded_average(rates, first, 1 - 2 / first)]
    line = seeded_average(once, second, 1 - 2 / second)
    return [line, ema_of(line, signal)]


def trix(bars: BarColumns, window: int) -> list[Column]:
    third = layers_of(closes(bars), window, 3)[2]
    before = delayed(third, 1)
    rate = [100 * (now - then) / then for now, then in zip(third, before, strict=True)]
    return [rate, [now if not missing(then) else NAN for now, then in zip(third, before, strict=True)]]


def tsi(bars: BarColumns, first: int, second: int, signal: int) -> list[Column]:
    moves = changes(closes(bars))
    net = ema_of(ema_of(moves, first), second)
    gross = ema_of(ema_of([abs(move) for move in moves], first), second)
    line = [over(100 * n, g, 0.0) for n, g in zip(net, gross, strict=True)]
    return [line, ema_of(line, signal)]


def dpo(bars: BarColumns, window: int) -> list[Column]:
    return [_less(delayed(closes(bars), window // 2 + 1), rolling(closes(bars), window, mean_of))]


def awesome(bars: BarColumns, fast: int, slow: int) -> list[Column]:
    return [_less(rolling(medians(bars), fast, mean_of), rolling(medians(bars), slow, mean_of))]


def accelerator(bars: BarColumns, fast: int, slow: int, window: int) -> list[Column]:
    line = awesome(bars, fast, slow)[0]
    return [_less(line, rolling(line, window, mean_of))]


def momentum(bars: BarColumns, window: int) -> list[Column]:
    return [_less(closes(bars), delayed(closes(bars), window))]


def roc_bands(bars: BarColumns, window: int, average_window: int, band_window: int) -> list[Column]:
    rate = rolling(closes(bars), window + 1, lambda part: 100 * (part[-1] - part[0]) / part[0])
    reach = [math.sqrt(value) for value in rolling([value * value for value in rate], band_window, mean_of)]
    return [rate, ema_of(rate, average_window), reach, [-value for value in reach]]


def _strength(moves: Column, window: int) -> Column:
    gains = wilder_of([max(move, 0.0) if not missing(move) else NAN for move in moves], window)
    losses = wilder_of([max(-move, 0.0) if not missing(move) else NAN for move in moves], window)
    return [100 * over(gain, gain + loss, 0.5) for gain, loss in zip(gains, losses, strict=True)]


def _places(values: Column, window: int) -> Column:
    return rolling(values, window, lambda part: over(100 * (part[-1] - min(part)), max(part) - min(part), 50.0))


def stc(bars: BarColumns, window: int, fast: int, slow: int, smooth: int) -> list[Column]:
    line = _less(ema_of(closes(bars), fast), ema_of(closes(bars), slow))
    return [rolling(_places(line, window), smooth, mean_of)]


def schaff(bars: BarColumns, window: int, fast: int, slow: int, weight: float) -> list[Column]:
    column = _less(ema_of(closes(bars), fast), ema_of(closes(bars), slow))
    for _ in range(2):
        smooth, held, average = [], 50.0, NAN
        for row in range(len(column)):
            part = column[max(0, row - window + 1) : row + 1]
            if len(part) < window or any(missing(value) for value in part):
                smooth.append(NAN)
                continue
            held = over(100 * (part[-1] - min(part)), max(part) - min(part), held)
            average = held if missing(average) else held + (1 - weight) * (average - held)
            smooth.append(average)
        column = smooth
    return [column]


def stochastic_rsi(bars: BarColumns, rsi_window: int, window: int, smooth_k: int, smooth_d: int) -> list[Column]:
    places = _places(_strength(changes(closes(bars)), rsi_window), window)
    k = rolling(places, smooth_k, mean_of)
    return [k, rolling(k, smooth_d, mean_of)]


def connors_rsi(bars: BarColumns, window: int, streak_window: int, rank_window: int) -> list[Column]:
    moves = changes(closes(bars))
    streaks = [0.0]
    for move in moves[1:]:
        last = streaks[-1]
        streaks.append(0.0 if move == 0 else max(last, 0.0) + 1 if move > 0 else min(last, 0.0) - 1)

    def rank(part: Sequence[float]) -> float:
        return 100 * sum(value < part[-1] for value in part[:-1]) / rank_window

    returns = [move / before for move, before in zip(moves, delayed(closes(bars), 1), strict=True)]
    parts = (
        _strength(moves, window),
        _strength(changes(streaks), streak_window),
        rolling(returns, rank_window + 1, rank),
    )
    return [[(a + b + c) / 3 for a, b, c in zip(*parts, strict=True)]]


def smi(bars: BarColumns, window: int, first: int, second: int, signal: int) -> list[Column]:
    def smoothed(values: Column, span: int) -> Column:
        column, average, decay = [], NAN, (span - 1.0) / (span + 1.0)
        for value in values:
            average = value if missing(average) else value + decay * (average - value)
            column.append(average)
        return column

    tops, bottoms = rolling(highs(bars), window, max), rolling(lows(bars), window, min)
    distances = [close - 0.5 * (a + b) for close, a, b in zip(closes(bars), tops, bottoms, strict=True)]
    spans = smoothed(smoothed(_less(tops, bottoms), first), second)
    nets = smoothed(smoothed(distances, first), second)
    line = [100 * over(net, 0.5 * span, 0.0) for net, span in zip(nets, spans, strict=True)]
    return [line, smoothed(line, signal)]


def cmo(bars: BarColumns, window: int) -> list[Column]:
    moves = changes(closes(bars))
    net = rolling(moves, window, math.fsum)
    gross = rolling([abs(move) for move in moves], window, math.fsum)
    return [[over(100 * n, g, 0.0) for n, g in zip(net, gross, strict=True)]]


def ultimate_oscillator(bars: BarColumns, short: int, middle: int, long: int) -> list[Column]:
    low, close = lows(bars), closes(bars)
    pressure = [NAN, *(close[row] - min(low[row], close[row - 1]) for row in range(1, len(bars)))]

    def share(span: int) -> Column:
        pairs = zip(rolling(pressure, span, math.fsum), rolling(true_ranges(bars), span, math.fsum), strict=True)
        return [over(bought, travelled, 0.5) for bought, travelled in pairs]

    spans = zip(share(short), share(middle), share(long), strict=True)
    return [[100 * (4 * a + 2 * b + c) / 7 for a, b, c in spans]]


def fisher(bars: BarColumns, window: int) -> list[Column]:
    middle = medians(bars)
    column, x = [0.0], 0.0
    for row in range(1, len(bars)):
        part = middle[max(0, row - window + 1) : row + 1]
        bottom, span = min(part), max(part) - min(part)
        x = 0.33 * 2 * ((middle[row] - bottom) / span - 0.5) + 0.67 * x if span else 0.0
        x = 0.999 if x > 0.99 else -0.999 if x < -0.99 else x
        column.append(0.5 * math.log((1 + x) / (1 - x)) + 0.5 * column[-1])
    return [column, delayed(column, 1)]


def qqe(bars: BarColumns, window: int, smooth: int, factor: float) -> list[Column]:
    line = ema_of(_strength(changes(closes(bars)), window), smooth)
    reaches = wilder_of(wilder_of([abs(move) for move in changes(line)], window), window)
    trail, held = [], 0.0
    for row, value in enumerate(line):
        if missing(reaches[row]):
            trail.append(NAN)
            continue
        reach, before = factor * reaches[row], line[row - 1]
        if value < held:
            held = min(value + reach, held) if before < held else value + reach
        elif value > held:
            held = max(value - reach, held) if before > held else value - reach
        trail.append(held)
    return [line, trail]
