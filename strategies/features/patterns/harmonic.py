"""Harmonic patterns: five confirmed pivots whose legs stand in the table's ratios, and where the fifth may fall."""

# A bearish pattern is a bullish one upside down, so all prices are multiplied by `side` (+1 bullish, -1 bearish) and
# one set of formulas serves both: X and B and D are lows then, A and C highs.

from __future__ import annotations

from strategies.features.compiling import inline, usable_in_kernels
from strategies.features.kernel import CLOSE, HIGH, LOW, NAN, Doubles, Feature, Output, Param, Params
from strategies.features.patterns.harmonic_ratios import ANY, HARMONICS, ROW, TABLE, Leg
from strategies.features.patterns.pivots import (
    PIVOT_PARAMS,
    PIVOTS_SIZE,
    confirmed,
    copy_pivots,
    pivot,
    pivots_require,
    pivots_warmup,
    turn,
)

PATTERNS = len(HARMONICS)
TARGETS = (0.382, 0.618, 1.0)
"""Targets, as shares of the way from D back to the farther of A and C (Carney 2010: 0.382 and 0.618 of AD)."""

MATCH_SIZE = 7
"""Words of a match: low and high of the zone, stop, three targets, largest deviation of a ratio from its range."""

PIVOTS_OF_A_MATCH = 6  # P, X, A, B, C, D
_TOLERANCE = len(PIVOT_PARAMS)

_XA_PX = int(Leg.XA_PX)
_AB_XA = int(Leg.AB_XA)
_BC_AB = int(Leg.BC_AB)
_XC_XA = int(Leg.XC_XA)
_CD_BC = int(Leg.CD_BC)
_AD_XA = int(Leg.AD_XA)
_CD_XC = int(Leg.CD_XC)
_CD_AB = int(Leg.CD_AB)
_STOP_LEG = 2 * len(Leg)
_STOP = _STOP_LEG + 1


@usable_in_kernels
def _entry(word: int) -> float:
    # a function of its own, not inlined: reading a tuple compiles to a switch of all its places
    return TABLE[word]


@inline
def _free(row: int, leg: int) -> bool:
    return _entry(row + 2 * leg + 1) == ANY[1]


@inline
def _deviation(ratio: float, row: int, leg: int) -> float:
    """Return how far a ratio lies outside its range, as a fraction of the range's end."""
    # a free ratio may be anything, also the quotient of points that coincide or lie the other way round
    if _free(row, leg):
        return 0.0
    low, high = _entry(row + 2 * leg), _entry(row + 2 * leg + 1)
    if ratio < low:
        return 1.0 - ratio / low
    if ratio > high:
        return ratio / high - 1.0
    return 0.0


@inline
def shape_deviation(row: int, px: float, x: float, a: float, b: float, c: float) -> float:
    """Return the largest deviation among the ratios that the points up to C decide; `px` is 0.0 where P is unknown."""
    xa, ab = a - x, a - b
    worst = _deviation(xa / px, row, _XA_PX)
    worst = max(worst, _deviation(ab / xa, row, _AB_XA))
    worst = max(worst, _deviation((c - b) / ab, row, _BC_AB))
    return max(worst, _deviation((c - x) / xa, row, _XC_XA))


@inline
def end_deviation(row: int, x: float, a: float, b: float, c: float, d: float) -> float:
    """Return the largest deviation among the ratios that say where D lies."""
    cd = c - d
    worst = _deviation(cd / (c - b), row, _CD_BC)
    worst = max(worst, _deviation((a - d) / (a - x), row, _AD_XA))
    worst = max(worst, _deviation(cd / (c - x), row, _CD_XC))
    return max(worst, _deviation(cd / (a - b), row, _CD_AB))


@inline
def zone(row: int, x: float, a: float, b: float, c: float, tolerance: float) -> tuple[float, float]:
    """Return the potential reversal zone: the prices D may take by all its ratios; low above high if there is none."""
    low, high = _narrowed(row, _CD_BC, c, c - b, tolerance, -ANY[1], c)
    low, high = _narrowed(row, _AD_XA, a, a - x, tolerance, low, high)
    low, high = _narrowed(row, _CD_XC, c, c - x, tolerance, low, high)
    return _narrowed(row, _CD_AB, c, a - b, tolerance, low, high)


@inline
def _narrowed(
    row: int, leg: int, origin: float, unit: float, tolerance: float, low: float, high: float
) -> tuple[float, float]:
    if _free(row, leg):
        return low, high
    far = origin - (1.0 + tolerance) * _entry(row + 2 * leg + 1) * unit
    near = origin - (1.0 - tolerance) * _entry(row + 2 * leg) * unit
    return max(low, far), min(high, near)


@inline
def stop_level(row: int, x: float, a: float, b: float, c: float) -> float:
    """Return the price beyond which the pattern is given up."""
    leg, ratio = _entry(row + _STOP_LEG), _entry(row + _STOP)
    if leg == _AD_XA:
        return a - ratio * (a - x)
    if leg == _CD_BC:
        return c - ratio * (c - b)
    return c - ratio * (a - b)


@inline
def _before(state: Doubles, side: float, back: int) -> float:
    """Return |PX| if X is the pivot `back`, 0.0 if there is no pivot before it."""
    if confirmed(state, 0) < back + 2:
        return 0.0
    return side * (pivot(state, 0, back + 1) - pivot(state, 0, back))


# what the feature remembers of the newest completed pattern and of the one that may be forming; prices times `side`
_DONE = PIVOTS_SIZE
_DONE_SIDE = _DONE + 1
_DONE_STOP = _DONE + 2
_DONE_TARGETS = _DONE + 3
_DONE_BARS = _DONE + 6
_OPEN = _DONE + 7
_OPEN_SIDE = _OPEN + 1
_OPEN_C = _OPEN + 2
_OPEN_LOW = _OPEN + 3
_OPEN_HIGH = _OPEN + 4
_OPEN_STOP = _OPEN + 5
_STATE_SIZE = _OPEN + 6


def _harmonic(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    turned = turn(state, 0, ts_ns, bar, params)
    if turned == -2:
        for column in range(12):
            out[column] = NAN
        return
    state[_DONE_BARS] += 1.0
    if turned != 0:
        _complete(state, -float(turned), params[_TOLERANCE])
        _project(state, float(turned), params[_TOLERANCE])
    close = bar[CLOSE]
    for column in range(12):
        out[column] = 0.0

    side = state[_DONE_SIDE]
    lowest = min(side * bar[LOW], side * bar[HIGH])
    highest = max(side * bar[LOW], side * bar[HIGH])
    if lowest <= state[_DONE_STOP] or highest >= state[_DONE_TARGETS + 2]:
        state[_DONE] = 0.0
    if state[_DONE] != 0.0:
        out[0] = state[_DONE]
        out[1] = side
        out[2] = side * state[_DONE_STOP] / close - 1.0
        for target in range(3):
            out[3 + target] = side * state[_DONE_TARGETS + target] / close - 1.0
        out[6] = state[_DONE_BARS]

    side = state[_OPEN_SIDE]
    if min(side * bar[LOW], side * bar[HIGH]) <= state[_OPEN_STOP]:
        state[_OPEN] = 0.0
    if state[_OPEN] != 0.0:
        out[7] = state[_OPEN]
        out[8] = side
        out[9] = (state[_OPEN_C] - side * close) / (state[_OPEN_C] - state[_OPEN_HIGH])
        nearest = min(max(side * close, state[_OPEN_LOW]), state[_OPEN_HIGH])
        out[10] = side * nearest / close - 1.0
        out[11] = side * state[_OPEN_STOP] / close - 1.0


@inline
def _complete(state: Doubles, side: float, tolerance: float) -> None:
    """Take the newest pivot as D; remember the first pattern that fits."""
    if confirmed(state, 0) < 5:
        return
    x, a, b = side * pivot(state, 0, 4), side * pivot(state, 0, 3), side * pivot(state, 0, 2)
    c, d = side * pivot(state, 0, 1), side * pivot(state, 0, 0)
    px = _before(state, side, 4)
    for index in range(PATTERNS):
        row = index * ROW
        if shape_deviation(row, px, x, a, b, c) > tolerance or end_deviation(row, x, a, b, c, d) > tolerance:
            continue
        state[_DONE] = index + 1.0
        state[_DONE_SIDE] = side
        state[_DONE_STOP] = stop_level(row, x, a, b, c)
        begin = max(a, c)
        state[_DONE_TARGETS] = d + TARGETS[0] * (begin - d)
        state[_DONE_TARGETS + 1] = d + TARGETS[1] * (begin - d)
        state[_DONE_TARGETS + 2] = d + TARGETS[2] * (begin - d)
        state[_DONE_BARS] = 0.0
        return


@inline
def _project(state: Doubles, side: float, tolerance: float) -> None:
    """Take the newest pivot as C; remember the first pattern that D could still complete, or that there is none."""
    state[_OPEN] = 0.0
    if confirmed(state, 0) < 4:
        return
    x, a = side * pivot(state, 0, 3), side * pivot(state, 0, 2)
    b, c = side * pivot(state, 0, 1), side * pivot(state, 0, 0)
    px = _before(state, side, 3)
    for index in range(PATTERNS):
        row = index * ROW
        if shape_deviation(row, px, x, a, b, c) > tolerance:
            continue
        low, high = zone(row, x, a, b, c, tolerance)
        if low > high:
            continue
        state[_OPEN] = index + 1.0
        state[_OPEN_SIDE] = side
        state[_OPEN_C] = c
        state[_OPEN_LOW] = low
        state[_OPEN_HIGH] = high
        state[_OPEN_STOP] = stop_level(row, x, a, b, c)
        return


COLUMNS = 1 + 3 * PIVOTS_OF_A_MATCH + 2 * PATTERNS * MATCH_SIZE


def _every_match(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    """Write what the detector reports: the turn, six pivots, each pattern completed, each pattern projected."""
    turned = turn(state, 0, ts_ns, bar, params)
    for column in range(COLUMNS):
        out[column] = NAN
    out[0] = 0.0
    if abs(turned) != 1:
        return
    out[0] = turned
    copy_pivots(state, 0, PIVOTS_OF_A_MATCH, out, 1)
    if confirmed(state, 0) >= 5:
        _matches(state, -float(turned), 1, params[_TOLERANCE], out, 1 + 3 * PIVOTS_OF_A_MATCH)
    if confirmed(state, 0) >= 4:
        done = PATTERNS * MATCH_SIZE
        _matches(state, float(turned), 0, params[_TOLERANCE], out, 1 + 3 * PIVOTS_OF_A_MATCH + done)


@inline
def _matches(state: Doubles, side: float, newest: int, tolerance: float, out: Doubles, to: int) -> None:
    """Write every match of which C is the pivot `newest`: completed if that leaves a D, projected otherwise."""
    x, a = side * pivot(state, 0, newest + 3), side * pivot(state, 0, newest + 2)
    b, c = side * pivot(state, 0, newest + 1), side * pivot(state, 0, newest)
    px = _before(state, side, newest + 3)
    for index in range(PATTERNS):
        row = index * ROW
        deviation = shape_deviation(row, px, x, a, b, c)
        low, high = zone(row, x, a, b, c, tolerance)
        d = 0.5 * (low + high)
        if newest == 1:
            d = side * pivot(state, 0, 0)
            deviation = max(deviation, end_deviation(row, x, a, b, c, d))
        if deviation > tolerance or low > high:
            continue
        match = to + index * MATCH_SIZE
        begin = max(a, c)
        out[match] = side * low
        out[match + 1] = side * high
        out[match + 2] = side * stop_level(row, x, a, b, c)
        for target in range(3):
            out[match + 3 + target] = side * (d + TARGETS[target] * (begin - d))
        out[match + 6] = deviation


def _warmup(p: Params) -> tuple[int, ...]:
    return (pivots_warmup(p),) * 12


PARAMS = (
    *PIVOT_PARAMS,
    Param(name="tolerance", default=0.03, low=0.0, high=0.1, meaning="deviation of a ratio, as a fraction of its end"),
)

_SOURCE = (
    "Gartley (1935), Profits in the Stock Market; Carney (1998), The Harmonic Trader, and (2010), Harmonic Trading; "
    "for each ratio see docs/patterns.md"
)

FEATURES = (
    Feature(
        name="harmonic",
        family="patterns",
        summary="Harmonic patterns over confirmed pivots: the newest completed one, and the one that may be forming.",
        formula="Pivots: an extreme counts once the price has come back from it by max(reversal_atr * ATR, "
        "reversal_fraction * extreme), fixed on the extreme's bar, on a later bar. X A B C D are the last five, "
        "compared with the ratios of docs/patterns.md, a ratio r of [low, high] matching from low * (1 - tolerance) to "
        "high * (1 + tolerance); the first pattern in the table's order stands. It ends at its stop or its third "
        "target. Forming: X A B C are the last four pivots and a zone for D exists.",
        params=PARAMS,
        outputs=(
            Output("pattern", "number of the pattern, 0 none"),
            Output("direction", "+1 bullish, -1 bearish, 0 none"),
            Output("stop", "fraction of the close, signed"),
            Output("target_1", "fraction of the close, signed"),
            Output("target_2", "fraction of the close, signed"),
            Output("target_3", "fraction of the close, signed"),
            Output("bars", "bars since D was confirmed"),
            Output("forming", "number of the pattern, 0 none"),
            Output("forming_direction", "+1 bullish, -1 bearish, 0 none"),
            Output("completion", "share of the way from C to the zone, 1 at its near edge"),
            Output("zone", "fraction of the close to the zone, signed, 0 inside"),
            Output("forming_stop", "fraction of the close, signed"),
        ),
        warmup=_warmup,
        state_size=lambda _: _STATE_SIZE,
        kernel=_harmonic,
        flat="0: no pivot, no pattern",
        source=_SOURCE,
        compared="No published values; exact constructions of all patterns and a slow reference in the tests",
        differences="Sources differ on ratios; docs/patterns.md says where and which are used. The zone is where all "
        "conditions on D hold, not the span of its projections.",
        requires=pivots_require,
    ),
)

MATCHES = Feature(
    name="harmonic_matches",
    family="patterns",
    summary="All that the detector reports, a row a bar; not registered.",
    formula="as harmonic",
    params=PARAMS,
    outputs=tuple(Output(str(column), "internal") for column in range(COLUMNS)),
    warmup=lambda _: (1,) * COLUMNS,
    state_size=lambda _: PIVOTS_SIZE,
    kernel=_every_match,
    flat="no match",
    source=_SOURCE,
    compared="as harmonic",
    differences="none",
    requires=pivots_require,
)
