"""Rolling statistics of the close."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, window
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, lift, push, ring_size, variance


def _zscore(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = NAN
    if filled(state, 0, bars):
        lifted = lift(state, start, bars)
        above = bar[CLOSE] - state[start] - lifted
        out[0] = ratio(above, math.sqrt(variance(state, start, bars, lifted)), 0.0)


FEATURES = (
    Feature(
        name="zscore",
        family="statistics",
        summary="Rolling z-score: distance of the close from its mean in standard deviations.",
        formula="(close - m) / s, with m and s the mean and population standard deviation of the last `window` closes.",
        params=(window(20, "closes in the window"),),
        outputs=(Output("", "standard deviations"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_zscore,
        flat="0",
        source="Standard score; its use in trading: Gatev, Goetzmann and Rouwenhorst (2006), Pairs Trading, Review of "
        "Financial Studies 19(3), 797-827",
        compared="Stock Indicators stdev.csv and bb.csv, column zScore (1e-9)",
        differences="A window without movement gives 0, where Stock Indicators gives none: the close is the mean.",
    ),
)
