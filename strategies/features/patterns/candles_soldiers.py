"""Candlestick patterns of three candles of one colour: soldiers, crows, blocks."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles
from strategies.features.patterns.candles import (
    CANDLE,
    EQUAL,
    FAR,
    NEAR,
    VERY_SHORT_SHADOW,
    around,
    body,
    close,
    early,
    high,
    low,
    lower,
    open_,
    pattern,
    recent_range,
    take,
    upper,
    usual_body,
    usual_range,
    usual_shadow,
    white,
)


def _3_white_soldiers(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second = now - 2 * CANDLE, now - CANDLE
    tiny_first = VERY_SHORT_SHADOW * usual_range(state, 0, now, 2, 12)
    tiny_second = VERY_SHORT_SHADOW * usual_range(state, 1, now, 1, 12)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 2, now, 0, 12)
    span_first = recent_range(state, 3, now, 2, 12)
    span_second = recent_range(state, 4, now, 1, 12)
    usual = usual_body(state, 5, now, 0, 12)
    if early(state, out, 12):
        return
    found = (
        _climbs(state, now)
        and _opens_within(state, second, NEAR * span_first)
        and _opens_within(state, now, NEAR * span_second)
        and upper(state, first) < tiny_first
        and upper(state, second) < tiny_second
        and upper(state, now) < tiny
        and body(state, second) > body(state, first) - FAR * span_first
        and body(state, now) > body(state, second) - FAR * span_second
        and body(state, now) > usual
    )
    out[0] = 100.0 if found else 0.0


def _advance_block(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second = now - 2 * CANDLE, now - CANDLE
    usual_first = usual_body(state, 0, now, 2, 12)
    span_first = recent_range(state, 1, now, 2, 12)
    span_second = recent_range(state, 2, now, 1, 12)
    shadow_first = usual_shadow(state, 3, now, 2, 12)
    shadow_second = usual_shadow(state, 4, now, 1, 12)
    shadow = usual_shadow(state, 5, now, 0, 12)
    if early(state, out, 12):
        return
    one, two, three = body(state, first), body(state, second), body(state, now)
    shrinking = three < two < one
    tired = (
        (two < one - FAR * span_first and three < two + NEAR * span_second)
        or three < two - FAR * span_second
        or (shrinking and (upper(state, now) > shadow or upper(state, second) > shadow_second))
        or (three < two and upper(state, now) > three)
    )
    found = (
        _climbs(state, now)
        and _opens_within(state, second, NEAR * span_first)
        and _opens_within(state, now, NEAR * span_second)
        and one > usual_first
        and upper(state, first) < shadow_first
        and tired
    )
    out[0] = -100.0 if found else 0.0


def _stalled_pattern(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second = now - 2 * CANDLE, now - CANDLE
    usual_first = usual_body(state, 0, now, 2, 12)
    usual_second = usual_body(state, 1, now, 1, 12)
    usual = usual_body(state, 2, now, 0, 12)
    tiny_second = VERY_SHORT_SHADOW * usual_range(state, 3, now, 1, 12)
    near_first = NEAR * recent_range(state, 4, now, 2, 12)
    near_second = NEAR * recent_range(state, 5, now, 1, 12)
    if early(state, out, 12):
        return
    found = (
        _climbs(state, now)
        and body(state, first) > usual_first
        and body(state, second) > usual_second
        and upper(state, second) < tiny_second
        and _opens_within(state, second, near_first)
        and body(state, now) < usual
        and open_(state, now) >= close(state, second) - body(state, now) - near_second
    )
    out[0] = -100.0 if found else 0.0


@inline
def _climbs(state: Doubles, now: int) -> bool:
    first, second = now - 2 * CANDLE, now - CANDLE
    rising = close(state, first) < close(state, second) < close(state, now)
    return rising and white(state, first) and white(state, second) and white(state, now)


@inline
def _opens_within(state: Doubles, candle: int, near: float) -> bool:
    before = candle - CANDLE
    return open_(state, candle) > open_(state, before) and open_(state, candle) <= close(state, before) + near


@inline
def _sinks(state: Doubles, now: int) -> bool:
    first, second = now - 2 * CANDLE, now - CANDLE
    falling = close(state, first) > close(state, second) > close(state, now)
    return falling and not (white(state, first) or white(state, second) or white(state, now))


def _3_black_crows(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second = now - 2 * CANDLE, now - CANDLE
    tiny_first = VERY_SHORT_SHADOW * usual_range(state, 0, now, 2, 13)
    tiny_second = VERY_SHORT_SHADOW * usual_range(state, 1, now, 1, 13)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 2, now, 0, 13)
    if early(state, out, 13):
        return
    found = (
        _sinks(state, now)
        and white(state, first - CANDLE)
        and high(state, first - CANDLE) > close(state, first)
        and close(state, first) < open_(state, second) < open_(state, first)
        and close(state, second) < open_(state, now) < open_(state, second)
        and lower(state, first) < tiny_first
        and lower(state, second) < tiny_second
        and lower(state, now) < tiny
    )
    out[0] = -100.0 if found else 0.0


def _identical_3_crows(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second = now - 2 * CANDLE, now - CANDLE
    tiny_first = VERY_SHORT_SHADOW * usual_range(state, 0, now, 2, 12)
    tiny_second = VERY_SHORT_SHADOW * usual_range(state, 1, now, 1, 12)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 2, now, 0, 12)
    equal_first = EQUAL * recent_range(state, 3, now, 2, 12)
    equal_second = EQUAL * recent_range(state, 4, now, 1, 12)
    if early(state, out, 12):
        return
    found = (
        _sinks(state, now)
        and around(open_(state, second), close(state, first), equal_first)
        and around(open_(state, now), close(state, second), equal_second)
        and lower(state, first) < tiny_first
        and lower(state, second) < tiny_second
        and lower(state, now) < tiny
    )
    out[0] = -100.0 if found else 0.0


def _3_stars_in_south(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second = now - 2 * CANDLE, now - CANDLE
    usual_first = usual_body(state, 0, now, 2, 12)
    tiny_second = VERY_SHORT_SHADOW * usual_range(state, 1, now, 1, 12)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 2, now, 0, 12)
    usual = usual_body(state, 3, now, 0, 12)
    if early(state, out, 12):
        return
    found = (
        not (white(state, first) or white(state, second) or white(state, now))
        and body(state, first) > usual_first
        and lower(state, first) > body(state, first)
        and body(state, second) < body(state, first)
        and close(state, first) < open_(state, second) <= high(state, first)
        and low(state, first) <= low(state, second) < close(state, first)
        and lower(state, second) > tiny_second
        and body(state, now) < usual
        and lower(state, now) < tiny
        and upper(state, now) < tiny
        and low(state, now) > low(state, second)
        and high(state, now) < high(state, second)
    )
    out[0] = 100.0 if found else 0.0


_BULLISH = "100 found, 0 none"
_BEARISH = "-100 found, 0 none"

FEATURES = (
    pattern(
        "cdl_3_black_crows",
        _3_black_crows,
        13,
        "After a white candle whose high is above the first close: three black ones with falling closes, hardly any "
        "lower shadow, each opening within the body before.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_3_stars_in_south",
        _3_stars_in_south,
        12,
        "Three black candles of falling size, each higher in its low: a long one with a long lower shadow, a smaller "
        "one, a small marubozu within the second's range.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_3_white_soldiers",
        _3_white_soldiers,
        12,
        "Three white candles with rising closes, hardly any upper shadow, each opening within or near the body before "
        "and not far shorter than it; the last not short.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_advance_block",
        _advance_block,
        12,
        "Three white candles with rising closes, each opening within or near the body before; the first long with a "
        "short upper shadow, the others weaker: far smaller bodies, or smaller ones with long upper shadows.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_identical_3_crows",
        _identical_3_crows,
        12,
        "Three black candles with falling closes and hardly any lower shadow, each opening at the close before.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_stalled_pattern",
        _stalled_pattern,
        12,
        "Three white candles with rising closes: two long ones, the second without an upper shadow and opening within "
        "or near the first; then a short one on the second's shoulder.",
        signals=_BEARISH,
    ),
)
