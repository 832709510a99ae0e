"""The arithmetic of the pre-trade checks, as plain functions of numbers that the kernel compiles as they stand."""

from __future__ import annotations

import math


def loss_fraction(equity: float, base: float) -> float:
    """Return the loss from `base` as a fraction of it, 0 for a gain; NaN where either is unknown or base is not > 0."""
    if not base > 0.0:
        return math.nan
    loss = (base - equity) / base
    return 0.0 if loss <= 0.0 else loss  # noqa: FURB136 (max would lose a NaN)


def deviation_bps(price: float, mark: float) -> float:
    """Return how far a price is from the last good one, in basis points of the latter."""
    return 1e4 * abs(price - mark) / mark


def elapsed_s(since_ns: int, now_ns: int) -> float:
    """Return the seconds between two instants."""
    return 1e-9 * (now_ns - since_ns)


def loss_at_stop(sign: int, quantity: float, entry: float, stop: float, distance: float, cost_rate: float) -> float:
    """
    Return what a new part of a position loses from its entry to its stop, in quote currency.

    Parameters
    ----------
    sign : int
        +1 for a long, -1 for a short.
    quantity, entry : float
        Base units, and the price of the entry.
    stop : float
        Trigger of the protective stop; one on the wrong side, and NaN for none, is taken to be `distance` away.
    distance : float
        Fraction of the entry that a part without a stop is taken to lose.
    cost_rate : float
        Fee and slippage as a fraction of the notional, paid on the way in and on the way out.

    """
    if not sign * (entry - stop) > 0.0:
        stop = entry * (1.0 - sign * distance)
    return quantity * (abs(entry - stop) + (entry + stop) * cost_rate)


def beyond_reduction(quantity: float, pending: float, closable: float) -> float:
    """Return how far an order, with all that works on its side, would go beyond closing the position, base units."""
    return quantity + pending - closable


def margin_left(equity: float, reserve: float, committed: float) -> float:
    """Return the margin that equity leaves free when a fraction of it is kept in reserve."""
    return equity * (1.0 - reserve) - committed


def margin_required(margin_after: float, margin_before: float, notional: float, taker_fee: float) -> float:
    """Return what adding a notional to an instrument takes: the change of its initial margin, and the opening fee."""
    # a larger position may fall into a bracket of lower leverage, and then all of it needs more
    return margin_after - margin_before + notional * taker_fee
