"""Compute many features at once: a row a bar as it arrives, or all rows of a history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.model import F64, BarColumns
from errors import ConfigError
from strategies.features.layout import layout_hash
from strategies.features.program import Program
from strategies.features.registry import BoundFeature, bind
from strategies.features.spec import FeatureSpec


class FeatureSet:
    """
    Features in a fixed order, computed by one definition in batch and in stream.

    ``batch(bars)[i]`` equals, bit for bit, what a fresh stream returns for bar i after the bars before it. So row i
    is known at ``bars.ts_ns[i]``, the close of bar i, and holds nothing later.

    A value is NaN until its feature is warm (`warmup`), on a bar that is not usable (a price that is NaN, infinite,
    zero or negative, or such a volume below zero; see `program`), and where the feature's own rule says so
    (``docs/features.md``). A bar that is not usable leaves no trace in later rows. Bars are counted, not hours: a gap
    in time is not seen.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        At least one. Nothing is compiled before the first `batch` or `stream`.

    Raises
    ------
    ConfigError
        If there is no feature, one is unknown or has a bad parameter, or two columns have one name.

    """

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        self.specs = tuple(specs)
        self.features: tuple[BoundFeature, ...] = tuple(bind(spec) for spec in self.specs)
        if not self.features:
            raise ConfigError("a feature set needs at least one feature")
        self.names: tuple[str, ...] = tuple(name for bound in self.features for name in bound.columns)
        self.warmup: tuple[int, ...] = tuple(bars for bound in self.features for bars in bound.warmup)
        self.warmup_bars: int = max(self.warmup)
        self.layout_hash: str = layout_hash(self.features)
        self._place = {name: index for index, name in enumerate(self.names)}
        for index, name in enumerate(self.names):
            if self._place[name] != index:
                raise ConfigError(f"two columns are named {name}; give one of the features a label")

    def column(self, label: str) -> int:
        """Return the place of a column, such as ``ema_20`` or ``macd_12_26_9.signal``; `ConfigError` if it is none."""
        place = self._place.get(label)
        if place is None:
            raise ConfigError(f"there is no feature column {label!r}; there are {', '.join(self.names)}")
        return place

    def batch(self, bars: BarColumns) -> F64:
        """
        Compute every row of a history.

        Parameters
        ----------
        bars : BarColumns
            n bars, ascending in time.

        Returns
        -------
        float64[n, len(names)]
            Row i is known at ``bars.ts_ns[i]``. NaN as the class says.

        Raises
        ------
        ValueError
            If the columns differ in length.

        """
        out = np.empty((len(bars), len(self.names)))
        self.program().run(bars, out)
        return out

    def stream(self) -> FeatureStream:
        """Return a stream that has seen no bar."""
        return FeatureStream(self.program())

    def program(self) -> Program:
        """Return the compiled kernels with states of their own, compiling what has not been compiled yet."""
        return Program([(bound.feature, bound.vector, bound.state_size) for bound in self.features])


class FeatureStream:
    """
    Features of one series of bars as they arrive.

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

    def step(self, ts_ns: int, open: float, high: float, low: float, close: float, volume: float) -> F64:  # noqa: A002
        """
        Take one bar in and return the row known at its close.

        Parameters
        ----------
        ts_ns : int
            The bar's close, UTC ns.
        open, high, low, close : float
            Prices, in quote currency.
        volume : float
            In base currency.

        Returns
        -------
        float64[k]
            The stream's own buffer, valid until the next step. NaN as `FeatureSet` says.

        """
        self._step(self._address, ts_ns, open, high, low, close, volume)
        return self.values

    def reset(self) -> None:
        """Forget every bar."""
        self._program.reset()
