"""Averages over a window with weights of their own: Hull, ALMA, by volume, end point, triangular, envelopes."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import usable_in_kernels
from strategies.features.kernel import CLOSE, NAN, VOLUME, Doubles, Feature, Output, Param, Params, window
from strategies.features.smoothing import ratio
from strategies.features.weights import line_end, weighted_lift
from strategies.features.windows import filled, lift, mean, push, ramp_mean, ring_size, total


@usable_in_kernels
def _root(bars: float) -> int:
    return int(math.sqrt(bars))


def _hma(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    half, last = bars // 2, _root(bars)
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = NAN
    if not filled(state, 0, bars):
        return
    whole = ramp_mean(state, start, bars)
    sharp = whole + 2.0 * (ramp_mean(state, start + bars - half, half) - whole)
    doubled = ring_size(bars)
    start = push(state, doubled, last, sharp)
    if filled(state, doubled, last):
        out[0] = ramp_mean(state, start, last)


def _alma(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: ring of closes, then one weight a place in the window and the sum of the weights
    bars = int(params[0])
    weights = ring_size(bars)
    if state[0] == 0.0:
        center = params[1] * (bars - 1.0)
        spread = bars / params[2]
        for place in range(bars):
            distance = (place - center) / spread
            state[weights + place] = math.exp(-0.5 * distance * distance)
            state[weights + bars] += state[weights + place]
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = NAN
    if filled(state, 0, bars):
        out[0] = state[start] + weighted_lift(state, start, weights, bars) / state[weights + bars]


def _vwma(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    sizes = ring_size(bars)
    start = push(state, 0, bars, bar[CLOSE])
    size_start = push(state, sizes, bars, bar[VOLUME])
    out[0] = NAN
    if filled(state, 0, bars):
        lifted = weighted_lift(state, start, size_start, bars)
        out[0] = state[start] + ratio(lifted, total(state, size_start, bars), NAN)


def _epma(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = NAN
    if filled(state, 0, bars):
        out[0] = line_end(state, start, bars)


def _trima(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    first, second = bars // 2 + 1, (bars + 1) // 2
    means = ring_size(first)
    start = push(state, 0, first, bar[CLOSE])
    out[0] = NAN
    if not filled(state, 0, first):
        return
    start = push(state, means, second, mean(state, start, first))
    if filled(state, means, second):
        out[0] = mean(state, start, second)


def _trima_size(p: Params) -> float:
    return ring_size(p["window"] // 2 + 1) + ring_size((p["window"] + 1) // 2)


def _ma_envelopes(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    if not filled(state, 0, bars):
        out[0] = out[1] = out[2] = NAN
        return
    middle = state[start] + lift(state, start, bars)
    reach = middle * (params[1] / 100.0)
    out[0] = middle
    out[1] = middle + reach
    out[2] = middle - reach


FEATURES = (
    Feature(
        name="hma",
        family="averages",
        summary="Hull moving average: a weighted average of a sharpened one.",
        formula="WMA(2 * WMA(close, window / 2) - WMA(close, window), sqrt(window)), both lengths rounded down.",
        params=(window(14, "bars of the slow average"),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"] + _root(p["window"]) - 1,),
        state_size=lambda p: ring_size(p["window"]) + ring_size(_root(p["window"])),
        kernel=_hma,
        flat="the price",
        source="Hull (2005), How to reduce lag in a moving average, alanhull.com",
        compared="Stock Indicators hma.csv (1e-9); Tulip hma (printed digits); TA-Lib HMA where the window's half and "
        "root are whole (1e-9)",
        differences="Some libraries round the two lengths to the nearest number.",
    ),
    Feature(
        name="alma",
        family="averages",
        summary="Arnaud Legoux moving average: Gaussian weights centred near the newest bar.",
        formula="Mean of the last `window` closes, weighted exp(-(i - m)^2 / (2 s^2)) for i = 0 (oldest) to "
        "window - 1, with m = offset * (window - 1) and s = window / sigma.",
        params=(
            window(9, "closes averaged", low=1),
            Param(name="offset", default=0.85, low=0.0, high=1.0, meaning="centre of the weights, 1 the newest bar"),
            Param(name="sigma", default=6.0, low=0.5, high=50.0, meaning="windows a standard deviation is one of"),
        ),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]) + p["window"] + 1,
        kernel=_alma,
        flat="the price",
        source="Legoux and Kouzis-Loukas (2009), ALMA, arnaudlegoux.com",
        compared="talipp ALMA (1e-9)",
        differences="The first published code rounds m down to a whole bar; most libraries do not, and neither does "
        "this one.",
    ),
    Feature(
        name="vwma",
        family="averages",
        summary="Volume weighted moving average of the close.",
        formula="Sum of close * volume over sum of volume, the last `window` bars.",
        params=(window(20, "bars averaged", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: 2 * ring_size(p["window"]),
        kernel=_vwma,
        flat="the price",
        source="Arms (1975), as stated in Kirkpatrick and Dahlquist (2010), Technical Analysis, ch. 14",
        compared="Tulip vwma (printed digits); TA-Lib VWMA (1e-9)",
        differences="none",
        absent="while the window holds no volume",
    ),
    Feature(
        name="epma",
        family="averages",
        summary="End point moving average: where the line of best fit through the window ends.",
        formula="Value of the least squares line through the last `window` closes at the newest bar, which is "
        "3 * WMA - 2 * SMA.",
        params=(window(20, "closes the line is fitted to"),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_epma,
        flat="the price",
        source="Achelis (2001), Technical Analysis from A to Z, 2nd ed., linear regression indicator, p. 185",
        compared="TA-Lib LINEARREG (1e-9); Tulip linreg (printed digits)",
        differences="none",
    ),
    Feature(
        name="trima",
        family="averages",
        summary="Triangular moving average: an average of averages that weighs the middle of the window most.",
        formula="SMA(SMA(close, window / 2 + 1), (window + 1) / 2), both lengths rounded down.",
        params=(window(20, "closes averaged", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=_trima_size,
        kernel=_trima,
        flat="the price",
        source="Achelis (2001), Technical Analysis from A to Z, 2nd ed., p. 211",
        compared="Achelis p. 211 and Tulip trima (printed digits); TA-Lib TRIMA (1e-9)",
        differences="none",
    ),
    Feature(
        name="ma_envelopes",
        family="averages",
        summary="Envelopes a fixed percentage above and below the simple moving average.",
        formula="middle = SMA(close, window); upper, lower = middle * (1 +- percent / 100).",
        params=(
            window(20, "closes averaged", low=1),
            Param(name="percent", default=2.5, low=0.01, high=90.0, meaning="distance of each envelope in percent"),
        ),
        outputs=(Output("middle", "price"), Output("upper", "price"), Output("lower", "price")),
        warmup=lambda p: (p["window"],) * 3,
        state_size=lambda p: ring_size(p["window"]),
        kernel=_ma_envelopes,
        flat="the price, and the percentage above and below it",
        source="Murphy (1999), Technical Analysis of the Financial Markets, ch. 9",
        compared="Stock Indicators ma-env.csv (1e-9)",
        differences="none",
    ),
)
