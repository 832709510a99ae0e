"""Candlestick patterns of one candle: doji, marubozu, belt-hold, spinning top and their kin."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.kernel import Doubles
from strategies.features.patterns.candles import (
    DOJI_BODY,
    NEAR,
    VERY_SHORT_SHADOW,
    body,
    bottom,
    color,
    early,
    high,
    low,
    lower,
    pattern,
    recent_range,
    take,
    top,
    upper,
    usual_body,
    usual_range,
    usual_shadow,
    white,
)


def _belthold(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 10)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 10)
    if early(state, out, 10):
        return
    opening_shadow = lower(state, now) if white(state, now) else upper(state, now)
    out[0] = 100.0 * color(state, now) if body(state, now) > usual and opening_shadow < tiny else 0.0


def _closing_marubozu(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 10)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 10)
    if early(state, out, 10):
        return
    closing_shadow = upper(state, now) if white(state, now) else lower(state, now)
    out[0] = 100.0 * color(state, now) if body(state, now) > usual and closing_shadow < tiny else 0.0


def _doji(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    doji = DOJI_BODY * usual_range(state, 0, now, 0, 10)
    if early(state, out, 10):
        return
    out[0] = 100.0 if body(state, now) <= doji else 0.0


def _dragonfly_doji(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    tiny = DOJI_BODY * usual_range(state, 0, now, 0, 10)
    if early(state, out, 10):
        return
    found = body(state, now) <= tiny and upper(state, now) < tiny and lower(state, now) > tiny
    out[0] = 100.0 if found else 0.0


def _gravestone_doji(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    tiny = DOJI_BODY * usual_range(state, 0, now, 0, 10)
    if early(state, out, 10):
        return
    found = body(state, now) <= tiny and lower(state, now) < tiny and upper(state, now) > tiny
    out[0] = 100.0 if found else 0.0


def _high_wave(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 10)
    if early(state, out, 10):
        return
    size = body(state, now)
    found = size < usual and upper(state, now) > 2.0 * size and lower(state, now) > 2.0 * size
    out[0] = 100.0 * color(state, now) if found else 0.0


def _long_legged_doji(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    doji = DOJI_BODY * usual_range(state, 0, now, 0, 10)
    if early(state, out, 10):
        return
    size = body(state, now)
    out[0] = 100.0 if size <= doji and (lower(state, now) > size or upper(state, now) > size) else 0.0


def _long_line(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 10)
    shadow = usual_shadow(state, 1, now, 0, 10)
    if early(state, out, 10):
        return
    found = body(state, now) > usual and upper(state, now) < shadow and lower(state, now) < shadow
    out[0] = 100.0 * color(state, now) if found else 0.0


def _marubozu(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 10)
    tiny = VERY_SHORT_SHADOW * usual_range(state, 1, now, 0, 10)
    if early(state, out, 10):
        return
    found = body(state, now) > usual and upper(state, now) < tiny and lower(state, now) < tiny
    out[0] = 100.0 * color(state, now) if found else 0.0


def _rickshaw_man(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    doji = DOJI_BODY * usual_range(state, 0, now, 0, 10)
    near = NEAR * recent_range(state, 1, now, 0, 10)
    if early(state, out, 10):
        return
    size = body(state, now)
    middle = low(state, now) + (high(state, now) - low(state, now)) / 2.0
    found = (
        size <= doji
        and lower(state, now) > size
        and upper(state, now) > size
        and bottom(state, now) <= middle + near
        and top(state, now) >= middle - near
    )
    out[0] = 100.0 if found else 0.0


def _short_line(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 10)
    shadow = usual_shadow(state, 1, now, 0, 10)
    if early(state, out, 10):
        return
    found = body(state, now) < usual and upper(state, now) < shadow and lower(state, now) < shadow
    out[0] = 100.0 * color(state, now) if found else 0.0


def _spinning_top(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    usual = usual_body(state, 0, now, 0, 10)
    if early(state, out, 10):
        return
    size = body(state, now)
    found = size < usual and upper(state, now) > size and lower(state, now) > size
    out[0] = 100.0 * color(state, now) if found else 0.0


def _takuri(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    now = take(state, bar)
    tiny = DOJI_BODY * usual_range(state, 0, now, 0, 10)
    if early(state, out, 10):
        return
    size = body(state, now)
    out[0] = 100.0 if size <= tiny and upper(state, now) < tiny and lower(state, now) > 2.0 * size else 0.0


_BY_COLOR = "100 white, -100 black, 0 none"
_FOUND = "100 found, 0 none"

FEATURES = (
    pattern(
        "cdl_belthold",
        _belthold,
        10,
        "Long body without a shadow where it opened: none below a white one, none above a black one.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_closing_marubozu",
        _closing_marubozu,
        10,
        "Long body without a shadow where it closed: none above a white one, none below a black one.",
        signals=_BY_COLOR,
    ),
    pattern(
        "cdl_doji",
        _doji,
        10,
        "Body of at most a tenth of the mean range of the ten candles before.",
        signals=_FOUND,
        flat="100",
    ),
    pattern(
        "cdl_dragonfly_doji", _dragonfly_doji, 10, "Doji without an upper shadow, with a lower one.", signals=_FOUND
    ),
    pattern(
        "cdl_gravestone_doji", _gravestone_doji, 10, "Doji without a lower shadow, with an upper one.", signals=_FOUND
    ),
    pattern(
        "cdl_high_wave", _high_wave, 10, "Short body, each shadow longer than two of its bodies.", signals=_BY_COLOR
    ),
    pattern(
        "cdl_long_legged_doji",
        _long_legged_doji,
        10,
        "Doji with at least one shadow longer than its body.",
        signals=_FOUND,
    ),
    pattern("cdl_long_line", _long_line, 10, "Long body, short shadows on both sides.", signals=_BY_COLOR),
    pattern("cdl_marubozu", _marubozu, 10, "Long body, no shadow on either side.", signals=_BY_COLOR),
    pattern(
        "cdl_rickshaw_man",
        _rickshaw_man,
        10,
        "Doji, both shadows longer than its body, the body near the middle of the range.",
        signals=_FOUND,
    ),
    pattern("cdl_short_line", _short_line, 10, "Short body, short shadows on both sides.", signals=_BY_COLOR),
    pattern("cdl_spinning_top", _spinning_top, 10, "Short body, both shadows longer than it.", signals=_BY_COLOR),
    pattern(
        "cdl_takuri",
        _takuri,
        10,
        "Doji without an upper shadow, the lower one longer than two of its bodies.",
        signals=_FOUND,
    ),
)
