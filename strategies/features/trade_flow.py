"""Features of trades: signed volume, intensity, Kyle's lambda, Roll's spread."""

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.event_time import MOMENT_SIZE, interval_ended, remember, seconds_since
from strategies.features.events import PRICE, SIDE, SIZE, EventFeature, EventKind
from strategies.features.kernel import NAN, Doubles, Output, Param, Params, window
from strategies.features.paired import products, r_squared, slope
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, push, ring_size, total

SIGN_SIZE = 2
"""Number of float64 the tick rule takes in a state: price before (0 = none yet), sign of the newest change."""

BY_TICK = Param(
    name="by_tick", default=0, low=0, high=1, meaning="1 tells buyers from sellers by the tick rule, whatever is stated"
)


@inline
def aggressor(state: Doubles, at: int, trade: Doubles, by_tick: float) -> float:
    """
    Return 1 for a trade a buyer started, -1 for a seller's, 0 where that is not known yet.

    As stated, or, where it is not stated or `by_tick` is set, by the tick rule (Lee and Ready 1991): the sign of the
    newest change of price.
    """
    before = state[at]
    state[at] = trade[PRICE]
    if before != 0.0 and trade[PRICE] != before:
        state[at + 1] = 1.0 if trade[PRICE] > before else -1.0
    return state[at + 1] if by_tick == 1.0 or trade[SIDE] == 0.0 else trade[SIDE]


def _signed_volume(ts_ns: int, trade: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:  # noqa: ARG001
    # state: tick rule, rings of bought and of sold sizes
    trades = int(params[0])
    sign = aggressor(state, 0, trade, params[1])
    bought = 0.5 * (1.0 + sign) * trade[SIZE]
    start = push(state, SIGN_SIZE, trades, bought)
    sold = ring_size(trades)
    push(state, SIGN_SIZE + sold, trades, trade[SIZE] - bought)
    if not filled(state, SIGN_SIZE, trades):
        out[0] = out[1] = out[2] = out[3] = NAN
        return
    out[0] = total(state, start, trades)
    out[1] = total(state, start + sold, trades)
    out[2] = out[0] - out[1]
    out[3] = (out[0] - out[1]) / (out[0] + out[1])


def _trade_intensity(ts_ns: int, trade: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: whether there was a trade, its moment, moment of the newest, decayed count, decayed volume
    first, newest, count, volume = 1, 1 + MOMENT_SIZE, 1 + 2 * MOMENT_SIZE, 2 + 2 * MOMENT_SIZE
    out[0] = out[1] = NAN
    if state[0] == 0.0:
        state[0] = 1.0
        remember(state, first, ts_ns)
        remember(state, newest, ts_ns)
        return
    pace = math.log(2.0) / params[0]
    kept = math.exp(-pace * seconds_since(state, newest, ts_ns))
    state[count] *= kept
    state[volume] *= kept
    span = seconds_since(state, first, ts_ns)
    if span >= params[0]:
        weight = pace / (1.0 - math.exp(-pace * span))
        out[0] = weight * state[count]
        out[1] = weight * state[volume]
    remember(state, newest, ts_ns)
    state[count] += 1.0
    state[volume] += trade[SIZE]


def _kyle_lambda(ts_ns: int, trade: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: interval, tick rule, price at the end of the interval before (0 = none yet), signed volume, lambda, r2,
    # rings of signed volumes and of price changes
    opening, signed, answer, volumes = 3, 4, 5, 7
    intervals = int(params[1])
    changes = volumes + ring_size(intervals)
    before = state[1]
    if interval_ended(state, 0, ts_ns, params[0]):
        if state[opening] != 0.0:
            x = push(state, volumes, intervals, state[signed])
            y = push(state, changes, intervals, before - state[opening])
            if filled(state, volumes, intervals):
                state[answer] = slope(state, x, y, intervals)
                state[answer + 1] = r_squared(state, x, y, intervals)
        state[opening] = before
        state[signed] = 0.0
    state[signed] += aggressor(state, 1, trade, params[2]) * trade[SIZE]
    out[0] = out[1] = NAN
    if filled(state, volumes, intervals):
        out[0] = state[answer]
        out[1] = state[answer + 1]


@inline
def roll(price: float, changes: int, state: Doubles) -> float:
    """
    Return Roll's spread from the last `changes` pairs of price changes, NaN before there are so many.

    The state holds the price before (0 = none yet), the change before, whether there is one, and two rings.
    """
    before, change_before, known = state[0], state[1], state[2]
    state[0] = price
    if before == 0.0:
        return NAN
    change = price - before
    state[1] = change
    state[2] = 1.0
    if known == 0.0:
        return NAN
    earlier = 3 + ring_size(changes)
    x = push(state, 3, changes, change)
    y = push(state, earlier, changes, change_before)
    if not filled(state, 3, changes):
        return NAN
    return 2.0 * math.sqrt(max(-products(state, x, y, changes) / changes, 0.0))


def roll_size(p: Params) -> int:
    """Return the number of float64 that `roll` keeps."""
    return 3 + 2 * ring_size(p["window"])


def _roll_trades(ts_ns: int, trade: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:  # noqa: ARG001
    spread = roll(trade[PRICE], int(params[0]), state)
    out[0] = spread
    out[1] = 1e4 * ratio(spread, trade[PRICE], 0.0)


FEATURES = (
    EventFeature(
        name="signed_volume",
        family="trade flow",
        kind=EventKind.TRADE,
        summary="What buyers and sellers started, over the last trades.",
        formula="buy, sell = sums of sizes by aggressor over the last `window` trades; net = buy - sell; "
        "imbalance = net / (buy + sell). A trade whose side is not stated gets that of the newest price change (tick "
        "rule); before the first change half of it counts as bought.",
        params=(window(100, "trades summed", low=1), BY_TICK),
        outputs=(
            Output("buy", "base currency"),
            Output("sell", "base currency"),
            Output("net", "base currency"),
            Output("imbalance", "fraction, -1 to 1"),
        ),
        warmup=lambda p: (p["window"],) * 4,
        state_size=lambda p: SIGN_SIZE + 2 * ring_size(p["window"]),
        kernel=_signed_volume,
        flat="the volumes as stated; with the tick rule half and half",
        source="Lee and Ready (1991), Inferring Trade Direction from Intraday Data, Journal of Finance 46(2), 733-746 "
        "(tick rule)",
        compared="No published values; slow reference in the tests; the tick rule against the venue's own side on "
        "Binance captures",
        differences="No quote is looked at: trades and quotes arrive by different channels, in no certain order.",
    ),
    EventFeature(
        name="trade_intensity",
        family="trade flow",
        kind=EventKind.TRADE,
        summary="Trades and volume per second, recent ones weighing more.",
        formula="With pace = ln 2 / half_life_s: pace * sum of exp(-pace * age) over the trades before this one and "
        "after the first, divided by 1 - exp(-pace * T), T the time since the first; volume likewise. NaN while T is "
        "below the half-life. For trades at a steady random rate its expectation is that rate.",
        params=(
            Param(name="half_life_s", default=10.0, low=0.001, high=86400.0, meaning="seconds to half the weight"),
        ),
        outputs=(Output("trades", "trades per second"), Output("volume", "base currency per second")),
        warmup=lambda _: (2, 2),
        state_size=lambda _: 3 + 2 * MOMENT_SIZE,
        kernel=_trade_intensity,
        paced=True,
        flat="the rate; prices do not enter",
        source="Hawkes (1971), Spectra of Some Self-Exciting and Mutually Exciting Point Processes, Biometrika 58(1), "
        "83-90 (the exponential kernel); Bowsher (2007), Journal of Econometrics 141(2), 876-912",
        compared="No published values; slow reference in the tests",
        differences="The trade itself is left out of its own rate, which at its time would otherwise jump by the pace.",
    ),
    EventFeature(
        name="kyle_lambda",
        family="trade flow",
        kind=EventKind.TRADE,
        summary="Kyle's lambda: how far a unit of signed volume moves the price.",
        formula="Least-squares slope, with intercept, of the change of the last price on the signed volume, over the "
        "last `window` intervals of `interval_s` seconds that had trades; r2 of that line. Changes when an interval is "
        "over, which the first trade after it tells. The first interval has no change and is left out.",
        params=(
            Param(name="interval_s", default=1.0, low=0.001, high=86400.0, meaning="seconds per observation"),
            window(60, "intervals in the regression", low=3),
            BY_TICK,
        ),
        outputs=(Output("lambda", "price per base currency"), Output("r2", "fraction, 0 to 1")),
        warmup=lambda p: (p["window"] + 2,) * 2,
        state_size=lambda p: 7 + 2 * ring_size(p["window"]),
        kernel=_kyle_lambda,
        paced=True,
        flat="0",
        source="Kyle (1985), Continuous Auctions and Insider Trading, Econometrica 53(6), 1315-1335; as a regression "
        "on signed volume: Hasbrouck (2009), Trading Costs and Returns for U.S. Equities, Journal of Finance 64(3), "
        "1445-1477",
        compared="No published values; slow reference (numpy.polyfit) in the tests",
        differences="Signed volume as it is; Hasbrouck takes the signed square root of quote-currency volume over "
        "5-minute intervals.",
    ),
    EventFeature(
        name="roll_trades",
        family="trade flow",
        kind=EventKind.TRADE,
        summary="Roll's effective spread from the bouncing of trade prices.",
        formula="2 * sqrt(-cov(dp, dp before)) over the last `window` pairs of successive changes of price, population "
        "covariance; 0 where the covariance is positive.",
        params=(window(100, "pairs of changes"),),
        outputs=(Output("spread", "price"), Output("spread_bps", "basis points of the price")),
        warmup=lambda p: (p["window"] + 2,) * 2,
        state_size=roll_size,
        kernel=_roll_trades,
        flat="0",
        source="Roll (1984), A Simple Implicit Measure of the Effective Bid-Ask Spread in an Efficient Market, "
        "Journal of Finance 39(4), 1127-1139, eq. 1",
        compared="No published values; slow reference in the tests; recovers the spread of a simulated bounce",
        differences="A positive covariance gives 0; Roll leaves it without value, others give -2 * sqrt(cov).",
    ),
)
