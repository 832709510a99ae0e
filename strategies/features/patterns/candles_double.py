"""Candlestick patterns of two candles: engulfing, harami, piercing, kicking and their kin."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles
from strategies.features.patterns.candles import (
    CANDLE,
    DOJI_BODY,
    EQUAL,
    VERY_SHORT_SHADOW,
    around,
    body,
    bottom,
    close,
    color,
    early,
    gap_down,
    gap_up,
    high,
    low,
    lower,
    open_,
    pattern,
    recent_range,
    take,
    top,
    upper,
    usual_body,
    usual_range,
    white,
)


def _counterattack(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_before = usual_body(state, 0, now, 1, 11)
    usual = usual_body(state, 1, now, 0, 11)
    equal = EQUAL * recent_range(state, 2, now, 1, 11)
    if early(state, out, 11):
        return
    before = now - CANDLE
    found = (
        color(state, before) == -color(state, now)
        and body(state, before) > usual_before
        and body(state, now) > usual
        and around(close(state, now), close(state, before), equal)
    )
    out[0] = 100.0 * color(state, now) if found else 0.0


def _dark_cloud_cover(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 1, 11)
    if early(state, out, 11):
        return
    before = now - CANDLE
    found = (
        white(state, before)
        and body(state, before) > usual
        and not white(state, now)
        and open_(state, now) > high(state, before)
        and close(state, now) > open_(state, before)
        and close(state, now) < close(state, before) - body(state, before) * params[0]
    )
    out[0] = -100.0 if found else 0.0


def _doji_star(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 1, 11)
    doji = DOJI_BODY * usual_range(state, 1, now, 0, 11)
    if early(state, out, 11):
        return
    before = now - CANDLE
    away = gap_up(state, now, before) if white(state, before) else gap_down(state, now, before)
    found = body(state, before) > usual and body(state, now) <= doji and away
    out[0] = -100.0 * color(state, before) if found else 0.0


def _engulfing(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    if early(state, out, 2):
        return
    before = now - CANDLE
    out[0] = 0.0
    if color(state, now) != color(state, before) and _surrounds(state, now, before):
        apart = open_(state, now) != close(state, before) and close(state, now) != open_(state, before)
        out[0] = (100.0 if apart else 80.0) * color(state, now)


@inline
def _surrounds(state: Doubles, outer: int, inner: int) -> bool:
    over, under = top(state, outer) - top(state, inner), bottom(state, inner) - bottom(state, outer)
    return over >= 0.0 and under >= 0.0 and (over > 0.0 or under > 0.0)


def _harami(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_before = usual_body(state, 0, now, 1, 11)
    usual = usual_body(state, 1, now, 0, 11)
    if early(state, out, 11):
        return
    small = body(state, now - CANDLE) > usual_before and body(state, now) <= usual
    out[0] = _held(state, now) if small else 0.0


def _harami_cross(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 1, 11)
    doji = DOJI_BODY * usual_range(state, 1, now, 0, 11)
    if early(state, out, 11):
        return
    small = body(state, now - CANDLE) > usual and body(state, now) <= doji
    out[0] = _held(state, now) if small else 0.0


@inline
def _held(state: Doubles, now: int) -> float:
    before = now - CANDLE
    if top(state, now) < top(state, before) and bottom(state, now) > bottom(state, before):
        return -100.0 * color(state, before)
    if top(state, now) <= top(state, before) and bottom(state, now) >= bottom(state, before):
        return -80.0 * color(state, before)
    return 0.0


def _homing_pigeon(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_before = usual_body(state, 0, now, 1, 11)
    usual = usual_body(state, 1, now, 0, 11)
    if early(state, out, 11):
        return
    before = now - CANDLE
    found = (
        not white(state, before)
        and not white(state, now)
        and body(state, before) > usual_before
        and body(state, now) <= usual
        and open_(state, now) < open_(state, before)
        and close(state, now) > close(state, before)
    )
    out[0] = 100.0 if found else 0.0


@inline
def _opens_below_a_long_black(state: Doubles, now: int, usual: float) -> bool:
    before = now - CANDLE
    falling = not white(state, before) and body(state, before) > usual
    return falling and white(state, now) and open_(state, now) < low(state, before)


def _in_neck(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 1, 11)
    equal = EQUAL * recent_range(state, 1, now, 1, 11)
    if early(state, out, 11):
        return
    level = close(state, now - CANDLE)
    found = _opens_below_a_long_black(state, now, usual) and level <= close(state, now) <= level + equal
    out[0] = -100.0 if found else 0.0


def _on_neck(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 1, 11)
    equal = EQUAL * recent_range(state, 1, now, 1, 11)
    if early(state, out, 11):
        return
    level = low(state, now - CANDLE)
    found = _opens_below_a_long_black(state, now, usual) and around(close(state, now), level, equal)
    out[0] = -100.0 if found else 0.0


def _thrusting(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 1, 11)
    equal = EQUAL * recent_range(state, 1, now, 1, 11)
    if early(state, out, 11):
        return
    before = now - CANDLE
    level = close(state, before)
    found = (
        _opens_below_a_long_black(state, now, usual)
        and close(state, now) > level + equal
        and close(state, now) <= level + body(state, before) * 0.5
    )
    out[0] = -100.0 if found else 0.0


def _piercing(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_before = usual_body(state, 0, now, 1, 11)
    usual = usual_body(state, 1, now, 0, 11)
    if early(state, out, 11):
        return
    before = now - CANDLE
    found = (
        _opens_below_a_long_black(state, now, usual_before)
        and body(state, now) > usual
        and close(state, now) < open_(state, before)
        and close(state, now) > close(state, before) + body(state, before) * 0.5
    )
    out[0] = 100.0 if found else 0.0


@inline
def _kick(state: Doubles, now: int) -> bool:
    # asked for on every bar, so that the sums go on
    before = now - CANDLE
    usual_before = usual_body(state, 0, now, 1, 11)
    usual = usual_body(state, 1, now, 0, 11)
    tiny_before = VERY_SHORT_SHADOW * usual_range(state, 2, now, 1, 11)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 3, now, 0, 11)
    if color(state, before) == color(state, now):
        return False
    apart = low(state, before) > high(state, now) if white(state, before) else low(state, now) > high(state, before)
    return (
        apart
        and body(state, before) > usual_before
        and upper(state, before) < tiny_before
        and lower(state, before) < tiny_before
        and body(state, now) > usual
        and upper(state, now) < tiny
        and lower(state, now) < tiny
    )


def _kicking(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    found = _kick(state, now)
    if early(state, out, 11):
        return
    out[0] = 100.0 * color(state, now) if found else 0.0


def _kicking_by_length(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    found = _kick(state, now)
    if early(state, out, 11):
        return
    before = now - CANDLE
    longer = now if body(state, now) > body(state, before) else before
    out[0] = 100.0 * color(state, longer) if found else 0.0


def _matching_low(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    equal = EQUAL * recent_range(state, 0, now, 1, 6)
    if early(state, out, 6):
        return
    before = now - CANDLE
    black = not white(state, before) and not white(state, now)
    out[0] = 100.0 if black and around(close(state, now), close(state, before), equal) else 0.0


def _separating_lines(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 11)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 11)
    equal = EQUAL * recent_range(state, 2, now, 1, 11)
    if early(state, out, 11):
        return
    before = now - CANDLE
    opening_shadow = lower(state, now) if white(state, now) else upper(state, now)
    found = (
        color(state, before) == -color(state, now)
        and around(open_(state, now), open_(state, before), equal)
        and body(state, now) > usual
        and opening_shadow < tiny
    )
    out[0] = 100.0 * color(state, now) if found else 0.0


_BY_COLOR = "100 bullish, -100 bearish, 0 none"
_BULLISH = "100 found, 0 none"
_BEARISH = "-100 found, 0 none"

FEATURES = (
    pattern(
        "cdl_counterattack",
        _counterattack,
        11,
        "Two long bodies of opposite colours with equal closes.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_dark_cloud_cover",
        _dark_cloud_cover,
        11,
        "Long white; then black, opening above its high and closing within its body, at least `penetration` deep.",
        signals=_BEARISH,
        penetration=0.5,
    ),
    pattern(
        "cdl_doji_star",
        _doji_star,
        11,
        "Long body; then a doji whose body gaps away in its direction.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_engulfing",
        _engulfing,
        2,
        "A body of the other colour that contains the one before; 80 where one end is shared.",
        signals="100 or 80 bullish, -100 or -80 bearish, 0 none",
    ),
    pattern(
        "cdl_harami",
        _harami,
        11,
        "Long body; then a short one within it; 80 where one end is shared.",
        signals="100 or 80 after black, -100 or -80 after white, 0 none",
    ),
    pattern(
        "cdl_harami_cross",
        _harami_cross,
        11,
        "Long body; then a doji within it; 80 where one end is shared.",
        signals="100 or 80 after black, -100 or -80 after white, 0 none",
    ),
    pattern(
        "cdl_homing_pigeon",
        _homing_pigeon,
        11,
        "Long black body; then a short black one within it.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_in_neck",
        _in_neck,
        11,
        "Long black; then white, opening below its low and closing at or just above its close.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_kicking",
        _kicking,
        11,
        "Two marubozu of opposite colours with a gap between them, in the direction of the second.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_kicking_by_length",
        _kicking_by_length,
        11,
        "As kicking; the longer of the two decides the sign.",
        signals=_BY_COLOR,
    ),
    pattern("cdl_matching_low", _matching_low, 6, "Two black candles with equal closes.", signals=_BULLISH),
    pattern(
        "cdl_on_neck",
        _on_neck,
        11,
        "Long black; then white, opening below its low and closing at its low.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_piercing",
        _piercing,
        11,
        "Long black; then long white, opening below its low and closing within its body above the middle.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_separating_lines",
        _separating_lines,
        11,
        "Opposite colours, equal opens; the second a long body without a shadow where it opened.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_thrusting",
        _thrusting,
        11,
        "Long black; then white, opening below its low and closing within its body, at most at the middle.",
        signals=_BEARISH,
    ),
)
