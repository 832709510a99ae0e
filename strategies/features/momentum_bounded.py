"""Oscillators within bounds: Schaff's cycle, SMI, CMO, ultimate oscillator, Fisher transform."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param, Params, window
from strategies.features.moves import move_sums
from strategies.features.smoothing import AVERAGE_SIZE, exponential, follow, ratio, true_range
from strategies.features.strength import place
from strategies.features.windows import filled, largest, mean, push, ring_size, smallest, total

_FISHER_EDGE = 0.999  # Ehlers keeps the transformed value below 1, where the logarithm ends


@inline
def _macd_line(state: Doubles, fast: int, slow: int, close: float) -> float:
    # state: fast and slow average
    quick = exponential(state, 0, fast, close)
    return quick - exponential(state, AVERAGE_SIZE, slow, close)


def _stc(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars, slow, smooth = int(params[0]), int(params[2]), int(params[3])
    lines = 2 * AVERAGE_SIZE
    places = lines + ring_size(bars)
    line = _macd_line(state, int(params[1]), slow, bar[CLOSE])
    out[0] = NAN
    if state[AVERAGE_SIZE] < slow:
        return
    value = place(state, lines, bars, line, 50.0)
    if filled(state, lines, bars):
        start = push(state, places, smooth, value)
        if filled(state, places, smooth):
            out[0] = mean(state, start, smooth)


def _schaff(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: two averages; first and second place, smoothed and not, of the bar before; rings of the line and of the
    # first smoothed place
    bars, slow, decay = int(params[0]), int(params[2]), 1.0 - params[3]
    before = 2 * AVERAGE_SIZE
    lines = before + 4
    firsts = lines + ring_size(bars)
    line = _macd_line(state, int(params[1]), slow, bar[CLOSE])
    out[0] = NAN
    if state[AVERAGE_SIZE] < slow:
        return
    began = filled(state, lines, bars)
    first = place(state, lines, bars, line, state[before] if began else 50.0)
    if not filled(state, lines, bars):
        return
    state[before] = first
    state[before + 1] = follow(state[before + 1], first, decay) if began else first
    began = filled(state, firsts, bars)
    second = place(state, firsts, bars, state[before + 1], state[before + 2] if began else 50.0)
    if not filled(state, firsts, bars):
        return
    state[before + 2] = second
    state[before + 3] = follow(state[before + 3], second, decay) if began else second
    out[0] = state[before + 3]


def _smi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: two averages of the distance, two of the range, signal line, rings of highs and lows
    bars = int(params[0])
    highs = 5
    lows = highs + ring_size(bars)
    seeding = not filled(state, highs, bars)
    start = push(state, highs, bars, bar[HIGH])
    push(state, lows, bars, bar[LOW])
    out[0] = out[1] = NAN
    if not filled(state, highs, bars):
        return
    top = largest(state, start, bars)
    bottom = smallest(state, start + lows - highs, bars)
    distance, span = bar[CLOSE] - 0.5 * (top + bottom), top - bottom
    if seeding:
        state[0] = state[1] = distance
        state[2] = state[3] = span
    first, second, third = (
        (params[1] - 1.0) / (params[1] + 1.0),
        (params[2] - 1.0) / (params[2] + 1.0),
        (params[3] - 1.0) / (params[3] + 1.0),
    )
    state[0] = follow(state[0], distance, first)
    state[1] = follow(state[1], state[0], second)
    state[2] = follow(state[2], span, first)
    state[3] = follow(state[3], state[2], second)
    out[0] = 100.0 * ratio(state[1], 0.5 * state[3], 0.0)
    state[4] = out[0] if seeding else follow(state[4], out[0], third)
    out[1] = state[4]


def _cmo(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars + 1, bar[CLOSE])
    out[0] = NAN
    if filled(state, 0, bars + 1):
        up, down = move_sums(state, start, bars)
        out[0] = 100.0 * ratio(up - down, up + down, 0.0)


def _ultimate(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), rings of buying pressure and of true range
    bars = int(params[2])
    ranges = 1 + ring_size(bars)
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    start = push(state, 1, bars, bar[CLOSE] - min(bar[LOW], before))
    push(state, ranges, bars, true_range(bar[HIGH], bar[LOW], before))
    if filled(state, 1, bars):
        weighted = 0.0
        weight = 4.0
        for span in range(3):
            part = int(params[span])
            at = start + bars - part
            weighted += weight * ratio(total(state, at, part), total(state, at + ranges - 1, part), 0.5)
            weight *= 0.5
        out[0] = 100.0 * weighted / 7.0


def _fisher(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: smoothed place, transformed value, ring of middle prices
    bars = int(params[0])
    middle = 0.5 * (bar[HIGH] + bar[LOW])
    if state[2] == 0.0:
        # the extremes of the first bars are those of the bars there are
        for _ in range(bars):
            push(state, 2, bars, middle)
        out[0] = 0.0
        out[1] = NAN
        return
    start = push(state, 2, bars, middle)
    bottom = smallest(state, start, bars)
    span = largest(state, start, bars) - bottom
    value = 0.66 * ((middle - bottom) / span - 0.5) + 0.67 * state[0] if span != 0.0 else 0.0
    if value > 0.99:
        value = _FISHER_EDGE
    elif value < -0.99:
        value = -_FISHER_EDGE
    state[0] = value
    out[1] = state[1]
    state[1] = 0.5 * math.log((1.0 + value) / (1.0 - value)) + 0.5 * state[1]
    out[0] = state[1]


def _fast_below_slow(p: Params) -> str:
    return "" if p["fast"] < p["slow"] else f"fast must be below slow, were {p['fast']} and {p['slow']}"


def _rising(p: Params) -> str:
    if p["short"] < p["middle"] < p["long"]:
        return ""
    return f"short, middle and long must rise, were {p['short']}, {p['middle']} and {p['long']}"


_CYCLE = (
    window(10, "values of the line a place is taken in"),
    window(23, "bars of the fast average", name="fast", low=1),
    window(50, "bars of the slow average", name="slow"),
)
_SCHAFF_SOURCE = "Schaff (1999), Schaff Trend Cycle, FX Strategy; published 2008"

FEATURES = (
    Feature(
        name="stc",
        family="momentum",
        summary="Schaff trend cycle, the short form: where MACD stands in its own recent range.",
        formula="line = EMA(close, fast) - EMA(close, slow); SMA of 100 * (line - L) / (H - L) over `smooth` bars, H "
        "and L the extremes of the last `window` lines.",
        params=(*_CYCLE, window(3, "places averaged", name="smooth", low=1)),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (p["slow"] + p["window"] + p["smooth"] - 2,),
        state_size=lambda p: 2 * AVERAGE_SIZE + ring_size(p["window"]) + ring_size(p["smooth"]),
        kernel=_stc,
        flat="50",
        source=_SCHAFF_SOURCE + "; the form of Stock Indicators",
        compared="Stock Indicators stc.csv (1e-9)",
        differences="A range of zero gives 50, where Stock Indicators gives 0. Schaff takes the place of a place: see "
        "`schaff`.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="schaff",
        family="momentum",
        summary="Schaff trend cycle as Schaff wrote it: a stochastic of a stochastic of MACD.",
        formula="line = EMA(close, fast) - EMA(close, slow); first += weight * (place of line - first); schaff += "
        "weight * (place of first - schaff); place = 100 * (x - L) / (H - L) in the last `window` values, that of the "
        "bar before where the range is zero; both start on their first place.",
        params=(*_CYCLE, Param(name="weight", default=0.5, low=0.05, high=1.0, meaning="weight of a new place")),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (p["slow"] + 2 * p["window"] - 2,),
        state_size=lambda p: 2 * AVERAGE_SIZE + 4 + 2 * ring_size(p["window"]),
        kernel=_schaff,
        flat="50",
        source=_SCHAFF_SOURCE,
        compared="No values in the data here; slow reference in the tests",
        differences="talipp averages the places by SMAs instead of by the weight.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="smi",
        family="momentum",
        summary="Stochastic momentum index: distance of the close from the middle of the range, smoothed twice.",
        formula="smi = 100 * E(E(close - (H + L) / 2, first), second) / (E(E(H - L, first), second) / 2), H and L the "
        "extremes of the last `window` bars; signal = E(smi, signal); E has weight 2 / (n + 1) and starts on its "
        "first value.",
        params=(
            window(13, "bars of the range", low=1),
            window(25, "bars of the first smoothing", name="first", low=1),
            window(2, "bars of the second smoothing", name="second", low=1),
            window(3, "values in the signal line", name="signal", low=1),
        ),
        outputs=(Output("smi", "-100 to 100"), Output("signal", "-100 to 100")),
        warmup=lambda p: (p["window"],) * 2,
        state_size=lambda p: 5 + 2 * ring_size(p["window"]),
        kernel=_smi,
        flat="0",
        source="Blau (1993), Stochastic Momentum, Technical Analysis of Stocks and Commodities 11(1)",
        compared="Stock Indicators smi.csv (1e-9)",
        differences="TA-Lib seeds its averages by means and so starts later.",
    ),
    Feature(
        name="cmo",
        family="momentum",
        summary="Chande momentum oscillator: net movement relative to gross movement.",
        formula="100 * (U - D) / (U + D), with U and D the sums of the rises and of the falls of the last `window` "
        "changes.",
        params=(window(14, "changes summed", low=1),),
        outputs=(Output("", "-100 to 100"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: ring_size(p["window"] + 1),
        kernel=_cmo,
        flat="0",
        source="Chande and Kroll (1994), The New Technical Trader, Wiley, ch. 5",
        compared="Achelis p. 102 and Tulip cmo (printed digits); TA-Lib CMOU (1e-9)",
        differences="TA-Lib CMO smooths the sums as Wilder does, which makes it 2 * RSI - 100; Chande sums.",
    ),
    Feature(
        name="ultimate_oscillator",
        family="momentum",
        summary="Ultimate oscillator: buying pressure over three spans.",
        formula="100 * (4 * A(short) + 2 * A(middle) + A(long)) / 7, A(n) = sum of close - min(low, close before) over "
        "sum of true range, the last n bars.",
        params=(
            window(7, "bars of the short span", name="short", low=1),
            window(14, "bars of the middle span", name="middle"),
            window(28, "bars of the long span", name="long", low=3),
        ),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (p["long"] + 1,),
        state_size=lambda p: 1 + 2 * ring_size(p["long"]),
        kernel=_ultimate,
        flat="50",
        source="Williams (1985), The Ultimate Oscillator, Technical Analysis of Stocks and Commodities 3(4)",
        compared="Stock Indicators uo.csv (1e-9); Achelis p. 346 and Tulip ultosc (printed digits); TA-Lib ULTOSC "
        "(1e-9)",
        differences="none",
        requires=_rising,
    ),
    Feature(
        name="fisher",
        family="momentum",
        summary="Fisher transform: the place of the middle price in its range, made to look Gaussian.",
        formula="x = 0.66 * ((m - L) / (H - L) - 0.5) + 0.67 * x before, held within +-0.999 beyond +-0.99 and 0 where "
        "the range is zero; m = (high + low) / 2, H and L its extremes in the last `window` bars, or in those "
        "there are; fisher = 0.5 * log((1 + x) / (1 - x)) + 0.5 * fisher before, 0 on the first bar; trigger = fisher "
        "before.",
        params=(window(10, "bars of the range", low=1),),
        outputs=(Output("fisher", "about -5 to 5"), Output("trigger", "about -5 to 5")),
        warmup=lambda _: (1, 2),
        state_size=lambda p: 2 + ring_size(p["window"]),
        kernel=_fisher,
        flat="decays to 0",
        source="Ehlers (2002), Using the Fisher Transform, Technical Analysis of Stocks and Commodities 20(11)",
        compared="Stock Indicators fisher.csv (1e-9)",
        differences="Tulip waits until the window is full and then starts from 0.",
    ),
)
