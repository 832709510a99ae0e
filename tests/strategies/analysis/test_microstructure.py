"""Microstructure: cases computed by hand, simulated markets whose truth is known, and the real captures."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.model import BarColumns
from catalog.sources.captures import read_captures
from errors import PreconditionError
from strategies.analysis.microprice import Microprice, MicropriceConfig
from strategies.analysis.recorded import depth_events, newest_at, quote_events, trade_events
from strategies.features.event_registry import event_features
from strategies.features.event_verify import verify_events
from strategies.features.events import EventKind, Events
from strategies.features.eventset import EventSet
from strategies.features.featureset import FeatureSet
from strategies.features.registry import bind
from strategies.features.spec import FeatureSpec

SECOND_NS = 10**9


def rows(name: str, events: Events, **params: float) -> np.ndarray:
    return EventSet([FeatureSpec(name, params)]).batch(events)


def trades(*listed: tuple[float, float, float], step_s: float = 1.0) -> Events:
    ts_ns = (np.arange(1, len(listed) + 1) * step_s * SECOND_NS).astype(np.int64)
    return Events(EventKind.TRADE, ts_ns, np.array(listed, dtype=float))


def quotes(*listed: tuple[float, float, float, float], step_s: float = 1.0) -> Events:
    return Events(EventKind.QUOTE, trades(*[(1, 1, 1)] * len(listed), step_s=step_s).ts_ns, np.array(listed))


def test_vpin_by_hand() -> None:
    # buckets of 10: [6 buy, 4 sell], [10 sell] out of one trade of 18, of which 4 remain in the open bucket
    flow = trades((100, 6, 1), (100, 18, -1), (100, 6, 1))

    assert rows("vpin", flow, bucket_volume=10, buckets=2)[:, 0].tolist() == pytest.approx(
        [np.nan, (2 + 10) / 20, (10 + 2) / 20], nan_ok=True
    )


def test_the_tick_rule_by_hand() -> None:
    # unknown, up, unchanged (still up), down, unchanged (still down)
    flow = trades((10, 2, 0), (11, 1, 0), (11, 1, -1), (10, 1, 0), (10, 1, 0))

    assert rows("signed_volume", flow, window=1, by_tick=1)[:, 2].tolist() == [0, 1, 1, -1, -1]
    assert rows("signed_volume", flow, window=1)[:, 2].tolist() == [0, 1, -1, -1, -1]  # the stated side comes first


def test_kyle_lambda_by_hand() -> None:
    # seconds 1, 2, 3, 4: closes 100, 101, 103, 102; flows after the first: 1, 2, -1; exactly one unit a unit
    flow = trades((100, 9, 1), (101, 1, 1), (103, 2, 1), (102, 1, -1), (150, 1, 1))

    assert np.isnan(rows("kyle_lambda", flow, interval_s=1, window=3)[:4]).all()
    assert rows("kyle_lambda", flow, interval_s=1, window=3)[4].tolist() == pytest.approx([1.0, 1.0])


def test_order_flow_imbalance_by_hand() -> None:
    # sizes change, the bid steps up, the ask is taken away, the bid steps down
    book = quotes((99, 5, 101, 4), (99, 7, 101, 3), (100, 2, 101, 3), (100, 2, 102, 6), (99, 8, 102, 6))

    assert rows("order_flow_imbalance", book, window=1)[1:, 0].tolist() == [2 + 1, 2, 3, -2]


def test_depth_features_by_hand() -> None:
    book = Events(EventKind.DEPTH, np.array([1]), np.array([[2.0, 99.0, 98.0, 3.0, 1.0, 101.0, 103.0, 1.0, 1.0]]))

    assert rows("depth_imbalance", book, levels=1)[0, 0] == 0.5
    assert rows("depth_imbalance", book, levels=5)[0, 0] == pytest.approx(2 / 6)
    # 1 % away lie 3 and 1; what lies 3 % away ends with the recorded levels
    np.testing.assert_array_equal(rows("depth_profile", book, near_bps=150, far_bps=300)[0], [3.0, 1.0, np.nan, np.nan])
    # buy 2: one at 101, one at 103, the mid is 100
    assert rows("sweep_cost", book, quantity=2.0)[0].tolist() == pytest.approx([200.0, 100.0])
    # bids: 3 within 100 bps, 4 within 200: (100 * 3 + 200 * 4) / (100^2 + 200^2)
    assert rows("book_slope", book, levels=2)[0, 0] == pytest.approx(1100 / 50_000)


def test_roll_recovers_the_spread_of_a_bouncing_price() -> None:
    random = np.random.default_rng(1)
    side = random.choice([-1.0, 1.0], 5000)
    price = 100.0 + np.cumsum(random.normal(0, 0.01, 5000)) + 0.05 * side
    flow = Events(EventKind.TRADE, np.arange(5000), np.column_stack([price, np.ones(5000), side]))

    assert rows("roll_trades", flow, window=4000)[-1, 0] == pytest.approx(0.10, rel=0.05)


def test_kyle_lambda_and_flow_impact_recover_the_impact_of_simulated_trades() -> None:
    random = np.random.default_rng(2)
    count = 20_000
    size, side = random.lognormal(0, 1, count), random.choice([-1.0, 1.0], count)
    price = 1000.0 + np.cumsum(0.02 * size * side + random.normal(0, 0.01, count))
    flow = Events(EventKind.TRADE, np.arange(count) * SECOND_NS // 10, np.column_stack([price, size, side]))

    slope, share = rows("kyle_lambda", flow, window=1000)[-1]

    assert slope == pytest.approx(0.02, rel=0.02)
    assert share > 0.9


def test_trade_intensity_is_the_rate_of_random_trades() -> None:
    random = np.random.default_rng(3)
    times = np.cumsum(random.exponential(0.25 * SECOND_NS, 20_000)).astype(np.int64)
    flow = Events(
        EventKind.TRADE, times, np.column_stack([np.full(20_000, 9.0), np.full(20_000, 2.0), np.ones(20_000)])
    )

    rate, volume = np.nanmean(rows("trade_intensity", flow, half_life_s=5.0), axis=0)

    assert rate == pytest.approx(4.0, rel=0.02)
    assert volume == pytest.approx(8.0, rel=0.02)


def test_resilience_recovers_the_pace_of_a_spread_that_returns() -> None:
    random = np.random.default_rng(4)
    count, away = 4000, 0.0
    values = np.empty((count, 5))
    for row in range(count):
        away = 0.7 * away + random.uniform(-0.2, 0.2)
        values[row] = [1.0, 100.0, 1.0 + random.uniform(0, 1), 102.0 + away, 1.0]
    book = Events(EventKind.DEPTH, np.arange(count) * SECOND_NS, values)

    spread, depth = rows("resilience", book, window=3000)[-1]

    assert spread == pytest.approx(0.3, abs=0.03)
    assert depth == pytest.approx(1.0, abs=0.05)  # independent sizes: every deviation is gone at once


def test_corwin_schultz_recovers_the_spread_of_simulated_bars() -> None:
    # their own simulation: 390 trades a bar, each at bid or ask of a price that wanders
    random = np.random.default_rng(5)
    spread = 0.02
    path = np.exp(np.cumsum(random.normal(0, 0.03 / np.sqrt(390), (2000, 390)).ravel())).reshape(2000, 390)
    price = 100 * path * (1 + spread / 2 * random.choice([-1, 1], path.shape))
    bars = BarColumns(
        np.arange(2000), price[:, 0], price.max(axis=1), price.min(axis=1), price[:, -1], np.ones(len(price))
    )

    estimate = FeatureSet([FeatureSpec("corwin_schultz", {"window": 1500})]).batch(bars)[-1, 0]

    # negative values set to 0 lift the mean somewhat
    assert 0.9 * spread < estimate < 1.3 * spread


def test_weighted_mid_stands_where_the_thinner_queue_is() -> None:
    book = quotes((99, 3, 101, 1), (99, 0, 101, 0), (99, 0, 101, 5))

    assert rows("weighted_mid", book).tolist() == [[100.5, 0.5], [100.0, 0.0], [99.0, -1.0]]


def test_the_microprice_of_a_chain_that_can_be_solved_by_hand() -> None:
    # spread of one tick; heavy bid (share 0.75) is followed by a step up with a light bid, and that by a step down
    up, down = (100.0, 3.0, 101.0, 1.0), (101.0, 1.0, 102.0, 3.0)
    book = quotes(*[up, up, down] * 50, up)

    model = Microprice.fit(book, MicropriceConfig(tick=1.0, imbalances=2, spreads=1))

    # from the heavy state: G1 = 1 / P(move) * P(move) = 1 tick; afterwards always light, whose G1 is -1: of the odd
    # series 1, -1, 1, ... the limit is the solution of g = 1 - g
    assert model.adjustment.tolist() == [[pytest.approx(-0.5), pytest.approx(0.5)]]
    assert model.price(quotes((100.0, 3.0, 101.0, 1.0), (100.0, 1.0, 105.0, 1.0))).tolist() == [101.0, 102.5]


def test_a_history_without_a_move_has_no_microprice() -> None:
    with pytest.raises(PreconditionError, match="the mid never moves in 50 quotes"):
        Microprice.fit(quotes(*[(99.0, 1.0, 100.0, 2.0)] * 50), MicropriceConfig(tick=1.0))


def test_newest_at_gives_what_was_known_by_then() -> None:
    known = newest_at(np.array([1, 5, 9]), np.array([5, 5, 7]), np.array([[1.0], [2.0], [3.0]]))

    assert known.ravel().tolist() == pytest.approx([np.nan, 2.0, 3.0], nan_ok=True)


@given(
    listed=st.lists(
        st.tuples(st.floats(0.01, 1e6), st.floats(1e-6, 1e6), st.sampled_from([-1.0, 0.0, 1.0])),
        min_size=3,
        max_size=40,
    ),
    factor=st.floats(1e-3, 1e3),
)
@settings(max_examples=60, deadline=None)
def test_features_of_trades_stay_within_their_bounds_and_do_not_know_the_unit(
    listed: list[tuple[float, float, float]], factor: float
) -> None:
    flow = trades(*listed, step_s=0.4)
    scaled = Events(flow.kind, flow.ts_ns, flow.values * [1.0, factor, 1.0])

    for params in ({"by_tick": 0}, {"by_tick": 1}):
        toxic = rows("vpin", flow, bucket_volume=2.0, buckets=2, **params)[:, 0]
        assert ((toxic >= 0) & (toxic <= 1 + 1e-9) | np.isnan(toxic)).all()
        imbalance = rows("signed_volume", flow, window=3, **params)[:, 3]
        assert (np.abs(imbalance[2:]) <= 1 + 1e-12).all()
        np.testing.assert_allclose(rows("signed_volume", scaled, window=3, **params)[2:, 3], imbalance[2:], atol=1e-9)
    mirrored = Events(flow.kind, flow.ts_ns, flow.values * [1.0, 1.0, -1.0])
    known = flow.values[:, 2].all()
    net, opposite = (rows("signed_volume", each, window=3)[2:, 2] for each in (flow, mirrored))
    assert not known or np.array_equal(net, -opposite)


class Session(NamedTuple):
    """A real capture as events."""

    tick: float
    trades: Events
    quotes: Events
    depth: Events


CAPTURES = {
    "usdm": (0.1, ["binance_usdm/btcusdt_20240808.gz"]),
    "coin-m": (0.1, ["binance_cm/btcusd_perp_20240808.gz", "binance_cm/btcusd_perp_20240809.gz"]),
    "spot": (0.01, ["binance_spot/btcusdt_20240808.gz", "binance_spot/btcusdt_20240809.gz"]),
}


@pytest.fixture(scope="module", params=list(CAPTURES))
def session(request: pytest.FixtureRequest, shared_data: Path) -> Session:
    tick, names = CAPTURES[request.param]
    capture = read_captures([shared_data / "l2" / name for name in names])
    return Session(tick, trade_events(capture.trades), quote_events(capture.quotes), depth_events(capture.depth))


def test_every_feature_holds_on_real_captures(session: Session) -> None:
    recorded = {EventKind.TRADE: session.trades, EventKind.QUOTE: session.quotes, EventKind.DEPTH: session.depth}
    for feature in event_features().values():
        if feature.kind in recorded:
            bound = bind(FeatureSpec(feature.name), among=event_features())
            assert verify_events(bound, recorded[feature.kind].slice(0, 3000), cuts=5) == []


def test_order_flow_explains_the_mid_as_in_the_paper(session: Session) -> None:
    # Cont, Kukanov and Stoikov report an average R2 of 65 % over 50 stocks, most between 35 and 80 %
    impact = rows("flow_impact", session.quotes)

    assert 0.35 < np.nanmean(impact[:, 1]) < 0.80
    assert (impact[~np.isnan(impact[:, 0]), 0] > 0).mean() > 0.99


def test_the_microprice_is_nearer_to_the_coming_mid_than_mid_and_weighted_mid(session: Session) -> None:
    half = len(session.quotes) // 2
    later = session.quotes.slice(half, len(session.quotes))
    model = Microprice.fit(session.quotes.slice(0, half), MicropriceConfig(tick=session.tick, spreads=1))
    mid = 0.5 * (later.values[:, 0] + later.values[:, 2])
    weighted = rows("weighted_mid", later)[:, 0]
    ahead = later.ts_ns + 2 * SECOND_NS
    coming = newest_at(ahead, later.ts_ns, mid[:, None])[:, 0]
    seen = ahead <= later.ts_ns[-1]

    error = [np.mean((coming - each)[seen] ** 2) for each in (model.price(later), mid, weighted)]

    assert error[0] < min(error[1:])
    # more on the bid means higher, and by as much as more on the ask means lower
    assert (np.diff(model.adjustment[0]) > 0).all()
    np.testing.assert_allclose(model.adjustment, -model.adjustment[:, ::-1], atol=1e-9)


def test_the_tick_rule_agrees_with_the_venue(session: Session) -> None:
    # Lee and Ready and those after them report 72 to 93 % on stocks
    stated, by_tick = (np.sign(rows("signed_volume", session.trades, window=1, by_tick=b)[:, 2]) for b in (0, 1))

    assert (stated == by_tick).mean() > 0.8
