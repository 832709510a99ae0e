"""Lines that follow a trend at a distance: Supertrend, parabolic, chandelier exit, volatility stop, ATR stop."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param, window
from strategies.features.smoothing import AVERAGE_SIZE, true_range, wilder
from strategies.features.windows import filled, largest, push, ring_size, smallest

_LONG, _SHORT = 1.0, -1.0
_BAND_SIZE = 1 + AVERAGE_SIZE + 3  # close before (0 = none yet), average true range, upper, lower, direction (0 = none)


@inline
def _average_range(state: Doubles, bars: int, bar: Doubles) -> float:
    # state: close before (0 = none yet), average true range
    before = state[0]
    state[0] = bar[CLOSE]
    return wilder(state, 1, bars, true_range(bar[HIGH], bar[LOW], before)) if before != 0.0 else NAN


@inline
def _ratchet(
    state: Doubles, out: Doubles, before: float, close: float, first: float, upper: float, lower: float
) -> None:
    """Move a band only towards the price while the price keeps to its side; give the band the trend stands on."""
    at = 1 + AVERAGE_SIZE
    if state[at + 2] == 0.0:
        state[at], state[at + 1], state[at + 2] = upper, lower, first
    if upper < state[at] or before > state[at]:
        state[at] = upper
    if lower > state[at + 1] or before < state[at + 1]:
        state[at + 1] = lower
    state[at + 2] = _SHORT if close <= (state[at + 1] if state[at + 2] == _LONG else state[at]) else _LONG
    out[0] = state[at + 1] if state[at + 2] == _LONG else state[at]
    out[1] = state[at + 2]


def _supertrend(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    before = state[0]
    reach = params[1] * _average_range(state, int(params[0]), bar)
    out[0] = out[1] = NAN
    if reach == reach:  # noqa: PLR0124 - not NaN
        median = 0.5 * (bar[HIGH] + bar[LOW])
        first = _LONG if bar[CLOSE] >= median else _SHORT
        _ratchet(state, out, before, bar[CLOSE], first, median + reach, median - reach)


def _atr_stop(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    before = state[0]
    reach = params[1] * _average_range(state, int(params[0]), bar)
    out[0] = out[1] = NAN
    if reach == reach:  # noqa: PLR0124 - not NaN
        first = _LONG if bar[CLOSE] >= before else _SHORT
        _ratchet(state, out, before, bar[CLOSE], first, bar[CLOSE] + reach, bar[CLOSE] - reach)


def _chandelier(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    highs = 1 + AVERAGE_SIZE
    lows = highs + ring_size(bars)
    reach = params[1] * _average_range(state, bars, bar)
    start = push(state, highs, bars, bar[HIGH])
    push(state, lows, bars, bar[LOW])
    out[0] = out[1] = NAN
    if reach == reach and filled(state, highs, bars):  # noqa: PLR0124 - not NaN
        out[0] = largest(state, start, bars) - reach
        out[1] = smallest(state, start + lows - highs, bars) + reach


def _volatility_stop(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before and average true range; bars up to the window, first, highest and lowest close;
    # direction, best close since it was taken, whether a first stop has been hit
    bars, close = int(params[0]), bar[CLOSE]
    opening = 1 + AVERAGE_SIZE
    trade = opening + 4
    range_before = state[2] if state[1] == bars else NAN
    _average_range(state, bars, bar)
    out[0] = out[1] = out[2] = NAN
    if state[opening] < bars:
        if state[opening] == 0.0:
            state[opening + 1] = state[opening + 2] = state[opening + 3] = close
        state[opening] += 1.0
        state[opening + 2] = max(state[opening + 2], close)
        state[opening + 3] = min(state[opening + 3], close)
        long = close > state[opening + 1]
        state[trade] = _LONG if long else _SHORT
        state[trade + 1] = state[opening + 2] if long else state[opening + 3]
        return
    direction = state[trade]
    stop = state[trade + 1] - direction * params[1] * range_before
    # comparisons that a stop still NaN fails
    hit = direction * (close - stop) < 0.0
    if state[trade + 2] == 1.0:
        out[0] = stop
        out[1] = direction
        out[2] = 1.0 if hit else 0.0
    if hit:
        state[trade] = -direction
        state[trade + 1] = close
        state[trade + 2] = 1.0
    else:
        state[trade + 1] = max(state[trade + 1], close) if direction == _LONG else min(state[trade + 1], close)


def _psar(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: direction (0 = no bar yet), stop, extreme, acceleration, whether it has turned once,
    # high and low of the bar before, and of the one before that (0 = none yet)
    step, high, low = params[0], bar[HIGH], bar[LOW]
    out[0] = out[1] = out[2] = NAN
    if state[0] == 0.0:
        # the first trend is a guess, and nothing is given of it
        state[0], state[1], state[2], state[3] = _LONG, low, high, min(step, params[1])
        state[5], state[6] = high, low
        return
    direction, extreme = state[0], state[2]
    stop = state[1] + state[3] * (extreme - state[1])
    # never inside the last two bars
    if state[7] != 0.0:
        stop = min(stop, state[6], state[8]) if direction == _LONG else max(stop, state[5], state[7])
    turned = low < stop if direction == _LONG else high > stop
    state[7], state[8], state[5], state[6] = state[5], state[6], high, low
    if turned:
        already, state[4] = state[4], 1.0
        state[0], state[3] = -direction, min(step, params[1])
        state[1] = extreme
        state[2] = low if direction == _LONG else high
    else:
        already = state[4]
        state[1] = stop
        if high > extreme if direction == _LONG else low < extreme:
            state[2] = high if direction == _LONG else low
            state[3] = min(state[3] + step, params[1])
    if already == 1.0:
        out[0] = state[1]
        out[1] = state[0]
        out[2] = 1.0 if turned else 0.0


def _multiplier(meaning: str) -> Param:
    return Param(name="multiplier", default=3.0, low=0.1, high=20.0, meaning=meaning)


_SIDE = "1 below the price, -1 above it"
_RATCHET = (
    "upper falls, and lower rises, but neither turns back while the close before is on its side. The line is "
    "lower in an up trend and upper in a down trend; a close at or beyond the line turns the trend."
)

FEATURES = (
    Feature(
        name="supertrend",
        family="trend",
        summary="Supertrend: a line average true ranges away from the middle price, that turns with the trend.",
        formula="upper, lower = (high + low) / 2 +- multiplier * ATR(window); " + _RATCHET + " The first trend is up "
        "where the close is at or above the middle.",
        params=(window(10, "bars of the average true range", low=1), _multiplier("average true ranges to the line")),
        outputs=(Output("line", "price"), Output("direction", _SIDE)),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=lambda _: _BAND_SIZE,
        kernel=_supertrend,
        flat="the price",
        source="Seban (2009), Tout le monde mérite d'être riche; formula as in TradingView and Stock Indicators",
        compared="TA-Lib SUPERTREND (1e-9)",
        differences="TA-Lib takes the first trend to be up; the lines are equal once it has turned.",
    ),
    Feature(
        name="atr_stop",
        family="trend",
        summary="ATR trailing stop: average true ranges away from the close, turning where the close crosses it.",
        formula="upper, lower = close +- multiplier * ATR(window); " + _RATCHET + " The first trend is up where the "
        "close is at or above the one before.",
        params=(window(21, "bars of the average true range", low=1), _multiplier("average true ranges to the stop")),
        outputs=(Output("stop", "price"), Output("direction", _SIDE)),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=lambda _: _BAND_SIZE,
        kernel=_atr_stop,
        flat="the price",
        source="Vervoort (2009), Average True Range Trailing Stops, Technical Analysis of Stocks and Commodities "
        "27(6); bands as in Stock Indicators",
        compared="No values in the data here; slow reference in the tests",
        differences="Vervoort has one line instead of two bands, which turns where the close crosses it.",
    ),
    Feature(
        name="chandelier",
        family="trend",
        summary="Chandelier exit: a stop hung average true ranges from the extreme of the window.",
        formula="long = highest high - multiplier * ATR(window), short = lowest low + multiplier * ATR(window), "
        "extremes of the last `window` bars.",
        params=(window(22, "bars of the extremes and of the ATR", low=1), _multiplier("average true ranges")),
        outputs=(Output("long", "price, exit of a long position"), Output("short", "price, exit of a short one")),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=lambda p: 1 + AVERAGE_SIZE + 2 * ring_size(p["window"]),
        kernel=_chandelier,
        flat="the price",
        source="Le Beau, in Elder (2002), Come Into My Trading Room, Wiley",
        compared="Stock Indicators chexit.csv (1e-9)",
        differences="none",
    ),
    Feature(
        name="volatility_stop",
        family="trend",
        summary="Wilder's volatility system: a stop average true ranges from the best close of the trend.",
        formula="stop = best close since the trend began -+ multiplier * ATR(window) of the bar before, as it stood "
        "before this close; reversal is 1 where the close lies beyond it, and the next bar's stop starts from that "
        "close on the other side. The first trend is up where the close of bar `window` is above the first.",
        params=(window(7, "bars of the average true range", low=1), _multiplier("average true ranges to the stop")),
        outputs=(Output("stop", "price"), Output("direction", _SIDE), Output("reversal", "0 or 1")),
        warmup=lambda p: (p["window"] + 3,) * 3,
        state_size=lambda _: 1 + AVERAGE_SIZE + 4 + 3,
        kernel=_volatility_stop,
        flat="the price, after the first reversal",
        source="Wilder (1978), New Concepts in Technical Trading Systems, Volatility System",
        compared="Stock Indicators vol-stop.csv (1e-9)",
        differences="none",
        absent="until the bar after the first reversal: the trend before it is a guess",
    ),
    Feature(
        name="psar",
        family="trend",
        summary="Parabolic stop and reverse: a stop that closes in on the price the faster, the longer it runs.",
        formula="sar += a * (extreme - sar), a growing by step with each new extreme, up to maximum; never inside "
        "the last two bars. A low below it (a high above it) turns the trend: sar is then the extreme of the old one, "
        "and a is step again. The first trend is taken to be up.",
        params=(
            Param(name="step", default=0.02, low=0.0001, high=1.0, meaning="acceleration added by a new extreme"),
            Param(name="maximum", default=0.2, low=0.001, high=1.0, meaning="largest acceleration"),
        ),
        outputs=(Output("sar", "price"), Output("direction", _SIDE), Output("reversal", "0 or 1")),
        warmup=lambda _: (3,) * 3,
        state_size=lambda _: 9,
        kernel=_psar,
        flat="NaN, as it never turns",
        source="Wilder (1978), New Concepts in Technical Trading Systems, Parabolic Time/Price System",
        compared="Stock Indicators psar.csv (1e-9)",
        differences="Nothing is given of the first trend, which is a guess. TA-Lib and Tulip guess it from the first "
        "two bars and give it, and keep the sar of a turn outside the bar that turns it.",
        absent="until the bar after the first reversal: the trend before it is a guess",
    ),
)
