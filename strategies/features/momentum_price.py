"""Oscillators of price against its own averages and past: PPO, PVO, PMO, TRIX, TSI, DPO, awesome, accelerator."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.averages_exponential import cascade
from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, VOLUME, Doubles, Feature, Output, Params, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential, ratio, seeded
from strategies.features.windows import filled, mean, push, ring_size


@inline
def _percentage(params: Doubles, state: Doubles, out: Doubles, value: float) -> None:
    """Give the distance of two averages in percent of the slow one, its signal line and their difference."""
    slow_bars = int(params[1])
    fast = exponential(state, 0, int(params[0]), value)
    slow = exponential(state, AVERAGE_SIZE, slow_bars, value)
    out[0] = out[1] = out[2] = NAN
    if state[AVERAGE_SIZE] == slow_bars:
        out[0] = 100.0 * ratio(fast - slow, slow, 0.0)
        out[1] = exponential(state, 2 * AVERAGE_SIZE, int(params[2]), out[0])
        out[2] = out[0] - out[1]


def _ppo(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    _percentage(params, state, out, bar[CLOSE])


def _pvo(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    _percentage(params, state, out, bar[VOLUME])


def _pmo(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), averages of the change, of that average, of the oscillator
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = out[1] = NAN
    if before == 0.0:
        return
    first_bars, second_bars = int(params[0]), int(params[1])
    change = 100.0 * (bar[CLOSE] - before) / before
    once = seeded(state, 1, first_bars, change, 1.0 - 2.0 / first_bars)
    if state[1] == first_bars:
        out[0] = seeded(state, 1 + AVERAGE_SIZE, second_bars, 10.0 * once, 1.0 - 2.0 / second_bars)
        if state[1 + AVERAGE_SIZE] == second_bars:
            out[1] = exponential(state, 1 + 2 * AVERAGE_SIZE, int(params[2]), out[0])


def _trix(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: three averages with one count
    bars = int(params[0])
    seeded_before = state[0] == bars
    before = state[3]
    cascade(state, 0, 3, bars, bar[CLOSE])
    out[0] = 100.0 * (state[3] - before) / before if seeded_before else NAN
    out[1] = state[3] if seeded_before else NAN


def _tsi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), two averages each of the change and of its size, signal line
    once = 1
    twice = once + 2 * AVERAGE_SIZE
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = out[1] = NAN
    if before == 0.0:
        return
    first_bars, second_bars = int(params[0]), int(params[1])
    change = bar[CLOSE] - before
    net = exponential(state, once, first_bars, change)
    gross = exponential(state, once + AVERAGE_SIZE, first_bars, abs(change))
    if state[once] < first_bars:
        return
    net = exponential(state, twice, second_bars, net)
    gross = exponential(state, twice + AVERAGE_SIZE, second_bars, gross)
    if state[twice] == second_bars:
        out[0] = 100.0 * ratio(net, gross, 0.0)
        out[1] = exponential(state, twice + 2 * AVERAGE_SIZE, int(params[2]), out[0])


def _dpo(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    back = bars // 2 + 1
    kept = max(bars, back + 1)
    start = push(state, 0, kept, bar[CLOSE])
    out[0] = NAN
    if filled(state, 0, kept):
        out[0] = state[start + kept - 1 - back] - mean(state, start + kept - bars, bars)


def _dpo_span(p: Params) -> float:
    return max(p["window"], p["window"] // 2 + 2)


@inline
def _middle_distance(state: Doubles, fast: int, slow: int, bar: Doubles) -> float:
    # state: ring of middle prices
    start = push(state, 0, slow, 0.5 * (bar[HIGH] + bar[LOW]))
    if not filled(state, 0, slow):
        return NAN
    return mean(state, start + slow - fast, fast) - mean(state, start, slow)


def _awesome(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = _middle_distance(state, int(params[0]), int(params[1]), bar)


def _accelerator(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    slow, bars = int(params[1]), int(params[2])
    distance = _middle_distance(state, int(params[0]), slow, bar)
    out[0] = NAN
    if filled(state, 0, slow):
        distances = ring_size(slow)
        start = push(state, distances, bars, distance)
        if filled(state, distances, bars):
            out[0] = distance - mean(state, start, bars)


def _momentum(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    kept = int(params[0]) + 1
    start = push(state, 0, kept, bar[CLOSE])
    out[0] = bar[CLOSE] - state[start] if filled(state, 0, kept) else NAN


def _roc_bands(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: average of the rate, ring of closes, ring of squared rates
    kept, band_bars = int(params[0]) + 1, int(params[2])
    squares = AVERAGE_SIZE + ring_size(kept)
    start = push(state, AVERAGE_SIZE, kept, bar[CLOSE])
    out[0] = out[1] = out[2] = out[3] = NAN
    if not filled(state, AVERAGE_SIZE, kept):
        return
    rate = 100.0 * (bar[CLOSE] - state[start]) / state[start]
    out[0] = rate
    out[1] = exponential(state, 0, int(params[1]), rate)
    start = push(state, squares, band_bars, rate * rate)
    if filled(state, squares, band_bars):
        out[2] = math.sqrt(mean(state, start, band_bars))
        out[3] = -out[2]


def _fast_below_slow(p: Params) -> str:
    return "" if p["fast"] < p["slow"] else f"fast must be below slow, were {p['fast']} and {p['slow']}"


def _signal_starts(p: Params) -> tuple[float, float, float]:
    return (p["slow"], p["slow"] + p["signal"] - 1, p["slow"] + p["signal"] - 1)


_TWO_AVERAGES = (
    window(12, "bars of the fast average", name="fast", low=1),
    window(26, "bars of the slow average", name="slow"),
    window(9, "values in the signal line", name="signal", low=1),
)
_MIDDLE_AVERAGES = (
    window(5, "bars of the fast average", name="fast", low=1),
    window(34, "bars of the slow average", name="slow"),
)
_WILLIAMS = "Williams (1998), New Trading Dimensions, Wiley"

FEATURES = (
    Feature(
        name="ppo",
        family="momentum",
        summary="Percentage price oscillator: MACD in percent of the slow average.",
        formula="ppo = 100 * (EMA(close, fast) - EMA(close, slow)) / EMA(close, slow); signal = EMA(ppo, signal); "
        "histogram = ppo - signal. Each EMA is seeded by the mean of the first values it is given.",
        params=_TWO_AVERAGES,
        outputs=(Output("ppo", "percent"), Output("signal", "percent"), Output("histogram", "percent")),
        warmup=_signal_starts,
        state_size=lambda _: 3 * AVERAGE_SIZE,
        kernel=_ppo,
        flat="0",
        source="Appel (2005), Technical Analysis: Power Tools for Active Investors",
        compared="Composed of Stock Indicators macd.csv (1e-9); TA-Lib PPO with EMA once the seed has faded (1e-9)",
        differences="TA-Lib starts the fast average late, so that both are seeded on the same bar; Tulip seeds with "
        "the first close.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="pvo",
        family="momentum",
        summary="Percentage volume oscillator: how far a fast average of volume lies from a slow one.",
        formula="As `ppo`, of the volume.",
        params=_TWO_AVERAGES,
        outputs=(Output("pvo", "percent"), Output("signal", "percent"), Output("histogram", "percent")),
        warmup=_signal_starts,
        state_size=lambda _: 3 * AVERAGE_SIZE,
        kernel=_pvo,
        flat="0, and 0 where there is no volume at all",
        source="Appel (2005), Technical Analysis: Power Tools for Active Investors, applied to volume",
        compared="Stock Indicators pvo.csv (1e-9)",
        differences="TA-Lib PVO seeds the fast average later, as for `ppo`.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="pmo",
        family="momentum",
        summary="DecisionPoint price momentum oscillator: the rate of change smoothed twice.",
        formula="pmo = C(10 * C(100 * (close / close before - 1), first), second), signal = EMA(pmo, signal), where "
        "C(x, n) has weight 2 / n; all are seeded by the mean of the first values they are given.",
        params=(
            window(35, "bars of the first smoothing", name="first"),
            window(20, "values in the second smoothing", name="second"),
            window(10, "values in the signal line", name="signal", low=1),
        ),
        outputs=(Output("pmo", "ten times percent"), Output("signal", "ten times percent")),
        warmup=lambda p: (p["first"] + p["second"], p["first"] + p["second"] + p["signal"] - 1),
        state_size=lambda _: 1 + 3 * AVERAGE_SIZE,
        kernel=_pmo,
        flat="0",
        source="Swenlin (1999), DecisionPoint Price Momentum Oscillator, StockCharts ChartSchool",
        compared="No values in the data here; slow reference in the tests",
        differences="none",
    ),
    Feature(
        name="trix",
        family="momentum",
        summary="TRIX: rate of change of a triple exponential average.",
        formula="trix = 100 * (e3 - e3 before) / e3 before, average = e3 = EMA(EMA(EMA(close))); the three are seeded "
        "by the mean of the first `window` closes.",
        params=(window(14, "bars of each average", low=1),),
        outputs=(Output("trix", "percent a bar"), Output("average", "price")),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=lambda _: 4,
        kernel=_trix,
        flat="trix 0, average the price",
        source="Hutson (1983), Good TRIX, Technical Analysis of Stocks and Commodities 1(5)",
        compared="Stock Indicators trix.csv (1e-9); TA-Lib TRIX once the seed has faded (1e-9)",
        differences="TA-Lib seeds each average by the first values of the one before and so starts 2 * (window - 1) "
        "bars later; Achelis p. 344 and Tulip seed all with the first close.",
    ),
    Feature(
        name="tsi",
        family="momentum",
        summary="True strength index: net movement relative to gross movement, both smoothed twice.",
        formula="tsi = 100 * EMA(EMA(change, first), second) / EMA(EMA(|change|, first), second); signal = EMA(tsi, "
        "signal); each EMA is seeded by the mean of the first values it is given.",
        params=(
            window(25, "bars of the first smoothing", name="first", low=1),
            window(13, "values in the second smoothing", name="second", low=1),
            window(7, "values in the signal line", name="signal", low=1),
        ),
        outputs=(Output("tsi", "-100 to 100"), Output("signal", "-100 to 100")),
        warmup=lambda p: (p["first"] + p["second"], p["first"] + p["second"] + p["signal"] - 1),
        state_size=lambda _: 1 + 5 * AVERAGE_SIZE,
        kernel=_tsi,
        flat="0",
        source="Blau (1991), True Strength Index, Technical Analysis of Stocks and Commodities 11(1)",
        compared="TA-Lib TSI (1e-9)",
        differences="none",
    ),
    Feature(
        name="dpo",
        family="momentum",
        summary="Detrended price oscillator, causal: an earlier close against the average around it.",
        formula="close of window / 2 + 1 bars ago - SMA(close, window) of this bar; the half is rounded down.",
        params=(window(14, "closes averaged", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (_dpo_span(p),),
        state_size=lambda p: ring_size(_dpo_span(p)),
        kernel=_dpo,
        flat="0",
        source="Achelis (2001), Technical Analysis from A to Z, 2nd ed., p. 119",
        compared="Achelis p. 119 and Tulip dpo (printed digits); TA-Lib DPO (1e-9)",
        differences="Charts, and Stock Indicators, draw the value window / 2 + 1 bars back, under the close it is made "
        "of; there it is not known yet. Here it stands on the bar that completes it.",
    ),
    Feature(
        name="awesome",
        family="momentum",
        summary="Awesome oscillator: fast less slow average of the middle price.",
        formula="SMA((high + low) / 2, fast) - SMA((high + low) / 2, slow).",
        params=_MIDDLE_AVERAGES,
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["slow"],),
        state_size=lambda p: ring_size(p["slow"]),
        kernel=_awesome,
        flat="0",
        source=_WILLIAMS,
        compared="TA-Lib AO (1e-9)",
        differences="none",
        requires=_fast_below_slow,
    ),
    Feature(
        name="accelerator",
        family="momentum",
        summary="Accelerator oscillator: the awesome oscillator less its own average.",
        formula="awesome - SMA(awesome, window).",
        params=(*_MIDDLE_AVERAGES, window(5, "values of the awesome oscillator averaged", low=1)),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["slow"] + p["window"] - 1,),
        state_size=lambda p: ring_size(p["slow"]) + ring_size(p["window"]),
        kernel=_accelerator,
        flat="0",
        source=_WILLIAMS,
        compared="TA-Lib AC (1e-9)",
        differences="none",
        requires=_fast_below_slow,
    ),
    Feature(
        name="momentum",
        family="momentum",
        summary="Momentum: the change of the close.",
        formula="close - close `window` bars ago.",
        params=(window(10, "bars looked back", low=1),),
        outputs=(Output("", "price"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: ring_size(p["window"] + 1),
        kernel=_momentum,
        flat="0",
        source="Murphy (1999), Technical Analysis of the Financial Markets, ch. 10",
        compared="Stock Indicators roc.csv, column momentum (1e-9); TA-Lib MOM (1e-9); Tulip mom (printed digits)",
        differences="Achelis p. 197 gives the ratio of the two closes.",
    ),
    Feature(
        name="roc_bands",
        family="momentum",
        summary="Rate of change with its average and bands of its own recent size.",
        formula="roc = 100 * (close / close `window` bars ago - 1); average = EMA(roc, average_window), seeded by the "
        "mean of the first; upper, lower = +- root of the mean of the last band_window squares of roc.",
        params=(
            window(20, "bars looked back", low=1),
            window(5, "values averaged", name="average_window", low=1),
            window(5, "values in the bands", name="band_window", low=1),
        ),
        outputs=(
            Output("roc", "percent"),
            Output("average", "percent"),
            Output("upper", "percent"),
            Output("lower", "percent"),
        ),
        warmup=lambda p: (
            p["window"] + 1,
            p["window"] + p["average_window"],
            p["window"] + p["band_window"],
            p["window"] + p["band_window"],
        ),
        state_size=lambda p: AVERAGE_SIZE + ring_size(p["window"] + 1) + ring_size(p["band_window"]),
        kernel=_roc_bands,
        flat="0",
        source="Vitali Apirine (2021), ROC with bands, Technical Analysis of Stocks and Commodities 39(3); as stated "
        "in Stock Indicators",
        compared="Composed of Stock Indicators roc.csv (1e-9); slow reference in the tests",
        differences="none",
    ),
)
