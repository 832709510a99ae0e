"""Candlestick patterns of one shadow, set against the candle before: hammer, hanging man, shooting star."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles
from strategies.features.patterns.candles import (
    CANDLE,
    NEAR,
    VERY_SHORT_SHADOW,
    body,
    bottom,
    early,
    gap_down,
    gap_up,
    high,
    low,
    lower,
    pattern,
    recent_range,
    take,
    upper,
    usual_body,
    usual_range,
)


def _hammer(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 11)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 11)
    near = NEAR * recent_range(state, 2, now, 1, 11)
    if early(state, out, 11):
        return
    at_the_low = bottom(state, now) <= low(state, now - CANDLE) + near
    out[0] = 100.0 if at_the_low and _hangs(state, now, usual, tiny) else 0.0


def _hanging_man(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 11)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 11)
    near = NEAR * recent_range(state, 2, now, 1, 11)
    if early(state, out, 11):
        return
    at_the_high = bottom(state, now) >= high(state, now - CANDLE) - near
    out[0] = -100.0 if at_the_high and _hangs(state, now, usual, tiny) else 0.0


@inline
def _hangs(state: Doubles, now: int, usual: float, tiny: float) -> bool:
    size = body(state, now)
    return size < usual and lower(state, now) > size and upper(state, now) < tiny


@inline
def _stands(state: Doubles, now: int, usual: float, tiny: float) -> bool:
    size = body(state, now)
    return size < usual and upper(state, now) > size and lower(state, now) < tiny


def _inverted_hammer(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 11)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 11)
    if early(state, out, 11):
        return
    out[0] = 100.0 if _stands(state, now, usual, tiny) and gap_down(state, now, now - CANDLE) else 0.0


def _shooting_star(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 11)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 11)
    if early(state, out, 11):
        return
    out[0] = -100.0 if _stands(state, now, usual, tiny) and gap_up(state, now, now - CANDLE) else 0.0


_BULLISH = "100 found, 0 none"
_BEARISH = "-100 found, 0 none"

FEATURES = (
    pattern(
        "cdl_hammer",
        _hammer,
        11,
        "Short body near or below the low before, lower shadow longer than it, no upper shadow.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_hanging_man",
        _hanging_man,
        11,
        "Short body near or above the high before, lower shadow longer than it, no upper shadow.",
        signals=_BEARISH,
    ),
    pattern(
        "cdl_inverted_hammer",
        _inverted_hammer,
        11,
        "Short body gapping down, upper shadow longer than it, no lower shadow.",
        signals=_BULLISH,
    ),
    pattern(
        "cdl_shooting_star",
        _shooting_star,
        11,
        "Short body gapping up, upper shadow longer than it, no lower shadow.",
        signals=_BEARISH,
    ),
)
