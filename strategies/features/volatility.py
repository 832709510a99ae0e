"""How much the price moves: average true range, realised and exponentially weighted volatility."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param, Params, window
from strategies.features.smoothing import AVERAGE_SIZE, true_range, wilder
from strategies.features.windows import filled, push, ring_size, total

_SEED_WEIGHT = 0.01  # what RiskMetrics (1996) calls the tolerance level: the share of history that may be missing


def _atr(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), average true range
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before != 0.0:
        out[0] = wilder(state, 1, int(params[0]), true_range(bar[HIGH], bar[LOW], before))


def _realised_volatility(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), ring of squared log returns
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    bars = int(params[0])
    change = math.log(bar[CLOSE] / before)
    start = push(state, 1, bars, change * change)
    if filled(state, 1, bars):
        out[0] = math.sqrt(total(state, start, bars))


def _ewma_volatility(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), weight of the first return (0 = none yet), variance
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    decay = params[0]
    change = math.log(bar[CLOSE] / before)
    if state[1] == 0.0:
        state[1] = 1.0
        state[2] = change * change
    else:
        state[1] *= decay
        state[2] = decay * state[2] + (1.0 - decay) * change * change
    if state[1] <= _SEED_WEIGHT:
        out[0] = math.sqrt(state[2])


def _ewma_warmup(p: Params) -> tuple[int, ...]:
    bars, weight = 2, 1.0
    while weight > _SEED_WEIGHT:  # the kernel's own multiplications, so that both stop on the same bar
        weight *= p["decay"]
        bars += 1
    return (bars,)


FEATURES = (
    Feature(
        name="atr",
        family="volatility",
        summary="Average true range.",
        formula="Wilder's average (weight 1 / window, seeded by the mean of the first `window`) of the true range "
        "max(high, close before) - min(low, close before), from the second bar on.",
        params=(window(14, "true ranges that seed the average", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda _: 1 + AVERAGE_SIZE,
        kernel=_atr,
        flat="0",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators atr.csv (1e-9)",
        differences="Tulip and Achelis p. 70 count the first bar's high - low as a true range and so start one bar "
        "earlier with other values; without a close before it is not one.",
    ),
    Feature(
        name="realised_volatility",
        family="volatility",
        summary="Realised volatility over the window.",
        formula="Square root of the sum of the last `window` squared log returns: of the whole window, not annualised. "
        "Divide by sqrt(window) for one bar.",
        params=(window(20, "returns summed", low=1),),
        outputs=(Output("", "fraction over the window"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + ring_size(p["window"]),
        kernel=_realised_volatility,
        flat="0",
        source="Andersen, Bollerslev, Diebold and Labys (2003), Modeling and Forecasting Realized Volatility, "
        "Econometrica 71(2), 579-625",
        compared="No published values; slow reference in the tests",
        differences="Tulip's volatility is a standard deviation of simple returns, annualised by 252 days.",
    ),
    Feature(
        name="ewma_volatility",
        family="volatility",
        summary="Exponentially weighted volatility of one bar (RiskMetrics).",
        formula="variance = decay * variance + (1 - decay) * r^2 for each log return r, zero mean, seeded by the first "
        "r^2; its square root, not annualised. NaN until the first return's weight has fallen to 1 %.",
        params=(Param(name="decay", default=0.94, low=0.5, high=0.999, meaning="weight of the past, lambda"),),
        outputs=(Output("", "fraction per bar"),),
        warmup=_ewma_warmup,
        state_size=lambda _: 3,
        kernel=_ewma_volatility,
        flat="decays to 0",
        source="J.P. Morgan and Reuters (1996), RiskMetrics Technical Document, 4th ed., section 5.2",
        compared="No published values; slow reference in the tests",
        differences="The value of a bar includes its own return, so it is the forecast for the next bar.",
    ),
)
