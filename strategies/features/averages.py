"""Moving averages of the close: simple, exponential, weighted."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential
from strategies.features.windows import filled, mean, push, ramp_mean, ring_size


def _sma(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = mean(state, start, bars) if filled(state, 0, bars) else NAN


def _ema(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = exponential(state, 0, int(params[0]), bar[CLOSE])


def _wma(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = ramp_mean(state, start, bars) if filled(state, 0, bars) else NAN


FEATURES = (
    Feature(
        name="sma",
        family="averages",
        summary="Simple moving average of the close.",
        formula="Mean of the last `window` closes.",
        params=(window(20, "closes averaged", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_sma,
        flat="the price",
        source="Murphy (1999), Technical Analysis of the Financial Markets, ch. 9",
        compared="Stock Indicators sma.csv (1e-9); Achelis p. 207 (printed digits); TA-Lib SMA (printed digits)",
        differences="none",
    ),
    Feature(
        name="ema",
        family="averages",
        summary="Exponential moving average of the close.",
        formula="ema += 2 / (window + 1) * (close - ema); seeded by the mean of the first `window` closes.",
        params=(window(20, "closes that carry about 86 % of the weight", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda _: AVERAGE_SIZE,
        kernel=_ema,
        flat="the price",
        source="Murphy (1999), Technical Analysis of the Financial Markets, ch. 9; Appel (2005), Technical Analysis",
        compared="Stock Indicators ema.csv (1e-9); TA-Lib EMA, classic seed (printed digits)",
        differences="Achelis p. 209 and Tulip seed with the first close and have no warm-up; the seed by the mean is "
        "less at the mercy of one close, and is TA-Lib's default.",
    ),
    Feature(
        name="wma",
        family="averages",
        summary="Linearly weighted moving average of the close.",
        formula="Mean of the last `window` closes, weighted 1, 2 ... `window` from the oldest to the newest.",
        params=(window(20, "closes averaged", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_wma,
        flat="the price",
        source="Achelis (2001), Technical Analysis from A to Z, 2nd ed., p. 213; Murphy (1999), ch. 9",
        compared="Stock Indicators wma.csv (1e-9); Achelis p. 213 (printed digits); TA-Lib WMA (printed digits)",
        differences="none",
    ),
)
