"""Features of two instruments, bar by bar: correlation, beta, relative strength."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math
from functools import cache
from types import MappingProxyType

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, NAN, OPEN, Doubles, Feature, Output, window
from strategies.features.line_fit import correlation
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, push, ring_size

OTHER = OPEN
"""Place of the other instrument's close in the float64[5] of a pair; its own close stands in the other three."""


def _pair_correlation(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: both closes before (0 = none yet), rings of both closes and of both log returns
    bars = int(params[0])
    size = ring_size(bars)
    before, other_before = state[0], state[1]
    state[0] = bar[CLOSE]
    state[1] = bar[OTHER]
    out[0] = out[1] = NAN
    start = push(state, 2, bars, bar[CLOSE])
    push(state, 2 + size, bars, bar[OTHER])
    if filled(state, 2, bars):
        out[0] = correlation(state, start, start + size, bars)
    if before == 0.0:
        return
    returns = 2 + 2 * size
    start = push(state, returns, bars, math.log(bar[CLOSE] / before))
    push(state, returns + size, bars, math.log(bar[OTHER] / other_before))
    if filled(state, returns, bars):
        out[1] = correlation(state, start, start + size, bars)


def _pair_beta(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: both closes before (0 = none yet), rings of both returns
    bars = int(params[0])
    size = ring_size(bars)
    before, other_before = state[0], state[1]
    state[0] = bar[CLOSE]
    state[1] = bar[OTHER]
    out[0] = out[1] = out[2] = out[3] = out[4] = NAN
    if before == 0.0:
        return
    start = push(state, 2, bars, (bar[CLOSE] - before) / before)
    push(state, 2 + size, bars, (bar[OTHER] - other_before) / other_before)
    if filled(state, 2, bars):
        out[0] = _beta(state, start, start + size, bars, 0.0)
        out[1] = _beta(state, start, start + size, bars, 1.0)
        out[2] = _beta(state, start, start + size, bars, -1.0)
        out[3] = ratio(out[1], out[2], 0.0)
        out[4] = (out[1] - out[2]) * (out[1] - out[2])


@inline
def _beta(state: Doubles, own: int, other: int, count: int, side: float) -> float:
    """Return the slope of own returns on the other's, over those of one sign of the other's, or over all for 0."""
    used = own_mean = other_mean = 0.0
    for index in range(count):
        if side == 0.0 or side * state[other + index] > 0.0:
            used += 1.0
            own_mean += (state[own + index] - own_mean) / used
            other_mean += (state[other + index] - other_mean) / used
    shared = squares = 0.0
    for index in range(count):
        if side == 0.0 or side * state[other + index] > 0.0:
            away = state[other + index] - other_mean
            shared += away * (state[own + index] - own_mean)
            squares += away * away
    return ratio(shared, squares, 0.0)


def _relative_strength(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0]) + 1
    size = ring_size(bars)
    start = push(state, 0, bars, bar[CLOSE])
    push(state, size, bars, bar[OTHER])
    out[0] = bar[CLOSE] / bar[OTHER]
    out[1] = NAN
    if filled(state, 0, bars):
        own, other = state[start], state[start + size]
        out[1] = (bar[CLOSE] - own) / own - (bar[OTHER] - other) / other


PAIR_FEATURES = (
    Feature(
        name="pair_correlation",
        family="pair",
        summary="Rolling correlation of two instruments, of their closes and of their log returns.",
        formula="Pearson correlation of the last `window` closes, and of the last `window` log returns.",
        params=(window(20, "bars in the window"),),
        outputs=(Output("closes", "-1 to 1"), Output("returns", "-1 to 1")),
        warmup=lambda p: (p["window"], p["window"] + 1),
        state_size=lambda p: 2 + 4 * ring_size(p["window"]),
        kernel=_pair_correlation,
        flat="0",
        source="Pearson (1895), Notes on Regression and Inheritance, Proceedings of the Royal Society 58, 240-242",
        compared="TA-Lib CORREL of both closes, and of both log returns (1e-7: its running sums drift)",
        differences="Where one instrument does not move the correlation is 0.",
    ),
    Feature(
        name="pair_beta",
        family="pair",
        summary="Rolling beta: how far an instrument moves when the other moves by one.",
        formula="Covariance of both simple returns / variance of the other's, over the last `window`; up and down: the "
        "same over those bars on which the other rose, and on which it fell; ratio = up / down; convexity = "
        "(up - down)^2.",
        params=(window(50, "returns in the window"),),
        outputs=(
            Output("beta", "return per return"),
            Output("up", "return per return"),
            Output("down", "return per return"),
            Output("ratio", "pure number"),
            Output("convexity", "pure number"),
        ),
        warmup=lambda p: (p["window"] + 1,) * 5,
        state_size=lambda p: 2 + 2 * ring_size(p["window"]),
        kernel=_pair_beta,
        flat="0",
        source="Sharpe (1964), Capital Asset Prices, Journal of Finance 19(3), 425-442; up and down: Ang, Chen and "
        "Xing (2006), Downside Risk, Review of Financial Studies 19(4), 1191-1239",
        compared="Stock Indicators beta.csv (1e-9), and the values it states for beta of every kind (printed digits); "
        "TA-Lib BETA (1e-7: its running sums drift)",
        differences="Where the other's returns do not differ, beta is 0; where down is 0 the ratio is 0.",
    ),
    Feature(
        name="relative_strength",
        family="pair",
        summary="Price relative strength: an instrument's price in units of the other, and its lead over it.",
        formula="ratio = close / the other's close; lead = return over `window` bars - the other's return over them.",
        params=(window(20, "bars of the returns", low=1),),
        outputs=(Output("ratio", "other per instrument"), Output("lead", "fraction")),
        warmup=lambda p: (1, p["window"] + 1),
        state_size=lambda p: 2 * ring_size(p["window"] + 1),
        kernel=_relative_strength,
        flat="lead 0",
        source="Levy (1967), Relative Strength as a Criterion for Investment Selection, Journal of Finance 22(4), "
        "595-610",
        compared="Stock Indicators prs.csv (1e-9)",
        differences="none",
    ),
)


@cache
def pair_features() -> MappingProxyType[str, Feature]:
    """Return every feature of two instruments by name."""
    return MappingProxyType({feature.name: feature for feature in PAIR_FEATURES})
