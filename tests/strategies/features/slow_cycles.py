"""Slow references of Ehlers's cycle measures, whole columns at a time, in his own order of operations."""

# Every stage feeds back into the next bar's period, so a rounding that falls on the other side of a bound would part
# the two computations: weights are multiplied out in the same order as in the kernels, sums and sines are not.

from __future__ import annotations

import math
from typing import NamedTuple

from slow_blocks import NAN, Column, mean_of, medians

from catalog.model import BarColumns


class _Cycle(NamedTuple):
    smooth: Column
    period: Column
    in_phase: Column
    quadrature: Column


def _four(values: Column, row: int) -> float:
    newest = values[row]
    return newest + 0.1 * (
        3.0 * (values[row - 1] - newest) + 2.0 * (values[row - 2] - newest) + (values[row - 3] - newest)
    )


def _turned(values: Column, row: int, gain: float) -> float:
    return gain * (0.0962 * (values[row] - values[row - 6]) + 0.5769 * (values[row - 2] - values[row - 4]))


def _measured(prices: Column) -> _Cycle:
    rows = len(prices)
    smooth, detrended, quadrature, in_phase = ([0.0] * rows for _ in range(4))
    i2, q2, real, imaginary, period = ([0.0] * rows for _ in range(5))
    for row in range(6, rows):
        gain = 0.075 * period[row - 1] + 0.54
        smooth[row] = _four(prices, row)
        detrended[row] = _turned(smooth, row, gain)
        quadrature[row] = _turned(detrended, row, gain)
        in_phase[row] = detrended[row - 3]
        i2[row] = 0.2 * (in_phase[row] - _turned(quadrature, row, gain)) + 0.8 * i2[row - 1]
        q2[row] = 0.2 * (quadrature[row] + _turned(in_phase, row, gain)) + 0.8 * q2[row - 1]
        real[row] = 0.2 * (i2[row] * i2[row - 1] + q2[row] * q2[row - 1]) + 0.8 * real[row - 1]
        imaginary[row] = 0.2 * (i2[row] * q2[row - 1] - q2[row] * i2[row - 1]) + 0.8 * imaginary[row - 1]
        raw = 0.0
        if real[row] != 0 and imaginary[row] != 0:
            angle = math.atan(imaginary[row] / real[row])
            raw = 2.0 * math.pi / angle if angle != 0 else 50.0
        before = period[row - 1]
        raw = max(min(raw, 1.5 * before), 0.67 * before)
        period[row] = 0.2 * min(max(raw, 6.0), 50.0) + 0.8 * before
    return _Cycle(smooth, period, in_phase, quadrature)


def mama(bars: BarColumns, fast: float, slow: float) -> list[Column]:
    prices = medians(bars)
    cycle = _measured(prices)
    fast_line, slow_line = [NAN] * len(prices), [NAN] * len(prices)
    phase = 0.0
    for row in range(5, len(prices)):
        if row == 5:
            fast_line[row] = slow_line[row] = mean_of(prices[:6])
            continue
        before = phase
        phase = math.degrees(math.atan(cycle.quadrature[row] / cycle.in_phase[row])) if cycle.in_phase[row] else 0.0
        weight = max(fast / max(before - phase, 1.0), slow)
        fast_line[row] = fast_line[row - 1] + weight * (prices[row] - fast_line[row - 1])
        slow_line[row] = slow_line[row - 1] + 0.5 * weight * (fast_line[row] - slow_line[row - 1])
    return [fast_line, slow_line]


class _Trend(NamedTuple):
    line: Column
    period: Column
    bars: list[int]
    smooth: Column


def _trend(prices: Column) -> _Trend:
    cycle = _measured(prices)
    period, trend, line, bars = [0.0] * len(prices), list(prices), list(prices), [0] * len(prices)
    for row in range(6, len(prices)):
        period[row] = 0.33 * cycle.period[row] + 0.67 * period[row - 1]
        bars[row] = min(int(period[row] + 0.5), row + 1)
        if bars[row]:
            trend[row] = mean_of(prices[row - bars[row] + 1 : row + 1])
        if row >= 11:
            line[row] = _four(trend, row)
    return _Trend(line, period, bars, cycle.smooth)


def hilbert_trendline(bars: BarColumns) -> list[Column]:
    trend = _trend(medians(bars))
    return [
        trend.line,
        [float(count) if count else NAN for count in trend.bars],
        [value if row >= 6 else NAN for row, value in enumerate(trend.smooth)],
    ]


def hilbert_cycle(bars: BarColumns) -> list[Column]:
    rows = len(bars)
    trend = _trend(medians(bars))
    phase, sine, lead, mode = ([0.0] * rows for _ in range(4))
    days = 0
    for row in range(11, rows):
        phase[row] = _fitted_phase(trend.smooth, row, trend.bars[row]) + 360 / trend.period[row]
        phase[row] -= 360 if phase[row] > 315 else 0
        sine[row], lead[row] = math.sin(math.radians(phase[row])), math.sin(math.radians(phase[row] + 45))
        up = sine[row] > lead[row] and sine[row - 1] <= lead[row - 1]
        down = sine[row] < lead[row] and sine[row - 1] >= lead[row - 1]
        days = 1 if up or down else days + 1
        moved = (phase[row] - phase[row - 1]) * trend.period[row] / 360
        cycling = up or down or days < 0.5 * trend.period[row] or 0.67 < moved < 1.5
        far = abs(trend.smooth[row] - trend.line[row]) >= 0.015 * trend.line[row]
        mode[row] = float(far or not cycling)
    return [
        [value if row >= start else NAN for row, value in enumerate(column)]
        for start, column in ((32, trend.period), (63, phase), (63, sine), (63, lead), (63, mode))
    ]


def _fitted_phase(smooth: Column, row: int, bars: int) -> float:
    prices = [smooth[row - back] - smooth[row] for back in range(bars)]
    real = math.fsum(math.sin(2 * math.pi * back / bars) * price for back, price in enumerate(prices))
    imaginary = math.fsum(math.cos(2 * math.pi * back / bars) * price for back, price in enumerate(prices))
    if imaginary:
        return math.degrees(math.atan(real / imaginary)) + (270 if imaginary < 0 else 90)
    return 90 + math.copysign(90, real) if real else 90
