"""Features of the best bid and ask: spread, imbalance, weighted mid, order-flow imbalance and its impact."""

# ruff: noqa: ARG001 - the kernel contract fixes the arguments

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.event_time import interval_ended
from strategies.features.events import ASK_PRICE, ASK_SIZE, BID_PRICE, BID_SIZE, EventFeature, EventKind
from strategies.features.kernel import NAN, Doubles, Output, Param, window
from strategies.features.paired import r_squared, slope
from strategies.features.smoothing import ratio
from strategies.features.windows import filled, mean, push, ring_size, total

_QUOTE_SIZE = 4


def _quoted_spread(ts_ns: int, quote: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    spread = quote[ASK_PRICE] - quote[BID_PRICE]
    out[0] = spread
    out[1] = 1e4 * spread / (quote[BID_PRICE] + 0.5 * spread)


def _queue_imbalance(ts_ns: int, quote: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = ratio(quote[BID_SIZE] - quote[ASK_SIZE], quote[BID_SIZE] + quote[ASK_SIZE], 0.0)


def _weighted_mid(ts_ns: int, quote: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    spread = quote[ASK_PRICE] - quote[BID_PRICE]
    share = ratio(quote[BID_SIZE], quote[BID_SIZE] + quote[ASK_SIZE], 0.5)
    out[0] = quote[BID_PRICE] + share * spread
    out[1] = (share - 0.5) * spread


@inline
def _flow(state: Doubles, at: int, quote: Doubles) -> float:
    """Return the contribution of a quote to order flow, 0 for the first; the state holds the quote before."""
    bid, bid_size, ask, ask_size = state[at], state[at + 1], state[at + 2], state[at + 3]
    for field in range(_QUOTE_SIZE):
        state[at + field] = quote[field]
    flow = 0.0
    if bid == 0.0:
        return flow
    if quote[BID_PRICE] >= bid:
        flow += quote[BID_SIZE]
    if quote[BID_PRICE] <= bid:
        flow -= bid_size
    if quote[ASK_PRICE] <= ask:
        flow -= quote[ASK_SIZE]
    if quote[ASK_PRICE] >= ask:
        flow += ask_size
    return flow


def _order_flow_imbalance(ts_ns: int, quote: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: quote before, rings of contributions and of mean best sizes
    quotes = int(params[0])
    known = state[0] != 0.0
    flow = _flow(state, 0, quote)
    out[0] = out[1] = NAN
    if not known:
        return
    depths = ring_size(quotes)
    start = push(state, _QUOTE_SIZE, quotes, flow)
    push(state, _QUOTE_SIZE + depths, quotes, 0.5 * (quote[BID_SIZE] + quote[ASK_SIZE]))
    if filled(state, _QUOTE_SIZE, quotes):
        out[0] = total(state, start, quotes)
        out[1] = ratio(out[0], mean(state, start + depths, quotes), 0.0)


def _flow_impact(ts_ns: int, quote: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: quote before, interval, mid at the end of the interval before (0 = none yet), flow of the interval,
    # impact, r2, rings of flows and of mid changes
    clock, opening, flow, answer, flows = 4, 5, 6, 7, 9
    intervals = int(params[1])
    changes = flows + ring_size(intervals)
    mid_before = state[BID_PRICE] + 0.5 * (state[ASK_PRICE] - state[BID_PRICE])
    if interval_ended(state, clock, ts_ns, params[0]):
        if state[opening] != 0.0:
            x = push(state, flows, intervals, state[flow])
            y = push(state, changes, intervals, mid_before - state[opening])
            if filled(state, flows, intervals):
                state[answer] = slope(state, x, y, intervals)
                state[answer + 1] = r_squared(state, x, y, intervals)
        state[opening] = mid_before
        state[flow] = 0.0
    state[flow] += _flow(state, 0, quote)
    out[0] = out[1] = NAN
    if filled(state, flows, intervals):
        out[0] = state[answer]
        out[1] = state[answer + 1]


_CONT = (
    "Cont, Kukanov and Stoikov (2014), The Price Impact of Order Book Events, Journal of Financial Econometrics 12(1), "
    "47-88"
)
_SLOW = "No published values; slow reference in the tests"

FEATURES = (
    EventFeature(
        name="quoted_spread",
        family="quote flow",
        kind=EventKind.QUOTE,
        summary="The quoted spread.",
        formula="spread = ask - bid; bps = 1e4 * spread / mid.",
        params=(),
        outputs=(Output("price", "price"), Output("bps", "basis points of the mid")),
        warmup=lambda _: (1, 1),
        state_size=lambda _: 0,
        kernel=_quoted_spread,
        flat="the spread",
        source="Harris (2003), Trading and Exchanges, Oxford University Press, ch. 14",
        compared=_SLOW,
        differences="none",
    ),
    EventFeature(
        name="queue_imbalance",
        family="quote flow",
        kind=EventKind.QUOTE,
        summary="Queue imbalance at the best prices.",
        formula="(bid size - ask size) / (bid size + ask size); 0 where both are 0.",
        params=(),
        outputs=(Output("", "fraction, -1 to 1"),),
        warmup=lambda _: (1,),
        state_size=lambda _: 0,
        kernel=_queue_imbalance,
        flat="the imbalance",
        source="Gould and Bonart (2016), Queue Imbalance as a One-Tick-Ahead Price Predictor in a Limit Order Book, "
        "Market Microstructure and Liquidity 2(2)",
        compared=_SLOW,
        differences="none; `depth_imbalance` is the same over several levels",
    ),
    EventFeature(
        name="weighted_mid",
        family="quote flow",
        kind=EventKind.QUOTE,
        summary="The mid weighted by the opposite queues: the simple form of the micro-price.",
        formula="price = bid + share * (ask - bid), share = bid size / (bid size + ask size), one half where both are "
        "0; shift = price - mid.",
        params=(),
        outputs=(Output("price", "price"), Output("shift", "price")),
        warmup=lambda _: (1, 1),
        state_size=lambda _: 0,
        kernel=_weighted_mid,
        flat="as the queues stand",
        source="Stoikov (2018), The Micro-Price: A High-Frequency Estimator of Future Prices, Quantitative Finance "
        "18(12), 1959-1966, section 2 (weighted mid-price)",
        compared=_SLOW,
        differences="Not Stoikov's micro-price itself, whose adjustment is estimated from history and is the limit of "
        "expected mids: that is `strategies.analysis.microprice`.",
    ),
    EventFeature(
        name="order_flow_imbalance",
        family="quote flow",
        kind=EventKind.QUOTE,
        summary="Order-flow imbalance: net of what was added and taken at the best prices.",
        formula="Sum over the last `window` quotes of e = [bid >= bid before] bid size - [bid <= bid before] bid size "
        "before - [ask <= ask before] ask size + [ask >= ask before] ask size before; per_depth = that sum over the "
        "mean of (bid size + ask size) / 2.",
        params=(window(100, "quotes summed", low=1),),
        outputs=(Output("sum", "base currency"), Output("per_depth", "mean best sizes")),
        warmup=lambda p: (p["window"] + 1,) * 2,
        state_size=lambda p: _QUOTE_SIZE + 2 * ring_size(p["window"]),
        kernel=_order_flow_imbalance,
        flat="0",
        source=_CONT + ", eq. 3-4",
        compared=_SLOW,
        differences="Summed over quotes; over clock intervals, as the paper does, in `flow_impact`.",
    ),
    EventFeature(
        name="flow_impact",
        family="quote flow",
        kind=EventKind.QUOTE,
        summary="How far a unit of order-flow imbalance moves the mid, and how much of its movement that explains.",
        formula="Least-squares slope, with intercept, of the change of the mid on order-flow imbalance over the last "
        "`window` intervals of `interval_s` seconds that had quotes; r2 of that line. Changes when an interval is "
        "over, which the first quote after it tells. The first interval has no change and is left out.",
        params=(
            Param(name="interval_s", default=1.0, low=0.001, high=86400.0, meaning="seconds per observation"),
            window(60, "intervals in the regression", low=3),
        ),
        outputs=(Output("beta", "price per base currency"), Output("r2", "fraction, 0 to 1")),
        warmup=lambda p: (p["window"] + 2,) * 2,
        state_size=lambda p: 9 + 2 * ring_size(p["window"]),
        kernel=_flow_impact,
        paced=True,
        flat="0",
        source=_CONT + ", eq. 5",
        compared=_SLOW + " (numpy.polyfit); mean r2 on Binance captures 0.48 (USD-M) to 0.64 (COIN-M, spot), on the "
        "paper's stocks 0.65",
        differences="The change of the mid in quote currency, the paper's in ticks.",
    ),
)
