"""One circuit breaker: closed, open, half-open, and what moves it from one to the next."""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

import msgspec

from risk.barriers import Barrier, Level, Source, venue_of
from risk.breaker_config import BreakerConfig, Cause


class Scope(NamedTuple):
    """What a breaker covers: a level, and the name a barrier of that level has."""

    level: Level
    name: str = ""

    def wider(self) -> tuple[Scope, ...]:
        """Return this scope and all that hold it, the narrowest first."""
        if self.level is Level.POSITION:
            strategy, _, instrument = self.name.partition("/")
            return (self, Scope(Level.STRATEGY, strategy), Scope(Level.VENUE, venue_of(instrument)), SYSTEM)
        return (SYSTEM,) if self.level is Level.SYSTEM else (self, SYSTEM)


SYSTEM = Scope(Level.SYSTEM)


def position_scope(strategy: str, instrument: str) -> Scope:
    """Return the narrowest scope that a trade of this strategy in this instrument belongs to."""
    return Scope(Level.POSITION, f"{strategy}/{instrument}")


class State(Enum):
    """How a breaker stands; only a closed one lets risk be added freely."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"

    @property
    def rank(self) -> int:
        """Return how restrictive the state is."""
        return _RANKS[self]


_RANKS = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class Circuit(msgspec.Struct, frozen=True, kw_only=True):
    """
    The whole state of one breaker: plain values, and what it becomes as new values.

    `since_ns` is when it came into its state, `tripped_ns` when it last opened, `until_ns` the end of its cool-down
    (None where only a person ends it), `trips` how often it opened in a row. `probe_out` tells that the order which
    shall show whether all is well has been filled. `losses` counts those in a row; `profit` is the level's result in
    quote currency, `profit_peak` the best since the base was set, `equity_base` the account's equity then.
    """

    level: Level
    name: str
    state: State = State.CLOSED
    cause: Cause | None = None
    reason: str = ""
    since_ns: int = 0
    tripped_ns: int | None = None
    until_ns: int | None = None
    trips: int = 0
    probe_out: bool = False
    losses: int = 0
    profit: float = 0.0
    profit_peak: float = 0.0
    equity_base: float

    @property
    def scope(self) -> Scope:
        """What it covers."""
        return Scope(self.level, self.name)

    @property
    def drawdown(self) -> float:
        """Loss from the best result, as a fraction of the account's equity at that time; NaN where that was used up."""
        if not self.equity_base > 0.0:
            return math.nan
        return (self.profit_peak - self.profit) / self.equity_base

    def earned(self, profit: float, equity: float) -> Circuit:
        """Take over the level's result as of now, and the account's equity with it."""
        if profit > self.profit_peak:
            return msgspec.structs.replace(self, profit=profit, profit_peak=profit, equity_base=equity)
        return msgspec.structs.replace(self, profit=profit)

    def lost(self, is_loss: bool) -> Circuit:
        """Count a closed trade; while open, none counts: they were begun before."""
        if self.state is State.OPEN:
            return self
        return msgspec.structs.replace(self, losses=self.losses + 1 if is_loss else 0)

    def opened(self, config: BreakerConfig, cause: Cause, reason: str, now_ns: int) -> Circuit:
        """Open: for the cool-down, or until a person resets it where that was ordered."""
        in_a_row = self.state is not State.CLOSED or now_ns - self.since_ns <= 1e9 * config.repeat_within_s
        trips = self.trips + 1 if in_a_row else 1
        return msgspec.structs.replace(
            self,
            state=State.OPEN,
            cause=cause,
            reason=reason,
            since_ns=now_ns,
            tripped_ns=now_ns,
            until_ns=None if cause is Cause.ORDERED else now_ns + config.cooldown_ns(trips),
            trips=trips,
            probe_out=False,
            losses=0,
        )

    def half_opened(self, equity: float, now_ns: int) -> Circuit:
        """Let one order probe, and measure the drawdown from here."""
        return msgspec.structs.replace(
            self,
            state=State.HALF_OPEN,
            since_ns=now_ns,
            until_ns=None,
            probe_out=False,
            profit_peak=self.profit,
            equity_base=equity,
        )

    def closed(self, now_ns: int) -> Circuit:
        """Close: risk may be added freely again."""
        return msgspec.structs.replace(
            self, state=State.CLOSED, cause=None, reason="", since_ns=now_ns, until_ns=None, probe_out=False, losses=0
        )

    def reset(self, equity: float, now_ns: int) -> Circuit:
        """Close by a person's hand, and forget what led to it."""
        return msgspec.structs.replace(self.half_opened(equity, now_ns).closed(now_ns), trips=0)

    def reached(self, config: BreakerConfig, multiplier: float) -> tuple[Cause, float, float] | None:
        """Return the cause that results call for, what was measured and the threshold; None where there is none."""
        if config.counts(Cause.LOSSES) and self.losses >= config.losses_max * multiplier:
            return Cause.LOSSES, self.losses, config.losses_max * multiplier
        # "not <" rather than ">=", so that a result which is no number opens the breaker
        if config.counts(Cause.DRAWDOWN) and not self.drawdown < config.drawdown_max * multiplier:
            return Cause.DRAWDOWN, self.drawdown, config.drawdown_max * multiplier
        return None

    def barrier(self) -> Barrier | None:
        """Return what keeps orders from adding risk, None while closed."""
        if self.state is State.CLOSED:
            return None
        probing = self.state is State.HALF_OPEN and not self.probe_out
        return Barrier(Source.BREAKER, self.level, self.name, self.reason, self.since_ns, probing)
