"""What pattern detectors share: the pivot as a type, and rows of a kernel read in pieces, batch or bar by bar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Annotated

import msgspec
import numpy as np

from catalog.model import F64, BarColumns
from strategies.features.kernel import Feature
from strategies.features.patterns.pivots import PIVOT_SIZE
from strategies.features.program import Program
from strategies.features.registry import BoundFeature, bind_unchecked

_ROWS = 4096  # rows computed at a time: a detector's row is wide, a history may be long


class Direction(Enum):
    """Where the price is expected to go."""

    UP = 1
    DOWN = -1


class Pivot(msgspec.Struct, frozen=True):
    """
    A swing high or low.

    Attributes
    ----------
    ts_ns : int
        Close of the bar that made the extreme, UTC ns. Known only later: see `confirmed_ts` of a detection.
    price : float
        The bar's high or low, in quote currency.

    """

    ts_ns: int
    price: float


class PivotConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How far the price must come back from an extreme to make it a pivot.

    The larger of `reversal_atr` average true ranges (Wilder, `atr_window`) and `reversal_fraction` of the extreme.

    Raises
    ------
    ValueError
        If both are 0.

    """

    reversal_atr: Annotated[float, msgspec.Meta(ge=0, le=100)] = 2.0
    reversal_fraction: Annotated[float, msgspec.Meta(ge=0, le=0.9)] = 0.0
    atr_window: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 14
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=0.1)] = 0.03

    def __post_init__(self) -> None:
        if self.reversal_atr == 0 and self.reversal_fraction == 0:
            raise ValueError("need reversal_atr or reversal_fraction above 0")


def bound(feature: Feature, config: PivotConfig) -> BoundFeature:
    """Bind a detector's kernel to a configuration whose fields are named as its parameters."""
    params: Mapping[str, int | float] = msgspec.structs.asdict(config)
    return bind_unchecked(feature, {param.name: params[param.name] for param in feature.params})


def program_of(kernel: BoundFeature) -> Program:
    """Return a detector's kernel, compiled, that has seen no bar."""
    return Program([(kernel.feature, kernel.vector, kernel.state_size)])


def turning_rows(kernel: BoundFeature, bars: BarColumns) -> Iterator[tuple[int, F64]]:
    """Yield close time and row of each bar that confirms a pivot."""
    program = program_of(kernel)
    rows = np.empty((min(_ROWS, len(bars)), program.width))
    for start in range(0, len(bars), _ROWS):
        part = bars.slice(start, min(start + _ROWS, len(bars)))
        computed = rows[: len(part)]
        program.run(part, computed)
        # a bar that is not usable has NaN here: it confirms nothing
        for row in np.flatnonzero(np.abs(computed[:, 0]) == 1.0):
            yield int(part.ts_ns[row]), computed[row]


def pivots_in(words: F64) -> tuple[Pivot, ...]:
    """Read pivots as `copy_pivots` wrote them, oldest first."""
    return tuple(
        Pivot(int(seconds) * 1_000_000_000 + int(nanoseconds), float(price))
        for price, seconds, nanoseconds in words.reshape(-1, PIVOT_SIZE)
    )
