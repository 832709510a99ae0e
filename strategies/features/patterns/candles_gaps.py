"""Candlestick patterns of three candles with a gap or an opposite one between: crows, tasuki, sandwich."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.kernel import Doubles
from strategies.features.patterns.candles import (
    CANDLE,
    EQUAL,
    NEAR,
    around,
    body,
    bottom,
    close,
    color,
    early,
    gap_down,
    gap_up,
    low,
    open_,
    pattern,
    recent_range,
    take,
    top,
    usual_body,
    white,
)


def _2_crows(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    found = (
        white(state, first)
        and body(state, first) > usual_first
        and not white(state, second)
        and gap_up(state, second, first)
        and not white(state, now)
        and close(state, second) < open_(state, now) < open_(state, second)
        and open_(state, first) < close(state, now) < close(state, first)
    )
    out[0] = -100.0 if found else 0.0


def _upside_gap_2_crows(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    usual_second = usual_body(state, 1, now, 1, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    found = (
        white(state, first)
        and body(state, first) > usual_first
        and not white(state, second)
        and body(state, second) <= usual_second
        and gap_up(state, second, first)
        and not white(state, now)
        and open_(state, now) > open_(state, second)
        and close(state, first) < close(state, now) < close(state, second)
    )
    out[0] = -100.0 if found else 0.0


def _gap_side_side_white(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    span = recent_range(state, 0, now, 1, 7)
    if early(state, out, 7):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    above = gap_up(state, second, first) and gap_up(state, now, first)
    below = gap_down(state, second, first) and gap_down(state, now, first)
    alike = (
        white(state, second)
        and white(state, now)
        and around(body(state, now), body(state, second), NEAR * span)
        and around(open_(state, now), open_(state, second), EQUAL * span)
    )
    out[0] = 0.0
    if alike and (above or below):
        out[0] = 100.0 if above else -100.0


def _tasuki_gap(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    near = NEAR * recent_range(state, 0, now, 1, 7)
    if early(state, out, 7):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    if white(state, second):
        gap = gap_up(state, second, first)
        filling = close(state, now) < open_(state, second) and close(state, now) > top(state, first)
    else:
        gap = gap_down(state, second, first)
        filling = close(state, now) > open_(state, second) and close(state, now) < bottom(state, first)
    found = (
        gap
        and filling
        and color(state, now) == -color(state, second)
        and bottom(state, second) < open_(state, now) < top(state, second)
        and abs(body(state, second) - body(state, now)) < near
    )
    out[0] = 100.0 * color(state, second) if found else 0.0


def _x_side_gap_3_methods(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    if early(state, out, 2):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    gap = gap_up(state, second, first) if white(state, first) else gap_down(state, second, first)
    found = (
        gap
        and color(state, first) == color(state, second)
        and color(state, second) == -color(state, now)
        and bottom(state, second) < open_(state, now) < top(state, second)
        and bottom(state, first) < close(state, now) < top(state, first)
    )
    out[0] = 100.0 * color(state, first) if found else 0.0


def _stick_sandwich(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    equal = EQUAL * recent_range(state, 0, now, 2, 7)
    if early(state, out, 7):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    found = (
        not white(state, first)
        and white(state, second)
        and not white(state, now)
        and low(state, second) > close(state, first)
        and around(close(state, now), close(state, first), equal)
    )
    out[0] = 100.0 if found else 0.0


_BY_COLOR = "100 bullish, -100 bearish, 0 none"
_BULLISH = "100 found, 0 none"
_BEARISH = "-100 found, 0 none"

FEATURES = (
    pattern(
        "cdl_2_crows",
        _2_crows,
        12,
        "Long white; then a black body gapping up; then black, opening within the second body and closing within the "
        "first.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_gap_side_side_white",
        _gap_side_side_white,
        7,
        "Two white bodies of nearly one size and equal opens, both gapping away from the first on one side.",
        signals="100 gap up, -100 gap down, 0 none",
    ),
    pattern(
        "cdl_stick_sandwich",
        _stick_sandwich,
        7,
        "Black, white, black: the white one stays above the first close, the third closes equal to it.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_tasuki_gap",
        _tasuki_gap,
        7,
        "A body gaps away; one of the other colour and nearly its size opens within it and closes within the gap.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_upside_gap_2_crows",
        _upside_gap_2_crows,
        12,
        "Long white; then a short black body gapping up; then black, engulfing it and closing above the first close.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_x_side_gap_3_methods",
        _x_side_gap_3_methods,
        2,
        "Two of one colour with a gap in their direction; the third opens within the second and closes within the "
        "first.",
        signals=_BY_COLOR,
    ),
)
