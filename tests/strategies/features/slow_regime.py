"""Regime features in plain Python, from their definitions: every run length from the returns it is made of."""

from __future__ import annotations

import math
from itertools import pairwise

from catalog.model import BarColumns

NAN = math.nan


def cusum(bars: BarColumns, window: int, slack: float, threshold: float) -> list[list[float]]:
    returns, seconds = _returns(bars), (bars.ts_ns / 1e9).tolist()
    rows = [[NAN] * 5 for _ in range(len(bars))]
    up: list[float] = []  # the sums of the run that goes on, empty while it is at zero
    down: list[float] = []
    last = (NAN, NAN)
    for row in range(window + 1, len(bars)):
        usual = returns[row - window : row]
        mean = math.fsum(usual) / window
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in usual) / window)
        z = (returns[row] - mean) / deviation if deviation >= 1e-12 else 0.0
        for run, side in ((up, 1), (down, -1)):
            sum_ = (run[-1] if run else 0.0) + side * z - slack
            run.append(sum_) if sum_ > 0 else run.clear()
        high, low = up[-1] if up else 0.0, down[-1] if down else 0.0
        alarm = 0
        if max(high, low) > threshold:
            alarm = 1 if high > low else -1
            last = (seconds[row - len(up if alarm == 1 else down) + 1], seconds[row])
            up.clear()
            down.clear()
        rows[row] = [high, low, alarm, *last]
    return [list(column) for column in zip(*rows, strict=True)]


def change_point(
    bars: BarColumns, expected_run: float, longest: int, recent: int, volatility: float
) -> list[list[float]]:
    returns, hazard = _returns(bars), 1 / expected_run
    rows = [[NAN, NAN, NAN]]
    chances = [1.0]
    for row in range(1, len(bars)):
        joints = [
            chance * _density(returns[row], returns[row - run : row], volatility) for run, chance in enumerate(chances)
        ]
        grown = [hazard * math.fsum(joints), *((1 - hazard) * joint for joint in joints)]
        if len(grown) > longest + 1:
            last = grown.pop()
            grown[-1] += last
        whole = math.fsum(grown)
        chances = [chance / whole for chance in grown]
        near = math.fsum(chances[: recent + 1]) if row > recent else NAN
        rows.append([near, math.fsum(run * chance for run, chance in enumerate(chances)), _argmax(chances)])
    return [list(column) for column in zip(*rows, strict=True)]


def markov_volatility(
    bars: BarColumns, calm: float, turbulent: float, calm_stays: float, turbulent_stays: float
) -> list[list[float]]:
    chance = (1 - calm_stays) / ((1 - calm_stays) + (1 - turbulent_stays))
    rows = [[NAN, NAN]]
    for value in _returns(bars)[1:]:
        before = [(1 - chance) * calm_stays + chance * (1 - turbulent_stays)]
        before.append(1 - before[0])
        logs = [
            math.log(weight) - math.log(deviation) - 0.5 * (value / deviation) ** 2
            for weight, deviation in zip(before, (calm, turbulent), strict=True)
        ]
        weights = [math.exp(log - max(logs)) for log in logs]
        chance = weights[1] / sum(weights)
        ahead = chance * turbulent_stays + (1 - chance) * (1 - calm_stays)
        rows.append([chance, math.sqrt((1 - ahead) * calm**2 + ahead * turbulent**2)])
    return [list(column) for column in zip(*rows, strict=True)]


def _density(value: float, run: list[float], volatility: float) -> float:
    """Return Student's predictive density after the returns of a run (Murphy 2007, eq. 110)."""
    count = len(run)
    mean = math.fsum(run) / count if count else 0.0
    kappa, alpha = 1 + count, 1 + count / 2
    beta = 0.5 * volatility**2 + 0.5 * math.fsum((each - mean) ** 2 for each in run) + count * mean**2 / (2 * kappa)
    center = count * mean / kappa
    squared = beta * (kappa + 1) / (alpha * kappa)
    freedom = 2 * alpha
    constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi * squared)
    return math.exp(constant - (freedom + 1) / 2 * math.log1p((value - center) ** 2 / (freedom * squared)))


def _returns(bars: BarColumns) -> list[float]:
    """Return log returns, in the place of the bar that ends them; the first has none."""
    return [NAN, *(math.log(after / before) for before, after in pairwise(bars.close.tolist()))]


def _argmax(values: list[float]) -> int:
    return values.index(max(values))
