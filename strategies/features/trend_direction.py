"""Whether there is a trend and which way: Aroon, vortex, choppiness, Alligator and Gator, Elder-ray, power balance."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, OPEN, Doubles, Feature, Output, Param, Params, window
from strategies.features.smoothing import AVERAGE_SIZE, exponential, ratio, true_range, wilder
from strategies.features.windows import filled, largest, mean, push, ring_size, smallest, total

_JAW, _TEETH, _LIPS = range(3)


def _aroon(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    kept = bars + 1
    lows = ring_size(kept)
    start = push(state, 0, kept, bar[HIGH])
    push(state, lows, kept, bar[LOW])
    if not filled(state, 0, kept):
        out[0] = out[1] = out[2] = NAN
        return
    # of equal extremes the newest counts
    top = start + bars
    highest = largest(state, start, kept)
    while state[top] != highest:
        top -= 1
    bottom = start + bars
    lowest = smallest(state, start + lows, kept)
    while state[bottom + lows] != lowest:
        bottom -= 1
    out[0] = 100.0 * (top - start) / bars
    out[1] = 100.0 * (bottom - start) / bars
    out[2] = out[0] - out[1]


def _vortex(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: high, low, close before (0 = none yet), rings of +VM, -VM and true range
    bars = int(params[0])
    high, low, before = state[0], state[1], state[2]
    state[0], state[1], state[2] = bar[HIGH], bar[LOW], bar[CLOSE]
    out[0] = out[1] = NAN
    if before == 0.0:
        return
    ring = ring_size(bars)
    start = push(state, 3, bars, abs(bar[HIGH] - low))
    push(state, 3 + ring, bars, abs(bar[LOW] - high))
    push(state, 3 + 2 * ring, bars, true_range(bar[HIGH], bar[LOW], before))
    if filled(state, 3, bars):
        span = total(state, start + 2 * ring, bars)
        out[0] = ratio(total(state, start, bars), span, 1.0)
        out[1] = ratio(total(state, start + ring, bars), span, 1.0)


def _choppiness(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: close before (0 = none yet), rings of true high, true low and true range
    bars = int(params[0])
    before = state[0]
    state[0] = bar[CLOSE]
    out[0] = NAN
    if before == 0.0:
        return
    ring = ring_size(bars)
    start = push(state, 1, bars, max(bar[HIGH], before))
    push(state, 1 + ring, bars, min(bar[LOW], before))
    push(state, 1 + 2 * ring, bars, true_range(bar[HIGH], bar[LOW], before))
    if filled(state, 1, bars):
        span = largest(state, start, bars) - smallest(state, start + ring, bars)
        travelled = total(state, start + 2 * ring, bars)
        out[0] = 100.0 if span == 0.0 else 100.0 * math.log(travelled / span) / math.log(bars)


@inline
def _jaw_line(state: Doubles, at: int, window: int, shift: int, value: float) -> float:
    # state: average, ring of the values it has not been given yet
    start = push(state, at + AVERAGE_SIZE, shift + 1, value)
    return wilder(state, at, window, state[start]) if filled(state, at + AVERAGE_SIZE, shift + 1) else NAN


def _line_size(shift: float) -> float:
    return AVERAGE_SIZE + ring_size(shift + 1)


def _alligator(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    median = 0.5 * (bar[HIGH] + bar[LOW])
    at = 0
    for line in range(3):
        shift = int(params[2 * line + 1])
        out[line] = _jaw_line(state, at, int(params[2 * line]), shift, median)
        at += AVERAGE_SIZE + ring_size(shift + 1)


def _gator(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: the bars before's two distances (0 = none yet, else 1 more), then the three lines
    median = 0.5 * (bar[HIGH] + bar[LOW])
    at = 4
    jaw = _jaw_line(state, at, int(params[0]), int(params[1]), median)
    at += AVERAGE_SIZE + ring_size(int(params[1]) + 1)
    teeth = _jaw_line(state, at, int(params[2]), int(params[3]), median)
    at += AVERAGE_SIZE + ring_size(int(params[3]) + 1)
    lips = _jaw_line(state, at, int(params[4]), int(params[5]), median)
    out[0] = abs(jaw - teeth)
    out[1] = -abs(teeth - lips)
    out[2] = out[3] = NAN
    for side in range(2):
        distance = abs(out[side])
        if distance == distance:  # noqa: PLR0124 - not NaN
            if state[side] == 1.0:
                out[2 + side] = 1.0 if distance > state[2 + side] else 0.0
            state[side] = 1.0
            state[2 + side] = distance


def _alligator_size(p: Params) -> float:
    return _line_size(p["jaw_shift"]) + _line_size(p["teeth_shift"]) + _line_size(p["lips_shift"])


def _line_starts(p: Params) -> tuple[float, float, float]:
    return (
        p["jaw_window"] + p["jaw_shift"],
        p["teeth_window"] + p["teeth_shift"],
        p["lips_window"] + p["lips_shift"],
    )


def _gator_starts(p: Params) -> tuple[float, ...]:
    jaw, teeth, lips = _line_starts(p)
    upper, lower = max(jaw, teeth), max(teeth, lips)
    return (upper, lower, upper + 1, lower + 1)


def _elder_ray(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    average = exponential(state, 0, int(params[0]), bar[CLOSE])
    out[0] = bar[HIGH] - average
    out[1] = bar[LOW] - average


def _bop(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    bars = int(params[0])
    start = push(state, 0, bars, ratio(bar[CLOSE] - bar[OPEN], bar[HIGH] - bar[LOW], 0.0))
    out[0] = mean(state, start, bars) if filled(state, 0, bars) else NAN


def _shift(name: str, default: int) -> Param:
    return Param(name=name, default=default, low=0, high=5000, meaning="bars the line is drawn ahead")


_LINES = (
    window(13, "bars of the jaw's average", name="jaw_window", low=1),
    _shift("jaw_shift", 8),
    window(8, "bars of the teeth's average", name="teeth_window", low=1),
    _shift("teeth_shift", 5),
    window(5, "bars of the lips' average", name="lips_window", low=1),
    _shift("lips_shift", 3),
)
_WILLIAMS = "Williams (1995), Trading Chaos, Wiley; Williams (1998), New Trading Dimensions, Wiley"

FEATURES = (
    Feature(
        name="aroon",
        family="trend",
        summary="Aroon: how recent the extremes of the window are, and their difference.",
        formula="up, down = 100 * (window - bars since the highest high, the lowest low of this bar and the `window` "
        "before it) / window; oscillator = up - down. Of equal extremes the newest counts.",
        params=(window(25, "bars an extreme may lie back", low=1),),
        outputs=(Output("up", "0 to 100"), Output("down", "0 to 100"), Output("oscillator", "-100 to 100")),
        warmup=lambda p: (p["window"] + 1,) * 3,
        state_size=lambda p: 2 * ring_size(p["window"] + 1),
        kernel=_aroon,
        flat="up and down 100, oscillator 0",
        source="Chande (1995), A Time Price Oscillator, Technical Analysis of Stocks and Commodities 13(9)",
        compared="TA-Lib AROON and AROONOSC (1e-9); Achelis p. 67 and Tulip aroon, aroonosc (printed digits)",
        differences="Stock Indicators counts the oldest of equal extremes; Chande counts from the most recent.",
    ),
    Feature(
        name="vortex",
        family="trend",
        summary="Vortex indicator: upward and downward movement relative to the range travelled.",
        formula="plus = sum |high - low before| / sum true range, minus = sum |low - high before| / sum true range, "
        "the last `window` bars.",
        params=(window(14, "bars summed", low=1),),
        outputs=(Output("plus", "ratio, about 1"), Output("minus", "ratio, about 1")),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=lambda p: 3 + 3 * ring_size(p["window"]),
        kernel=_vortex,
        flat="1",
        source="Botes and Siepman (2010), The Vortex Indicator, Technical Analysis of Stocks and Commodities 28(1)",
        compared="Stock Indicators vortex.csv (1e-9); TA-Lib VORTEX (1e-9)",
        differences="none",
    ),
    Feature(
        name="choppiness",
        family="trend",
        summary="Choppiness index: the way travelled relative to the way gained; high values have no direction.",
        formula="100 * log(sum of true ranges / (highest true high - lowest true low)) / log(window), the last "
        "`window` bars; true high = max(high, close before), true low = min(low, close before).",
        params=(window(14, "bars of the window"),),
        outputs=(Output("", "0 to 100"),),
        warmup=lambda p: (p["window"] + 1,),
        state_size=lambda p: 1 + 3 * ring_size(p["window"]),
        kernel=_choppiness,
        flat="100",
        source="Dreiss (1993), Choppiness index; as stated in Stock Indicators and TradingView",
        compared="No values in the data here; slow reference in the tests",
        differences="talipp takes the range of plain highs and lows, and Stock Indicators gives none where nothing "
        "moves.",
    ),
    Feature(
        name="alligator",
        family="trend",
        summary="Williams' Alligator: three smoothed averages of the middle price, drawn ahead.",
        formula="SMMA((high + low) / 2, window) of `shift` bars ago for jaw, teeth and lips; SMMA weighs the newest "
        "value 1 / window and is seeded by the mean of the first `window`.",
        params=_LINES,
        outputs=(Output("jaw", "price"), Output("teeth", "price"), Output("lips", "price")),
        warmup=_line_starts,
        state_size=_alligator_size,
        kernel=_alligator,
        flat="the price",
        source=_WILLIAMS,
        compared="Stock Indicators gator.csv, which is composed of it (1e-9)",
        differences="A chart draws each line `shift` bars ahead; given here is what it shows under the current bar, so "
        "what the averages were `shift` bars ago. The part drawn ahead of the current bar is not given.",
    ),
    Feature(
        name="gator",
        family="trend",
        summary="Gator oscillator: how far the Alligator's lines are apart, and whether they spread.",
        formula="upper = |jaw - teeth|, lower = -|teeth - lips| of `alligator`; upper_expanding and lower_expanding "
        "are 1 where the distance is larger than on the bar before, else 0.",
        params=_LINES,
        outputs=(
            Output("upper", "price"),
            Output("lower", "price, below zero"),
            Output("upper_expanding", "0 or 1"),
            Output("lower_expanding", "0 or 1"),
        ),
        warmup=_gator_starts,
        state_size=lambda p: 4 + _alligator_size(p),
        kernel=_gator,
        flat="0",
        source=_WILLIAMS,
        compared="Stock Indicators gator.csv (1e-9)",
        differences="The lines as under the current bar: see `alligator`.",
    ),
    Feature(
        name="elder_ray",
        family="trend",
        summary="Elder-ray: how far bulls push the high above, and bears the low below, an average of the close.",
        formula="bull = high - EMA(close, window), bear = low - EMA(close, window).",
        params=(window(13, "bars of the average", low=1),),
        outputs=(Output("bull", "price"), Output("bear", "price")),
        warmup=lambda p: (p["window"],) * 2,
        state_size=lambda _: AVERAGE_SIZE,
        kernel=_elder_ray,
        flat="0",
        source="Elder (1993), Trading for a Living, Wiley, ch. 41",
        compared="TA-Lib ERI (1e-9)",
        differences="none",
    ),
    Feature(
        name="bop",
        family="trend",
        summary="Balance of power: where the close lies from the open, as a share of the bar's range, averaged.",
        formula="SMA of (close - open) / (high - low) over `window` bars; 1 is the raw value.",
        params=(window(14, "bars averaged", low=1),),
        outputs=(Output("", "-1 to 1"),),
        warmup=lambda p: (p["window"],),
        state_size=lambda p: ring_size(p["window"]),
        kernel=_bop,
        flat="0",
        source="Livshin (2001), Balance of Power, Technical Analysis of Stocks and Commodities 19(8)",
        compared="Stock Indicators bop.csv (1e-9); TA-Lib BOP with window 1 (1e-9)",
        differences="A bar without range counts 0, as in TA-Lib; Stock Indicators then gives none for `window` bars.",
    ),
)
