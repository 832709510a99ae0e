"""Find harmonic patterns as typed objects, in a history or bar by bar, with the machine code of the feature."""

from __future__ import annotations

import msgspec
import numpy as np

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
from strategies.features.patterns.harmonic import MATCH_SIZE, MATCHES, PATTERNS, PIVOTS_OF_A_MATCH
from strategies.features.patterns.harmonic_ratios import HARMONICS, Harmonic

_POINTS = 1 + 3 * PIVOTS_OF_A_MATCH


class HarmonicConfig(PivotConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pivots of a harmonic pattern, and the tolerance of its ratios: see `PivotConfig`."""


class HarmonicMatch(msgspec.Struct, frozen=True, kw_only=True):
    """
    One pattern, completed at D or, with the pivots up to C, projected.

    Attributes
    ----------
    pattern : Harmonic
    direction : Direction
        Where the price is expected to turn to at D: up if D is a low.
    pivots : tuple of Pivot
        X, A, B, C and, if completed, D; with the pivot before X in front for Three Drives.
    completed : bool
        Whether D is a confirmed pivot.
    pivot_ts : int
        Bar close of the last pivot (D, or C), UTC ns.
    confirmed_ts : int
        Bar close at which that pivot, and so this match, became known, UTC ns: later than `pivot_ts`.
    zone_low, zone_high : float
        Prices D may take by all its ratios: the potential reversal zone.
    stop : float
        The price beyond which the pattern is given up.
    targets : tuple of three floats
        0.382, 0.618 and 1.0 of the way from D (projected: from the zone's middle) to the farther of A and C.
    deviation : float
        Largest deviation of a ratio from its published range, as a fraction; at most the tolerance.

    """

    pattern: Harmonic
    direction: Direction
    pivots: tuple[Pivot, ...]
    completed: bool
    pivot_ts: int
    confirmed_ts: int
    zone_low: float
    zone_high: float
    stop: float
    targets: tuple[float, float, float]
    deviation: float


class HarmonicDetector:
    """
    Finds all fourteen patterns over one series of bars.

    ``batch`` and a ``stream`` give the same matches at the same bars. A match holds nothing later than its
    `confirmed_ts` and is never taken back.

    Parameters
    ----------
    config : HarmonicConfig, optional

    """

    def __init__(self, config: HarmonicConfig | None = None) -> None:
        self.config = config or HarmonicConfig()
        self._kernel = bound(MATCHES, self.config)

    def batch(self, bars: BarColumns) -> list[HarmonicMatch]:
        """Return the matches of a history, by `confirmed_ts`; completed before projected, then by precedence."""
        return [match for ts_ns, row in turning_rows(self._kernel, bars) for match in _matches(ts_ns, row)]

    def stream(self) -> HarmonicStream:
        """Return a stream that has seen no bar."""
        return HarmonicStream(self)


class HarmonicStream:
    """Matches of one series of bars as they arrive."""

    def __init__(self, detector: HarmonicDetector) -> None:
        self._program = program_of(detector._kernel)  # noqa: SLF001 - its own other half

    def step(
        self,
        ts_ns: int,
        open: float,  # noqa: A002
        high: float,
        low: float,
        close: float,
        volume: float,
    ) -> tuple[HarmonicMatch, ...]:
        """Take one bar in (`ts_ns` its close) and return the matches it confirms, mostly none."""
        program = self._program
        program.step(program.frame_address, ts_ns, open, high, low, close, volume)
        if abs(program.values[0]) != 1.0:
            return ()
        return tuple(_matches(ts_ns, program.values))


def _matches(ts_ns: int, row: F64) -> list[HarmonicMatch]:
    pivots = pivots_in(row[1:_POINTS])
    turned = int(row[0])
    slots = row[_POINTS:].reshape(2, PATTERNS, MATCH_SIZE)
    matches = []
    for stage, index in np.argwhere(~np.isnan(slots[:, :, 0])):
        completed = bool(stage == 0)
        pattern = HARMONICS[index].pattern
        count = (5 if completed else 4) + (pattern is Harmonic.THREE_DRIVES)
        ends = sorted(slots[stage, index, :2].tolist())
        stop, first, second, third, deviation = slots[stage, index, 2:].tolist()
        matches.append(
            HarmonicMatch(
                pattern=pattern,
                direction=Direction(-turned if completed else turned),
                pivots=pivots[-count:],
                completed=completed,
                pivot_ts=pivots[-1].ts_ns,
                confirmed_ts=ts_ns,
                zone_low=ends[0],
                zone_high=ends[1],
                stop=stop,
                targets=(first, second, third),
                deviation=deviation,
            )
        )
    return matches
