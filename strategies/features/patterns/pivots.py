"""Building block: the swing highs and lows of a price, each known only once the price has turned away from it."""

# A zigzag that shows its last leg moves that leg as bars arrive: it repaints. Here a pivot exists from the bar on which
# the price has come back from it by the reversal distance, and is never changed afterwards. The distance is fixed on
# the bar of the extreme, so the confirming bar is always the farthest from the extreme so far, and the next leg
# starts at that bar. Within one bar the order of high and low is unknown: the bar that makes an extreme cannot
# confirm it.

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, Doubles, Param, Params, window
from strategies.features.smoothing import AVERAGE_SIZE, true_range, wilder

KEPT = 12
"""Pivots remembered: what the longest pattern, W-X-Y-X-Z, is made of."""

PIVOT_SIZE = 3
"""Words of a pivot: price, and its bar's close time as seconds and nanoseconds, for one float64 does not hold it."""

_COUNT = 0  # pivots confirmed so far
_TREND = 1  # +1 after a low pivot, -1 after a high one, 0 before the first
_TOP = 2  # the highest high of the leg: price, reversal distance, seconds, nanoseconds
_BOTTOM = 6  # the lowest low of the leg, likewise
_CLOSE_BEFORE = 10
_AVERAGE = 11
_PIVOTS = _AVERAGE + AVERAGE_SIZE

PIVOTS_SIZE = _PIVOTS + KEPT * PIVOT_SIZE
"""Number of float64 the block takes in a state."""

_NS = 1_000_000_000

PIVOT_PARAMS: tuple[Param, ...] = (
    Param(
        name="reversal_atr",
        default=2.0,
        low=0.0,
        high=100.0,
        meaning="average true ranges the price comes back from an extreme to confirm it",
    ),
    Param(
        name="reversal_fraction",
        default=0.0,
        low=0.0,
        high=0.9,
        meaning="the same as a fraction of the extreme; the larger distance counts",
    ),
    window(14, "true ranges that seed the average", name="atr_window", low=1),
)
"""The first parameters of every feature made of pivots, in this order."""


def pivots_require(params: Params) -> str:
    """Return what is wrong with the reversal distance, or an empty text."""
    if params["reversal_atr"] == 0 and params["reversal_fraction"] == 0:
        return "need reversal_atr or reversal_fraction above 0"
    return ""


def pivots_warmup(params: Params) -> int:
    """Return the bar, counted from 1, on which the search for pivots begins."""
    return int(params["atr_window"]) + 1 if params["reversal_atr"] > 0 else 1


@inline
def turn(state: Doubles, at: int, ts_ns: int, bar: Doubles, params: Doubles) -> int:
    """
    Take a bar in; say whether it confirms a pivot.

    `params` starts with `PIVOT_PARAMS`. Returns +1 if the bar confirms a high, -1 a low, 0 nothing, and -2 while the
    average true range is not warm.
    """
    distance = 0.0
    if params[0] > 0.0:
        before = state[at + _CLOSE_BEFORE]
        state[at + _CLOSE_BEFORE] = bar[CLOSE]
        if before == 0.0:
            return -2
        average = wilder(state, at + _AVERAGE, int(params[2]), true_range(bar[HIGH], bar[LOW], before))
        if state[at + _AVERAGE] < int(params[2]):
            return -2
        distance = params[0] * average
    trend = state[at + _TREND]
    if trend >= 0.0:
        top = state[at + _TOP]
        if bar[HIGH] > top:
            _mark(state, at + _TOP, bar[HIGH], max(distance, params[1] * bar[HIGH]), ts_ns)
        elif top > bar[LOW] and top - bar[LOW] >= state[at + _TOP + 1]:
            _keep(state, at, at + _TOP)
            state[at + _TREND] = -1.0
            _mark(state, at + _BOTTOM, bar[LOW], max(distance, params[1] * bar[LOW]), ts_ns)
            return 1
    if trend <= 0.0:
        bottom = state[at + _BOTTOM]
        if bottom == 0.0 or bar[LOW] < bottom:
            _mark(state, at + _BOTTOM, bar[LOW], max(distance, params[1] * bar[LOW]), ts_ns)
        elif bar[HIGH] > bottom and bar[HIGH] - bottom >= state[at + _BOTTOM + 1]:
            _keep(state, at, at + _BOTTOM)
            state[at + _TREND] = 1.0
            _mark(state, at + _TOP, bar[HIGH], max(distance, params[1] * bar[HIGH]), ts_ns)
            return -1
    return 0


@inline
def confirmed(state: Doubles, at: int) -> float:
    """Return how many pivots have been confirmed."""
    return state[at + _COUNT]


@inline
def pivot(state: Doubles, at: int, back: int) -> float:
    """Return the price of a pivot: 0 back is the newest, `KEPT` - 1 the oldest one kept (0.0 if there is none)."""
    return state[at + _PIVOTS + (KEPT - 1 - back) * PIVOT_SIZE]


@inline
def seconds_between(state: Doubles, at: int, back: int) -> float:
    """Return the time from a pivot to the newest one."""
    older = at + _PIVOTS + (KEPT - 1 - back) * PIVOT_SIZE
    newest = at + _PIVOTS + (KEPT - 1) * PIVOT_SIZE
    return (state[newest + 1] - state[older + 1]) + 1e-9 * (state[newest + 2] - state[older + 2])


@inline
def copy_pivots(state: Doubles, at: int, count: int, out: Doubles, to: int) -> None:
    """Write the newest `count` pivots, oldest first, three words each."""
    begin = at + _PIVOTS + (KEPT - count) * PIVOT_SIZE
    for word in range(count * PIVOT_SIZE):
        out[to + word] = state[begin + word]


@inline
def _mark(state: Doubles, extreme: int, price: float, distance: float, ts_ns: int) -> None:
    seconds = ts_ns // _NS
    state[extreme] = price
    state[extreme + 1] = distance
    state[extreme + 2] = seconds
    state[extreme + 3] = ts_ns - seconds * _NS


@inline
def _keep(state: Doubles, at: int, extreme: int) -> None:
    # a pivot is rare and twelve are few: moving them all keeps them in order without a ring
    for word in range(at + _PIVOTS, at + _PIVOTS + (KEPT - 1) * PIVOT_SIZE):
        state[word] = state[word + PIVOT_SIZE]
    newest = at + _PIVOTS + (KEPT - 1) * PIVOT_SIZE
    state[newest] = state[extreme]
    state[newest + 1] = state[extreme + 2]
    state[newest + 2] = state[extreme + 3]
    state[at + _COUNT] += 1.0
