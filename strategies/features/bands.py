"""Bands around the price: Bollinger, Donchian, Keltner."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential, ratio, true_range, wilder
from strategies.features.windows import filled, largest, lift, newest, push, ring_size, smallest, variance


def _bollinger(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    if not filled(state, 0, bars):
        out[0] = out[1] = out[2] = out[3] = out[4] = NAN
        return
    lifted = lift(state, start, bars)
    middle = state[start] + lifted
    reach = params[1] * math.sqrt(variance(state, start, bars, lifted))
    out[0] = middle
    out[1] = middle + reach
    out[2] = middle - reach
    out[3] = ratio(bar[CLOSE] - state[start] - lifted + reach, 2.0 * reach, 0.5)
    out[4] = 2.0 * reach / middle


def _donchian(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    lows = ring_size(bars)
    if filled(state, 0, bars):
        start = newest(state, 0)
        out[0] = largest(state, start, bars)
        out[2] = smallest(state, start + lows, bars)
        out[1] = 0.5 * (out[0] + out[2])
    else:
        out[0] = out[1] = out[2] = NAN
    push(state, 0, bars, bar[HIGH])
    push(state, lows, bars, bar[LOW])


def _keltner(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), average close, average true range
    before = state[0]
    state[0] = bar[CLOSE]
    middle = exponential(state, 1, int(params[0]), bar[CLOSE])
    reach = NAN
    if before != 0.0:
        reach = params[2] * wilder(state, 1 + AVERAGE_SIZE, int(params[1]), true_range(bar[HIGH], bar[LOW], before))
    upper = middle + reach
    out[0] = upper
    out[1] = middle if upper == upper else NAN  # noqa: PLR0124 - all three start together
    out[2] = middle - reach


FEATURES = (
    Feature(
        name="bollinger",
        family="bands",
        summary="Bollinger bands: the mean, and standard deviations above and below it.",
        formula="middle = SMA(close, window); upper, lower = middle +- deviations * population standard deviation; "
        "percent_b = (close - lower) / (upper - lower); width = (upper - lower) / middle.",
        params=(
            window(20, "closes in the window"),
            Param(name="deviations", default=2.0, low=0.1, high=10.0, meaning="standard deviations to each band"),
        ),
        outputs=(
            Output("middle", "price"),
            Output("upper", "price"),
            Output("lower", "price"),
            Output("percent_b", "fraction, 0 lower band, 1 upper"),
            Output("width", "fraction of middle"),
        ),
        warmup=lambda p: (p["window"],) * 5,
        state_size=lambda p: ring_size(p["window"]),
        kernel=_bollinger,
        flat="bands on the price, percent_b 0.5, width 0",
        source="Bollinger (2001), Bollinger on Bollinger Bands, McGraw-Hill",
        compared="Stock Indicators bb.csv (1e-9); Achelis p. 73 (printed digits)",
        differences="Bands that coincide give percent_b 0.5, where Stock Indicators gives none: the close is then on "
        "the middle band.",
    ),
    Feature(
        name="donchian",
        family="bands",
        summary="Donchian channel: the extremes of the bars before this one.",
        formula="upper, lower = highest high, lowest low of the `window` bars before the current one; middle between.",
        params=(window(20, "bars before the current one", low=1),),
        outputs=(Output("upper", "price"), Output("middle", "price"), Output("lower", "price")),
        warmup=lambda p: (p["window"] + 1,) * 3,
        state_size=lambda p: 2 * ring_size(p["window"]),
        kernel=_donchian,
        flat="all three on the price",
        source="Donchian (1960), High Finance in Copper, Financial Analysts Journal 16(6), 133-142",
        compared="Stock Indicators donchian.csv (1e-9)",
        differences="The current bar is left out, as in Stock Indicators, so that a close can break out of the "
        "channel; some charts include it.",
    ),
    Feature(
        name="keltner",
        family="bands",
        summary="Keltner channel: an exponential average, and average true ranges above and below it.",
        formula="middle = EMA(close, window); upper, lower = middle +- multiplier * ATR(atr_window).",
        params=(
            window(20, "bars of the average", low=1),
            window(10, "bars of the average true range", name="atr_window", low=1),
            Param(name="multiplier", default=2.0, low=0.1, high=20.0, meaning="average true ranges to each band"),
        ),
        outputs=(Output("upper", "price"), Output("middle", "price"), Output("lower", "price")),
        warmup=lambda p: (max(p["window"], p["atr_window"] + 1),) * 3,
        state_size=lambda _: 1 + 2 * AVERAGE_SIZE,
        kernel=_keltner,
        flat="all three on the price",
        source="Keltner (1960), How to Make Money in Commodities; with EMA and ATR after Connors and Raschke (1995), "
        "Street Smarts",
        compared="Composed of Stock Indicators ema.csv and atr.csv (1e-9)",
        differences="Keltner's own bands average the typical price and the daily range over 10 days; the form with EMA "
        "and ATR is the one in use.",
    ),
)
