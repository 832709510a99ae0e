"""Building blocks of candlestick patterns: the last sixteen candles, and what counts as long, short, near or equal."""

# "Long" is relative: a body is long when it is longer than the mean body of the ten candles before it. TA-Lib carries
# such sums along, adding the newest range and taking off the oldest, and starts them where a pattern's own history
# begins. Prices move in ticks, so a body often equals a tenth of ten ranges exactly, and the last bit of the sum then
# decides. To give TA-Lib's answers on those bars too, the sums here are carried along in the same order; they are
# the one exception to the rule that a window is computed afresh, and can differ from a fresh sum in the last bits only.

from __future__ import annotations

from collections.abc import Sequence

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, OPEN, Doubles, Feature, Kernel, Output, Param

CANDLE = 4
"""Distance between neighbouring candles in a state; the candle before `now` is at ``now - CANDLE``."""

_DEPTH = 16  # the oldest candle needed is 4 + 10 before the one that left a sum: 15 back
_SUMS = 9
_RING = 2 + _SUMS  # state: candles so far, place of the next, sums, then each candle twice
CANDLE_STATE = _RING + 2 * _DEPTH * CANDLE
"""Number of float64 the block takes at the start of a state."""

_BODY, _RANGE, _SHADOWS = range(3)  # what is summed

# what TA-Lib's candle settings say, as parts of a mean
DOJI_BODY = VERY_SHORT_SHADOW = 0.1
NEAR, FAR, EQUAL = 0.2, 0.6, 0.05


@inline
def take(state: Doubles, bar: Doubles) -> int:
    """Put a bar in; return where the newest candle is."""
    place = int(state[1])
    at = _RING + CANDLE * place
    twin = at + CANDLE * _DEPTH
    state[at] = state[twin] = bar[OPEN]
    state[at + 1] = state[twin + 1] = bar[HIGH]
    state[at + 2] = state[twin + 2] = bar[LOW]
    state[at + 3] = state[twin + 3] = bar[CLOSE]
    state[0] += 1.0
    state[1] = (place + 1) % _DEPTH
    return twin


@inline
def early(state: Doubles, out: Doubles, before: int) -> bool:
    """Write NaN and return true while there are no `before` candles before the newest."""
    if state[0] > before:
        return False
    out[0] = NAN
    return True


@inline
def usual_body(state: Doubles, which: int, now: int, back: int, before: int) -> float:
    """
    Return the mean body of the ten candles before the one `back` bars ago: more is long, less is short.

    Every sum has a number of its own, `which`, and must be asked for on every bar; `before` is the pattern's.
    """
    return _mean(state, which, now, back, before, _BODY, 10)


@inline
def usual_range(state: Doubles, which: int, now: int, back: int, before: int) -> float:
    """Return the mean high-to-low range of the ten candles before; the measure of doji and of hardly any shadow."""
    return _mean(state, which, now, back, before, _RANGE, 10)


@inline
def recent_range(state: Doubles, which: int, now: int, back: int, before: int) -> float:
    """Return the mean range of the five candles before; the measure of near, far and equal."""
    return _mean(state, which, now, back, before, _RANGE, 5)


@inline
def usual_shadow(state: Doubles, which: int, now: int, back: int, before: int) -> float:
    """Return the mean shadow, upper and lower alike, of the ten candles before; less is short."""
    return _mean(state, which, now, back, before, _SHADOWS, 10) / 2.0


@inline
def _mean(state: Doubles, which: int, now: int, back: int, before: int, kind: int, bars: int) -> float:
    index = state[0] - 1.0
    entered = now - CANDLE * (back + 1)
    if index > before:
        state[2 + which] += _length(state, entered, kind) - _length(state, entered - CANDLE * bars, kind)
    elif index > before - bars:
        state[2 + which] += _length(state, entered, kind)
    return state[2 + which] / bars


@inline
def _length(state: Doubles, candle: int, kind: int) -> float:
    if kind == _BODY:
        return body(state, candle)
    if kind == _RANGE:
        return high(state, candle) - low(state, candle)
    return upper(state, candle) + lower(state, candle)


@inline
def open_(state: Doubles, candle: int) -> float:
    """Return the open."""
    return state[candle]


@inline
def high(state: Doubles, candle: int) -> float:
    """Return the high."""
    return state[candle + 1]


@inline
def low(state: Doubles, candle: int) -> float:
    """Return the low."""
    return state[candle + 2]


@inline
def close(state: Doubles, candle: int) -> float:
    """Return the close."""
    return state[candle + 3]


@inline
def body(state: Doubles, candle: int) -> float:
    """Return the distance from open to close."""
    return abs(state[candle + 3] - state[candle])


@inline
def white(state: Doubles, candle: int) -> bool:
    """Return whether the close is not below the open."""
    return state[candle + 3] >= state[candle]


@inline
def color(state: Doubles, candle: int) -> float:
    """Return 1 for a white candle, -1 for a black one."""
    return 1.0 if state[candle + 3] >= state[candle] else -1.0


@inline
def top(state: Doubles, candle: int) -> float:
    """Return the upper end of the body."""
    return max(state[candle], state[candle + 3])


@inline
def bottom(state: Doubles, candle: int) -> float:
    """Return the lower end of the body."""
    return min(state[candle], state[candle + 3])


@inline
def upper(state: Doubles, candle: int) -> float:
    """Return the length of the upper shadow."""
    return high(state, candle) - top(state, candle)


@inline
def lower(state: Doubles, candle: int) -> float:
    """Return the length of the lower shadow."""
    return bottom(state, candle) - low(state, candle)


@inline
def gap_up(state: Doubles, candle: int, before: int) -> bool:
    """Return whether the whole body lies above the other's."""
    return bottom(state, candle) > top(state, before)


@inline
def gap_down(state: Doubles, candle: int, before: int) -> bool:
    """Return whether the whole body lies below the other's."""
    return top(state, candle) < bottom(state, before)


@inline
def around(value: float, level: float, reach: float) -> bool:
    """Return whether a value is at most `reach` from a level."""
    return level - reach <= value <= level + reach


def pattern(
    name: str,
    kernel: Kernel,
    before: int,
    formula: str,
    *,
    signals: str,
    penetration: float | None = None,
    flat: str = "0",
    source: str = "Morris (1995), Candlestick Charting Explained",
    extra_state: int = 0,
) -> Feature:
    """Return the record of a pattern that needs `before` candles before its last one."""
    params: Sequence[Param] = ()
    if penetration is not None:
        meaning = "part of the first body that the last close must reach into"
        params = (Param(name="penetration", default=penetration, low=0.0, high=1.0, meaning=meaning),)
    words = name.removeprefix("cdl_").replace("_", " ")
    return Feature(
        name=name,
        family="candlesticks",
        summary=f"Candlestick pattern: {words}.",
        formula=formula,
        params=tuple(params),
        outputs=(Output("", signals),),
        warmup=lambda _: (before + 1,),
        state_size=lambda _: CANDLE_STATE + extra_state,
        kernel=kernel,
        flat=flat,
        source=f"{source}; candle settings as TA-Lib's defaults",
        compared=f"TA-Lib {name.replace('_', '').upper()}, every bar of real and generated series (equal)",
        differences="none; no trend before the pattern is asked for, as in TA-Lib",
    )
