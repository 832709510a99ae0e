"""Prove of a feature of events what `verify` proves of those of bars: one definition, no look-ahead, no allocation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.core.runtime import _nrt_python, rtsys

from catalog.model import F64
from strategies.features.event_program import EventProgram
from strategies.features.events import (
    ASK_PRICE,
    ASK_SIZE,
    BID_PRICE,
    BID_SIZE,
    FIRST_LEVEL,
    MARK,
    PRICE,
    RATE,
    REFERENCE,
    SIZE,
    EventFeature,
    EventKind,
    Events,
)
from strategies.features.eventset import EventStream
from strategies.features.generated_events import generated_events
from strategies.features.program import GUARD_WORDS
from strategies.features.registry import BoundFeature
from strategies.features.verify import Check, Failure

_UNTOUCHED = -7.25e77  # what no kernel writes


class _Subject(NamedTuple):
    bound: BoundFeature
    feature: EventFeature
    events: Events
    rows: F64
    cuts: Sequence[int]
    generated: bool

    def run(self, events: Events) -> F64:
        out = np.empty((len(events), len(self.bound.columns)))
        _program(self.bound, events).run(events, out)
        return out


def verify_events(bound: BoundFeature, events: Events | None = None, *, cuts: int = 40, seed: int = 1) -> list[Failure]:
    """
    Check one feature of events.

    Parameters
    ----------
    bound : BoundFeature
        Of an `EventFeature`, registered or not.
    events : Events, optional
        n real events of its kind; a generated series stands in by default, and only there must it become warm and
        every value be finite from then on, unless the feature says when one is absent.
    cuts : int
        How many lengths the series is cut to; every row before each cut is compared.
    seed : int
        Chooses the cuts and the events that are taken away.

    Returns
    -------
    list of Failure
        Empty when everything holds.

    """
    feature = bound.feature
    if not isinstance(feature, EventFeature):
        raise TypeError(f"{bound.label} is not a feature of events")
    given = generated_events(feature.kind) if events is None else events
    if len(given) < 2:
        raise ValueError(f"need at least 2 events to verify a feature, were {len(given)}")
    random = np.random.default_rng(seed)
    chosen = {1, *bound.warmup, len(given) - 1, *random.integers(1, len(given), cuts).tolist()}
    stray = _stray_writes(bound, given)  # first of all, on memory of its own
    subject = _Subject(
        bound=bound,
        feature=feature,
        events=given,
        rows=_padded_run(bound, given)[0],
        cuts=sorted(cut for cut in chosen if 0 < cut < len(given)),
        generated=events is None,
    )
    failures = [Failure(bound.label, Check.MEMORY, stray)] if stray else []
    checks: tuple[tuple[Check, Callable[[_Subject, Any], str]], ...] = (
        (Check.STREAM_IS_BATCH, _stream_differs),
        (Check.PREFIX, _later_events_matter),
        (Check.ALLOCATION, _allocations),
        (Check.MISSING_BARS, _missing_events_matter),
        (Check.WARMUP, _warmup_differs),
    )
    for check, find in checks:
        detail = find(subject, random)
        if detail:
            failures.append(Failure(bound.label, check, detail))
    return failures


def _stream_differs(subject: _Subject, _: Any) -> str:
    stream = EventStream(_program(subject.bound, subject.events))
    for attempt in ("stream", "stream after reset"):
        steps = zip(subject.events.ts_ns.tolist(), subject.events.values, strict=True)
        rows = np.array([stream.step(ts_ns, event).copy() for ts_ns, event in steps])
        row = _first_difference(rows, subject.rows)
        if row is not None:
            return f"{attempt} differs from batch first at row {row}: {rows[row]} and {subject.rows[row]}"
        stream.reset()
    return ""


def _later_events_matter(subject: _Subject, random: Any) -> str:
    for cut in subject.cuts:
        # events that come later: none at all, or those of another market at other times
        for name, events in (
            ("cut off", subject.events.slice(0, cut)),
            ("replaced", _with_tail(subject.events, cut, random)),
        ):
            row = _first_difference(subject.run(events)[:cut], subject.rows[:cut])
            if row is not None:
                return f"row {row} changes when the events from {cut} on are {name}"
    return ""


def _stray_writes(bound: BoundFeature, events: Events) -> str:
    before = events.values.copy()
    rows, padding, program = _padded_run(bound, events)
    params, states, _, _ = program.memory()
    if not (np.array_equal(events.values, before, equal_nan=True) and np.array_equal(params, [*bound.vector, 0.0])):
        return "the kernel writes to the event or to its parameters"
    if states[:GUARD_WORDS].any() or states[-GUARD_WORDS:].any():
        return f"the kernel writes outside the {bound.state_size} values of its state"
    if not all((pad == _UNTOUCHED).all() for pad in padding):
        return "the kernel writes outside its row"
    if (rows == _UNTOUCHED).any():
        return "the kernel leaves an output unwritten"
    stream = EventStream(program)
    for ts_ns, event in zip(events.ts_ns.tolist(), events.values[:200], strict=False):
        stream.step(ts_ns, event)
    guarded = program.memory()[2:]
    if not all(np.isnan(words[[*range(GUARD_WORDS), *range(-GUARD_WORDS, 0)]]).all() for words in guarded):
        return "the kernel writes outside its row or its event"
    return ""


def _allocations(subject: _Subject, _: Any) -> str:
    stream = EventStream(_program(subject.bound, subject.events))
    steps = list(zip(subject.events.ts_ns.tolist(), subject.events.values, strict=True))
    enabled = _nrt_python.memsys_stats_enabled()
    if not enabled:
        _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats().alloc
        for ts_ns, event in steps:
            stream.step(ts_ns, event)
        made = rtsys.get_allocation_stats().alloc - before
    finally:
        if not enabled:
            _nrt_python.memsys_disable_stats()
    return f"{made} allocations in {len(steps)} steps" if made else ""


def _missing_events_matter(subject: _Subject, random: Any) -> str:
    rows, fields = subject.events.values.shape
    missing = np.zeros(rows, dtype=bool)
    missing[random.choice(rows, max(1, rows // 20), replace=False)] = True
    values = subject.events.values.copy()
    for count, row in enumerate(np.flatnonzero(missing)):
        # -7 is no price, size, side, rate, interval or number of levels
        bad = (np.nan, np.inf, -np.inf, -7.0)[count % 4]
        values[row, count % fields] = bad
    with_holes = subject.run(Events(subject.events.kind, subject.events.ts_ns, values))
    if not np.isnan(with_holes[missing]).all():
        return "an event that is not usable gives a value"
    kept = ~missing
    left = Events(subject.events.kind, subject.events.ts_ns[kept], subject.events.values[kept])
    changed = _first_difference(with_holes[kept], subject.run(left))
    return "" if changed is None else f"a value after a missing event changes: row {changed} of those left"


def _warmup_differs(subject: _Subject, _: Any) -> str:
    for column, (name, count) in enumerate(zip(subject.bound.columns, subject.bound.warmup, strict=True)):
        values = subject.rows[:, column]
        if not np.isnan(values[: count - 1]).all():
            return f"{name} has a value before event {count}"
        if np.isinf(values).any():
            return f"{name} is infinite at row {int(np.flatnonzero(np.isinf(values))[0])}"
        known = np.flatnonzero(~np.isnan(values))
        if not subject.generated or subject.feature.absent:
            continue
        if not len(known):
            return f"{name} never has a value in {len(values)} events"
        first = int(known[0]) if subject.feature.paced else count - 1
        if not np.isfinite(values[first:]).all():
            return f"{name} is NaN after event {first + 1}"
    return ""


def _program(bound: BoundFeature, events: Events) -> EventProgram:
    return EventProgram(events.kind, events.values.shape[1], [(bound.feature, bound.vector, bound.state_size)])


def _padded_run(bound: BoundFeature, events: Events) -> tuple[F64, tuple[F64, F64], EventProgram]:
    padded = np.full((len(events) + 2 * GUARD_WORDS, len(bound.columns)), _UNTOUCHED)
    rows = padded[GUARD_WORDS:-GUARD_WORDS]
    program = _program(bound, events)
    program.run(events, rows)
    return rows, (padded[:GUARD_WORDS], padded[-GUARD_WORDS:]), program


def _with_tail(events: Events, cut: int, random: Any) -> Events:
    values = events.values.copy()
    tail = values[cut:]
    prices, sizes = _columns(events.kind, values.shape[1])
    tail[:, prices] *= np.exp(random.normal(0.0, 0.2, (len(tail), 1)))
    tail[:, sizes] *= np.exp(random.normal(0.0, 0.5, (len(tail), 1)))
    later = np.cumsum(random.integers(0, 2 * 10**9, len(tail)))
    ts_ns = np.concatenate((events.ts_ns[:cut], events.ts_ns[cut - 1] + later))
    return Events(events.kind, ts_ns, values)


def _columns(kind: EventKind, fields: int) -> tuple[list[int], list[int]]:
    """Return the columns that scale together as prices, and those that do as sizes."""
    if kind is EventKind.TRADE:
        return [PRICE], [SIZE]
    if kind is EventKind.QUOTE:
        return [BID_PRICE, ASK_PRICE], [BID_SIZE, ASK_SIZE]
    if kind is EventKind.FUNDING:
        return [], [RATE]
    if kind is EventKind.MARK:
        return [MARK], [REFERENCE]
    levels = (fields - FIRST_LEVEL) // 4
    starts = [FIRST_LEVEL + side * levels for side in range(4)]
    return (
        [*range(starts[0], starts[1]), *range(starts[2], starts[3])],
        [*range(starts[1], starts[2]), *range(starts[3], fields)],
    )


def _first_difference(left: F64, right: F64) -> int | None:
    # bits, not values: 0.0 and -0.0 differ; only NaN is NaN whatever its bits
    differs = (left.view(np.uint64) != right.view(np.uint64)) & ~(np.isnan(left) & np.isnan(right))
    return int(np.flatnonzero(differs.any(axis=1))[0]) if differs.any() else None
