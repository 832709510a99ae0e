"""Compute features of two instruments at once: a row a bar as it arrives, or all rows of a history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.model import F64, BarColumns
from errors import ConfigError
from strategies.features.layout import layout_hash
from strategies.features.pair_features import pair_features
from strategies.features.program import Program
from strategies.features.registry import BoundFeature, bind
from strategies.features.spec import FeatureSpec


class PairSet:
    """
    Features of an instrument beside another, computed by one definition in batch and in stream.

    Every promise of `FeatureSet` holds: batch equals stream bit for bit, a row holds nothing later than its bar, and
    a bar on which either close is not usable (see `program`) gives NaN and leaves no trace.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        At least one, named as in `pair_features`.

    Raises
    ------
    ConfigError
        If there is no feature, one is unknown or has a bad parameter, or two columns have one name.

    """

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        self.specs = tuple(specs)
        self.features: tuple[BoundFeature, ...] = tuple(bind(spec, among=pair_features()) for spec in self.specs)
        if not self.features:
            raise ConfigError("a pair set needs at least one feature")
        self.names: tuple[str, ...] = tuple(name for bound in self.features for name in bound.columns)
        self.warmup: tuple[int, ...] = tuple(bars for bound in self.features for bars in bound.warmup)
        self.layout_hash: str = layout_hash(self.features)
        for index, name in enumerate(self.names):
            if self.names.index(name) != index:
                raise ConfigError(f"two columns are named {name}; give one of the features a label")

    def batch(self, bars: BarColumns, other: BarColumns) -> F64:
        """
        Compute every row of two histories that have the same bars.

        Parameters
        ----------
        bars, other : BarColumns
            n bars each, with equal closing times: align them first, a missing bar being NaN. Only closes are read.

        Returns
        -------
        float64[n, len(names)]
            Row i is known at ``bars.ts_ns[i]``. NaN as the class says.

        Raises
        ------
        ValueError
            If the bars do not close at the same times.

        """
        if not np.array_equal(bars.ts_ns, other.ts_ns):
            raise ValueError(f"both need bars that close at the same times, were {_difference(bars, other)}")
        volume = np.zeros(len(bars))
        out = np.empty((len(bars), len(self.names)))
        self._program().run(BarColumns(bars.ts_ns, other.close, bars.close, bars.close, bars.close, volume), out)
        return out

    def stream(self) -> PairStream:
        """Return a stream that has seen no bar."""
        return PairStream(self._program())

    def _program(self) -> Program:
        return Program([(bound.feature, bound.vector, bound.state_size) for bound in self.features])


class PairStream:
    """
    Features of two instruments as their bars arrive.

    Attributes
    ----------
    values : float64[k]
        The newest row: one buffer, overwritten by the next `step`; copy it to keep it.

    """

    __slots__ = ("_address", "_program", "_step", "values")

    def __init__(self, program: Program) -> None:
        self._program = program  # owns the memory behind the address
        self._address = program.frame_address
        self._step = program.step
        self.values = program.values

    def step(self, ts_ns: int, close: float, other_close: float) -> F64:
        """
        Take in one close of each and return the row known then.

        Parameters
        ----------
        ts_ns : int
            The close of both bars, UTC ns.
        close, other_close : float
            In the quote currency of each; NaN where there is none.

        Returns
        -------
        float64[k]
            The stream's own buffer, valid until the next step. NaN as `PairSet` says.

        """
        self._step(self._address, ts_ns, other_close, close, close, close, 0.0)
        return self.values

    def reset(self) -> None:
        """Forget every bar."""
        self._program.reset()


def _difference(bars: BarColumns, other: BarColumns) -> str:
    if len(bars) != len(other):
        return f"{len(bars)} and {len(other)} bars"
    row = int(np.flatnonzero(bars.ts_ns != other.ts_ns)[0])
    return f"{bars.ts_ns[row]} and {other.ts_ns[row]} in row {row}"
