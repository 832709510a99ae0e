"""Oscillators made of relative strength: stochastic RSI, Connors RSI, QQE."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, Param, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential, wilder
from strategies.features.strength import STRENGTH_SIZE, place, relative_strength
from strategies.features.windows import filled, mean, push, ring_size


def _stochastic_rsi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), relative strength, rings of strengths, of places and of smoothed places
    rsi_bars, bars, k_bars, d_bars = int(params[0]), int(params[1]), int(params[2]), int(params[3])
    strengths = 1 + STRENGTH_SIZE
    places = strengths + ring_size(bars)
    smoothed = places + ring_size(k_bars)
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = out[1] = NAN
    if before == 0.0:
        return
    strength = relative_strength(state, 1, rsi_bars, bar[CLOSE] - before)
    if state[1] < rsi_bars:
        return
    value = place(state, strengths, bars, strength, 50.0)
    if not filled(state, strengths, bars):
        return
    start = push(state, places, k_bars, value)
    if not filled(state, places, k_bars):
        return
    out[0] = mean(state, start, k_bars)
    start = push(state, smoothed, d_bars, out[0])
    if filled(state, smoothed, d_bars):
        out[1] = mean(state, start, d_bars)


def _connors_rsi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), streak, strengths of price and of streak, ring of returns
    rank_bars = int(params[2])
    returns = 2 + 2 * STRENGTH_SIZE
    before, streak_before = state[0], state[1]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    if bar[CLOSE] > before:
        state[1] = max(streak_before, 0.0) + 1.0
    elif bar[CLOSE] < before:
        state[1] = min(streak_before, 0.0) - 1.0
    else:
        state[1] = 0.0
    price = relative_strength(state, 2, int(params[0]), bar[CLOSE] - before)
    streak = relative_strength(state, 2 + STRENGTH_SIZE, int(params[1]), state[1] - streak_before)
    newest = (bar[CLOSE] - before) / before
    start = push(state, returns, rank_bars + 1, newest)
    if filled(state, returns, rank_bars + 1):
        below = 0.0
        for index in range(start, start + rank_bars):
            below += 1.0 if state[index] < newest else 0.0
        # NaN while one of the strengths is not warm
        out[0] = (price + streak + 100.0 * below / rank_bars) / 3.0


@inline
def _trailed(held: float, before: float, line: float, reach: float) -> float:
    """Return the trailing line: it follows at `reach` and never gives way, unless the line crosses it."""
    if line < held:
        return min(line + reach, held) if before < held else line + reach
    if line > held:
        return max(line - reach, held) if before > held else line - reach
    return held


def _qqe(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), relative strength, its average, two averages of that one's change,
    # trailing line, average before
    rsi_bars, smooth = int(params[0]), int(params[1])
    average = 1 + STRENGTH_SIZE
    moves = average + AVERAGE_SIZE
    trail = moves + 2 * AVERAGE_SIZE
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = out[1] = NAN
    if before == 0.0:
        return
    strength = relative_strength(state, 1, rsi_bars, bar[CLOSE] - before)
    if state[1] < rsi_bars:
        return
    line_before, seeded_before = state[trail + 1], state[average] == smooth
    line = exponential(state, average, smooth, strength)
    out[0] = line
    if state[average] < smooth:
        return
    state[trail + 1] = line
    if not seeded_before:
        return
    once = wilder(state, moves, rsi_bars, abs(line - line_before))
    if state[moves] < rsi_bars:
        return
    twice = wilder(state, moves + AVERAGE_SIZE, rsi_bars, once)
    if state[moves + AVERAGE_SIZE] < rsi_bars:
        return
    state[trail] = _trailed(state[trail], line_before, line, params[2] * twice)
    out[1] = state[trail]


FEATURES = (
    Feature(
        name="stochastic_rsi",
        family="momentum",
        summary="Stochastic RSI: where the RSI stands in its own recent range.",
        formula="k = SMA of 100 * (rsi - L) / (H - L) over smooth_k bars, with H and L the extremes of the last "
        "`window` values of RSI(close, rsi_window); d = SMA(k, smooth_d).",
        params=(
            window(14, "changes that seed the RSI", name="rsi_window", low=1),
            window(14, "values of the RSI in the range"),
            window(1, "values averaged into k", name="smooth_k", low=1),
            window(3, "values of k averaged into d", name="smooth_d", low=1),
        ),
        outputs=(Output("k", "0 to 100"), Output("d", "0 to 100")),
        warmup=lambda p: (
            p["rsi_window"] + p["window"] + p["smooth_k"] - 1,
            p["rsi_window"] + p["window"] + p["smooth_k"] + p["smooth_d"] - 2,
        ),
        state_size=lambda p: (
            1 + STRENGTH_SIZE + ring_size(p["window"]) + ring_size(p["smooth_k"]) + ring_size(p["smooth_d"])
        ),
        kernel=_stochastic_rsi,
        flat="50",
        source="Chande and Kroll (1994), The New Technical Trader, Wiley, ch. 7",
        compared="TA-Lib STOCHRSI (1e-9); Tulip stochrsi, a fraction there (printed digits)",
        differences="A range of zero gives 50, where TA-Lib and Stock Indicators give 0: 0 would read as oversold.",
    ),
    Feature(
        name="connors_rsi",
        family="momentum",
        summary="Connors RSI: mean of a short RSI, of the RSI of the streak, and of the rank of the last return.",
        formula="(RSI(close, window) + RSI(streak, streak_window) + rank) / 3; streak counts the closes in a row that "
        "rose (positive) or fell, 0 where unchanged; rank = 100 * share of the rank_window returns before that lie "
        "below this one.",
        params=(
            window(3, "changes that seed the RSI of the close", low=1),
            window(2, "changes that seed the RSI of the streak", name="streak_window", low=1),
            window(100, "returns this one is ranked among", name="rank_window", low=1),
        ),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (max(p["window"] + 1, p["streak_window"] + 1, p["rank_window"] + 2),),
        state_size=lambda p: 2 + 2 * STRENGTH_SIZE + ring_size(p["rank_window"] + 1),
        kernel=_connors_rsi,
        flat="33.3: two RSIs of 50 and a rank of 0",
        source="Connors and Alvarez (2012), An Introduction to ConnorsRSI, Connors Research",
        compared="No values in the data here; slow reference in the tests",
        differences="An RSI without a single change is 50: see `rsi`.",
    ),
    Feature(
        name="qqe",
        family="momentum",
        summary="Quantitative qualitative estimation: a smoothed RSI and a line that trails it.",
        formula="line = EMA(RSI(close, window), smooth); reach = factor * W(W(|change of line|)), W Wilder's average "
        "of `window` values; trail = line - reach while the line is above it, which never falls, and line + "
        "reach while below, which never rises; it changes sides where the line crosses it. It starts below.",
        params=(
            window(14, "changes that seed the RSI, and values in W", low=1),
            window(5, "values of the RSI averaged", name="smooth", low=1),
            Param(name="factor", default=4.236, low=0.1, high=20.0, meaning="average moves between line and trail"),
        ),
        outputs=(Output("line", "0 to 100"), Output("trail", "0 to 100 and beyond")),
        warmup=lambda p: (p["window"] + p["smooth"], 3 * p["window"] + p["smooth"] - 1),
        state_size=lambda _: 1 + STRENGTH_SIZE + 3 * AVERAGE_SIZE + 2,
        kernel=_qqe,
        flat="50, and the trail on it",
        source="Livshits, QQE for MetaTrader 4 (2008)",
        compared="No published values; slow reference in the tests",
        differences="Livshits writes W as an EMA of 2 * window - 1 values, which has the same weights; the seed by the "
        "mean follows `ema`.",
    ),
)
