"""More rolling statistics: deviation, errors around the mean, skew, kurtosis, regression."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, window
from strategies.features.line_fit import slope
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, lift, mean_distance, push, ring_size, variance


def _stdev(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = out[1] = NAN
    if filled(state, 0, bars):
        lifted = lift(state, start, bars)
        out[0] = math.sqrt(variance(state, start, bars, lifted))
        out[1] = state[start] + lifted


def _sma_analysis(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = out[1] = out[2] = NAN
    if not filled(state, 0, bars):
        return
    lifted = lift(state, start, bars)
    out[0] = mean_distance(state, start, bars, lifted)
    out[1] = variance(state, start, bars, lifted)
    relative = 0.0
    for index in range(start, start + bars):
        relative += abs(state[index] - state[start] - lifted) / state[index]
    out[2] = relative / bars


def _skew(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = _sample_skew(state, start, bars) if filled(state, 0, bars) else NAN


def _kurtosis(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = _sample_kurtosis(state, start, bars) if filled(state, 0, bars) else NAN


def _return_moments(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), ring of log returns
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = out[1] = NAN
    if before == 0.0:
        return
    bars = int(params[0])
    start = push(state, 1, bars, math.log(bar[CLOSE] / before))
    if filled(state, 1, bars):
        out[0] = _sample_skew(state, start, bars)
        out[1] = _sample_kurtosis(state, start, bars)


def _regression(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, bar[CLOSE])
    if not filled(state, 0, bars):
        out[0] = out[1] = out[2] = out[3] = out[4] = NAN
        return
    lifted = lift(state, start, bars)
    rise = slope(state, start, bars)
    deviation = math.sqrt(variance(state, start, bars, lifted))
    # the deviation of 0, 1 ... bars - 1, times the slope, is the deviation of the line's own values
    explained = rise * math.sqrt((bars * bars - 1.0) / 12.0)
    share = ratio(explained, deviation, 0.0)
    out[0] = rise
    out[1] = state[start] + lifted - 0.5 * (bars - 1.0) * rise
    out[2] = min(share * share, 1.0)
    out[3] = state[start] + lifted + 0.5 * (bars - 1.0) * rise
    out[4] = out[3] + rise


@inline
def _sample_skew(state: Doubles, start: int, count: int) -> float:
    lifted = lift(state, start, count)
    deviation = math.sqrt(variance(state, start, count, lifted))
    if deviation == 0.0:
        return 0.0
    # in deviations, so that no power of a price is taken: it might be larger than any float64
    cubes = 0.0
    for index in range(start, start + count):
        place = (state[index] - state[start] - lifted) / deviation
        cubes += place * place * place
    return math.sqrt(count * (count - 1.0)) / (count - 2.0) * cubes / count


@inline
def _sample_kurtosis(state: Doubles, start: int, count: int) -> float:
    lifted = lift(state, start, count)
    deviation = math.sqrt(variance(state, start, count, lifted))
    if deviation == 0.0:
        return 0.0
    fourths = 0.0
    for index in range(start, start + count):
        place = (state[index] - state[start] - lifted) / deviation
        fourths += place * place * place * place
    excess = (count + 1.0) * fourths / count - 3.0 * (count - 1.0)
    return (count - 1.0) / ((count - 2.0) * (count - 3.0)) * excess


_G = "Joanes and Gill (1998), Comparing Measures of Sample Skewness and Kurtosis, The Statistician 47(1), 183-189"

FEATURES = (
    Feature(
        name="stdev",
        family="statistics",
        summary="Rolling standard deviation and mean of the close.",
        formula="Population standard deviation (divisor window) and mean of the last `window` closes.",
        params=(window(14, "closes in the window"),),
        outputs=(Output("deviation", "price"), Output("mean", "price")),
        warmup=lambda p: (p["window"],) * 2,
        state_size=lambda p: ring_size(p["window"]),
        kernel=_stdev,
        flat="deviation 0, mean on the price",
        source="Achelis (2000), Technical Analysis from A to Z, p. 303",
        compared="Stock Indicators stdev.csv (1e-9); TA-Lib STDDEV and SMA (1e-7: its running sums drift); Tulip "
        "stddev (printed digits)",
        differences="Divisor `window`, as in all three; a sample's deviation is sqrt(window / (window - 1)) times it.",
    ),
    Feature(
        name="sma_analysis",
        family="statistics",
        summary="How far the closes lie from their simple average.",
        formula="Over the last `window` closes c with mean m: mad = mean |c - m|, mse = mean (c - m)^2, "
        "mape = mean |c - m| / c.",
        params=(window(20, "closes in the window", low=1),),
        outputs=(Output("mad", "price"), Output("mse", "price squared"), Output("mape", "fraction")),
        warmup=lambda p: (p["window"],) * 3,
        state_size=lambda p: ring_size(p["window"]),
        kernel=_sma_analysis,
        flat="0",
        source="Mean absolute deviation, mean square error, mean absolute percentage error: Hyndman and Koehler "
        "(2006), Another Look at Measures of Forecast Accuracy, International Journal of Forecasting 22(4), 679-688",
        compared="Stock Indicators sma-analysis.csv (1e-9); Tulip md and var (printed digits)",
        differences="none",
    ),
    Feature(
        name="skew",
        family="statistics",
        summary="Rolling skewness of the close: positive where the tail lies above.",
        formula="Adjusted Fisher-Pearson G1 = sqrt(n (n - 1)) / (n - 2) * m3 / m2^1.5 of the last n = `window` closes.",
        params=(window(20, "closes in the window", low=3),),
        outputs=(Output("", "pure number"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_skew,
        flat="0",
        source=_G,
        compared="scipy.stats.skew with bias=False and pandas rolling skew (1e-9)",
        differences="The adjusted estimate, as in Excel and pandas; the plain ratio m3 / m2^1.5 is smaller.",
    ),
    Feature(
        name="kurtosis",
        family="statistics",
        summary="Rolling excess kurtosis of the close: positive where tails are heavier than normal.",
        formula="G2 = (n - 1) / ((n - 2)(n - 3)) * ((n + 1) m4 / m2^2 - 3 (n - 1)) of the last n = `window` closes.",
        params=(window(20, "closes in the window", low=4),),
        outputs=(Output("", "pure number"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_kurtosis,
        flat="0",
        source=_G,
        compared="scipy.stats.kurtosis with bias=False and pandas rolling kurt (1e-9)",
        differences="The adjusted excess, as in Excel and pandas: 0 for a normal distribution, not 3.",
    ),
    Feature(
        name="return_moments",
        family="statistics",
        summary="Rolling skewness and excess kurtosis of log returns.",
        formula="G1 and G2, as in skew and kurtosis, of the last `window` log returns of the close.",
        params=(window(50, "returns in the window", low=4),),
        outputs=(Output("skew", "pure number"), Output("kurtosis", "pure number")),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=lambda p: 1 + ring_size(p["window"]),
        kernel=_return_moments,
        flat="0",
        source=_G,
        compared="scipy.stats.skew and kurtosis with bias=False of the log returns (1e-9)",
        differences="Of returns, where skew and kurtosis are of prices: prices of one window are not independent.",
    ),
    Feature(
        name="regression",
        family="statistics",
        summary="Straight line through the last closes: slope, ends, and how much of the variance it explains.",
        formula="Least squares of the last `window` closes on 0, 1 ... window - 1: slope; intercept, the line at the "
        "oldest close; r_squared; end, the line at the newest; forecast, the line one bar on.",
        params=(window(14, "closes in the regression"),),
        outputs=(
            Output("slope", "price per bar"),
            Output("intercept", "price"),
            Output("r_squared", "fraction"),
            Output("end", "price"),
            Output("forecast", "price"),
        ),
        warmup=lambda p: (p["window"],) * 5,
        state_size=lambda p: ring_size(p["window"]),
        kernel=_regression,
        flat="slope and r_squared 0, the rest on the price",
        source="Achelis (2000), Technical Analysis from A to Z, Linear Regression Indicator, p. 177, Time Series "
        "Forecast, p. 318; r_squared: Chande and Kroll (1994), The New Technical Trader",
        compared="TA-Lib LINEARREG, LINEARREG_SLOPE, LINEARREG_INTERCEPT, TSF (1e-9) and CORREL of close and bar "
        "number, squared (1e-7); Tulip linreg, linregslope, linregintercept, tsf (printed digits)",
        differences="The intercept is at the oldest close, as in TA-Lib and Tulip; Stock Indicators puts it before the "
        "history's first bar. Closes without movement have r_squared 0.",
    ),
)
