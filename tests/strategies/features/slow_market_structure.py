"""Swings, trend and levels in plain Python: each swing is searched for anew in the bars since the one before."""

from __future__ import annotations

import math
from typing import NamedTuple

from catalog.model import BarColumns

NAN = math.nan


class Turn(NamedTuple):
    side: int  # 1 high, -1 low
    price: float
    at: int
    known: int


def confirmed_swings(
    bars: BarColumns, reversal_atr: float, reversal_fraction: float, atr_window: int
) -> list[list[float]]:
    found, begin = _turns(bars, reversal_atr, reversal_fraction, atr_window)
    seconds = (bars.ts_ns / 1e9).tolist()
    rows = []
    for row in range(len(bars)):
        known = [swing for swing in found if swing.known <= row]
        cells: list[float] = []
        for side in (1, -1):
            last = next((swing for swing in reversed(known) if swing.side == side), None)
            cells += [last.price, seconds[last.at], seconds[last.known]] if last else [NAN] * 3
        cells.append(NAN if row < begin else -known[-1].side if known else 0)
        rows.append(cells)
    return _columns(rows)


def market_structure(
    bars: BarColumns, reversal_atr: float, reversal_fraction: float, atr_window: int
) -> list[list[float]]:
    found, begin = _turns(bars, reversal_atr, reversal_fraction, atr_window)
    rows: list[list[float]] = []
    broken: set[Turn] = set()
    for row, close in enumerate(bars.close.tolist()):
        if row < begin:
            rows.append([NAN, NAN])
            continue
        highs = [swing for swing in found if swing.known <= row and swing.side == 1]
        lows = [swing for swing in found if swing.known <= row and swing.side == -1]
        trend = 0
        if len(highs) >= 2 and len(lows) >= 2:
            up, down = highs[-1].price - highs[-2].price, lows[-1].price - lows[-2].price
            trend = 1 if min(up, down) > 0 else -1 if max(up, down) < 0 else 0
        event = 0
        if highs and highs[-1] not in broken and close > highs[-1].price:
            event = 1
            broken.add(highs[-1])
        elif lows and lows[-1] not in broken and close < lows[-1].price:
            event = -1
            broken.add(lows[-1])
        rows.append([trend, event])
    return _columns(rows)


def support_resistance(
    bars: BarColumns, reversal_atr: float, reversal_fraction: float, atr_window: int, tolerance: float
) -> list[list[float]]:
    found, begin = _turns(bars, reversal_atr, reversal_fraction, atr_window)
    rows = []
    for row, close in enumerate(bars.close.tolist()):
        prices = [swing.price for swing in found if swing.known <= row][-12:] if row >= begin else []
        cells: list[float] = []
        for level in (
            max((price for price in prices if price <= close), default=None),
            min((price for price in prices if price >= close), default=None),
        ):
            if level is None:
                cells += [NAN, NAN]
            else:
                cells += [level, sum(abs(price - level) <= tolerance * level for price in prices)]
        rows.append(cells)
    return _columns(rows)


def _turns(bars: BarColumns, reversal_atr: float, reversal_fraction: float, atr_window: int) -> tuple[list[Turn], int]:
    """Return all swings in order, and the first row on which one can be searched for."""
    highs, lows = bars.high.tolist(), bars.low.tolist()
    ranges = _average_ranges(bars, atr_window) if reversal_atr > 0 else [0.0] * len(bars)
    begin = next((row for row, value in enumerate(ranges) if not math.isnan(value)), len(bars))

    def reversal(row: int, price: float) -> float:
        return max(reversal_atr * ranges[row], reversal_fraction * price)

    def next_turn(side: int, start: int) -> Turn | None:
        best = start
        for row in range(start + 1, len(bars)):
            if side == 1:
                if highs[row] > highs[best]:
                    best = row
                elif 0 < highs[best] - lows[row] >= reversal(best, highs[best]):
                    return Turn(1, highs[best], best, row)
            elif lows[row] < lows[best]:
                best = row
            elif 0 < highs[row] - lows[best] >= reversal(best, lows[best]):
                return Turn(-1, lows[best], best, row)
        return None

    if begin >= len(bars):
        return [], begin
    # whichever side is confirmed first, the high where both are on one bar
    first = [swing for swing in (next_turn(1, begin), next_turn(-1, begin)) if swing is not None]
    found = [min(first, key=lambda swing: (swing.known, -swing.side))] if first else []
    while found:
        following = next_turn(-found[-1].side, found[-1].known)
        if following is None:
            break
        found.append(following)
    return found, begin


def _average_ranges(bars: BarColumns, window: int) -> list[float]:
    closes = bars.close.tolist()
    ranges = [
        max(high - low, abs(high - before), abs(low - before))
        for high, low, before in zip(bars.high.tolist()[1:], bars.low.tolist()[1:], closes, strict=False)
    ]
    average = [NAN] * len(closes)
    if len(ranges) >= window:
        value = math.fsum(ranges[:window]) / window
        average[window] = value
        for row, size in enumerate(ranges[window:], window + 1):
            value += (size - value) / window
            average[row] = value
    return average


def _columns(rows: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]
