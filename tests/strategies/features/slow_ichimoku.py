"""Ichimoku in plain Python, from its definition, one bar at a time over the whole history."""

from __future__ import annotations

import math

from catalog.model import BarColumns

NAN = math.nan


def ichimoku(bars: BarColumns, conversion: int, base: int, span: int, displacement: int) -> list[list[float]]:
    highs, lows, closes = bars.high.tolist(), bars.low.tolist(), bars.close.tolist()

    def middle(at: int, window: int) -> float:
        if at + 1 < window:
            return NAN
        return (max(highs[at + 1 - window : at + 1]) + min(lows[at + 1 - window : at + 1])) / 2

    rows = []
    for at, close in enumerate(closes):
        short, long = middle(at, conversion), middle(at, base)
        ahead = ((short + long) / 2, middle(at, span))
        then = at - displacement
        cloud = ((middle(then, conversion) + middle(then, base)) / 2, middle(then, span)) if then >= 0 else (NAN, NAN)
        lagging = close - closes[then] if then >= 0 else NAN
        rows.append([short, long, *cloud, lagging, *_reading(close, short, long, cloud, ahead, lagging), *ahead])
        if not math.isnan(cloud[1]):
            lines = (short, long, *cloud)
            rows[-1][7] = max([line for line in lines if line <= close], default=min(lows[at + 1 - span : at + 1]))
            rows[-1][8] = min([line for line in lines if line >= close], default=max(highs[at + 1 - span : at + 1]))
    return [list(column) for column in zip(*rows, strict=True)]


def _reading(
    close: float, short: float, long: float, cloud: tuple[float, float], ahead: tuple[float, float], lagging: float
) -> list[float]:
    if math.isnan(cloud[1]):
        return [NAN] * 4
    signs = [
        1 if close > max(cloud) else -1 if close < min(cloud) else 0,
        (short > long) - (short < long),
        (close > long) - (close < long),
        (ahead[0] > ahead[1]) - (ahead[0] < ahead[1]),
        (lagging > 0) - (lagging < 0),
    ]
    agreed = sum(signs)
    return [100 * abs(agreed) / 5, (agreed > 0) - (agreed < 0), NAN, NAN]
