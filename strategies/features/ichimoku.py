"""Ichimoku: five lines, what they say together, and the cloud they draw ahead."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Params, window
from strategies.features.windows import filled, largest, push, ring_size, smallest

(
    _CONVERSION,
    _BASE,
    _LEADING_A,
    _LEADING_B,
    _LAGGING,
    _STRENGTH,
    _DIRECTION,
    _SUPPORT,
    _RESISTANCE,
    _PROJECTED_A,
    _PROJECTED_B,
) = range(11)


def _ichimoku(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    short, middle, long, shift = int(params[0]), int(params[1]), int(params[2]), int(params[3]) + 1
    lows = ring_size(long)
    closes = lows + ring_size(long)
    edges_a = closes + ring_size(shift)
    edges_b = edges_a + ring_size(shift)
    for place in range(11):
        out[place] = NAN

    close = top = bottom = bar[CLOSE]
    end = push(state, 0, long, bar[HIGH]) + long
    push(state, lows, long, bar[LOW])
    if filled(state, 0, short):
        # each window holds the shorter one: only the rest of it is read
        top = largest(state, end - short, short)
        bottom = smallest(state, end + lows - short, short)
        out[_CONVERSION] = 0.5 * (top + bottom)
        if filled(state, 0, middle):
            top = max(top, largest(state, end - middle, middle - short))
            bottom = min(bottom, smallest(state, end + lows - middle, middle - short))
            out[_BASE] = 0.5 * (top + bottom)
            out[_PROJECTED_A] = 0.5 * (out[_CONVERSION] + out[_BASE])
            start = push(state, edges_a, shift, out[_PROJECTED_A])
            if filled(state, edges_a, shift):
                out[_LEADING_A] = state[start]
            if filled(state, 0, long):
                top = max(top, largest(state, end - long, long - middle))
                bottom = min(bottom, smallest(state, end + lows - long, long - middle))
                out[_PROJECTED_B] = 0.5 * (top + bottom)
                start = push(state, edges_b, shift, out[_PROJECTED_B])
                if filled(state, edges_b, shift):
                    out[_LEADING_B] = state[start]
    start = push(state, closes, shift, close)
    if filled(state, closes, shift):
        out[_LAGGING] = close - state[start]
    if filled(state, edges_b, shift):
        _vote(close, out)
        _enclose(close, bottom, top, out)


@inline
def _vote(close: float, out: Doubles) -> None:
    # five votes of -1, 0 or 1
    upper = max(out[_LEADING_A], out[_LEADING_B])
    lower = min(out[_LEADING_A], out[_LEADING_B])
    votes = (
        (1.0 if close > upper else 0.0)
        - (1.0 if close < lower else 0.0)
        + _side(out[_CONVERSION] - out[_BASE])
        + _side(close - out[_BASE])
        + _side(out[_PROJECTED_A] - out[_PROJECTED_B])
        + _side(out[_LAGGING])
    )
    out[_STRENGTH] = 20.0 * abs(votes)
    out[_DIRECTION] = _side(votes)


@inline
def _enclose(close: float, bottom: float, top: float, out: Doubles) -> None:
    # the nearest line on either side, of lines that may all lie on one; prices are above 0
    support, resistance = 0.0, math.inf
    for place in range(_LAGGING):
        line = out[place]
        if support < line <= close:
            support = line
        if close <= line < resistance:
            resistance = line
    out[_SUPPORT] = support if support > 0.0 else bottom
    out[_RESISTANCE] = resistance if resistance < math.inf else top


@inline
def _side(value: float) -> float:
    if value > 0.0:
        return 1.0
    return -1.0 if value < 0.0 else 0.0


def _state_size(p: Params) -> float:
    return 2 * ring_size(p["span"]) + 3 * ring_size(p["displacement"] + 1)


def _warmup(p: Params) -> tuple[float, ...]:
    whole = p["span"] + p["displacement"]
    return (
        p["conversion"],
        p["base"],
        p["base"] + p["displacement"],
        whole,
        p["displacement"] + 1,
        whole,
        whole,
        whole,
        whole,
        p["base"],
        p["span"],
    )


def _ordered(p: Params) -> str:
    if p["conversion"] <= p["base"] <= p["span"]:
        return ""
    return f"need conversion <= base <= span, were {p['conversion']}, {p['base']} and {p['span']}"


FEATURES = (
    Feature(
        name="ichimoku",
        family="trend",
        summary="Ichimoku: the five lines, the strength of the trend they agree on, the levels they give, the cloud "
        "ahead.",
        formula="M(n) = (highest high + lowest low of n bars) / 2. conversion = M(conversion); base = M(base); "
        "projected_a = (conversion + base) / 2 and projected_b = M(span) are drawn `displacement` bars "
        "ahead; leading_a, leading_b = those of `displacement` bars ago, the cloud over this bar; lagging = "
        "close - close `displacement` bars ago. Five votes of -1, 0, 1: close beyond the cloud, conversion "
        "against base, close against base, projected_a against projected_b, lagging against 0; strength = "
        "20 * |sum|, direction = its sign. support, resistance = the nearest of conversion, base, "
        "leading_a, leading_b at or below, at or above the close; where there is none, the extreme of "
        "`span` bars.",
        params=(
            window(9, "bars of the conversion line", name="conversion", low=1),
            window(26, "bars of the base line", name="base", low=1),
            window(52, "bars of the second leading line", name="span", low=1),
            window(26, "bars the cloud is drawn ahead, and the close behind", name="displacement", low=0),
        ),
        outputs=(
            Output("conversion", "price"),
            Output("base", "price"),
            Output("leading_a", "price"),
            Output("leading_b", "price"),
            Output("lagging", "price difference, above 0 bullish"),
            Output("strength", "0 to 100, in steps of 20"),
            Output("direction", "1 up, -1 down, 0 neither"),
            Output("support", "price"),
            Output("resistance", "price"),
            Output("projected_a", "price, for the bar `displacement` ahead"),
            Output("projected_b", "price, for the bar `displacement` ahead"),
        ),
        warmup=_warmup,
        state_size=_state_size,
        kernel=_ichimoku,
        flat="lines, support and resistance on the price, lagging, strength and direction 0",
        source="Hosoda (1969), Ichimoku Kinko Hyo; Patel (2010), Trading with Ichimoku Clouds, Wiley",
        compared="Stock Indicators, the values its tests state: five lines, four bars (1e-9); slow reference in the "
        "tests",
        differences="The lagging line is today's close drawn `displacement` bars back; on that chart it is read "
        "against the close there, and what is known of that today is the difference given here. Some charts count the "
        "current bar and draw 25 bars ahead; that is displacement 25. Strength, support and resistance have no "
        "published definition: every sign the books name has one vote here.",
        requires=_ordered,
    ),
)
