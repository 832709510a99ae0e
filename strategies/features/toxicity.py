"""Toxicity of order flow: VPIN over volume buckets, with stated or tick-rule sides and in bulk."""

from __future__ import annotations

import math

from strategies.features.compiling import inline
from strategies.features.event_time import interval_ended
from strategies.features.events import PRICE, SIZE, EventFeature, EventKind
from strategies.features.kernel import NAN, Doubles, Output, Param, window
from strategies.features.trade_flow import BY_TICK, SIGN_SIZE, aggressor
from strategies.features.windows import filled, lift, mean, newest, push, ring_size, variance

_BUCKET_SIZE = 2


@inline
def _pour(
    state: Doubles, at: int, ring: int, buckets: int, bucket_volume: float, volume: float, share_bought: float
) -> None:
    # state[at]: bought in the open bucket; state[at + 1]: all in it; the ring holds |buy - sell| of the full ones
    room = bucket_volume - state[at + 1]
    if volume < room:
        state[at] += share_bought * volume
        state[at + 1] += volume
        return
    push(state, ring, buckets, abs(2.0 * (state[at] + share_bought * room) - bucket_volume))
    rest = volume - room
    whole = math.floor(rest / bucket_volume)
    # a trade of many buckets fills the ring once over at most, however large it is
    for _ in range(int(min(whole, float(buckets)))):
        push(state, ring, buckets, abs(2.0 * share_bought - 1.0) * bucket_volume)
    rest = max(rest - whole * bucket_volume, 0.0)
    if rest >= bucket_volume:  # rounding of a huge volume
        rest = 0.0
    state[at] = share_bought * rest
    state[at + 1] = rest


@inline
def _answer(state: Doubles, ring: int, buckets: int, bucket_volume: float) -> float:
    if not filled(state, ring, buckets):
        return NAN
    return mean(state, newest(state, ring), buckets) / bucket_volume


def _vpin(ts_ns: int, trade: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:  # noqa: ARG001
    # state: tick rule, open bucket, ring of full buckets
    buckets = int(params[1])
    ring = SIGN_SIZE + _BUCKET_SIZE
    sign = aggressor(state, 0, trade, params[2])
    _pour(state, SIGN_SIZE, ring, buckets, params[0], trade[SIZE], 0.5 * (1.0 + sign))
    out[0] = _answer(state, ring, buckets, params[0])


def _vpin_bulk(ts_ns: int, trade: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    # state: interval, newest price, price at the end of the interval before (0 = none yet), volume of the interval,
    # open bucket, ring of full buckets, ring of price changes
    buckets, changes = int(params[1]), int(params[3])
    price, opening, volume, bucket, full = 1, 2, 3, 4, 4 + _BUCKET_SIZE
    moves = full + ring_size(buckets)
    if interval_ended(state, 0, ts_ns, params[2]):
        if state[opening] != 0.0:
            change = state[price] - state[opening]
            start = push(state, moves, changes, change)
            if filled(state, moves, changes):
                deviation = math.sqrt(variance(state, start, changes, lift(state, start, changes)))
                share = 0.5
                if deviation > 0.0:
                    share = 0.5 * math.erfc(-change / (deviation * math.sqrt(2.0)))
                _pour(state, bucket, full, buckets, params[0], state[volume], share)
        state[opening] = state[price]
        state[volume] = 0.0
    state[price] = trade[PRICE]
    state[volume] += trade[SIZE]
    out[0] = _answer(state, full, buckets, params[0])


_BUCKET_VOLUME = Param(
    name="bucket_volume", default=10.0, low=1e-9, high=1e15, meaning="base currency per bucket; usually 1/50 of a day's"
)
_SOURCE = (
    "Easley, Lopez de Prado and O'Hara (2012), Flow Toxicity and Liquidity in a High-Frequency World, Review of "
    "Financial Studies 25(5), 1457-1493"
)

FEATURES = (
    EventFeature(
        name="vpin",
        family="toxicity",
        kind=EventKind.TRADE,
        summary="VPIN: the imbalance of buying and selling per bucket of equal volume, trade by trade.",
        formula="Trades fill buckets of `bucket_volume`, one trade as many as it takes; mean of |buy - sell| over the "
        "last `buckets` full buckets, divided by `bucket_volume`. Sides as stated, else by the tick rule.",
        params=(_BUCKET_VOLUME, window(50, "full buckets averaged", name="buckets", low=1), BY_TICK),
        outputs=(Output("", "fraction, 0 to 1"),),
        warmup=lambda _: (1,),
        state_size=lambda p: SIGN_SIZE + _BUCKET_SIZE + ring_size(p["buckets"]),
        kernel=_vpin,
        paced=True,
        flat="as the sides are stated; with the tick rule 0",
        source=_SOURCE,
        compared="No published values; slow reference in exact fractions in the tests",
        differences="Real sides, where the paper, without them, classifies in bulk: that is `vpin_bulk`.",
    ),
    EventFeature(
        name="vpin_bulk",
        family="toxicity",
        kind=EventKind.TRADE,
        summary="VPIN with bulk volume classification, for trades without sides.",
        formula="The volume of each interval of `interval_s` seconds with trades is bought in the share Z(dP / s), dP "
        "the change of the last price from interval to interval, s the population standard deviation of the last "
        "`deviation_window` such changes, this one included, and Z the normal distribution; s = 0 gives one half. "
        "Intervals fill buckets, and VPIN follows, as for `vpin`. An interval counts once a later trade tells that it "
        "is over.",
        params=(
            _BUCKET_VOLUME,
            window(50, "full buckets averaged", name="buckets", low=1),
            Param(name="interval_s", default=1.0, low=0.001, high=86400.0, meaning="seconds per observation"),
            window(60, "price changes in the deviation", name="deviation_window"),
        ),
        outputs=(Output("", "fraction, 0 to 1"),),
        warmup=lambda p: (p["deviation_window"] + 2,),
        state_size=lambda p: 4 + _BUCKET_SIZE + ring_size(p["buckets"]) + ring_size(p["deviation_window"]),
        kernel=_vpin_bulk,
        paced=True,
        flat="0",
        source=_SOURCE + "; bulk volume classification as there",
        compared="No published values; slow reference in exact fractions in the tests",
        differences="The paper takes the deviation over the whole sample, which looks ahead, and intervals of one "
        "minute; with `interval_s` = 60 and `deviation_window` of the sample's length both agree at its end.",
    ),
)
