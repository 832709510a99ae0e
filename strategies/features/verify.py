"""Prove of a feature what the whole platform relies on: one definition, no look-ahead, no allocation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numba.core.runtime import _nrt_python, rtsys

from catalog.model import F64, BarColumns
from strategies.features.featureset import FeatureStream
from strategies.features.kernel import Feature, Param, Params
from strategies.features.program import GUARD_WORDS, Program
from strategies.features.registry import BoundFeature, bind_unchecked

_UNTOUCHED = -7.25e77  # what no kernel writes
_HOUR_NS = 3_600_000_000_000


class Check(Enum):
    """What is proved."""

    STREAM_IS_BATCH = "batch equals stream, bit for bit"
    PREFIX = "a row does not depend on later bars"
    MEMORY = "a kernel writes nothing but its state and its outputs"
    ALLOCATION = "a step allocates nothing"
    MISSING_BARS = "a bar that is not usable gives NaN and leaves no trace"
    WARMUP = "values are NaN until warm and finite from then on"


class Failure(NamedTuple):
    """One check that a feature did not pass, and where it showed."""

    label: str
    check: Check
    detail: str


class _Subject(NamedTuple):
    bound: BoundFeature
    bars: BarColumns
    rows: F64
    cuts: Sequence[int]
    generated: bool

    def run(self, bars: BarColumns) -> F64:
        out = np.empty((len(bars), len(self.bound.columns)))
        _program(self.bound).run(bars, out)
        return out


def variations(feature: Feature) -> Iterator[BoundFeature]:
    """Yield a feature with its default, with shorter and with the least parameters, as far as they go together."""
    seen: list[Params] = []
    for choose in (_default, _shorter, _least):
        params = {param.name: choose(param) for param in feature.params}
        if params not in seen and not feature.requires(params):
            seen.append(params)
            yield bind_unchecked(feature, params)


def verify(bound: BoundFeature, bars: BarColumns | None = None, *, cuts: int = 40, seed: int = 1) -> list[Failure]:
    """
    Check one feature.

    Parameters
    ----------
    bound : BoundFeature
        Any feature, registered or not.
    bars : BarColumns, optional
        n real bars; a generated series, seeded, stands in by default, and only there must every value be finite,
        unless the feature says when one is absent.
    cuts : int
        How many lengths the series is cut to; every row before each cut is compared.
    seed : int
        Chooses the cuts and the bars that are taken away.

    Returns
    -------
    list of Failure
        Empty when everything holds.

    """
    given = generated_bars() if bars is None else bars
    if len(given) < 2:
        raise ValueError(f"need at least 2 bars to verify a feature, were {len(given)}")
    random = np.random.default_rng(seed)
    edges = [1, *bound.warmup, len(given) - 1]
    chosen = {*edges, *random.integers(1, len(given), cuts).tolist()}
    # first of all, on memory of its own: a kernel that writes elsewhere must not do so in the other checks
    stray = _stray_writes(bound, given)
    subject = _Subject(
        bound=bound,
        bars=given,
        rows=_padded_run(bound, given)[0],
        cuts=sorted(cut for cut in chosen if 0 < cut < len(given)),
        generated=bars is None,
    )
    failures = [Failure(bound.label, Check.MEMORY, stray)] if stray else []
    checks: tuple[tuple[Check, Callable[[_Subject, Any], str]], ...] = (
        (Check.STREAM_IS_BATCH, _stream_differs),
        (Check.PREFIX, _later_bars_matter),
        (Check.ALLOCATION, _allocations),
        (Check.MISSING_BARS, _missing_bars_matter),
        (Check.WARMUP, _warmup_differs),
    )
    for check, find in checks:
        detail = find(subject, random)
        if detail:
            failures.append(Failure(bound.label, check, detail))
    return failures


def generated_bars(rows: int = 700, seed: int = 20) -> BarColumns:
    """Return a seeded random walk of hourly bars, consistent and all usable, as a series to verify on."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, rows)))
    open_ = np.concatenate(([100.0], close[:-1]))
    reach = np.abs(random.normal(0.0, 0.004, (2, rows)))
    return BarColumns(
        ts_ns=np.arange(1, rows + 1, dtype=np.int64) * _HOUR_NS,
        open=open_,
        high=np.maximum(open_, close) * (1.0 + reach[0]),
        low=np.minimum(open_, close) * (1.0 - reach[1]),
        close=close,
        volume=random.lognormal(3.0, 1.0, rows),
    )


def _stream_differs(subject: _Subject, _: Any) -> str:
    stream = FeatureStream(_program(subject.bound))
    for attempt in ("stream", "stream after reset"):
        rows = np.array([stream.step(*row).copy() for row in _python_rows(subject.bars)])
        row = _first_difference(rows, subject.rows)
        if row is not None:
            return f"{attempt} differs from batch first at row {row}: {rows[row]} and {subject.rows[row]}"
        stream.reset()
    return ""


def _later_bars_matter(subject: _Subject, random: Any) -> str:
    for cut in subject.cuts:
        # bars that come later: none at all, or those of another market
        other = _with_tail(subject.bars, cut, random)
        for name, bars in (("cut off", subject.bars.slice(0, cut)), ("replaced", other)):
            row = _first_difference(subject.run(bars)[:cut], subject.rows[:cut])
            if row is not None:
                return f"row {row} changes when the bars from {cut} on are {name}"
    return ""


def _stray_writes(bound: BoundFeature, bars: BarColumns) -> str:
    rows, padding, program = _padded_run(bound, bars)
    params, states, _ = program.memory()
    if not np.array_equal(params, [*bound.vector, 0.0]):
        return "the kernel writes to its parameters"
    if states[:GUARD_WORDS].any() or states[-GUARD_WORDS:].any():
        return f"the kernel writes outside the {bound.state_size} values of its state"
    if not all((pad == _UNTOUCHED).all() for pad in padding):
        return "the kernel writes outside its row"
    if (rows == _UNTOUCHED).any():
        return "the kernel leaves an output unwritten"
    stream = FeatureStream(program)
    for row in _python_rows(bars.slice(0, min(len(bars), 200))):
        stream.step(*row)
    values = program.memory()[2]
    if not (np.isnan(values[:GUARD_WORDS]).all() and np.isnan(values[-GUARD_WORDS:]).all()):
        return "the kernel writes outside its row"
    return ""


def _allocations(subject: _Subject, _: Any) -> str:
    stream = FeatureStream(_program(subject.bound))
    rows = _python_rows(subject.bars)
    enabled = _nrt_python.memsys_stats_enabled()
    if not enabled:
        _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats().alloc
        for row in rows:
            stream.step(*row)
        made = rtsys.get_allocation_stats().alloc - before
    finally:
        if not enabled:
            _nrt_python.memsys_disable_stats()
    return f"{made} allocations in {len(rows)} steps" if made else ""


def _missing_bars_matter(subject: _Subject, random: Any) -> str:
    rows = len(subject.bars)
    missing = np.zeros(rows, dtype=bool)
    missing[random.choice(rows, max(1, rows // 20), replace=False)] = True
    columns = [column.copy() for column in subject.bars[1:]]
    bad_prices, bad_volumes = (np.nan, np.inf, -np.inf, 0.0, -1.0), (np.nan, np.inf, -np.inf, -1.0)
    for count, row in enumerate(np.flatnonzero(missing)):
        place = count % len(columns)
        bad = bad_volumes if place == len(columns) - 1 else bad_prices
        columns[place][row] = bad[count % len(bad)]
    with_holes = subject.run(BarColumns(subject.bars.ts_ns, *columns))
    if not np.isnan(with_holes[missing]).all():
        return "a bar that is not usable gives a value"
    kept = ~missing
    left = BarColumns(subject.bars.ts_ns[kept], *(column[kept] for column in subject.bars[1:]))
    changed = _first_difference(with_holes[kept], subject.run(left))
    return "" if changed is None else f"a value after a missing bar changes: row {changed} of those left"


def _warmup_differs(subject: _Subject, _: Any) -> str:
    for column, (name, bars) in enumerate(zip(subject.bound.columns, subject.bound.warmup, strict=True)):
        values = subject.rows[:, column]
        if not np.isnan(values[: bars - 1]).all():
            return f"{name} has a value before bar {bars}"
        if np.isinf(values).any():
            return f"{name} is infinite at row {int(np.flatnonzero(np.isinf(values))[0])}"
        if subject.generated and not subject.bound.feature.absent and not np.isfinite(values[bars - 1 :]).all():
            return f"{name} is NaN after bar {bars}"
    return ""


def _program(bound: BoundFeature) -> Program:
    return Program([(bound.feature, bound.vector, bound.state_size)])


def _padded_run(bound: BoundFeature, bars: BarColumns) -> tuple[F64, tuple[F64, F64], Program]:
    padded = np.full((len(bars) + 2 * GUARD_WORDS, len(bound.columns)), _UNTOUCHED)
    rows = padded[GUARD_WORDS:-GUARD_WORDS]
    program = _program(bound)
    program.run(bars, rows)
    return rows, (padded[:GUARD_WORDS], padded[-GUARD_WORDS:]), program


def _with_tail(bars: BarColumns, cut: int, random: Any) -> BarColumns:
    factor = np.exp(random.normal(0.0, 0.2, len(bars) - cut))
    columns = (np.concatenate((column[:cut], column[cut:] * factor)) for column in bars[1:])
    return BarColumns(bars.ts_ns, *columns)


def _python_rows(bars: BarColumns) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in bars), strict=True))


def _first_difference(left: F64, right: F64) -> int | None:
    # bits, not values: 0.0 and -0.0 differ; only NaN is NaN whatever its bits
    differs = (left.view(np.uint64) != right.view(np.uint64)) & ~(np.isnan(left) & np.isnan(right))
    return int(np.flatnonzero(differs.any(axis=1))[0]) if differs.any() else None


def _default(param: Param) -> int | float:
    return param.default


def _shorter(param: Param) -> int | float:
    return max(param.low, param.default // 2 + 1 if param.integer else 0.5 * (param.low + param.default))


def _least(param: Param) -> int | float:
    return param.low
