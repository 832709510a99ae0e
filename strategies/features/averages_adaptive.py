"""Averages that set their own pace: Kaufman's, McGinley's, and Chande's VIDYA by deviation and by momentum."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, Param, Params, window
from strategies.features.moves import move_sums
from strategies.features.smoothing import follow, ratio
from strategies.features.windows import filled, lift, push, ring_size, variance


def _kama(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: average, ring of closes
    bars = int(params[0])
    kept = bars + 1
    start = push(state, 1, kept, bar[CLOSE])
    count = state[1]
    out[0] = NAN
    if count < bars:
        return
    if count == bars:
        state[0] = bar[CLOSE]
    else:
        travelled = 0.0
        for index in range(start, start + bars):
            travelled += abs(state[index + 1] - state[index])
        efficiency = ratio(abs(bar[CLOSE] - state[start]), travelled, 1.0)
        slow = 2.0 / (params[2] + 1.0)
        pace = slow + efficiency * (2.0 / (params[1] + 1.0) - slow)
        state[0] += pace * pace * (bar[CLOSE] - state[0])
    out[0] = state[0]


def _mcginley(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: average (0 = no close yet)
    before = state[0]
    if before == 0.0:
        state[0] = bar[CLOSE]
        out[0] = NAN
        return
    square = (bar[CLOSE] / before) * (bar[CLOSE] / before)
    divisor = params[1] * params[0] * square * square
    # below a divisor of 1 the step would overshoot the price, and for a price that collapses without limit
    state[0] = bar[CLOSE] if divisor <= 1.0 else before + (bar[CLOSE] - before) / divisor
    out[0] = state[0]


def _vidya(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: average, ring of closes
    short, long = int(params[0]), int(params[1])
    start = push(state, 1, long, bar[CLOSE])
    count = state[1]
    out[0] = NAN
    if count < long - 1:
        return
    if count == long - 1:
        state[0] = bar[CLOSE]
    else:
        recent = start + long - short
        near = variance(state, recent, short, lift(state, recent, short))
        far = variance(state, start, long, lift(state, start, long))
        pace = min(1.0, params[2] * math.sqrt(ratio(near, far, 0.0)))
        state[0] = follow(state[0], bar[CLOSE], 1.0 - pace)
    out[0] = state[0]


def _vidya_cmo(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: average, ring of closes
    bars = int(params[1])
    kept = bars + 1
    start = push(state, 1, kept, bar[CLOSE])
    out[0] = NAN
    if not filled(state, 1, kept):
        return
    up, down = move_sums(state, start, bars)
    if state[1] == kept:
        state[0] = bar[CLOSE]
    else:
        pace = 2.0 / (params[0] + 1.0) * ratio(abs(up - down), up + down, 0.0)
        state[0] = follow(state[0], bar[CLOSE], 1.0 - pace)
    out[0] = state[0]


def _fast_below_slow(p: Params) -> str:
    return "" if p["fast"] < p["slow"] else f"fast must be below slow, were {p['fast']} and {p['slow']}"


def _short_below_long(p: Params) -> str:
    return "" if p["short"] < p["long"] else f"short must be below long, were {p['short']} and {p['long']}"


FEATURES = (
    Feature(
        name="kama",
        family="averages",
        summary="Kaufman's adaptive moving average: fast where the price goes straight, slow where it wavers.",
        formula="kama += c^2 * (close - kama), c = s + ER * (f - s), f = 2 / (fast + 1), s = 2 / (slow + 1), "
        "ER = |change over `window` bars| / sum of |changes|; seeded by the close of bar `window`.",
        params=(
            window(10, "bars of the efficiency ratio", low=1),
            window(2, "bars of the average at efficiency 1", name="fast", low=1),
            window(30, "bars of the average at efficiency 0", name="slow"),
        ),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: 1 + ring_size(p["window"] + 1),
        kernel=_kama,
        flat="the price",
        source="Kaufman (1995), Smarter Trading, McGraw-Hill",
        compared="TA-Lib KAMA (1e-9); Tulip kama (printed digits)",
        differences="The seed is given as the first value, as by Tulip and Stock Indicators; TA-Lib starts on the next "
        "bar. A window without movement has efficiency 1, as in TA-Lib; Stock Indicators then sets the average to the "
        "close.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="mcginley",
        family="averages",
        summary="McGinley dynamic: an average that quickens as the price falls below it and slows as it rises above.",
        formula="md += (close - md) / (k * window * (close / md)^4), starting from the first close.",
        params=(
            window(14, "bars of the average it resembles", low=1),
            Param(name="k", default=0.6, low=0.1, high=10.0, meaning="share of the window; 0.6 is McGinley's"),
        ),
        outputs=(Output("", "price"),),
        warmup=lambda _: (2,),
        state_size=lambda _: 1,
        kernel=_mcginley,
        flat="the price",
        source="McGinley (1997), McGinley Dynamics, Journal of Technical Analysis 48",
        compared="Stock Indicators dynamic.csv (1e-9)",
        differences="A step never overshoots the price: where the divisor is below 1 (a fall by more than two fifths "
        "in a bar, with the defaults) the average becomes the close. talipp seeds by a mean and leaves out k.",
    ),
    Feature(
        name="vidya",
        family="averages",
        summary="Variable index dynamic average: an EMA whose weight grows with the ratio of near to far deviation.",
        formula="vidya += w * (close - vidya), w = alpha * s(short) / s(long), at most 1, s population standard "
        "deviations of the close; seeded by the close of bar long - 1.",
        params=(
            window(9, "closes of the near deviation", name="short"),
            window(30, "closes of the far deviation", name="long", low=3),
            Param(name="alpha", default=0.2, low=0.001, high=1.0, meaning="weight where both deviations are equal"),
        ),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["long"] - 1,),
        state_size=lambda p: 1 + ring_size(p["long"]),
        kernel=_vidya,
        flat="the price",
        source="Chande (1992), Adapting Moving Averages to Market Volatility, Technical Analysis of Stocks and "
        "Commodities 10(3)",
        compared="Tulip vidya (printed digits)",
        differences="The weight is held at 1, so that the average does not overshoot. `vidya_cmo` is Chande's later "
        "form.",
        requires=_short_below_long,
    ),
    Feature(
        name="vidya_cmo",
        family="averages",
        summary="Variable index dynamic average, the later form: an EMA weighted by the momentum oscillator.",
        formula="vidya += w * (close - vidya), w = 2 / (window + 1) * |CMO(momentum_window)| / 100; seeded by the "
        "close of bar momentum_window + 1.",
        params=(
            window(14, "bars of the average at full momentum", low=1),
            window(9, "changes in the momentum oscillator", name="momentum_window", low=1),
        ),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["momentum_window"] + 1,),
        state_size=lambda p: 1 + ring_size(p["momentum_window"] + 1),
        kernel=_vidya_cmo,
        flat="the price",
        source="Chande and Kroll (1994), The New Technical Trader, Wiley, ch. 3",
        compared="No published values; slow reference in the tests",
        differences="Charts differ in the seed: zero, a mean, or the close as here.",
    ),
)
