"""Trend strength: the directional movement system with its index, average index and rating."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.directional import (
    DIRECTION_SIZE,
    MINUS,
    PLUS,
    RANGE,
    direction_strength,
    move_directions,
)
from strategies.features.kernel import NAN, Doubles, Feature, Output, window
from strategies.features.smoothing import AVERAGE_SIZE, ratio, wilder
from strategies.features.windows import filled, push, ring_size


def _adx(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: directional movement, average of DX
    bars = int(params[0])
    out[0] = out[1] = out[2] = NAN
    if move_directions(state, bars, bar):
        span = state[RANGE + 1]
        out[1] = 100.0 * ratio(state[PLUS + 1], span, 0.0)
        out[2] = 100.0 * ratio(state[MINUS + 1], span, 0.0)
        out[0] = wilder(state, DIRECTION_SIZE, bars, direction_strength(state))


def _dx(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = direction_strength(state) if move_directions(state, int(params[0]), bar) else NAN


def _adxr(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: directional movement, average of DX, ring of such averages
    bars = int(params[0])
    out[0] = NAN
    if not move_directions(state, bars, bar):
        return
    average = wilder(state, DIRECTION_SIZE, bars, direction_strength(state))
    if state[DIRECTION_SIZE] == bars and average == average:  # noqa: PLR0124 - NaN on the bars that seed it
        averages = DIRECTION_SIZE + AVERAGE_SIZE
        start = push(state, averages, bars + 1, average)
        if filled(state, averages, bars + 1):
            out[0] = 0.5 * (average + state[start])


FEATURES = (
    Feature(
        name="adx",
        family="trend",
        summary="Average directional index, with the directional indicators +DI and -DI.",
        formula="+DM = high - high before where that is positive and above low before - low, else 0; -DM mirrored. "
        "+DI, -DI = 100 * W(DM) / W(true range); adx = W(100 * |+DI - -DI| / (+DI + -DI)); W is Wilder's average, "
        "weight 1 / window, seeded by the mean of the first `window`.",
        params=(window(14, "bars of each average", low=1),),
        outputs=(Output("adx", "0 to 100"), Output("plus_di", "0 to 100"), Output("minus_di", "0 to 100")),
        warmup=lambda p: (2 * p["window"], p["window"] + 1, p["window"] + 1),
        state_size=lambda _: DIRECTION_SIZE + AVERAGE_SIZE,
        kernel=_adx,
        flat="0",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators adx.csv (1e-9)",
        differences="TA-Lib and Tulip seed the movements with `window - 1` bars and so start one bar earlier with "
        "other values; Wilder's work sheet sums the first `window`. A market without movement gives 0.",
    ),
    Feature(
        name="dx",
        family="trend",
        summary="Directional index: how one-sided the recent movement was, before averaging.",
        formula="100 * |+DI - -DI| / (+DI + -DI), with +DI and -DI as in `adx`.",
        params=(window(14, "bars of each average", low=1),),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda _: DIRECTION_SIZE,
        kernel=_dx,
        flat="0",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators adx.csv, column dx (1e-9)",
        differences="As for `adx`.",
    ),
    Feature(
        name="adxr",
        family="trend",
        summary="Average directional index rating: the average index smoothed by its own past.",
        formula="Mean of `adx` and of `adx` `window` bars ago.",
        params=(window(14, "bars of each average, and of the distance", low=1),),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (3 * p["window"],),
        state_size=lambda p: DIRECTION_SIZE + AVERAGE_SIZE + ring_size(p["window"] + 1),
        kernel=_adxr,
        flat="0",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators adx.csv, column adxr (1e-9)",
        differences="As for `adx`. TA-Lib and Tulip take the index of window - 1 bars ago; Wilder and Stock Indicators "
        "that of `window` bars ago.",
    ),
)
