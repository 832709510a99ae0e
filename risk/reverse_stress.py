"""Ask the other way round: how small a move of prices breaks each limit."""

from __future__ import annotations

from enum import Enum

import msgspec

from risk.stress import Limit, headrooms, move
from risk.stress_portfolio import StressPortfolio, StressPosition

_HALVINGS = 60


class Direction(Enum):
    """How prices move."""

    DOWN = "DOWN"
    """All fall by the same fraction."""
    UP = "UP"
    """All rise by the same fraction."""
    WORST = "WORST"
    """Each moves against its position by the same fraction: longs fall, shorts rise."""


REACH = {Direction.DOWN: 1.0, Direction.UP: 10.0, Direction.WORST: 1.0}
"""How far a direction is followed; no price falls by more than all of it."""


class Breach(msgspec.Struct, frozen=True):
    """
    The smallest move that breaks a limit.

    `move` is its size as a fraction, 0 where the limit is broken already, None where no move within `REACH` breaks it.
    `loss` is the fraction of equity lost by then, negative for a gain; None with `move`.
    """

    limit: Limit
    direction: Direction
    move: float | None
    loss: float | None


def reverse_stress(portfolio: StressPortfolio) -> tuple[Breach, ...]:
    """
    Return the smallest move for each limit that is switched on and each direction.

    The room below a limit is concave in the size of the move (`risk.stress.headrooms`): from a limit that holds it
    falls through zero once at most, so bisection finds the first and only place. Of a portfolio so broken that limits
    do not hold before any move, 0 is told. Liquidation is where an account has no more than its maintenance margin.
    """
    portfolio = portfolio.based()
    found: list[Breach] = []
    for limit in headrooms(portfolio):
        for direction in Direction:
            size = _smallest(portfolio, limit, direction)
            loss = None
            if size is not None:
                before = portfolio.equity
                loss = (before - _moved(portfolio, direction, size).equity) / before if before > 0.0 else None
            found.append(Breach(limit, direction, size, loss))
    return tuple(found)


def _smallest(portfolio: StressPortfolio, limit: Limit, direction: Direction) -> float | None:
    low, high = 0.0, REACH[direction]
    if not _room(portfolio, limit, direction, low) >= 0.0:
        return low
    if _room(portfolio, limit, direction, high) >= 0.0:
        return None
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _room(portfolio, limit, direction, middle) >= 0.0:
            low = middle
        else:
            high = middle
    return high


def _room(portfolio: StressPortfolio, limit: Limit, direction: Direction, size: float) -> float:
    return headrooms(_moved(portfolio, direction, size))[limit]


def _moved(portfolio: StressPortfolio, direction: Direction, size: float) -> StressPortfolio:
    def of(position: StressPosition) -> float:
        if direction is Direction.WORST:
            return -size if position.signed_quantity > 0.0 else size
        return -size if direction is Direction.DOWN else size

    return move(portfolio, of)
