"""Volatility from ranges and returns: true range, NATR, five historical estimators, ulcer index."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, OPEN, Doubles, Feature, Output, window
from strategies.features.smoothing import AVERAGE_SIZE, true_range, wilder
from strategies.features.windows import filled, lift, push, ring_size, total, variance

_LN2 = math.log(2.0)


def _true_range(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = true_range(bar[HIGH], bar[LOW], before) if before != 0.0 else NAN


def _natr(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), average true range
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before != 0.0:
        out[0] = 100.0 * wilder(state, 1, int(params[0]), true_range(bar[HIGH], bar[LOW], before)) / bar[CLOSE]


def _close_to_close(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), ring of log returns
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    bars = int(params[0])
    start = push(state, 1, bars, math.log(bar[CLOSE] / before))
    if filled(state, 1, bars):
        out[0] = math.sqrt(_sample_variance(state, start, bars))


def _parkinson(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    reach = math.log(bar[HIGH] / bar[LOW])
    _root_mean(state, int(params[0]), reach * reach / (4.0 * _LN2), out)


def _garman_klass(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    reach = math.log(bar[HIGH] / bar[LOW])
    body = math.log(bar[CLOSE] / bar[OPEN])
    _root_mean(state, int(params[0]), 0.5 * reach * reach - (2.0 * _LN2 - 1.0) * body * body, out)


def _rogers_satchell(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    _root_mean(state, int(params[0]), _rogers_satchell_term(bar), out)


def _yang_zhang(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), rings of overnight returns, of open-to-close returns and of ranges
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    bars = int(params[0])
    size = ring_size(bars)
    start = push(state, 1, bars, math.log(bar[OPEN] / before))
    push(state, 1 + size, bars, math.log(bar[CLOSE] / bar[OPEN]))
    push(state, 1 + 2 * size, bars, _rogers_satchell_term(bar))
    if filled(state, 1, bars):
        weight = 0.34 / (1.34 + (bars + 1.0) / (bars - 1.0))
        squared = (
            _sample_variance(state, start, bars)
            + weight * _sample_variance(state, start + size, bars)
            + (1.0 - weight) * total(state, start + 2 * size, bars) / bars
        )
        out[0] = math.sqrt(max(squared, 0.0))


def _ulcer_index(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = NAN
    if not filled(state, 0, bars):
        return
    peak = state[start]
    squares = 0.0
    for index in range(start + 1, start + bars):
        if state[index] > peak:
            peak = state[index]
        else:
            fall = (state[index] - peak) / peak
            squares += fall * fall
    out[0] = 100.0 * math.sqrt(squares / bars)


@inline
def _sample_variance(state: Doubles, start: int, count: int) -> float:
    return variance(state, start, count, lift(state, start, count)) * count / (count - 1.0)


@inline
def _root_mean(state: Doubles, bars: int, term: float, out: Doubles) -> None:
    start = push(state, 0, bars, term)
    # a bar whose high is not its highest price can make a term negative
    out[0] = math.sqrt(max(total(state, start, bars) / bars, 0.0)) if filled(state, 0, bars) else NAN


@inline
def _rogers_satchell_term(bar: Doubles) -> float:
    up = math.log(bar[HIGH] / bar[CLOSE]) * math.log(bar[HIGH] / bar[OPEN])
    return up + math.log(bar[LOW] / bar[CLOSE]) * math.log(bar[LOW] / bar[OPEN])


_PER_BAR = (Output("", "fraction per bar"),)
_ANNUAL = "Not annualised: multiply by the square root of the bars in a year. "

FEATURES = (
    Feature(
        name="true_range",
        family="volatility",
        summary="True range: how far the price moved since the close before.",
        formula="max(high, close before) - min(low, close before).",
        params=(),
        outputs=(Output("", "price"),),
        warmup=lambda _: (2,),
        state_size=lambda _: 1,
        kernel=_true_range,
        flat="0",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators tr.csv (1e-9); TA-Lib TRANGE (1e-12); Achelis and Tulip tr (printed digits)",
        differences="Tulip gives high - low on the first bar, which has no close before it; here it has no value.",
    ),
    Feature(
        name="natr",
        family="volatility",
        summary="Average true range as a percentage of the close.",
        formula="100 * ATR(window) / close.",
        params=(window(14, "true ranges that seed the average", low=1),),
        outputs=(Output("", "percent"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda _: 1 + AVERAGE_SIZE,
        kernel=_natr,
        flat="0",
        source="Forman (2006), Cross-Market Evaluations with Normalized Average True Range, Technical Analysis of "
        "Stocks and Commodities 24(5)",
        compared="TA-Lib NATR (1e-9); Stock Indicators atr.csv, column atrp (1e-9)",
        differences="Tulip counts the first bar's high - low as a true range: other first values, as with atr.",
    ),
    Feature(
        name="close_to_close",
        family="volatility",
        summary="Historical volatility from closes: the standard deviation of log returns.",
        formula="Sample standard deviation (divisor window - 1) of the last `window` log returns.",
        params=(window(20, "returns in the window"),),
        outputs=_PER_BAR,
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + ring_size(p["window"]),
        kernel=_close_to_close,
        flat="0",
        source="Hull (2018), Options, Futures, and Other Derivatives, 10th ed., section 15.4",
        compared="TA-Lib STDDEV of log returns, scaled to the sample divisor (1e-9)",
        differences=_ANNUAL + "Tulip's volatility takes simple returns, the population divisor and 252 days.",
    ),
    Feature(
        name="parkinson",
        family="volatility",
        summary="Historical volatility from the high-low range, five times as efficient as closes.",
        formula="sqrt(mean of ln(high / low)^2 / (4 ln 2)) over the last `window` bars.",
        params=(window(20, "bars averaged", low=1),),
        outputs=_PER_BAR,
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_parkinson,
        flat="0",
        source="Parkinson (1980), The Extreme Value Method for Estimating the Variance of the Rate of Return, Journal "
        "of Business 53(1), 61-65",
        compared="TA-Lib SMA of the squared log ranges (1e-9)",
        differences=_ANNUAL + "Assumes no drift and no gaps between bars.",
    ),
    Feature(
        name="garman_klass",
        family="volatility",
        summary="Historical volatility from open, high, low and close.",
        formula="sqrt(mean of 0.5 ln(high / low)^2 - (2 ln 2 - 1) ln(close / open)^2) over the last `window` bars.",
        params=(window(20, "bars averaged", low=1),),
        outputs=_PER_BAR,
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_garman_klass,
        flat="0",
        source="Garman and Klass (1980), On the Estimation of Security Price Volatilities from Historical Data, "
        "Journal of Business 53(1), 67-78, the practical form of their best estimator",
        compared="TA-Lib SMA of the terms (1e-9)",
        differences=_ANNUAL + "The practical form, as nearly every library has it; the full one weighs the cross "
        "terms by 0.511, 0.019 and 0.383.",
    ),
    Feature(
        name="rogers_satchell",
        family="volatility",
        summary="Historical volatility from open, high, low and close, unbiased under drift.",
        formula="sqrt(mean of ln(high / close) ln(high / open) + ln(low / close) ln(low / open)) over `window` bars.",
        params=(window(20, "bars averaged", low=1),),
        outputs=_PER_BAR,
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_rogers_satchell,
        flat="0",
        source="Rogers and Satchell (1991), Estimating Variance from High, Low and Closing Prices, Annals of Applied "
        "Probability 1(4), 504-512",
        compared="TA-Lib SMA of the terms (1e-9)",
        differences=_ANNUAL + "Assumes no gaps between bars.",
    ),
    Feature(
        name="yang_zhang",
        family="volatility",
        summary="Historical volatility that allows for drift and for gaps between bars.",
        formula="sqrt(var(ln(open / close before)) + k var(ln(close / open)) + (1 - k) Rogers-Satchell) over `window` "
        "bars, sample variances, k = 0.34 / (1.34 + (window + 1) / (window - 1)).",
        params=(window(20, "bars in the window"),),
        outputs=_PER_BAR,
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + 3 * ring_size(p["window"]),
        kernel=_yang_zhang,
        flat="0",
        source="Yang and Zhang (2000), Drift-Independent Volatility Estimation Based on High, Low, Open, and Close "
        "Prices, Journal of Business 73(3), 477-492, eq. 7 and 8",
        compared="TA-Lib VAR and SMA of the terms, composed (1e-9)",
        differences=_ANNUAL.strip(),
    ),
    Feature(
        name="ulcer_index",
        family="volatility",
        summary="Ulcer index: the root mean square fall from the peak within the window.",
        formula="sqrt(mean of d^2) over the last `window` closes, d = 100 * (close - highest close since the window "
        "began) / that highest close.",
        params=(window(14, "closes in the window"),),
        outputs=(Output("", "percent"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_ulcer_index,
        flat="0",
        source="Martin and McCann (1989), The Investor's Guide to Fidelity Funds",
        compared="The value Stock Indicators states for its sample series (printed digits)",
        differences="StockCharts measures each fall from the highest of the `window` closes before it, so it needs "
        "twice the bars; Martin's own program is the one here.",
    ),
)
