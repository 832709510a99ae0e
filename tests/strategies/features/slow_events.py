"""The features of events once more, in plain Python, from their definitions: slow, and hard to get wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from slow_liquidity import roll_of

from strategies.features.events import Events

NAN = math.nan
type Column = list[float]


def signed_volume(events: Events, window: int, by_tick: int) -> list[Column]:
    sizes, signs = events.values[:, 1].tolist(), _signs(events, by_tick)
    out = []
    for row in range(len(sizes)):
        if row + 1 < window:
            out.append((NAN,) * 4)
            continue
        rows = range(row + 1 - window, row + 1)
        buy = math.fsum(sizes[i] * (1 + signs[i]) / 2 for i in rows)
        sell = math.fsum(sizes[i] * (1 - signs[i]) / 2 for i in rows)
        out.append((buy, sell, buy - sell, (buy - sell) / (buy + sell)))
    return _columns(out)


def trade_intensity(events: Events, half_life_s: float) -> list[Column]:
    times, sizes = events.ts_ns.tolist(), events.values[:, 1].tolist()
    pace = math.log(2) / half_life_s
    out = []
    for now in range(len(times)):
        span = (times[now] - times[0]) / 1e9
        if now == 0 or span < half_life_s:
            out.append((NAN, NAN))
            continue
        weights = [math.exp(-pace * (times[now] - times[i]) / 1e9) for i in range(1, now)]
        scale = pace / (1 - math.exp(-pace * span))
        volume = math.fsum(w * sizes[i] for i, w in enumerate(weights, 1))
        out.append((scale * math.fsum(weights), scale * volume))
    return _columns(out)


def kyle_lambda(events: Events, interval_s: float, window: int, by_tick: int) -> list[Column]:
    prices, sizes = events.values[:, 0].tolist(), events.values[:, 1].tolist()
    flows = [size * sign for size, sign in zip(sizes, _signs(events, by_tick), strict=True)]
    return _lines(events, interval_s, window, flows, prices)


def roll_trades(events: Events, window: int) -> list[Column]:
    prices = events.values[:, 0].tolist()
    spreads = roll_of(prices, window)
    return [spreads, [1e4 * s / p for s, p in zip(spreads, prices, strict=True)]]


def vpin(events: Events, bucket_volume: float, buckets: int, by_tick: int) -> list[Column]:
    sizes, signs = events.values[:, 1].tolist(), _signs(events, by_tick)
    shares = [(Fraction(size), Fraction(1 + int(sign), 2)) for size, sign in zip(sizes, signs, strict=True)]
    return [_vpin([[pair] for pair in shares], Fraction(bucket_volume), buckets)]


def vpin_bulk(
    events: Events, bucket_volume: float, buckets: int, interval_s: float, deviation_window: int
) -> list[Column]:
    prices, sizes = events.values[:, 0].tolist(), events.values[:, 1].tolist()
    poured: list[list[tuple[Fraction, Fraction]]] = [[] for _ in prices]
    changes: list[float] = []
    ended = _intervals(events, interval_s)
    for before, now in pairwise(ended):
        changes.append(prices[now[1] - 1] - prices[now[0] - 1])
        if len(changes) < deviation_window or now[1] == len(prices):
            continue
        deviation = float(np.std(changes[-deviation_window:]))
        still = len(set(changes[-deviation_window:])) == 1
        share = 0.5 if still else NormalDist().cdf(changes[-1] / deviation)
        poured[now[1]].append((Fraction(math.fsum(sizes[now[0] : now[1]])), Fraction(share)))
        assert before[1] == now[0]
    return [_vpin(poured, Fraction(bucket_volume), buckets)]


def quoted_spread(events: Events) -> list[Column]:
    return [
        [ask - bid for bid, _, ask, _ in events.values.tolist()],
        [1e4 * (ask - bid) / ((ask + bid) / 2) for bid, _, ask, _ in events.values.tolist()],
    ]


def queue_imbalance(events: Events) -> list[Column]:
    return [[(b - a) / (b + a) for _, b, _, a in events.values.tolist()]]


def weighted_mid(events: Events) -> list[Column]:
    price = [(bid * a + ask * b) / (a + b) for bid, b, ask, a in events.values.tolist()]
    return [price, [p - (bid + ask) / 2 for p, (bid, _, ask, _) in zip(price, events.values.tolist(), strict=True)]]


def order_flow_imbalance(events: Events, window: int) -> list[Column]:
    flows = _quote_flows(events)
    depth = [(b + a) / 2 for _, b, _, a in events.values.tolist()]
    out = []
    for row in range(len(flows)):
        if row < window:
            out.append((NAN, NAN))
            continue
        flow = math.fsum(flows[row + 1 - window : row + 1])
        out.append((flow, flow * window / math.fsum(depth[row + 1 - window : row + 1])))
    return _columns(out)


def flow_impact(events: Events, interval_s: float, window: int) -> list[Column]:
    mids = [(bid + ask) / 2 for bid, _, ask, _ in events.values.tolist()]
    return _lines(events, interval_s, window, _quote_flows(events), mids)


def depth_imbalance(events: Events, levels: int) -> list[Column]:
    out = []
    for bids, asks in _books(events):
        b, a = (math.fsum(size for _, size in side[:levels]) for side in (bids, asks))
        out.append((b - a) / (b + a))
    return [out]


def depth_profile(events: Events, near_bps: float, far_bps: float) -> list[Column]:
    recorded = (events.values.shape[1] - 1) // 4

    def within(side: list[tuple[float, float]], mid: float, bps: float) -> float:
        inside = [size for price, size in side if abs(price - mid) <= mid * bps / 1e4]
        return NAN if len(inside) == recorded else math.fsum(inside)

    out = []
    for bids, asks in _books(events):
        mid = (bids[0][0] + asks[0][0]) / 2
        out.append([within(side, mid, bps) for bps in (near_bps, far_bps) for side in (bids, asks)])
    return _columns(out)


def book_slope(events: Events, levels: int) -> list[Column]:
    out = []
    for bids, asks in _books(events):
        mid = (bids[0][0] + asks[0][0]) / 2
        row = []
        for side in (bids, asks):
            distance = np.array([1e4 * abs(price - mid) / mid for price, _ in side[:levels]])
            size = np.cumsum([size for _, size in side[:levels]])
            row.append(float(np.linalg.lstsq(distance[:, None], size, rcond=None)[0][0]))
        out.append(row)
    return _columns(out)


def sweep_cost(events: Events, quantity: float) -> list[Column]:
    out = []
    for bids, asks in _books(events):
        mid = (bids[0][0] + asks[0][0]) / 2
        row = []
        for side in (asks, bids):
            left, money = quantity, 0.0
            for price, size in side:
                money += min(left, size) * price
                left -= min(left, size)
            row.append(NAN if left > 0 else 1e4 * abs(money / quantity - mid) / mid)
        out.append(row)
    return _columns(out)


def resilience(events: Events, interval_s: float, window: int, levels: int) -> list[Column]:
    books = _books(events)
    spread = [asks[0][0] - bids[0][0] for bids, asks in books]
    depth = [math.fsum(size for side in book for _, size in side[:levels]) for book in books]
    ends = [stop - 1 for _, stop in _intervals(events, interval_s)[:-1]]
    out: list[Column] = []
    for series in (spread, depth):
        at_ends = [series[end] for end in ends]
        answers = {}
        for k in range(window, len(ends)):
            # a tick is 0.1 and sizes are random: to twelve digits, rounding is gone and nothing else
            levels_ = [float(np.round(level, 12)) for level in at_ends[k - window : k + 1]]
            answers[ends[k] + 1] = -_fit(levels_[:-1], list(np.diff(levels_)))[0]
        out.append(_held(answers, len(series)))
    return out


def funding_rate(events: Events) -> list[Column]:
    return [[r for r, _ in events.values.tolist()], [r / hours * 24 * 365 for r, hours in events.values.tolist()]]


def funding_zscore(events: Events, window: int) -> list[Column]:
    return [_zscores([r / hours for r, hours in events.values.tolist()], window)]


def funding_forecast(events: Events, window: int) -> list[Column]:
    out = []
    for row, (rate, hours) in enumerate(events.values.tolist()):
        usual, phi = _autoregression(events, row, window)
        out.append((usual * hours + phi * (rate - usual * hours), usual * hours, phi))
    return _columns(out)


def funding_carry(events: Events, window: int, horizon_hours: float) -> list[Column]:
    out = []
    for row, (rate, hours) in enumerate(events.values.tolist()):
        usual, phi = _autoregression(events, row, window)
        payments = int(horizon_hours // hours)
        total = math.fsum(usual * hours + phi**j * (rate - usual * hours) for j in range(1, payments + 1))
        out.append((total if usual == usual else NAN, payments if usual == usual else NAN))
    return _columns(out)


def mark_basis(events: Events, window: int) -> list[Column]:
    basis = [1e4 * (mark / reference - 1) for mark, reference in events.values.tolist()]
    return [basis, _zscores(basis, window)]


def _signs(events: Events, by_tick: int) -> list[float]:
    signs, tick, before = [], 0.0, None
    for price, _, side in events.values.tolist():
        if before is not None and price != before:
            tick = math.copysign(1.0, price - before)
        before = price
        signs.append(tick if by_tick or side == 0 else side)
    return signs


def _vpin(poured: Sequence[Sequence[tuple[Fraction, Fraction]]], bucket: Fraction, buckets: int) -> Column:
    """Cut the whole history of flow into buckets anew at each event."""
    out, full = [], []
    bought = volume = Fraction(0)
    for pieces in poured:
        for size, share in pieces:
            left = size
            while volume + left >= bucket:
                part = bucket - volume
                full.append(abs(2 * (bought + part * share) - bucket))
                left -= part
                bought = volume = Fraction(0)
            bought += left * share
            volume += left
        out.append(float(sum(full[-buckets:]) / (buckets * bucket)) if len(full) >= buckets else NAN)
    return out


def _intervals(events: Events, interval_s: float) -> list[tuple[int, int]]:
    """First and one past the last event of each interval of the clock that has any."""
    number = [ts // int(1e9 * interval_s) for ts in events.ts_ns.tolist()]
    starts = [i for i in range(len(number)) if i == 0 or number[i] != number[i - 1]]
    return list(zip(starts, [*starts[1:], len(number)], strict=True))


def _lines(
    events: Events, interval_s: float, window: int, flows: Sequence[float], prices: Sequence[float]
) -> list[Column]:
    closed = _intervals(events, interval_s)[:-1]
    x = [math.fsum(flows[start:stop]) for start, stop in closed][1:]
    y = list(np.diff([prices[stop - 1] for _, stop in closed]))
    slopes, shares = {}, {}
    for k in range(window, len(x) + 1):
        known = closed[k][1]
        slopes[known], shares[known] = _fit(x[k - window : k], y[k - window : k])
    return [_held(slopes, len(prices)), _held(shares, len(prices))]


def _fit(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    if len(set(x)) == 1:
        return 0.0, 0.0
    slope = float(np.polyfit(x, y, 1)[0])
    return slope, 0.0 if len(set(y)) == 1 else float(np.corrcoef(x, y)[0, 1] ** 2)


def _held(answers: dict[int, float], rows: int) -> Column:
    out, value = [], NAN
    for row in range(rows):
        value = answers.get(row, value)
        out.append(value)
    return out


def _quote_flows(events: Events) -> list[float]:
    out = [0.0]
    rows = events.values.tolist()
    for (bid0, b0, ask0, a0), (bid, b, ask, a) in pairwise(rows):
        out.append((bid >= bid0) * b - (bid <= bid0) * b0 - (ask <= ask0) * a + (ask >= ask0) * a0)
    return out


def _books(events: Events) -> list[list[list[tuple[float, float]]]]:
    levels = (events.values.shape[1] - 1) // 4
    books = []
    for row in events.values.tolist():
        parts = [row[1 + side * levels : 1 + (side + 1) * levels] for side in range(4)]
        books.append([[(p, s) for p, s in zip(parts[at], parts[at + 1], strict=True) if p > 0] for at in (0, 2)])
    return books


def _autoregression(events: Events, row: int, window: int) -> tuple[float, float]:
    if row < window:
        return NAN, NAN
    hourly = [r / hours for r, hours in events.values[row - window : row + 1].tolist()]
    slope = _fit(hourly[:-1], hourly[1:])[0]
    return math.fsum(hourly[1:]) / window, min(max(slope, 0.0), 0.999)


def _zscores(values: Sequence[float], window: int) -> Column:
    out = [NAN] * len(values)
    for row in range(window - 1, len(values)):
        part = values[row + 1 - window : row + 1]
        out[row] = 0.0 if len(set(part)) == 1 else (values[row] - float(np.mean(part))) / float(np.std(part))
    return out


def _columns(rows: Sequence[Sequence[float]]) -> list[Column]:
    return [list(column) for column in zip(*rows, strict=True)]


type Reference = Callable[..., list[Column]]
