"""The liquidity features of bars once more, in plain Python, from their definitions."""

from __future__ import annotations

import math

import numpy as np

from catalog.model import BarColumns

NAN = math.nan


def amihud(bars: BarColumns, window: int) -> list[list[float]]:
    close, volume = bars.close.tolist(), bars.volume.tolist()
    out = []
    for row in range(len(close)):
        if row < window:
            out.append(NAN)
            continue
        traded = [i for i in range(row - window + 1, row + 1) if volume[i] > 0]
        terms = [abs(close[i] / close[i - 1] - 1) / (close[i] * volume[i]) for i in traded]
        out.append(1e6 * math.fsum(terms) / len(terms) if terms else NAN)
    return [out]


def roll(bars: BarColumns, window: int) -> list[list[float]]:
    spreads = roll_of(bars.close.tolist(), window)
    return [spreads, [1e4 * s / c for s, c in zip(spreads, bars.close.tolist(), strict=True)]]


def roll_of(prices: list[float], window: int) -> list[float]:
    """Roll's spread of any prices."""
    changes = np.diff(prices)
    out = [NAN] * len(prices)
    for row in range(window + 1, len(prices)):
        now, before = changes[row - window : row], changes[row - window - 1 : row - 1]
        still = (now == now[0]).all() or (before == before[0]).all()
        covariance = 0.0 if still else float(np.cov(now, before, bias=True)[0, 1])
        out[row] = 2.0 * math.sqrt(max(-covariance, 0.0))
    return out


def corwin_schultz(bars: BarColumns, window: int) -> list[list[float]]:
    high, low, close = bars.high.tolist(), bars.low.tolist(), bars.close.tolist()
    spreads = []
    for now in range(1, len(close)):
        up, down = high[now], low[now]
        if low[now] > close[now - 1]:
            gap = low[now] - close[now - 1]
        elif high[now] < close[now - 1]:
            gap = high[now] - close[now - 1]
        else:
            gap = 0.0
        up, down = up - gap, down - gap
        beta = math.log(high[now - 1] / low[now - 1]) ** 2 + math.log(up / down) ** 2
        gamma = math.log(max(high[now - 1], up) / min(low[now - 1], down)) ** 2
        k = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
        spreads.append(max(2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha)), 0.0))
    return [[NAN if row < window else math.fsum(spreads[row - window : row]) / window for row in range(len(close))]]
