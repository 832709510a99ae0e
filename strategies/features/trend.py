"""Trend strength: the directional movement system."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, window
from strategies.features.smoothing import AVERAGE_SIZE, ratio, true_range, wilder


def _adx(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: high, low, close before (0 = none yet); averages of true range, +DM, -DM and DX
    high, low, close_before = state[0], state[1], state[2]
    state[0], state[1], state[2] = bar[HIGH], bar[LOW], bar[CLOSE]
    out[0] = out[1] = out[2] = NAN
    if close_before == 0.0:
        return
    bars = int(params[0])
    up = bar[HIGH] - high
    down = low - bar[LOW]
    plus_movement = up if up > down and up > 0.0 else 0.0
    minus_movement = down if down > up and down > 0.0 else 0.0
    ranges = 3
    span = wilder(state, ranges, bars, true_range(bar[HIGH], bar[LOW], close_before))
    plus = wilder(state, ranges + AVERAGE_SIZE, bars, plus_movement)
    minus = wilder(state, ranges + 2 * AVERAGE_SIZE, bars, minus_movement)
    if state[ranges] < bars:
        return
    out[1] = 100.0 * ratio(plus, span, 0.0)
    out[2] = 100.0 * ratio(minus, span, 0.0)
    strength = 100.0 * ratio(abs(plus - minus), plus + minus, 0.0)
    out[0] = wilder(state, ranges + 3 * AVERAGE_SIZE, bars, strength)


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
        state_size=lambda _: 3 + 4 * AVERAGE_SIZE,
        kernel=_adx,
        flat="0",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators adx.csv (1e-9)",
        differences="TA-Lib and Tulip seed the movements with `window - 1` bars and so start one bar earlier with "
        "other values; Wilder's work sheet sums the first `window`. A market without movement gives 0.",
    ),
)
