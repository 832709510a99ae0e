"""Oscillators of speed and place: RSI, MACD, stochastic, CCI, rate of change, Williams %R."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Params, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential, ratio
from strategies.features.strength import STRENGTH_SIZE, relative_strength
from strategies.features.windows import filled, largest, lift, mean, mean_distance, push, ring_size, smallest

_LAMBERT = 0.015  # puts 70 to 80 % of the values of random prices between -100 and 100 (Lambert 1980)


def _rsi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), relative strength
    close = bar[CLOSE]
    before = state[0]
    state[0] = close
    out[0] = NAN
    if before == 0.0:
        return
    out[0] = relative_strength(state, 1, int(params[0]), close - before)


def _macd(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    slow_bars, signal_bars = int(params[1]), int(params[2])
    fast = exponential(state, 0, int(params[0]), bar[CLOSE])
    slow = exponential(state, AVERAGE_SIZE, slow_bars, bar[CLOSE])
    out[0] = fast - slow
    out[1] = out[2] = NAN
    if state[AVERAGE_SIZE] == slow_bars:
        out[1] = exponential(state, 2 * AVERAGE_SIZE, signal_bars, fast - slow)
        out[2] = fast - slow - out[1]


def _stochastic(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars, k_bars, d_bars = int(params[0]), int(params[1]), int(params[2])
    highs = 0
    lows = ring_size(bars)
    places = lows + ring_size(bars)
    smoothed = places + ring_size(k_bars)
    start = push(state, highs, bars, bar[HIGH])
    push(state, lows, bars, bar[LOW])
    out[0] = out[1] = NAN
    if not filled(state, highs, bars):
        return
    top = largest(state, start, bars)
    bottom = smallest(state, start + lows, bars)
    start = push(state, places, k_bars, 100.0 * ratio(bar[CLOSE] - bottom, top - bottom, 0.5))
    if not filled(state, places, k_bars):
        return
    out[0] = mean(state, start, k_bars)
    start = push(state, smoothed, d_bars, out[0])
    if filled(state, smoothed, d_bars):
        out[1] = mean(state, start, d_bars)


def _stochastic_size(p: Params) -> float:
    return 2 * ring_size(p["window"]) + ring_size(p["smooth_k"]) + ring_size(p["smooth_d"])


def _cci(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    typical = (bar[HIGH] + bar[LOW] + bar[CLOSE]) / 3.0
    start = push(state, 0, bars, typical)
    out[0] = NAN
    if filled(state, 0, bars):
        lifted = lift(state, start, bars)
        above = typical - state[start] - lifted
        out[0] = ratio(above, _LAMBERT * mean_distance(state, start, bars, lifted), 0.0)


def _roc(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0]) + 1
    start = push(state, 0, bars, bar[CLOSE])
    out[0] = 100.0 * (bar[CLOSE] - state[start]) / state[start] if filled(state, 0, bars) else NAN


def _williams_r(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    lows = ring_size(bars)
    start = push(state, 0, bars, bar[HIGH])
    push(state, lows, bars, bar[LOW])
    out[0] = NAN
    if filled(state, 0, bars):
        top = largest(state, start, bars)
        out[0] = 100.0 * ratio(bar[CLOSE] - top, top - smallest(state, start + lows, bars), -0.5)


def _fast_below_slow(p: Params) -> str:
    return "" if p["fast"] < p["slow"] else f"fast must be below slow, were {p['fast']} and {p['slow']}"


FEATURES = (
    Feature(
        name="rsi",
        family="momentum",
        summary="Relative strength index: the share of gains in the recent movement.",
        formula="100 * G / (G + L), with G and L Wilder averages (weight 1 / window, seeded by the mean of the first "
        "`window`) of the gains and losses from close to close.",
        params=(window(14, "changes that seed the averages", low=1),),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda _: 1 + STRENGTH_SIZE,
        kernel=_rsi,
        flat="50",
        source="Wilder (1978), New Concepts in Technical Trading Systems",
        compared="Stock Indicators rsi.csv (1e-9); Achelis p. 299 (printed digits); TA-Lib RSI (printed digits)",
        differences="A market without a single change gives 50, where Stock Indicators gives 100 and TA-Lib 0: "
        "no movement is neither strength nor weakness.",
    ),
    Feature(
        name="macd",
        family="momentum",
        summary="Moving average convergence divergence, its signal line and their distance.",
        formula="macd = EMA(close, fast) - EMA(close, slow); signal = EMA(macd, signal); histogram = macd - signal. "
        "Each EMA is seeded by the mean of the first values it is given.",
        params=(
            window(12, "bars of the fast average", name="fast"),
            window(26, "bars of the slow average", name="slow"),
            window(9, "values of macd in the signal line", name="signal", low=1),
        ),
        outputs=(Output("macd", "price"), Output("signal", "price"), Output("histogram", "price")),
        warmup=lambda p: (p["slow"], p["slow"] + p["signal"] - 1, p["slow"] + p["signal"] - 1),
        state_size=lambda _: 3 * AVERAGE_SIZE,
        kernel=_macd,
        flat="0",
        source="Appel (2005), Technical Analysis: Power Tools for Active Investors",
        compared="Stock Indicators macd.csv (1e-9)",
        differences="TA-Lib starts the fast average late, so that both are seeded on the same bar, and Achelis p. 202 "
        "and Tulip use weights of 0.15 and 0.075 and seed with the first close: their first values differ.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="stochastic",
        family="momentum",
        summary="Slow stochastic: where the close stands in the recent range, smoothed.",
        formula="k = SMA of 100 * (close - L) / (H - L) over smooth_k bars, with H and L the extremes of the last "
        "`window` bars; d = SMA(k, smooth_d).",
        params=(
            window(14, "bars of the range", low=1),
            window(3, "bars %K is averaged over; 1 is the fast stochastic", name="smooth_k", low=1),
            window(3, "values of %K averaged into %D", name="smooth_d", low=1),
        ),
        outputs=(Output("k", "0 to 100"), Output("d", "0 to 100")),
        warmup=lambda p: (
            p["window"] + p["smooth_k"] - 1,
            p["window"] + p["smooth_k"] + p["smooth_d"] - 2,
        ),
        state_size=_stochastic_size,
        kernel=_stochastic,
        flat="50",
        source="Lane (1984), Lane's Stochastics, Technical Analysis of Stocks and Commodities, May/June",
        compared="Stock Indicators stoch.csv (1e-9); Tulip's correction of Achelis p. 325 (printed digits); "
        "TA-Lib STOCH (printed digits)",
        differences="A range of zero gives 50, where Stock Indicators and TA-Lib give 0: 0 would read as oversold.",
    ),
    Feature(
        name="cci",
        family="momentum",
        summary="Commodity channel index: distance from the mean in mean absolute deviations.",
        formula="(t - m) / (0.015 * mean |t - m|) over the last `window` typical prices t = (high + low + close) / 3, "
        "m their mean.",
        params=(window(20, "typical prices"),),
        outputs=(Output("", "0.015 mean absolute deviations"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_cci,
        flat="0",
        source="Lambert (1980), Commodity Channel Index, Commodities magazine, October",
        compared="Stock Indicators cci.csv (1e-9); Achelis p. 105 (printed digits); TA-Lib CCI (printed digits)",
        differences="Tulip begins `window - 1` bars later, as it waits for averages of averages; values are equal.",
    ),
    Feature(
        name="roc",
        family="momentum",
        summary="Rate of change of the close.",
        formula="100 * (close - close `window` bars ago) / close `window` bars ago.",
        params=(window(14, "bars looked back", low=1),),
        outputs=(Output("", "percent"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: ring_size(p["window"] + 1),
        kernel=_roc,
        flat="0",
        source="Murphy (1999), Technical Analysis of the Financial Markets, ch. 10",
        compared="Stock Indicators roc.csv (1e-9); Tulip roc, a fraction there (printed digits)",
        differences="In percent; Tulip gives the fraction.",
    ),
    Feature(
        name="williams_r",
        family="momentum",
        summary="Williams %R: how far the close lies below the top of the recent range.",
        formula="100 * (close - H) / (H - L), with H and L the extremes of the last `window` bars.",
        params=(window(14, "bars of the range", low=1),),
        outputs=(Output("", "-100 to 0"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: 2 * ring_size(p["window"]),
        kernel=_williams_r,
        flat="-50",
        source="Williams (1979), How I Made One Million Dollars Last Year Trading Commodities",
        compared="Achelis p. 371 (printed digits); Tulip willr; TA-Lib WILLR (printed digits)",
        differences="A range of zero gives -50, where TA-Lib gives 0: 0 would read as overbought.",
    ),
)
