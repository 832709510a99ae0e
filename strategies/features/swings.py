"""Turning points, each given on the bar that confirms it: fractals, chaos bands, swing pivots, zigzag."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param, window
from strategies.features.windows import filled, newest, push, ring_size


def _fractals(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: last confirmed high and low (0 = none yet), rings of highs and lows
    span = int(params[0])
    out[0] = out[1] = out[2] = out[3] = NAN
    if _take(bar, state, 2, span, span):
        out[0] = _confirmed_high(state, 2, span, span, 0)
        out[1] = _confirmed_low(state, 2, span, span, 1)
        out[2] = _known(state[0])
        out[3] = _known(state[1])


def _fractal_chaos_bands(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: as _fractals
    span = int(params[0])
    if _take(bar, state, 2, span, span):
        _confirmed_high(state, 2, span, span, 0)
        _confirmed_low(state, 2, span, span, 1)
    out[0] = _known(state[0])
    out[1] = _known(state[1])


def _swing_pivots(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: last confirmed high and low (0 = none yet), bars since each, trend of each, rings of highs and lows
    left, right = int(params[0]), int(params[1])
    out[0] = out[1] = out[2] = out[3] = out[4] = out[5] = NAN
    state[2] += 1.0
    state[3] += 1.0
    if not _take(bar, state, 6, left, right):
        return
    high, low = state[0], state[1]
    out[0] = _confirmed_high(state, 6, left, right, 0)
    out[1] = _confirmed_low(state, 6, left, right, 1)
    if out[0] == 1.0:
        state[4] = _trend(high, state[0], state[2], params[2])
        state[2] = 0.0
    if out[1] == 1.0:
        state[5] = _trend(low, state[1], state[3], params[2])
        state[3] = 0.0
    out[2] = _known(state[0])
    out[3] = _known(state[1])
    out[4] = state[4]
    out[5] = state[5]


@inline
def _take(bar: Doubles, state: Doubles, rings: int, left: int, right: int) -> bool:
    bars = left + 1 + right
    push(state, rings, bars, bar[HIGH])
    push(state, rings + ring_size(bars), bars, bar[LOW])
    return filled(state, rings, bars)


@inline
def _confirmed_high(state: Doubles, rings: int, left: int, right: int, at: int) -> float:
    """Return 1 and keep its price if the bar `right` bars ago is higher than all others in the ring, else 0."""
    start = newest(state, rings)
    top = state[start + left]
    for index in range(start, start + left + 1 + right):
        if index != start + left and state[index] >= top:
            return 0.0
    state[at] = top
    return 1.0


@inline
def _confirmed_low(state: Doubles, rings: int, left: int, right: int, at: int) -> float:
    start = newest(state, rings + ring_size(left + 1 + right))
    bottom = state[start + left]
    for index in range(start, start + left + 1 + right):
        if index != start + left and state[index] <= bottom:
            return 0.0
    state[at] = bottom
    return 1.0


@inline
def _trend(before: float, price: float, bars: float, bars_max: float) -> float:
    if before == 0.0 or bars > bars_max:
        return 0.0
    # a turning point as high as the one before counts as the lower kind
    return 1.0 if price > before else -1.0


@inline
def _known(price: float) -> float:
    return price if price != 0.0 else NAN


def _zigzag(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    _zigzag_step(bar[CLOSE], bar[CLOSE], 0.01 * params[0], state, out)


def _zigzag_high_low(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    _zigzag_step(bar[HIGH], bar[LOW], 0.01 * params[0], state, out)


@inline
def _zigzag_step(high: float, low: float, turn: float, state: Doubles, out: Doubles) -> None:
    # state: direction; last pivot and bars since it; highest and bars since it; lowest and bars since it
    state[2] += 1.0
    state[4] += 1.0
    state[6] += 1.0
    confirmed = 0.0
    if state[3] == 0.0:
        _restart(state, 3, high)
        _restart(state, 5, low)
    elif state[0] == 0.0:
        confirmed = _first_turn(high, low, turn, state)
    else:
        confirmed = _next_turn(high, low, turn, state)
    if confirmed != 0.0:
        pivot = 3 if confirmed > 0.0 else 5
        _restart(state, 8 - pivot, low if confirmed > 0.0 else high)
        state[0] = -confirmed
        state[1] = state[pivot]
        state[2] = state[pivot + 1]
    out[0] = state[0]
    out[1] = confirmed
    out[2] = out[3] = out[4] = NAN
    if state[1] != 0.0:
        out[2] = state[1]
        out[3] = state[2]
        out[4] = state[5] if state[0] < 0.0 else state[3]


@inline
def _first_turn(high: float, low: float, turn: float, state: Doubles) -> float:
    """Return which pivot a bar confirms, 1 a high, -1 a low, 0 none, while no leg is known; follow both extremes."""
    if high - state[5] >= turn * state[5]:
        return -1.0
    if state[3] - low >= turn * state[3]:
        return 1.0
    if high > state[3]:
        _restart(state, 3, high)
    if low < state[5]:
        _restart(state, 5, low)
    return 0.0


@inline
def _next_turn(high: float, low: float, turn: float, state: Doubles) -> float:
    """Return which pivot a bar confirms, as `_first_turn`, on a leg; follow the leg's extreme."""
    if state[0] > 0.0:
        if high > state[3]:
            _restart(state, 3, high)
        elif state[3] - low >= turn * state[3]:
            return 1.0
    elif low < state[5]:
        _restart(state, 5, low)
    elif high - state[5] >= turn * state[5]:
        return -1.0
    return 0.0


@inline
def _restart(state: Doubles, at: int, price: float) -> None:
    state[at] = price
    state[at + 1] = 0.0


_EVENT_OUTPUTS = (
    Output("high", "1 where a high is confirmed, else 0"),
    Output("low", "1 where a low is confirmed, else 0"),
    Output("high_price", "price"),
    Output("low_price", "price"),
)
_ZIGZAG_OUTPUTS = (
    Output("direction", "1 rising, -1 falling, 0 before the first"),
    Output("confirmed", "1 a high, -1 a low, 0 none"),
    Output("pivot", "price"),
    Output("pivot_bars", "bars since the last pivot"),
    Output("extreme", "price"),
)
_PERCENT = Param(name="percent", default=5.0, low=0.01, high=90.0, meaning="least change between two pivots")
_NO_EVENT = "Prices before the first turning point of their kind."
_WILLIAMS = "Williams (1998), New Trading Dimensions, ch. 8"

FEATURES = (
    Feature(
        name="fractals",
        family="structure",
        summary="Fractals: bars higher, or lower, than their neighbours on both sides.",
        formula="A bar whose high is above those of the `span` bars before and the `span` after it is a high; low "
        "likewise. Both are given `span` bars later, on the bar that confirms them: high, low = 1 there, else 0; "
        "high_price, low_price = the last confirmed.",
        params=(window(2, "bars on each side", name="span", low=1),),
        outputs=_EVENT_OUTPUTS,
        warmup=lambda p: (2 * p["span"] + 1,) * 4,
        state_size=lambda p: 2 + 2 * ring_size(2 * p["span"] + 1),
        kernel=_fractals,
        flat="none is confirmed",
        source=_WILLIAMS,
        compared="Stock Indicators fractal.csv, each value `span` bars later (1e-9)",
        differences="Given on the bar that confirms, where charts draw it on the turning bar itself. Of equal highs "
        "none is a fractal, as in Stock Indicators.",
        absent=_NO_EVENT,
    ),
    Feature(
        name="fractal_chaos_bands",
        family="structure",
        summary="Fractal chaos bands: the last confirmed fractal high and low.",
        formula="upper, lower = high_price, low_price of fractals.",
        params=(window(2, "bars on each side", name="span", low=1),),
        outputs=(Output("upper", "price"), Output("lower", "price")),
        warmup=lambda p: (2 * p["span"] + 1,) * 2,
        state_size=lambda p: 2 + 2 * ring_size(2 * p["span"] + 1),
        kernel=_fractal_chaos_bands,
        flat="none is confirmed",
        source=_WILLIAMS,
        compared="Stock Indicators fcb.csv (1e-9)",
        differences="none",
        absent=_NO_EVENT,
    ),
    Feature(
        name="swing_pivots",
        family="structure",
        summary="Swing highs and lows, and whether they rise or fall.",
        formula="As fractals, with `left` bars before and `right` after, confirmed `right` bars later. high_trend = 1 "
        "where the last high is above the one before, -1 where not, 0 where that lies more than `bars_max` bars "
        "before it or there is none; low_trend likewise.",
        params=(
            window(2, "bars before the turning bar", name="left", low=1),
            window(2, "bars after it", name="right", low=1),
            window(20, "bars between two turning points that make a trend", name="bars_max", low=1),
        ),
        outputs=(*_EVENT_OUTPUTS, Output("high_trend", "1, 0 or -1"), Output("low_trend", "1, 0 or -1")),
        warmup=lambda p: (p["left"] + p["right"] + 1,) * 6,
        state_size=lambda p: 6 + 2 * ring_size(p["left"] + p["right"] + 1),
        kernel=_swing_pivots,
        flat="none is confirmed, trends 0",
        source="Dow theory of rising and falling peaks and troughs: Rhea (1932), The Dow Theory, ch. 13",
        compared="Stock Indicators pivots.csv: points and trends, each on its confirming bar (1e-9)",
        differences="Stock Indicators draws lines back between two points; here the trend stands from the bar that "
        "confirms the second one.",
        absent=_NO_EVENT,
    ),
    Feature(
        name="zigzag",
        family="structure",
        summary="Zigzag of closes: turning points between moves of at least a percentage, once confirmed.",
        formula="A leg goes on while closes reach new extremes; a close that lies `percent` of the extreme beyond it "
        "confirms the extreme as a pivot and begins the opposite leg. The first leg begins at the lowest, or highest, "
        "close so far, once a close lies that far from it. pivot = the last confirmed; pivot_bars = its age; "
        "extreme = that of the current leg.",
        params=(_PERCENT,),
        outputs=_ZIGZAG_OUTPUTS,
        warmup=lambda _: (1,) * 5,
        state_size=lambda _: 7,
        kernel=_zigzag,
        flat="none is confirmed",
        source="Merrill (1977), Filtered Waves; Achelis (2000), Technical Analysis from A to Z, Zig Zag, p. 374",
        compared="Stock Indicators zigzag-close.csv: every pivot it marks (1e-9)",
        differences="A pivot is known when confirmed, and never moves; charts draw the last leg back. Where the first "
        "leg begins is a pivot here; Stock Indicators leaves it unmarked.",
        absent="Pivot and extreme, before the first pivot.",
    ),
    Feature(
        name="zigzag_high_low",
        family="structure",
        summary="Zigzag of highs and lows: turning points between moves of at least a percentage, once confirmed.",
        formula="As zigzag, rising legs on highs and falling ones on lows. A bar that goes on with a leg does not end "
        "it as well: which came first within the bar is unknown.",
        params=(_PERCENT,),
        outputs=_ZIGZAG_OUTPUTS,
        warmup=lambda _: (1,) * 5,
        state_size=lambda _: 7,
        kernel=_zigzag_high_low,
        flat="none is confirmed",
        source="Merrill (1977), Filtered Waves; Achelis (2000), Technical Analysis from A to Z, Zig Zag, p. 374",
        compared="The number of pivots Stock Indicators states for its sample series, and one of them (exact)",
        differences="As zigzag.",
        absent="Pivot and extreme, before the first pivot.",
    ),
)
