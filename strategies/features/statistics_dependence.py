"""Rolling statistics of order: correlation with volume, autocorrelation, Hurst exponent, permutation entropy."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, NAN, VOLUME, Doubles, Feature, Output, Param, Params, window
from strategies.features.line_fit import correlation, covariance
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, lift, push, ring_size

_CHUNKS_MAX = 32
_CHUNK_BARS_MIN = 8


def _volume_correlation(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    volumes = ring_size(bars)
    start = push(state, 0, bars, bar[CLOSE])
    push(state, volumes, bars, bar[VOLUME])
    out[0] = correlation(state, start, start + volumes, bars) if filled(state, 0, bars) else NAN


def _autocorrelation(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), ring of log returns
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    bars, lag = int(params[0]), int(params[1])
    start = push(state, 1, bars, math.log(bar[CLOSE] / before))
    if filled(state, 1, bars):
        lifted = lift(state, start, bars)
        all_squares = bars * covariance(state, start, start, bars, lifted, lifted)
        center = state[start] + lifted
        products = 0.0
        for index in range(start + lag, start + bars):
            products += (state[index] - center) * (state[index - lag] - center)
        out[0] = ratio(products, all_squares, 0.0)


def _hurst(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), ring of log returns
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    bars = int(params[0])
    start = push(state, 1, bars, math.log(bar[CLOSE] / before))
    if not filled(state, 1, bars):
        return
    # least squares of log(R/S) on log(chunk length), over the lengths that have one
    points = sum_x = sum_y = sum_xx = sum_xy = 0.0
    chunks = 1
    while chunks <= _CHUNKS_MAX and bars // chunks >= _CHUNK_BARS_MIN:
        length = bars // chunks
        rescaled = 0.0
        for chunk in range(chunks):
            rescaled += _rescaled_range(state, start + bars - (chunk + 1) * length, length)
        if rescaled > 0.0:
            x = math.log(float(length))
            y = math.log(rescaled / chunks)
            points += 1.0
            sum_x += x
            sum_y += y
            sum_xx += x * x
            sum_xy += x * y
        chunks *= 2
    out[0] = 0.5
    if points >= 2.0:
        out[0] = (points * sum_xy - sum_x * sum_y) / (points * sum_xx - sum_x * sum_x)


@inline
def _rescaled_range(state: Doubles, start: int, count: int) -> float:
    lifted = lift(state, start, count)
    deviation = math.sqrt(covariance(state, start, start, count, lifted, lifted))
    level = highest = 0.0
    # the sum of all distances is zero, so zero is among the levels
    lowest = 0.0
    for index in range(start, start + count):
        level += state[index] - state[start] - lifted
        highest = max(highest, level)
        lowest = min(lowest, level)
    return ratio(highest - lowest, deviation, 0.0)


def _entropy(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: ring of closes, counts of the patterns
    bars, order = int(params[0]), int(params[1])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = NAN
    if not filled(state, 0, bars):
        return
    counts = ring_size(bars)
    patterns = 1
    for factor in range(2, order + 1):
        patterns *= factor
    for index in range(counts, counts + patterns):
        state[index] = 0.0
    for first in range(start, start + bars - order + 1):
        state[counts + _pattern(state, first, order)] += 1.0
    words = bars - order + 1.0
    disorder = 0.0
    for index in range(counts, counts + patterns):
        if state[index] > 0.0:
            share = state[index] / words
            disorder -= share * math.log(share)
    out[0] = disorder / math.log(float(patterns))


@inline
def _pattern(state: Doubles, first: int, order: int) -> int:
    """Return the number of the order in which values stand (Lehmer code); of equal values the earlier is smaller."""
    number = 0
    for left in range(first, first + order - 1):
        smaller = 0
        for right in range(left + 1, first + order):
            if state[right] < state[left]:
                smaller += 1
        number = number * (first + order - left) + smaller
    return number


def _lag_fits(p: Params) -> str:
    return "" if p["lag"] < p["window"] else f"lag must be below window, were {p['lag']} and {p['window']}"


def _order_fits(p: Params) -> str:
    return "" if p["order"] <= p["window"] else f"order must not exceed window, were {p['order']} and {p['window']}"


FEATURES = (
    Feature(
        name="volume_correlation",
        family="statistics",
        summary="Rolling correlation of close and volume.",
        formula="Pearson correlation of the last `window` closes and volumes, kept within -1 and 1.",
        params=(window(30, "bars in the window"),),
        outputs=(Output("", "-1 to 1"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: 2 * ring_size(p["window"]),
        kernel=_volume_correlation,
        flat="0",
        source="Karpoff (1987), The Relation Between Price Changes and Trading Volume: A Survey, Journal of Financial "
        "and Quantitative Analysis 22(1), 109-126",
        compared="TA-Lib CORREL of close and volume (1e-7: its running sums drift)",
        differences="Two instruments are compared by `strategies.features.pair`.",
    ),
    Feature(
        name="autocorrelation",
        family="statistics",
        summary="Rolling autocorrelation of log returns: positive where moves go on, negative where they turn.",
        formula="Sum of (r[t] - m)(r[t - lag] - m) / sum of (r - m)^2 over the last `window` log returns r, m their "
        "mean.",
        params=(
            window(50, "returns in the window"),
            Param(name="lag", default=1, low=1, high=500, meaning="returns between the two compared"),
        ),
        outputs=(Output("", "-1 to 1"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + ring_size(p["window"]),
        kernel=_autocorrelation,
        flat="0",
        source="Box and Jenkins (1976), Time Series Analysis, section 2.1.5",
        compared="No published values; slow reference in the tests",
        differences="One mean and one variance for both series, as is usual; pandas takes those of each part.",
        requires=_lag_fits,
    ),
    Feature(
        name="hurst",
        family="statistics",
        summary="Hurst exponent: above 0.5 where moves persist, below where they revert.",
        formula="The last `window` log returns are cut into 1, 2, 4 ... 32 chunks of equal whole length, at least 8, "
        "the oldest left over; "
        "R/S = range of the cumulated distances to the chunk's mean / its population standard deviation, averaged over "
        "the chunks; the exponent is the least-squares slope of log(R/S) on log(length).",
        params=(window(100, "returns in the window", low=20),),
        outputs=(Output("", "0 to 1, 0.5 is chance"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + ring_size(p["window"]),
        kernel=_hurst,
        flat="0.5",
        source="Mandelbrot and Wallis (1969), Robustness of the Rescaled Range R/S, Water Resources Research 5(5); "
        "Peters (1994), Fractal Market Analysis, ch. 4",
        compared="No published values at hand; slow reference in the tests",
        differences="Of log returns, as in Stock Indicators' newest version; its older ones took simple returns. "
        "Not corrected for its bias in short windows (Anis and Lloyd 1976): chance gives about 0.6 at 100.",
    ),
    Feature(
        name="entropy",
        family="statistics",
        summary="Permutation entropy: 1 where the order of closes is that of chance, 0 where it never changes.",
        formula="-sum of p ln p / ln(order!), p the shares of the order! possible orders among the runs of `order` "
        "neighbouring closes in the last `window`; of equal closes the earlier counts as smaller.",
        params=(
            window(50, "closes in the window", low=3),
            Param(name="order", default=3, low=2, high=5, meaning="closes in a run"),
        ),
        outputs=(Output("", "0 to 1"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]) + 120,
        kernel=_entropy,
        flat="0",
        source="Bandt and Pompe (2002), Permutation Entropy: A Natural Complexity Measure for Time Series, Physical "
        "Review Letters 88(17), 174102",
        compared="The worked example of Bandt and Pompe, p. 1 (printed digits)",
        differences="Divided by its largest value, ln(order!), as in most later work.",
        requires=_order_fits,
    ),
)
