"""Volume weighed by what the price did: accumulation, Chaikin, force, Klinger, ease of movement, NVI and PVI."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.accumulation import SUM_SIZE, accumulate
from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, VOLUME, Doubles, Feature, Output, Param, Params, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential, ratio
from strategies.features.windows import filled, mean, push, ring_size, total

_INDEX_BASE = 1000.0
_INDEX_MIN, _INDEX_MAX = 1e-100, 1e100  # a product of returns has no bounds of its own


def _adl(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[1] = _multiplier(bar)
    out[2] = out[1] * bar[VOLUME]
    out[0] = accumulate(state, 0, out[2])


def _chaikin_oscillator(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    flow = _multiplier(bar) * bar[VOLUME]
    out[0] = _above_line(state, 0, int(params[0]), flow) - _above_line(state, AVERAGE_SIZE, int(params[1]), flow)


def _cmf(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    volumes = ring_size(bars)
    start = push(state, 0, bars, _multiplier(bar) * bar[VOLUME])
    push(state, volumes, bars, bar[VOLUME])
    out[0] = NAN
    if filled(state, 0, bars):
        out[0] = ratio(total(state, start, bars), total(state, start + volumes, bars), 0.0)


def _force_index(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), average force
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before != 0.0:
        out[0] = exponential(state, 1, int(params[0]), (bar[CLOSE] - before) * bar[VOLUME])


def _kvo(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: bars seen, high + low + close before, trend, range before, cumulative range, force, three averages
    summed = bar[HIGH] + bar[LOW] + bar[CLOSE]
    reach = bar[HIGH] - bar[LOW]
    trend = 1.0 if summed > state[1] else -1.0
    out[0] = out[1] = NAN
    if state[0] >= 2.0:
        state[4] = reach + (state[4] if trend == state[2] else state[3])
        if reach == state[4] or bar[VOLUME] == 0.0:
            state[5] = 0.0
        else:
            # state[4] is a sum with reach in it: it is above reach here, so not zero
            state[5] = bar[VOLUME] * abs(2.0 * (reach / state[4] - 1.0)) * trend * 100.0
        fast = exponential(state, 6, int(params[0]), state[5])
        slow = exponential(state, 6 + AVERAGE_SIZE, int(params[1]), state[5])
        out[0] = fast - slow
        if state[6 + AVERAGE_SIZE] == params[1]:
            out[1] = exponential(state, 6 + 2 * AVERAGE_SIZE, int(params[2]), out[0])
    state[0] = min(state[0] + 1.0, 2.0)
    state[1] = summed
    state[2] = trend
    state[3] = reach


def _ease_of_movement(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: middle before (0 = none yet), ring
    bars = int(params[0])
    before = state[0]
    middle = 0.5 * (bar[HIGH] + bar[LOW])
    state[0] = middle
    out[0] = NAN
    if before == 0.0:
        return
    ease = 0.0
    if bar[VOLUME] > 0.0:
        ease = (middle - before) * ((bar[HIGH] - bar[LOW]) * (params[1] / max(bar[VOLUME], _INDEX_MIN)))
    start = push(state, 1, bars, ease)
    if filled(state, 1, bars):
        out[0] = mean(state, start, bars)


def _nvi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = _volume_index(bar, state, -1.0)


def _pvi(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = _volume_index(bar, state, 1.0)


@inline
def _above_line(state: Doubles, at: int, window: int, flow: float) -> float:
    """Return how far the exponential average of the line lies above the line, which has just moved by `flow`."""
    # the level of the line cancels out of the oscillator, so it is left out: it may be huge beside its changes
    count = min(state[at] + 1.0, float(window))
    decay = (window - 1.0) / (window + 1.0) if state[at] == window else (count - 1.0) / count
    state[at + 1] = decay * (state[at + 1] - flow)
    state[at] = count
    return state[at + 1] if count == window else NAN


@inline
def _multiplier(bar: Doubles) -> float:
    rise = (bar[CLOSE] - bar[LOW]) - (bar[HIGH] - bar[CLOSE])
    return ratio(rise, bar[HIGH] - bar[LOW], 0.0)


@inline
def _volume_index(bar: Doubles, state: Doubles, sign: float) -> float:
    # state: close before (0 = none yet), volume before, index
    if state[0] == 0.0:
        state[2] = _INDEX_BASE
    elif sign * (bar[VOLUME] - state[1]) > 0.0:
        level = state[2] * (bar[CLOSE] / state[0])
        state[2] = min(max(level, _INDEX_MIN), _INDEX_MAX)
    state[0] = bar[CLOSE]
    state[1] = bar[VOLUME]
    return state[2]


def _fast_below_slow(p: Params) -> str:
    return "" if p["fast"] < p["slow"] else f"fast must be below slow, were {p['fast']} and {p['slow']}"


_BASE_CURRENCY = (Output("", "base currency"),)

FEATURES = (
    Feature(
        name="adl",
        family="volume",
        summary="Accumulation/distribution line: volume weighed by where in its range the bar closed.",
        formula="multiplier = ((close - low) - (high - close)) / (high - low); flow = multiplier * volume; line = the "
        "sum of all flows, compensated (Neumaier 1974). The level depends on the first bar: use changes of it.",
        params=(),
        outputs=(
            Output("line", "base currency"),
            Output("multiplier", "-1 to 1"),
            Output("flow", "base currency"),
        ),
        warmup=lambda _: (1, 1, 1),
        state_size=lambda _: SUM_SIZE,
        kernel=_adl,
        flat="multiplier and flow 0, line unchanged",
        source="Williams and Chaikin, after Achelis (2000), Technical Analysis from A to Z, p. 56",
        compared="Stock Indicators adl.csv (1e-9); TA-Lib AD (1e-9); Achelis (printed digits); Tulip ad",
        differences="none",
    ),
    Feature(
        name="chaikin_oscillator",
        family="volume",
        summary="Chaikin oscillator: momentum of the accumulation/distribution line.",
        formula="EMA(adl, fast) - EMA(adl, slow), each seeded by the mean of its first values; adl as its line.",
        params=(
            window(3, "bars of the fast average", name="fast", low=1),
            window(10, "bars of the slow average", name="slow"),
        ),
        outputs=_BASE_CURRENCY,
        warmup=lambda p: (p["slow"],),
        state_size=lambda _: 2 * AVERAGE_SIZE,
        kernel=_chaikin_oscillator,
        flat="0",
        source="Achelis (2000), Technical Analysis from A to Z, Chaikin Oscillator, p. 95",
        compared="Stock Indicators chaikin-osc.csv (1e-9); TA-Lib ADOSC once the seeds are forgotten (1e-6)",
        differences="TA-Lib, Tulip and Achelis' sheet seed both averages with the first bar's value: other first "
        "values. All our exponential averages are seeded by a mean.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="cmf",
        family="volume",
        summary="Chaikin money flow: the share of volume that flowed in, less that which flowed out.",
        formula="Sum of flow / sum of volume over the last `window` bars, flow as in adl.",
        params=(window(20, "bars summed", low=1),),
        outputs=(Output("", "-1 to 1"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: 2 * ring_size(p["window"]),
        kernel=_cmf,
        flat="0",
        source="Chaikin, after Achelis (2000), Technical Analysis from A to Z, p. 93",
        compared="Stock Indicators cmf.csv (1e-9)",
        differences="No volume at all gives 0.",
    ),
    Feature(
        name="force_index",
        family="volume",
        summary="Force index: price change times volume, smoothed.",
        formula="EMA of (close - close before) * volume over `window`, seeded by the mean of the first `window`.",
        params=(window(13, "changes that seed the average", low=1),),
        outputs=(Output("", "quote currency"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda _: 1 + AVERAGE_SIZE,
        kernel=_force_index,
        flat="0",
        source="Elder (1993), Trading for a Living, section 43",
        compared="The values Stock Indicators states for its sample series (printed digits); TA-Lib EMA of the changes "
        "(1e-9); talipp ForceIndex (1e-9)",
        differences="none",
    ),
    Feature(
        name="kvo",
        family="volume",
        summary="Klinger volume oscillator: volume force by trend, short average less long.",
        formula="T = 1 where high + low + close rises, else -1; dm = high - low; cm = dm + (cm before if T is as "
        "before, else dm before), from the third bar on; force = volume * |2 (dm / cm - 1)| * T * 100; "
        "kvo = EMA(force, fast) - EMA(force, slow); signal = EMA(kvo, signal).",
        params=(
            window(34, "bars of the fast average", name="fast", low=1),
            window(55, "bars of the slow average", name="slow"),
            window(13, "values of kvo in the signal line", name="signal", low=1),
        ),
        outputs=(Output("oscillator", "100 base currency"), Output("signal", "100 base currency")),
        warmup=lambda p: (p["slow"] + 2, p["slow"] + p["signal"] + 1),
        state_size=lambda _: 6 + 3 * AVERAGE_SIZE,
        kernel=_kvo,
        flat="0",
        source="Klinger (1997), Identifying Trends with Volume Analysis, Technical Analysis of Stocks and Commodities "
        "15(12)",
        compared="Stock Indicators kvo.csv (1e-9)",
        differences="Tulip and Achelis' sheet take |2 dm / cm - 1| and seed with the first value: other numbers.",
        requires=_fast_below_slow,
    ),
    Feature(
        name="ease_of_movement",
        family="volume",
        summary="Ease of movement: how far the price moves for the volume it takes.",
        formula="SMA over `window` of (m - m before) * (high - low) / (volume / unit), m = (high + low) / 2; a bar "
        "without volume counts 0.",
        params=(
            window(14, "values averaged; 1 gives each bar's own", low=1),
            Param(name="unit", default=10_000.0, low=1e-6, high=1e12, meaning="volume that counts as one"),
        ),
        outputs=(Output("", "squared price a unit of volume"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + ring_size(p["window"]),
        kernel=_ease_of_movement,
        flat="0",
        source="Arms (1996), Trading without Fear; Achelis (2000), Technical Analysis from A to Z, p. 139",
        compared="Achelis' sheet and Tulip emv, with window 1 (printed digits)",
        differences="Achelis' unit of 10,000; StockCharts takes 100,000,000, which only scales the values.",
    ),
    Feature(
        name="nvi",
        family="volume",
        summary="Negative volume index: the returns of bars on which volume fell.",
        formula="1000 at the first bar; times close / close before where volume < volume before. Kept within 1e-100 "
        "and 1e100. The level depends on the first bar: use changes of it.",
        params=(),
        outputs=(Output("", "index"),),
        warmup=lambda _: (1,),
        state_size=lambda _: 3,
        kernel=_nvi,
        flat="unchanged",
        source="Fosback (1976), Stock Market Logic; Achelis (2000), Technical Analysis from A to Z, p. 214",
        compared="Achelis (printed digits); Tulip nvi",
        differences="Begins at 1000, as in both; some charts begin at 100.",
    ),
    Feature(
        name="pvi",
        family="volume",
        summary="Positive volume index: the returns of bars on which volume rose.",
        formula="1000 at the first bar; times close / close before where volume > volume before. Kept within 1e-100 "
        "and 1e100. The level depends on the first bar: use changes of it.",
        params=(),
        outputs=(Output("", "index"),),
        warmup=lambda _: (1,),
        state_size=lambda _: 3,
        kernel=_pvi,
        flat="unchanged",
        source="Fosback (1976), Stock Market Logic; Achelis (2000), Technical Analysis from A to Z, p. 236",
        compared="Tulip pvi (printed digits)",
        differences="Begins at 1000, as in Tulip; some charts begin at 100.",
    ),
)
