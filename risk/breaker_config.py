"""When circuit breakers open and for how long, level by level, as one validated configuration."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from risk.barriers import Level

type Fraction = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
type CoolDown = Annotated[float, msgspec.Meta(gt=0.0, le=30 * 86_400.0)]

OBSERVATIONS_REMEMBERED = 1_000
"""Answers and errors a breaker remembers at most; a longer window is cut to them."""


class Cause(Enum):
    """What opens a breaker."""

    LOSSES = "losses"
    """Closed trades with a loss, one after another."""
    DRAWDOWN = "drawdown"
    """Loss from the best result of the level."""
    ERRORS = "errors"
    """Share of requests that failed."""
    LATENCY = "latency"
    """The 99th percentile of decision latency."""
    ORDERED = "ordered"
    """A person or another guard asked for it; only a person ends it."""


MEASURED = (Cause.LOSSES, Cause.DRAWDOWN, Cause.ERRORS, Cause.LATENCY)


class BreakerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One level's breakers.

    `causes` are those that count. `losses_max` losses in a row, a drawdown of `drawdown_max` and an error rate of
    `error_rate_max` open a breaker when they are reached, a latency when it is above `latency_p99_us_max`; the mode
    multiplies all four. A threshold is not rounded: 5 losses times 0.75 are 3.75, which the fourth loss reaches.

    The drawdown is a fraction of account equity: for the system the fall of equity from its highest, for the other
    levels the fall of the realised result of their trades from its best, over the equity at that time. The base
    starts anew when a breaker becomes half-open. The error rate counts what the last `errors_window_s` brought, from
    `errors_sample_min` requests on.

    A breaker stays open for `cooldown_s`; each trip within `repeat_within_s` after it closed, or while it is
    half-open, doubles the time, up to `cooldown_s_max`.
    """

    enabled: bool = True
    causes: tuple[Cause, ...] = MEASURED
    losses_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 5
    drawdown_max: Fraction = 0.05
    error_rate_max: Fraction = 0.10
    errors_sample_min: Annotated[int, msgspec.Meta(ge=1, le=OBSERVATIONS_REMEMBERED)] = 20
    errors_window_s: Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)] = 300.0
    latency_p99_us_max: Annotated[float, msgspec.Meta(gt=0.0)] = 500.0
    cooldown_s: CoolDown = 900.0
    cooldown_s_max: CoolDown = 86_400.0
    repeat_within_s: CoolDown = 86_400.0

    def __post_init__(self) -> None:
        """Refuse a cool-down above its bound, and a cause that no figure can show."""
        if not self.cooldown_s <= self.cooldown_s_max:
            raise ValueError(f"need cooldown_s <= cooldown_s_max, were {self.cooldown_s:g}, {self.cooldown_s_max:g}")
        if Cause.ORDERED in self.causes:
            raise ValueError("causes may hold losses, drawdown, errors and latency; ordered always counts")

    def counts(self, cause: Cause) -> bool:
        """Return whether this cause may open a breaker of the level."""
        return self.enabled and cause in self.causes

    def cooldown_ns(self, trips: int) -> int:
        """Return how long the breaker stays open after so many trips in a row."""
        doubled = self.cooldown_s * 2.0 ** min(trips - 1, 30)
        return round(1e9 * min(doubled, self.cooldown_s_max))


class BreakersConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Breakers of all four levels; `cascade_window_s` is the time within which several trips make a cascade."""

    position: BreakerConfig = BreakerConfig()
    strategy: BreakerConfig = BreakerConfig()
    venue: BreakerConfig = BreakerConfig()
    system: BreakerConfig = BreakerConfig()
    cascade_window_s: CoolDown = 600.0

    def of(self, level: Level) -> BreakerConfig:
        """Return the breakers of a level; symbols have none."""
        levels = {
            Level.POSITION: self.position,
            Level.STRATEGY: self.strategy,
            Level.VENUE: self.venue,
            Level.SYSTEM: self.system,
        }
        return levels[level]
