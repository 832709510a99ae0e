"""Candlestick patterns of four and five candles, and those that wait for a confirmation."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import NAN, Doubles
from strategies.features.patterns.candles import (
    CANDLE,
    CANDLE_STATE,
    NEAR,
    VERY_SHORT_SHADOW,
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


def _3_line_strike(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second, third = now - 3 * CANDLE, now - 2 * CANDLE, now - CANDLE
    near_first = NEAR * recent_range(state, 0, now, 3, 8)
    near_second = NEAR * recent_range(state, 1, now, 2, 8)
    if early(state, out, 8):
        return
    side = color(state, third)
    found = (
        color(state, first) == side
        and color(state, second) == side
        and color(state, now) == -side
        and _opens_near(state, second, first, near_first)
        and _opens_near(state, third, second, near_second)
        and (close(state, third) - close(state, second)) * side > 0.0
        and (close(state, second) - close(state, first)) * side > 0.0
        and (open_(state, now) - close(state, third)) * side > 0.0
        and (close(state, now) - open_(state, first)) * side < 0.0
    )
    out[0] = 100.0 * side if found else 0.0


@inline
def _opens_near(state: Doubles, candle: int, before: int, near: float) -> bool:
    return bottom(state, before) - near <= open_(state, candle) <= top(state, before) + near


def _conceal_baby_swall(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second, third = now - 3 * CANDLE, now - 2 * CANDLE, now - CANDLE
    tiny_first = VERY_SHORT_SHADOW * usual_range(state, 0, now, 3, 13)
    tiny_second = VERY_SHORT_SHADOW * usual_range(state, 1, now, 2, 13)
    tiny_third = VERY_SHORT_SHADOW * usual_range(state, 2, now, 1, 13)
    if early(state, out, 13):
        return
    found = (
        not (white(state, first) or white(state, second) or white(state, third) or white(state, now))
        and lower(state, first) < tiny_first
        and upper(state, first) < tiny_first
        and lower(state, second) < tiny_second
        and upper(state, second) < tiny_second
        and gap_down(state, third, second)
        and upper(state, third) > tiny_third
        and high(state, third) > close(state, second)
        and high(state, now) > high(state, third)
        and low(state, now) < low(state, third)
    )
    out[0] = 100.0 if found else 0.0


def _breakaway(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second, third, fourth = now - 4 * CANDLE, now - 3 * CANDLE, now - 2 * CANDLE, now - CANDLE
    usual_first = usual_body(state, 0, now, 4, 14)
    if early(state, out, 14):
        return
    if white(state, first):
        away = (
            gap_up(state, second, first)
            and high(state, second) < high(state, third) < high(state, fourth)
            and low(state, second) < low(state, third) < low(state, fourth)
        )
    else:
        away = (
            gap_down(state, second, first)
            and high(state, second) > high(state, third) > high(state, fourth)
            and low(state, second) > low(state, third) > low(state, fourth)
        )
    side = color(state, now)
    found = (
        away
        and body(state, first) > usual_first
        and color(state, first) == -side
        and color(state, second) == -side
        and color(state, fourth) == -side
        and (close(state, now) - open_(state, second)) * side > 0.0
        and (close(state, now) - close(state, first)) * side < 0.0
    )
    out[0] = 100.0 * side if found else 0.0


def _ladder_bottom(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second, third, fourth = now - 4 * CANDLE, now - 3 * CANDLE, now - 2 * CANDLE, now - CANDLE
    tiny_fourth = VERY_SHORT_SHADOW * usual_range(state, 0, now, 1, 14)
    if early(state, out, 14):
        return
    found = (
        not (white(state, first) or white(state, second) or white(state, third) or white(state, fourth))
        and open_(state, first) > open_(state, second) > open_(state, third)
        and close(state, first) > close(state, second) > close(state, third)
        and upper(state, fourth) > tiny_fourth
        and white(state, now)
        and open_(state, now) > open_(state, fourth)
        and close(state, now) > high(state, fourth)
    )
    out[0] = 100.0 if found else 0.0


def _mat_hold(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second, third, fourth = now - 4 * CANDLE, now - 3 * CANDLE, now - 2 * CANDLE, now - CANDLE
    usual_first = usual_body(state, 0, now, 4, 14)
    usual_second = usual_body(state, 1, now, 3, 14)
    usual_third = usual_body(state, 2, now, 2, 14)
    usual_fourth = usual_body(state, 3, now, 1, 14)
    if early(state, out, 14):
        return
    floor = close(state, first) - body(state, first) * params[0]
    found = (
        body(state, first) > usual_first
        and body(state, second) < usual_second
        and body(state, third) < usual_third
        and body(state, fourth) < usual_fourth
        and white(state, first)
        and not white(state, second)
        and white(state, now)
        and gap_up(state, second, first)
        and floor < bottom(state, third) < close(state, first)
        and floor < bottom(state, fourth) < close(state, first)
        and top(state, third) < open_(state, second)
        and top(state, fourth) < top(state, third)
        and open_(state, now) > close(state, fourth)
        and close(state, now) > max(high(state, second), high(state, third), high(state, fourth))
    )
    out[0] = 100.0 if found else 0.0


def _rise_fall_3_methods(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    first, second, third, fourth = now - 4 * CANDLE, now - 3 * CANDLE, now - 2 * CANDLE, now - CANDLE
    usual_first = usual_body(state, 0, now, 4, 14)
    usual_second = usual_body(state, 1, now, 3, 14)
    usual_third = usual_body(state, 2, now, 2, 14)
    usual_fourth = usual_body(state, 3, now, 1, 14)
    usual = usual_body(state, 4, now, 0, 14)
    if early(state, out, 14):
        return
    side = color(state, first)
    found = (
        body(state, first) > usual_first
        and body(state, second) < usual_second
        and body(state, third) < usual_third
        and body(state, fourth) < usual_fourth
        and body(state, now) > usual
        and color(state, second) == -side
        and color(state, third) == -side
        and color(state, fourth) == -side
        and color(state, now) == side
        and _overlaps(state, second, first)
        and _overlaps(state, third, first)
        and _overlaps(state, fourth, first)
        and (close(state, third) - close(state, second)) * side < 0.0
        and (close(state, fourth) - close(state, third)) * side < 0.0
        and (open_(state, now) - close(state, fourth)) * side > 0.0
        and (close(state, now) - close(state, first)) * side > 0.0
    )
    out[0] = 100.0 * side if found else 0.0


@inline
def _overlaps(state: Doubles, candle: int, first: int) -> bool:
    return bottom(state, candle) < high(state, first) and top(state, candle) > low(state, first)


# places behind the candles: bar number of the pattern that waits, its sign (0 = none), the level that confirms it
_SINCE, _SIDE, _LEVEL = CANDLE_STATE, CANDLE_STATE + 1, CANDLE_STATE + 2


def _hikkake(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    if early(state, out, 2):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    signal = _trap(state, now) if _inside(state, second, first) else 0.0
    value = _confirmed(state, now, signal)
    out[0] = NAN if state[0] <= 5.0 else value


def _hikkake_mod(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    near = NEAR * recent_range(state, 0, now, 2, 7)
    if early(state, out, 7):
        return
    first, second, third = now - 3 * CANDLE, now - 2 * CANDLE, now - CANDLE
    signal = 0.0
    if _inside(state, second, first) and _inside(state, third, second):
        signal = _trap(state, now)
        if signal > 0.0 and not close(state, second) <= low(state, second) + near:
            signal = 0.0
        if signal < 0.0 and not close(state, second) >= high(state, second) - near:
            signal = 0.0
    value = _confirmed(state, now, signal)
    out[0] = NAN if state[0] <= 10.0 else value


@inline
def _inside(state: Doubles, candle: int, before: int) -> bool:
    return high(state, candle) < high(state, before) and low(state, candle) > low(state, before)


@inline
def _trap(state: Doubles, now: int) -> float:
    # a break out of the inside bar to one side, which is expected to fail: the sign is the other side
    before = now - CANDLE
    if high(state, now) < high(state, before) and low(state, now) < low(state, before):
        return 1.0
    if high(state, now) > high(state, before) and low(state, now) > low(state, before):
        return -1.0
    return 0.0


@inline
def _confirmed(state: Doubles, now: int, signal: float) -> float:
    if signal != 0.0:
        inside = now - CANDLE
        state[_SINCE], state[_SIDE] = state[0], signal
        state[_LEVEL] = high(state, inside) if signal > 0.0 else low(state, inside)
        return 100.0 * signal
    side = state[_SIDE]
    if side != 0.0 and state[0] <= state[_SINCE] + 3.0 and (close(state, now) - state[_LEVEL]) * side > 0.0:
        state[_SIDE] = 0.0
        return 200.0 * side
    return 0.0


_BY_COLOR = "100 bullish, -100 bearish, 0 none"
_BULLISH = "100 found, 0 none"
_TWO_STAGES = "100 bullish, -100 bearish, 200 and -200 when confirmed, 0 none"
_CHESLER = "Chesler (2004), Trading False Moves with the Hikkake Pattern, Active Trader"

FEATURES = (
    pattern(
        "cdl_3_line_strike",
        _3_line_strike,
        8,
        "Three of one colour with closes going on, each opening within or near the body before; a fourth of the other "
        "colour opens further on and closes beyond the first open.",
        signals="100 three white, -100 three black, 0 none",
    ),
    pattern(
        "cdl_breakaway",
        _breakaway,
        14,
        "Long body, a gap in its direction, two bars further on, the fourth of the first colour; the fifth, of the "
        "other colour, closes within the gap.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_conceal_baby_swall",
        _conceal_baby_swall,
        13,
        "Four black: two marubozu, one gapping down with an upper shadow into the body before, one that engulfs its "
        "whole range.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_hikkake",
        _hikkake,
        5,
        "An inside bar, then a break to one side: 100 after a break down, -100 after a break up. 200 or -200 on the "
        "first of the next three bars that closes beyond the inside bar's other end.",
        signals=_TWO_STAGES,
        source=_CHESLER,
        extra_state=3,
    ),
    pattern(
        "cdl_hikkake_mod",
        _hikkake_mod,
        10,
        "As hikkake, with a second bar inside the first and the third inside it, the second closing near its low "
        "(bullish) or its high (bearish).",
        signals=_TWO_STAGES,
        source=_CHESLER,
        extra_state=3,
    ),
    pattern(
        "cdl_ladder_bottom",
        _ladder_bottom,
        14,
        "Three black with falling opens and closes, a fourth black with an upper shadow, a white one that opens above "
        "its body and closes above its high.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_mat_hold",
        _mat_hold,
        14,
        "Long white; three short bodies, the first black and gapping up, falling, no deeper than `penetration` of the "
        "first body; a white one that closes above their highs.",
        signals=_BULLISH,
        penetration=0.5,
    ),
    pattern(
        "cdl_rise_fall_3_methods",
        _rise_fall_3_methods,
        14,
        "Long body; three short ones of the other colour drifting back within its range; a long one of its colour "
        "that closes further on.",
        signals=_BY_COLOR,
    ),
)
