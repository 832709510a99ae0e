"""Features of the book: imbalance over levels, depth near the mid, slope, cost of a sweep, resilience."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.event_time import interval_ended
from strategies.features.events import FIRST_LEVEL, LEVELS, EventFeature, EventKind
from strategies.features.kernel import NAN, Doubles, Output, Param, window
from strategies.features.paired import products
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, push, ring_size

_NOISE = 1e-11  # a tick is 1e-8 of a price or more, rounding 1e-15


@inline
def _sizes(book: Doubles, prices: int, levels: int, count: float) -> float:
    """Return the size of the best `count` levels of the side whose prices start at `prices`."""
    size = 0.0
    for level in range(int(min(count, float(levels)))):
        size += book[prices + levels + level]
    return size


@inline
def _mid(book: Doubles, levels: int) -> float:
    bid = book[FIRST_LEVEL]
    return bid + 0.5 * (book[FIRST_LEVEL + 2 * levels] - bid)


def _depth_imbalance(ts_ns: int, book: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    levels = int(book[LEVELS])
    bids = _sizes(book, FIRST_LEVEL, levels, params[0])
    asks = _sizes(book, FIRST_LEVEL + 2 * levels, levels, params[0])
    out[0] = (bids - asks) / (bids + asks)


@inline
def _within(book: Doubles, prices: int, levels: int, mid: float, distance: float) -> float:
    """Return the size not farther from the mid than `distance`, NaN where the recorded levels end before it."""
    size = 0.0
    for level in range(levels):
        price = book[prices + level]
        if price == 0.0 or abs(price - mid) > distance:
            return size
        size += book[prices + levels + level]
    return NAN


def _depth_profile(ts_ns: int, book: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    levels = int(book[LEVELS])
    mid = _mid(book, levels)
    for band in range(2):
        distance = 1e-4 * params[band] * mid
        out[2 * band] = _within(book, FIRST_LEVEL, levels, mid, distance)
        out[2 * band + 1] = _within(book, FIRST_LEVEL + 2 * levels, levels, mid, distance)


@inline
def _side_slope(book: Doubles, prices: int, levels: int, mid: float, count: float) -> float:
    size = together = squares = 0.0
    for level in range(int(min(count, float(levels)))):
        price = book[prices + level]
        if price == 0.0:
            break
        bps = 1e4 * abs(price - mid) / mid
        size += book[prices + levels + level]
        together += bps * size
        squares += bps * bps
    return ratio(together, squares, 0.0)  # only a spread of one float64 step puts a level on the mid


def _book_slope(ts_ns: int, book: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    levels = int(book[LEVELS])
    mid = _mid(book, levels)
    out[0] = _side_slope(book, FIRST_LEVEL, levels, mid, params[0])
    out[1] = _side_slope(book, FIRST_LEVEL + 2 * levels, levels, mid, params[0])


@inline
def _sweep(book: Doubles, prices: int, levels: int, mid: float, quantity: float) -> float:
    rest = quantity
    away = 0.0
    for level in range(levels):
        taken = min(rest, book[prices + levels + level])
        away += taken * abs(book[prices + level] - mid)
        rest -= taken
        if rest <= 0.0:
            return 1e4 * away / (quantity * mid)
    return NAN


def _sweep_cost(ts_ns: int, book: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    levels = int(book[LEVELS])
    mid = _mid(book, levels)
    out[0] = _sweep(book, FIRST_LEVEL + 2 * levels, levels, mid, params[0])
    out[1] = _sweep(book, FIRST_LEVEL, levels, mid, params[0])


@inline
def _recovery(state: Doubles, ring: int, intervals: int, before: float, now: float, noise: float) -> float:
    """
    Take one interval's level into the rings at `ring`; return the share of a deviation that one interval closes.

    NaN before there are enough. A spread that stays at one tick varies in its last bits, as prices are no binary
    numbers: variation within `noise` is none.
    """
    changes = ring + ring_size(intervals)
    x = push(state, ring, intervals, before)
    y = push(state, changes, intervals, now - before)
    if not filled(state, ring, intervals):
        return NAN
    squares = products(state, x, x, intervals)
    return -products(state, x, y, intervals) / squares if squares > intervals * noise * noise else 0.0


def _resilience(ts_ns: int, book: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: interval, spread and depth now, spread and depth at the end of the interval before, whether there is one,
    # the two answers, then rings of levels before and of changes, for the spread and for the depth
    clock, now, before, known, answer, spreads = 0, 1, 3, 5, 6, 8
    intervals = int(params[1])
    depths = spreads + 2 * ring_size(intervals)
    if interval_ended(state, clock, ts_ns, params[0]):
        if state[known] == 1.0:
            noise = _NOISE * book[FIRST_LEVEL]
            state[answer] = _recovery(state, spreads, intervals, state[before], state[now], noise)
            noise = _NOISE * state[now + 1]
            state[answer + 1] = _recovery(state, depths, intervals, state[before + 1], state[now + 1], noise)
        state[before] = state[now]
        state[before + 1] = state[now + 1]
        state[known] = 1.0
    levels = int(book[LEVELS])
    asks = FIRST_LEVEL + 2 * levels
    state[now] = book[asks] - book[FIRST_LEVEL]
    state[now + 1] = _sizes(book, FIRST_LEVEL, levels, params[2]) + _sizes(book, asks, levels, params[2])
    out[0] = out[1] = NAN
    if filled(state, spreads, intervals):
        out[0] = state[answer]
        out[1] = state[answer + 1]


def _levels(default: int, meaning: str) -> Param:
    return Param(name="levels", default=default, low=1, high=5000, meaning=meaning)


_SLOW = "No published values; slow reference and hand-computed books in the tests"

FEATURES = (
    EventFeature(
        name="depth_imbalance",
        family="book shape",
        kind=EventKind.DEPTH,
        summary="Imbalance of the sizes on the best levels: levels 1, 5 and 10 are the usual ones.",
        formula="(bids - asks) / (bids + asks), sums of the sizes on the best `levels` levels, or on as many as there "
        "are.",
        params=(_levels(5, "levels a side"),),
        outputs=(Output("", "fraction, -1 to 1"),),
        warmup=lambda _: (1,),
        state_size=lambda _: 0,
        kernel=_depth_imbalance,
        flat="the imbalance",
        source="Cao, Hansch and Wang (2009), The Information Content of an Open Limit-Order Book, Journal of Futures "
        "Markets 29(1), 16-41",
        compared=_SLOW,
        differences="Levels are weighted alike.",
    ),
    EventFeature(
        name="depth_profile",
        family="book shape",
        kind=EventKind.DEPTH,
        summary="What rests near the mid and what rests far from it.",
        formula="Sum of sizes not farther from the mid than `near_bps` and `far_bps` basis points, by side.",
        params=(
            Param(name="near_bps", default=1.0, low=0.001, high=1e4, meaning="distance of the near band"),
            Param(name="far_bps", default=10.0, low=0.002, high=1e4, meaning="distance of the far band"),
        ),
        outputs=(
            Output("bid_near", "base currency"),
            Output("ask_near", "base currency"),
            Output("bid_far", "base currency"),
            Output("ask_far", "base currency"),
        ),
        warmup=lambda _: (1, 1, 1, 1),
        state_size=lambda _: 0,
        kernel=_depth_profile,
        flat="the depth",
        absent="where the recorded levels of that side end before the distance: what rests behind them is not known",
        source="Degryse, de Jong and van Kervel (2015), The Impact of Dark Trading and Visible Fragmentation on Market "
        "Quality, Review of Finance 19(4), 1587-1622 (depth within a distance of the midpoint)",
        compared=_SLOW,
        differences="Sizes in base currency, where that paper gives values in euros.",
        requires=lambda p: (
            ""
            if p["near_bps"] < p["far_bps"]
            else f"near_bps must be below far_bps, were {p['near_bps']} and {p['far_bps']}"
        ),
    ),
    EventFeature(
        name="book_slope",
        family="book shape",
        kind=EventKind.DEPTH,
        summary="How fast depth grows with distance from the mid, by side.",
        formula="Least-squares slope through the origin of the size up to a level on that level's distance from the "
        "mid in basis points, over the best `levels` levels, or as many as there are.",
        params=(_levels(10, "levels a side in the fit"),),
        outputs=(Output("bid", "base currency per basis point"), Output("ask", "base currency per basis point")),
        warmup=lambda _: (1, 1),
        state_size=lambda _: 0,
        kernel=_book_slope,
        flat="the slope",
        source="Naes and Skjeltorp (2006), Order Book Characteristics and the Volume-Volatility Relation, Journal of "
        "Financial Markets 9(4), 408-432",
        compared=_SLOW,
        differences="They average elasticities of the logarithm of the size in shares, which has no meaning for sizes "
        "below 1, such as 0.01 BTC; a line through the origin needs no unit.",
    ),
    EventFeature(
        name="sweep_cost",
        family="book shape",
        kind=EventKind.DEPTH,
        summary="What buying or selling a quantity at once costs against the mid.",
        formula="Mean distance from the mid, in basis points, of the levels that `quantity` takes.",
        params=(Param(name="quantity", default=1.0, low=1e-9, high=1e12, meaning="base currency traded at once"),),
        outputs=(Output("buy", "basis points of the mid"), Output("sell", "basis points of the mid")),
        warmup=lambda _: (1, 1),
        state_size=lambda _: 0,
        kernel=_sweep_cost,
        flat="half the spread and more",
        absent="where the recorded levels of that side hold less than the quantity",
        source="Irvine, Benston and Kandel (2000), Liquidity Beyond the Inside Spread: Measuring and Using Information "
        "in the Limit Order Book (cost of round trip)",
        compared=_SLOW,
        differences="Each side by itself; their measure is the sum of both. Fees are not in it.",
    ),
    EventFeature(
        name="resilience",
        family="book shape",
        kind=EventKind.DEPTH,
        summary="How fast spread and depth return to their usual level.",
        formula="Minus the least-squares slope of the change of the spread (and of the size on the best `levels` "
        "levels of both sides) from one interval's end to the next, on its level before; over the last `window` "
        "changes. 1: a deviation is gone after one interval; 0: it stays. Intervals of `interval_s` seconds that had "
        "books; one counts once a later book tells that it is over.",
        params=(
            Param(name="interval_s", default=1.0, low=0.001, high=86400.0, meaning="seconds per observation"),
            window(60, "changes in the regression", low=3),
            _levels(5, "levels a side whose sizes are the depth"),
        ),
        outputs=(
            Output("spread", "share of a deviation per interval"),
            Output("depth", "share of a deviation per interval"),
        ),
        warmup=lambda p: (p["window"] + 2,) * 2,
        state_size=lambda p: 8 + 4 * ring_size(p["window"]),
        kernel=_resilience,
        paced=True,
        flat="0",
        source="Kempf, Mayston, Gehde-Trapp and Yadav (2015), Resiliency: A Dynamic View of Liquidity, CFR working "
        "paper 15-04; Large (2007), Measuring the Resiliency of an Electronic Limit Order Book, Journal of Financial "
        "Markets 10(1), 1-25",
        compared="No published values; slow reference (numpy.polyfit) in the tests; recovers the pace of a simulated "
        "mean-reverting spread",
        differences="Without the lagged changes of their regression: over some 60 observations their coefficients are "
        "mostly noise.",
    ),
)
