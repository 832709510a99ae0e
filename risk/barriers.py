"""Barriers: what a kill switch or an open circuit breaker keeps from taking new risk, as the checks see it."""

from __future__ import annotations

from enum import Enum

import msgspec


class Level(Enum):
    """How much a barrier covers."""

    POSITION = "position"
    STRATEGY = "strategy"
    SYMBOL = "symbol"
    VENUE = "venue"
    SYSTEM = "system"


class Source(Enum):
    """Who put a barrier up, and alone may take it down."""

    BREAKER = "breaker"
    KILL_SWITCH = "kill_switch"
    STATE = "state"
    """A sync of the journal or of the state failed: no more risk until a restart has read it again."""


class Barrier(msgspec.Struct, frozen=True):
    """
    One barrier.

    `name` is what it covers: an instrument id for POSITION and SYMBOL, a strategy id, a venue, and empty for SYSTEM.
    A POSITION barrier covers one strategy's position in an instrument and is named ``strategy/instrument``.
    `probing` tells a half-open breaker: one order that adds risk may work at a time within what it covers.
    """

    source: Source
    level: Level
    name: str
    reason: str
    since_ns: int
    probing: bool = False

    def covers(self, strategy: str, instrument: str) -> bool:
        """Return whether an order of this strategy in this instrument meets the barrier."""
        if self.level is Level.SYSTEM:
            return True
        if self.level is Level.STRATEGY:
            return self.name == strategy
        if self.level is Level.SYMBOL:
            return self.name == instrument
        if self.level is Level.VENUE:
            return self.name == venue_of(instrument)
        return self.name == f"{strategy}/{instrument}"


def venue_of(instrument: str) -> str:
    """Return the venue of an instrument id such as ``BTCUSDT-PERP.BINANCE``."""
    return instrument.rpartition(".")[2]
