"""Bars drawn through given turning points, for patterns whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from generated_bars import HOUR_NS, from_close

from catalog.model import BarColumns

STEPS = 4
"""Bars from one turning point to the next."""


def drawn(points: Sequence[float], *, turn_back: float = 0.3, bar_ns: int = HOUR_NS) -> BarColumns:
    """
    Return bars that go straight from point to point, and then back by a share of the last leg.

    Point k is the close, high and low of bar ``k * STEPS``; the way back confirms the last one.
    """
    last = points[-1] + turn_back * (points[-2] - points[-1])
    nodes = np.arange(len(points) + 1) * STEPS
    closes = np.interp(np.arange(nodes[-1] + 1), nodes, [*points, last])
    bars = from_close(closes)
    return BarColumns(np.arange(1, len(closes) + 1) * bar_ns, *bars[1:])


def ts_of_point(number: int, bar_ns: int = HOUR_NS) -> int:
    """Return the close time of the bar at which a point lies."""
    return (number * STEPS + 1) * bar_ns


def upside_down(points: Sequence[float], top: float = 400.0) -> list[float]:
    """Return the points mirrored."""
    return [top - point for point in points]
