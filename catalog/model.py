"""The shapes market data takes between the store, the kernels and the engine."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type F64 = npt.NDArray[np.float64]
type I64 = npt.NDArray[np.int64]


class BarColumns(NamedTuple):
    """
    Bars of one instrument as columns, ascending in time.

    `ts_ns` is the bar's CLOSE time: what a decision at that instant may know. Prices are in quote
    currency, `volume` in base currency. A bar of one hour that opened at 00:00 has its `ts_ns` at 01:00.
    ``len`` counts bars, not columns, so make a changed copy by calling the class: ``_replace`` does not work.
    """

    ts_ns: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64

    def __len__(self) -> int:  # rows, not fields
        return len(self.ts_ns)

    def slice(self, start: int, stop: int) -> BarColumns:
        """Return the rows from `start` to before `stop`, as views."""
        rows = slice(start, stop)
        return BarColumns(
            self.ts_ns[rows], self.open[rows], self.high[rows], self.low[rows], self.close[rows], self.volume[rows]
        )


class FundingColumns(NamedTuple):
    """
    Funding rates of one perpetual.

    At `ts_ns` a long pays ``rate * mark * quantity`` to the shorts; a negative rate pays the long.
    """

    ts_ns: I64
    rate: F64
