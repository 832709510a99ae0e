"""Label each bar by what a trade decided at its close would have met: a rise over the horizon, or none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.model import F64, I64, BarColumns


class Labels(NamedTuple):
    """
    Labels of the bars that have one; the last ``horizon_bars + 1`` bars of a series do not.

    `rises` is 1.0 where `forward_return`, a log return, is above zero, else 0.0. `end_ns` is when the label is known.
    """

    rises: F64
    forward_return: F64
    end_ns: I64

    def __len__(self) -> int:
        return len(self.rises)


def fixed_horizon(bars: BarColumns, horizon_bars: int) -> Labels:
    """
    Label every bar by its forward log return over a fixed number of bars, from open to open.

    A decision at the close of bar i trades at the open of bar i+1, the first price it can get; a position held for
    `horizon_bars` bars leaves at the open of bar i+1+horizon. So the label is the sign of
    ``log(open[i+1+horizon] / open[i+1])``: measured from close i it would credit the model with a move across the
    bar boundary that nobody can trade. An unchanged price counts as not rising.

    Parameters
    ----------
    bars : BarColumns
        Bars of one instrument, ascending in time. Gaps are allowed: the next bar is the next that exists.
    horizon_bars : int
        Bars to hold, at least 1.

    Returns
    -------
    Labels
        ``max(0, n - horizon_bars - 1)`` rows, row i belonging to bar i. The label ends at the CLOSE of the bar whose
        open it used, since the store knows that open only once the bar is complete: late by at most one bar, never
        early.

    Raises
    ------
    ValueError
        If `horizon_bars` is below 1, or an open is not a positive number.

    References
    ----------
    López de Prado (2018), Advances in Financial Machine Learning, section 3.2 (fixed-time horizon) and its critique.

    """
    if horizon_bars < 1:
        raise ValueError(f"horizon_bars must be at least 1, was {horizon_bars}")
    usable: npt.NDArray[np.bool_] = np.isfinite(bars.open) & (bars.open > 0)
    if not np.all(usable):
        first = int(np.argmin(usable))
        raise ValueError(f"opens must be positive numbers, bar {first} has {bars.open[first]}")
    entry = bars.open[1:-horizon_bars]
    exit_ = bars.open[1 + horizon_bars :]
    forward = np.log(exit_ / entry)
    return Labels((forward > 0).astype(np.float64), forward, bars.ts_ns[1 + horizon_bars :])
