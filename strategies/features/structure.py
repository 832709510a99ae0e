"""Market structure: confirmed swings, the trend they make, support and resistance where the price turned before."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import CLOSE, NAN, Doubles, Feature, Output, Param
from strategies.features.patterns.pivots import (
    KEPT,
    PIVOT_PARAMS,
    PIVOTS_SIZE,
    confirmed,
    copy_pivots,
    pivot,
    pivots_require,
    pivots_warmup,
    turn,
)

_TREND_PIVOTS = 4  # two highs and two lows
_NS = 1_000_000_000
_SWINGS_PARAMS = len(PIVOT_PARAMS)


def _confirmed_swings(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state behind the pivots: last swing high and low, each price, time, time of confirmation; three words of scratch
    turned = turn(state, 0, ts_ns, bar, params)
    kept, scratch = PIVOTS_SIZE, PIVOTS_SIZE + 6
    if turned in (1, -1):
        side = kept if turned == 1 else kept + 3
        copy_pivots(state, 0, 1, state, scratch)
        state[side] = state[scratch]
        state[side + 1] = state[scratch + 1] + 1e-9 * state[scratch + 2]
        state[side + 2] = ts_ns // _NS + 1e-9 * (ts_ns % _NS)
        state[scratch + 3] = -turned
    for word in range(6):
        # a swing that has not been seen has no price, and prices are above 0
        out[word] = state[kept + word] if state[kept + word - word % 3] > 0.0 else NAN
    out[6] = NAN if turned == -2 else state[scratch + 3]


def _market_structure(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state behind the pivots: level above and below that a close has not broken yet (0 = none), trend
    turned = turn(state, 0, ts_ns, bar, params)
    above, below, trend = PIVOTS_SIZE, PIVOTS_SIZE + 1, PIVOTS_SIZE + 2
    if turned == -2:
        out[0] = out[1] = NAN
        return
    if turned == 1:
        state[above] = pivot(state, 0, 0)
    if turned == -1:
        state[below] = pivot(state, 0, 0)
    if turned != 0 and confirmed(state, 0) >= _TREND_PIVOTS:
        state[trend] = _stairs(state)
    out[0] = state[trend]
    out[1] = 0.0
    if state[above] > 0.0 and bar[CLOSE] > state[above]:
        out[1] = 1.0
        state[above] = 0.0
    elif state[below] > 0.0 and bar[CLOSE] < state[below]:
        out[1] = -1.0
        state[below] = 0.0


@inline
def _stairs(state: Doubles) -> float:
    # highs and lows alternate, so the pivots two apart are of one kind
    newer, older = pivot(state, 0, 0) - pivot(state, 0, 2), pivot(state, 0, 1) - pivot(state, 0, 3)
    if newer > 0.0 and older > 0.0:
        return 1.0
    return -1.0 if newer < 0.0 and older < 0.0 else 0.0


def _support_resistance(ts_ns: int, bar: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    turned = turn(state, 0, ts_ns, bar, params)
    out[0] = out[1] = out[2] = out[3] = NAN
    if turned == -2:
        return
    close = bar[CLOSE]
    support = resistance = 0.0
    for back in range(KEPT):
        price = pivot(state, 0, back)
        if price > 0.0:
            if price <= close:
                support = max(support, price)
            if price >= close and (resistance == 0.0 or price < resistance):
                resistance = price
    if support > 0.0:
        out[0] = support
        out[1] = _touches(state, support, params[_SWINGS_PARAMS])
    if resistance > 0.0:
        out[2] = resistance
        out[3] = _touches(state, resistance, params[_SWINGS_PARAMS])


@inline
def _touches(state: Doubles, level: float, tolerance: float) -> float:
    count = 0.0
    for back in range(KEPT):
        price = pivot(state, 0, back)
        if price > 0.0 and abs(price - level) <= tolerance * level:
            count += 1.0
    return count


_CONFIRMED = (
    "A swing high is the highest high since the last swing low, from the bar on which a low lies the reversal distance "
    "below it: max(reversal_atr * ATR(atr_window), reversal_fraction * high), fixed on the bar of the high; a swing "
    "low mirrored. The bar of the extreme cannot confirm it. Once known, a swing is never changed. "
)
_ZIGZAG = "a zigzag draws its last leg before it is confirmed and moves it later; only confirmed swings are known here"

FEATURES = (
    Feature(
        name="confirmed_swings",
        family="structure",
        summary="The last confirmed swing high and swing low, when they were and when they could be known.",
        formula=_CONFIRMED + "direction: 1 after a swing low, -1 after a swing high, 0 before the first.",
        params=PIVOT_PARAMS,
        outputs=(
            Output("high", "price"),
            Output("high_pivot_ts", "s since 1970, close of the bar of the extreme"),
            Output("high_confirmed_ts", "s since 1970, close of the bar that confirmed it"),
            Output("low", "price"),
            Output("low_pivot_ts", "s since 1970"),
            Output("low_confirmed_ts", "s since 1970"),
            Output("direction", "1 up, -1 down, 0 unknown"),
        ),
        warmup=lambda p: (pivots_warmup(p),) * 7,
        state_size=lambda _: PIVOTS_SIZE + 10,
        kernel=_confirmed_swings,
        flat="no swing: NaN, direction 0",
        absent="all but direction, before the first swing of that side",
        source="Murphy (1999), Technical Analysis of the Financial Markets, ch. 4",
        compared="No published values; slow reference in the tests, planted turns",
        differences=f"No two books agree on what makes a swing; {_ZIGZAG}.",
        requires=pivots_require,
    ),
    Feature(
        name="market_structure",
        family="structure",
        summary="Trend by Dow's rule, higher highs and higher lows, and the bars on which the structure breaks.",
        formula=_CONFIRMED + "trend: 1 when the newest swing high and the newest swing low are both above those before "
        "them, -1 when both are below, else 0. break: 1 on the first close above the newest swing high, -1 on the "
        "first close below the newest swing low, else 0.",
        params=PIVOT_PARAMS,
        outputs=(Output("trend", "1 up, -1 down, 0 neither"), Output("break", "1 upwards, -1 downwards, 0 none")),
        warmup=lambda p: (pivots_warmup(p),) * 2,
        state_size=lambda _: PIVOTS_SIZE + 3,
        kernel=_market_structure,
        flat="0",
        source="Rhea (1932), The Dow Theory; Murphy (1999), Technical Analysis of the Financial Markets, ch. 2 and 4",
        compared="No published values; slow reference in the tests, planted trends",
        differences=f"Dow's rule leaves open what a swing is; {_ZIGZAG}.",
        requires=pivots_require,
    ),
    Feature(
        name="support_resistance",
        family="structure",
        summary="The nearest prices below and above at which the market turned, and how often it did.",
        formula=_CONFIRMED
        + f"Of the newest {KEPT} swings: support = the highest price at or below the close, resistance "
        "= the lowest at or above it, a high or a low alike; touches = swings within `tolerance` of that price, itself "
        "included.",
        params=(
            *PIVOT_PARAMS,
            Param(
                name="tolerance",
                default=0.005,
                low=0.0,
                high=0.2,
                meaning="fraction of a level within which another swing touches it",
            ),
        ),
        outputs=(
            Output("support", "price"),
            Output("support_touches", "swings"),
            Output("resistance", "price"),
            Output("resistance_touches", "swings"),
        ),
        warmup=lambda p: (pivots_warmup(p),) * 4,
        state_size=lambda _: PIVOTS_SIZE,
        kernel=_support_resistance,
        flat="no swing: NaN",
        absent=f"on a side of the close where none of the newest {KEPT} swings lies",
        source="Murphy (1999), Technical Analysis of the Financial Markets, ch. 4",
        compared="No published values; slow reference in the tests, planted levels",
        differences="Clusters of many methods give zones; this gives the nearest price that was a turn, unchanged, and "
        "leaves the zone to `tolerance`.",
        requires=pivots_require,
    ),
)
