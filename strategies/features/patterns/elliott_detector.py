"""Find Elliott wave counts as typed objects, in a history or bar by bar, with the machine code of the feature."""

from __future__ import annotations

from typing import Annotated

import msgspec

from catalog.model import F64, BarColumns
from strategies.features.patterns.detection import (
    Direction,
    Pivot,
    PivotConfig,
    bound,
    pivots_in,
    program_of,
    turning_rows,
)
from strategies.features.patterns.elliott import COUNT_SIZE, COUNTS, PIVOTS_OF
from strategies.features.patterns.elliott_waves import Degree, Wave
from strategies.features.patterns.pivots import KEPT

_POINTS = 1 + 3 * KEPT


class ElliottConfig(PivotConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pivots of a count (see `PivotConfig`), tolerance of its ratios, and how many waves need none."""

    misfits: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0


class ElliottCount(msgspec.Struct, frozen=True, kw_only=True):
    """
    One count that breaks no rule.

    Attributes
    ----------
    wave : Wave
    direction : Direction
        Of the move expected next: wave 5 after 1-4, the correction after an impulse, the trend after a correction.
    degree : Degree
        By the time from the first to the last pivot.
    pivots : tuple of Pivot
        Start and end of each wave: 6 for an impulse, 5 for waves 1 to 4, 4 for A-B-C, 12 for W-X-Y-X-Z.
    pivot_ts : int
        Bar close of the last pivot, UTC ns.
    confirmed_ts : int
        Bar close at which that pivot, and so this count, became known, UTC ns: later than `pivot_ts`.
    invalidation : float
        The price beyond which the count is void: the end of wave 1 for waves 1-4, else the last pivot.
    targets : tuple of three floats
        Prices; see ``docs/patterns.md``.
    misfits : int
        Waves without a Fibonacci ratio.

    """

    wave: Wave
    direction: Direction
    degree: Degree
    pivots: tuple[Pivot, ...]
    pivot_ts: int
    confirmed_ts: int
    invalidation: float
    targets: tuple[float, float, float]
    misfits: int


class ElliottDetector:
    """
    Finds every count at one scale of pivots over one series of bars.

    ``batch`` and a ``stream`` give the same counts at the same bars. A count holds nothing later than its
    `confirmed_ts` and is never taken back: a price beyond its invalidation ends it, which the caller sees.
    Larger degrees need a larger reversal distance: one detector a scale.

    Parameters
    ----------
    config : ElliottConfig, optional

    """

    def __init__(self, config: ElliottConfig | None = None) -> None:
        self.config = config or ElliottConfig()
        self._kernel = bound(COUNTS, self.config)

    def batch(self, bars: BarColumns) -> list[ElliottCount]:
        """Return the counts of a history, by `confirmed_ts`, then by number of the wave."""
        return [count for ts_ns, row in turning_rows(self._kernel, bars) for count in _counts(ts_ns, row)]

    def stream(self) -> ElliottStream:
        """Return a stream that has seen no bar."""
        return ElliottStream(self)


class ElliottStream:
    """Counts of one series of bars as they arrive."""

    def __init__(self, detector: ElliottDetector) -> None:
        self._program = program_of(detector._kernel)  # noqa: SLF001 - its own other half

    def step(
        self,
        ts_ns: int,
        open: float,  # noqa: A002
        high: float,
        low: float,
        close: float,
        volume: float,
    ) -> tuple[ElliottCount, ...]:
        """Take one bar in (`ts_ns` its close) and return the counts it confirms, mostly none."""
        program = self._program
        program.step(program.frame_address, ts_ns, open, high, low, close, volume)
        if abs(program.values[0]) != 1.0:
            return ()
        return tuple(_counts(ts_ns, program.values))


def _counts(ts_ns: int, row: F64) -> list[ElliottCount]:
    pivots = pivots_in(row[1:_POINTS])
    slots = row[_POINTS:].reshape(len(Wave), COUNT_SIZE).tolist()
    counts = []
    for wave, (direction, degree, invalidation, first, second, third, misfits) in zip(Wave, slots, strict=True):
        if direction not in (1.0, -1.0):
            continue  # NaN: no such count
        counts.append(
            ElliottCount(
                wave=wave,
                direction=Direction(int(direction)),
                degree=Degree(int(degree)),
                pivots=pivots[-PIVOTS_OF[wave] :],
                pivot_ts=pivots[-1].ts_ns,
                confirmed_ts=ts_ns,
                invalidation=invalidation,
                targets=(first, second, third),
                misfits=int(misfits),
            )
        )
    return counts
