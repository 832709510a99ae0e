"""More bands around the price: STARC, regression channel, and the squeeze of one pair of bands within another."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param, Params, window
from strategies.features.line_fit import slope
from strategies.features.smoothing import AVERAGE_SIZE, ratio, true_range, wilder
from strategies.features.windows import filled, largest, lift, mean, push, ring_size, smallest, variance


def _starc(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), average true range, ring of closes
    bars = int(params[0])
    before = state[0]
    state[0] = bar[CLOSE]
    reach = NAN
    if before != 0.0:
        reach = params[2] * wilder(state, 1, int(params[1]), true_range(bar[HIGH], bar[LOW], before))
    closes = 1 + AVERAGE_SIZE
    start = push(state, closes, bars, bar[CLOSE])
    out[1] = mean(state, start, bars) if filled(state, closes, bars) else NAN
    out[0] = out[1] + reach
    out[2] = out[1] - reach


def _regression_channel(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    if not filled(state, 0, bars):
        out[0] = out[1] = out[2] = out[3] = NAN
        return
    lifted = lift(state, start, bars)
    rise = slope(state, start, bars)
    reach = params[1] * math.sqrt(variance(state, start, bars, lifted))
    out[0] = state[start] + lifted + 0.5 * (bars - 1.0) * rise
    out[1] = out[0] + reach
    out[2] = out[0] - reach
    out[3] = rise


def _squeeze(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), rings of highs, lows, closes, true ranges, distances
    bars = int(params[0])
    size = ring_size(bars)
    before = state[0]
    state[0] = bar[CLOSE]
    start = push(state, 1, bars, bar[HIGH])
    push(state, 1 + size, bars, bar[LOW])
    push(state, 1 + 2 * size, bars, bar[CLOSE])
    out[0] = out[1] = out[2] = NAN
    ranges = 1 + 3 * size
    if before != 0.0:
        range_start = push(state, ranges, bars, true_range(bar[HIGH], bar[LOW], before))
        if filled(state, ranges, bars):
            closes = start + 2 * size
            deviation = math.sqrt(variance(state, closes, bars, lift(state, closes, bars)))
            out[1] = ratio(params[1] * deviation, params[2] * mean(state, range_start, bars), 0.0)
            out[0] = 1.0 if out[1] < 1.0 else 0.0
    if filled(state, 1, bars):
        middle = 0.5 * (largest(state, start, bars) + smallest(state, start + size, bars))
        center = 0.5 * (middle + mean(state, start + 2 * size, bars))
        distances = 1 + 4 * size
        start = push(state, distances, bars, bar[CLOSE] - center)
        if filled(state, distances, bars):
            out[2] = mean(state, start, bars) + 0.5 * (bars - 1.0) * slope(state, start, bars)


def _starc_warmup(p: Params) -> tuple[float, ...]:
    both = max(p["window"], p["atr_window"] + 1)
    return both, p["window"], both


_DEVIATIONS = Param(name="deviations", default=2.0, low=0.1, high=10.0, meaning="standard deviations to each band")

FEATURES = (
    Feature(
        name="starc",
        family="bands",
        summary="STARC bands: a short average, and average true ranges above and below it.",
        formula="middle = SMA(close, window); upper, lower = middle +- multiplier * ATR(atr_window).",
        params=(
            window(5, "closes averaged", low=1),
            window(10, "bars of the average true range", name="atr_window", low=1),
            Param(name="multiplier", default=2.0, low=0.1, high=20.0, meaning="average true ranges to each band"),
        ),
        outputs=(Output("upper", "price"), Output("middle", "price"), Output("lower", "price")),
        warmup=_starc_warmup,
        state_size=lambda p: 1 + AVERAGE_SIZE + ring_size(p["window"]),
        kernel=_starc,
        flat="all three on the price",
        source="Stoller Average Range Channel, after Achelis (2000), Technical Analysis from A to Z",
        compared="Stock Indicators starc.csv (1e-9)",
        differences="Stoller's own text averages 6 closes and 15 true ranges; the defaults are those in use.",
    ),
    Feature(
        name="regression_channel",
        family="bands",
        summary="Standard-deviation channel: the end of the regression line, and deviations above and below it.",
        formula="Least squares of the last `window` closes on their bar number; middle = the line at the current bar; "
        "upper, lower = middle +- deviations * population standard deviation of those closes; slope per bar.",
        params=(window(20, "closes in the regression"), _DEVIATIONS),
        outputs=(
            Output("middle", "price"),
            Output("upper", "price"),
            Output("lower", "price"),
            Output("slope", "price per bar"),
        ),
        warmup=lambda p: (p["window"],) * 4,
        state_size=lambda p: ring_size(p["window"]),
        kernel=_regression_channel,
        flat="bands on the price, slope 0",
        source="Raff (1991), Trading the Regression Channel, Technical Analysis of Stocks and Commodities; with "
        "standard deviations as in Achelis (2000), Technical Analysis from A to Z",
        compared="Stock Indicators stdev-channels.csv (1e-9): every line, rebuilt from the bar it ends on",
        differences="Stock Indicators cuts the history into windows from its end and draws each line back over its "
        "window: such a line changes with every new bar. Here each bar has the line that ends on it. The deviation is "
        "that of the closes, as there, not of the residuals.",
    ),
    Feature(
        name="squeeze",
        family="bands",
        summary="Squeeze: Bollinger bands within Keltner bands, and the momentum that is building up.",
        formula="ratio = deviations * population standard deviation of the last `window` closes / (multiplier * SMA of "
        "true range over `window`); on = 1 where ratio < 1, else 0; momentum = the end of the regression line over the "
        "last `window` values of close - ((highest high + lowest low) / 2 + SMA(close)) / 2.",
        params=(
            window(20, "bars of all averages"),
            _DEVIATIONS,
            Param(name="multiplier", default=1.5, low=0.1, high=20.0, meaning="average true ranges to each band"),
        ),
        outputs=(Output("on", "0 or 1"), Output("ratio", "fraction"), Output("momentum", "price")),
        warmup=lambda p: (p["window"] + 1, p["window"] + 1, 2 * p["window"] - 1),
        state_size=lambda p: 1 + 5 * ring_size(p["window"]),
        kernel=_squeeze,
        flat="on 1, ratio 0, momentum 0",
        source="Carter (2005), Mastering the Trade, ch. 11",
        compared="TA-Lib STDDEV, TRANGE, SMA, MAX, MIN and LINEARREG composed (1e-9)",
        differences="Keltner bands with simple averages of close and of true range, so that both bands share their "
        "middle and only their widths matter. The true range needs a close before, hence one bar more.",
    ),
)
