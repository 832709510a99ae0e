"""Candlestick patterns of three candles that turn around a small one in the middle: stars, babies, insides."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles
from strategies.features.patterns.candles import (
    CANDLE,
    DOJI_BODY,
    body,
    bottom,
    close,
    color,
    early,
    gap_down,
    gap_up,
    high,
    low,
    open_,
    pattern,
    take,
    top,
    usual_body,
    usual_range,
    white,
)


@inline
def _turns(state: Doubles, now: int, usual_first: float, usual: float, depth: float) -> bool:
    # a long candle, then two bars on one of the other colour whose close reaches deep into it
    first = now - 2 * CANDLE
    if color(state, first) == color(state, now):
        return False
    return _deep(state, now, first, depth) and body(state, first) > usual_first and body(state, now) > usual


@inline
def _deep(state: Doubles, now: int, first: int, depth: float) -> bool:
    reach = body(state, first) * depth
    if white(state, first):
        return close(state, now) < close(state, first) - reach
    return close(state, now) > close(state, first) + reach


def _morning_star(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    usual_second = usual_body(state, 1, now, 1, 12)
    usual = usual_body(state, 2, now, 0, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    star = body(state, second) <= usual_second and gap_down(state, second, first) and not white(state, first)
    out[0] = 100.0 if star and _turns(state, now, usual_first, usual, params[0]) else 0.0


def _evening_star(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    usual_second = usual_body(state, 1, now, 1, 12)
    usual = usual_body(state, 2, now, 0, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    star = body(state, second) <= usual_second and gap_up(state, second, first) and white(state, first)
    out[0] = -100.0 if star and _turns(state, now, usual_first, usual, params[0]) else 0.0


def _morning_doji_star(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    doji = DOJI_BODY * usual_range(state, 1, now, 1, 12)
    usual = usual_body(state, 2, now, 0, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    star = body(state, second) <= doji and gap_down(state, second, first) and not white(state, first)
    out[0] = 100.0 if star and _turns(state, now, usual_first, usual, params[0]) else 0.0


def _evening_doji_star(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    doji = DOJI_BODY * usual_range(state, 1, now, 1, 12)
    usual = usual_body(state, 2, now, 0, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    star = body(state, second) <= doji and gap_up(state, second, first) and white(state, first)
    out[0] = -100.0 if star and _turns(state, now, usual_first, usual, params[0]) else 0.0


def _abandoned_baby(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    doji = DOJI_BODY * usual_range(state, 1, now, 1, 12)
    usual = usual_body(state, 2, now, 0, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    if white(state, first):
        alone = low(state, second) > high(state, first) and high(state, now) < low(state, second)
    else:
        alone = high(state, second) < low(state, first) and low(state, now) > high(state, second)
    found = alone and body(state, second) <= doji and _turns(state, now, usual_first, usual, params[0])
    out[0] = 100.0 * color(state, now) if found else 0.0


def _tristar(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    doji = DOJI_BODY * usual_range(state, 0, now, 2, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    out[0] = 0.0
    if body(state, first) <= doji and body(state, second) <= doji and body(state, now) <= doji:
        if gap_up(state, second, first) and top(state, now) < top(state, second):
            out[0] = -100.0
        elif gap_down(state, second, first) and bottom(state, now) > bottom(state, second):
            out[0] = 100.0


def _unique_3_river(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    usual = usual_body(state, 1, now, 0, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    found = (
        body(state, first) > usual_first
        and not white(state, first)
        and not white(state, second)
        and close(state, second) > close(state, first)
        and open_(state, second) <= open_(state, first)
        and low(state, second) < low(state, first)
        and body(state, now) < usual
        and white(state, now)
        and open_(state, now) > low(state, second)
    )
    out[0] = 100.0 if found else 0.0


def _3_inside(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual_first = usual_body(state, 0, now, 2, 12)
    usual_second = usual_body(state, 1, now, 1, 12)
    if early(state, out, 12):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    beyond = (close(state, now) - open_(state, first)) * color(state, first) < 0.0
    found = (
        body(state, first) > usual_first
        and body(state, second) <= usual_second
        and top(state, second) < top(state, first)
        and bottom(state, second) > bottom(state, first)
        and color(state, now) == -color(state, first)
        and beyond
    )
    out[0] = -100.0 * color(state, first) if found else 0.0


def _3_outside(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    if early(state, out, 3):
        return
    first, second = now - 2 * CANDLE, now - CANDLE
    side = color(state, second)
    found = (
        side == -color(state, first)
        and (close(state, second) - open_(state, first)) * side > 0.0
        and (open_(state, second) - close(state, first)) * side < 0.0
        and (close(state, now) - close(state, second)) * side > 0.0
    )
    out[0] = 100.0 * side if found else 0.0


_BY_COLOR = "100 bullish, -100 bearish, 0 none"
_BULLISH = "100 found, 0 none"
_BEARISH = "-100 found, 0 none"

FEATURES = (
    pattern(
        "cdl_3_inside",
        _3_inside,
        12,
        "Harami (a short body within a long one); then the other colour, closing beyond the first open.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_3_outside",
        _3_outside,
        3,
        "Engulfing with neither end shared; then a close further on.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_abandoned_baby",
        _abandoned_baby,
        12,
        "Long body; then a doji whose whole range gaps away; then a body that is not short, gapping back and closing "
        "at least `penetration` deep in the first.",
        signals=_BY_COLOR,
        penetration=0.3,
    ),
    pattern(
        "cdl_evening_doji_star",
        _evening_doji_star,
        12,
        "Long white; then a doji whose body gaps up; then black, not short, closing at least `penetration` deep in "
        "the first.",
        signals=_BEARISH,
        penetration=0.3,
    ),
    pattern(
        "cdl_evening_star",
        _evening_star,
        12,
        "Long white; then a short body that gaps up; then black, not short, closing at least `penetration` deep in "
        "the first.",
        signals=_BEARISH,
        penetration=0.3,
    ),
    pattern(
        "cdl_morning_doji_star",
        _morning_doji_star,
        12,
        "Long black; then a doji whose body gaps down; then white, not short, closing at least `penetration` deep in "
        "the first.",
        signals=_BULLISH,
        penetration=0.3,
    ),
    pattern(
        "cdl_morning_star",
        _morning_star,
        12,
        "Long black; then a short body that gaps down; then white, not short, closing at least `penetration` deep in "
        "the first.",
        signals=_BULLISH,
        penetration=0.3,
    ),
    pattern(
        "cdl_tristar",
        _tristar,
        12,
        "Three doji, each measured against the ten candles before the first; the second body gaps away and the third "
        "does not go on.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_unique_3_river",
        _unique_3_river,
        12,
        "Long black; then a black harami with a lower low; then a short white opening above that low.",
        signals=_BULLISH,
    ),
)
