"""Building block: which calendar session a bar belongs to."""

from __future__ import annotations

from strategies.features.compiling import inline
from strategies.features.kernel import Doubles, Param

HOUR_NS = 3_600_000_000_000

SESSION_PARAMS = (
    Param(name="hours", default=24, low=1, high=720, meaning="length of a session; 168 is a week"),
    Param(
        name="start_hour",
        default=0,
        low=0,
        high=719,
        meaning="hours from 1970-01-01 00:00 UTC, a Thursday, to the start of a session: 96 starts weeks on Mondays",
    ),
)


@inline
def session_of(ts_ns: int, params: Doubles, at: int) -> int:
    """Return the number of the session a bar that closes at `ts_ns` lies in; ``params[at:]`` are `SESSION_PARAMS`."""
    hours = int(params[at])
    # a bar is known by its close: the one that closes at midnight belongs to the day that ends there
    return int((ts_ns - 1 - int(params[at + 1]) * HOUR_NS) // (hours * HOUR_NS))
