"""Every kernel on events equals its slow reference, and holds what the platform relies on."""

from __future__ import annotations

import numpy as np
import pytest
import slow_events

from errors import ConfigError
from strategies.features.event_registry import event_features
from strategies.features.event_verify import verify_events
from strategies.features.events import EventFeature, EventKind, Events
from strategies.features.eventset import EventSet
from strategies.features.generated_events import generated_events
from strategies.features.kernel import Doubles, Output
from strategies.features.registry import BoundFeature, bind_unchecked
from strategies.features.spec import FeatureSpec
from strategies.features.verify import Check, variations

ALL = [bound for feature in event_features().values() for bound in variations(feature)]
# a bucket of a billionth is a million buckets a trade: the reference fills each one
QUICK = [bound for bound in ALL if bound.params.get("bucket_volume", 1.0) > 1e-3]


def batch(bound: BoundFeature, events: Events) -> np.ndarray:
    return EventSet([FeatureSpec(bound.feature.name, dict(bound.params))]).batch(events)


def kind_of(bound: BoundFeature) -> EventKind:
    assert isinstance(bound.feature, EventFeature)
    return bound.feature.kind


@pytest.mark.parametrize("bound", QUICK, ids=lambda bound: bound.label)
def test_equals_the_slow_reference(bound: BoundFeature) -> None:
    events = generated_events(kind_of(bound), 700, seed=5)

    expected = np.array(getattr(slow_events, bound.feature.name)(events, **bound.params)).T

    np.testing.assert_allclose(batch(bound, events), expected, rtol=1e-8, atol=1e-9, equal_nan=True)
    assert np.isfinite(expected).any() or bound.feature.absent


@pytest.mark.parametrize("bound", ALL, ids=lambda bound: bound.label)
def test_verifies_on_generated_events(bound: BoundFeature) -> None:
    assert verify_events(bound, cuts=15) == []


@pytest.mark.parametrize("bound", ALL, ids=lambda bound: bound.label)
def test_verifies_on_events_that_stand_still(bound: BoundFeature) -> None:
    first = generated_events(kind_of(bound), 1)
    still = Events(first.kind, np.arange(300, dtype=np.int64) * 10**8, np.repeat(first.values, 300, axis=0))

    assert verify_events(bound, still, cuts=8) == []
    values = batch(bound, still)
    assert np.isfinite(values[~np.isnan(values)]).all()


def _looks_ahead(ts_ns: int, event: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = event[3]  # a trade has three fields: this is the next trade's price


def _writes_to_the_event(ts_ns: int, event: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = event[0]
    event[1] = 1.0


def _overruns_its_state(ts_ns: int, event: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    state[1] = out[0] = event[0]


def _speaks_too_early(ts_ns: int, event: Doubles, params: Doubles, state: Doubles, out: Doubles) -> None:
    out[0] = event[0]


@pytest.mark.parametrize(
    ("kernel", "check", "warmup"),
    [
        (_looks_ahead, Check.PREFIX, 1),
        (_looks_ahead, Check.STREAM_IS_BATCH, 1),
        (_writes_to_the_event, Check.MEMORY, 1),
        (_overruns_its_state, Check.MEMORY, 1),
        (_speaks_too_early, Check.WARMUP, 5),
    ],
)
def test_a_broken_kernel_is_caught(kernel, check: Check, warmup: int) -> None:
    feature = EventFeature(
        kind=EventKind.TRADE,
        name="broken",
        family="broken",
        summary="",
        formula="",
        params=(),
        outputs=(Output("", ""),),
        warmup=lambda _: (warmup,),
        state_size=lambda _: 1,
        kernel=kernel,
        flat="",
        source="",
        compared="",
        differences="",
    )

    assert check in {failure.check for failure in verify_events(bind_unchecked(feature, {}))}


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        (EventKind.TRADE, [0.0, 1.0, 1.0]),
        (EventKind.TRADE, [100.0, 0.0, 1.0]),
        (EventKind.TRADE, [100.0, 1.0, 0.5]),
        (EventKind.QUOTE, [100.0, 1.0, 100.0, 1.0]),
        (EventKind.QUOTE, [101.0, 1.0, 100.0, 1.0]),
        (EventKind.QUOTE, [100.0, np.nan, 101.0, 1.0]),
        (EventKind.DEPTH, [2.0, 99.0, 98.0, 1.0, 1.0, 99.0, 101.0, 1.0, 1.0]),  # locked
        (EventKind.DEPTH, [2.0, 99.0, 99.5, 1.0, 1.0, 100.0, 101.0, 1.0, 1.0]),  # bids ascend
        (EventKind.DEPTH, [2.0, 99.0, 98.0, 1.0, 1.0, 101.0, 100.0, 1.0, 1.0]),  # asks descend
        (EventKind.DEPTH, [2.0, 99.0, 98.0, 1.0, 0.0, 100.0, 101.0, 1.0, 1.0]),  # a level without size
        (EventKind.DEPTH, [2.0, 0.0, 0.0, 0.0, 0.0, 100.0, 101.0, 1.0, 1.0]),  # no bids
        (EventKind.DEPTH, [1.0, 99.0, 98.0, 1.0, 1.0, 100.0, 101.0, 1.0, 1.0]),  # not that many levels
        (EventKind.FUNDING, [1.5, 8.0]),
        (EventKind.FUNDING, [1e-4, 0.0]),
        (EventKind.MARK, [100.0, 0.0]),
    ],
)
def test_an_event_that_is_not_usable_gives_nan(kind: EventKind, row: list[float]) -> None:
    name = next(f.name for f in event_features().values() if f.kind is kind and f.warmup is not None)
    stream = EventSet([FeatureSpec(name, {"window": 2} if kind is EventKind.TRADE else {})]).stream(2)

    assert np.isnan(stream.step(1, row)).all()


def test_a_book_with_a_short_side_is_usable() -> None:
    stream = EventSet([FeatureSpec("depth_imbalance")]).stream(levels=2)

    assert stream.step(1, [2.0, 99.0, 0.0, 3.0, 0.0, 100.0, 101.0, 0.5, 0.5]).tolist() == [0.5]


def test_a_set_of_two_kinds_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"one kind of event, were vpin_10_50_0: trade, queue_imbalance: quote"):
        EventSet([FeatureSpec("vpin"), FeatureSpec("queue_imbalance")])


def test_events_of_another_kind_or_out_of_order_are_refused() -> None:
    trades = generated_events(EventKind.TRADE, 10)
    with pytest.raises(ValueError, match="expected quote events of 4 fields, were trade of 3"):
        EventSet([FeatureSpec("queue_imbalance")])._program(4).run(trades, np.empty((10, 1)))
    with pytest.raises(ValueError, match="event 1 is earlier"):
        EventSet([FeatureSpec("vpin")]).batch(Events(trades.kind, trades.ts_ns[::-1], trades.values))


def test_a_feature_of_bars_is_not_one_of_events() -> None:
    with pytest.raises(ConfigError, match="feature 'ema' is unknown"):
        EventSet([FeatureSpec("ema")])
