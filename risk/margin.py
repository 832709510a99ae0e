"""Initial and maintenance margin from leverage brackets, and the price at which a position is liquidated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol


class Bracket(Protocol):
    """
    One step of a venue's maintenance-margin schedule; `catalog.instruments.LeverageBracket` is one.

    A position whose notional (quote currency) lies in ``(notional_floor, notional_cap]`` needs
    ``notional * maintenance_rate - maintenance_amount`` as maintenance margin, and may use `leverage_max` at most.
    """

    @property
    def notional_floor(self) -> float:
        """Notional above which the bracket begins, quote currency."""

    @property
    def notional_cap(self) -> float:
        """Notional up to which it holds, included."""

    @property
    def maintenance_rate(self) -> float:
        """Maintenance margin as a fraction of notional."""

    @property
    def maintenance_amount(self) -> float:
        """Quote currency taken off, so that brackets join without a jump."""

    @property
    def leverage_max(self) -> float:
        """Highest leverage allowed."""


def bracket_at(notional: float, brackets: Sequence[Bracket]) -> Bracket | None:
    """Return the bracket a notional falls into, floor excluded and cap included; None above the last cap or for NaN."""
    for bracket in brackets:
        if notional <= bracket.notional_cap:
            return bracket
    return None


def initial_margin(notional: float, leverage: float, brackets: Sequence[Bracket]) -> float:
    """
    Return the margin that opening a position takes.

    Parameters
    ----------
    notional : float
        Absolute notional of the whole position, quote currency.
    leverage : float
        The leverage set for the instrument at the venue, at least 1; the bracket's maximum caps it.
    brackets : sequence of Bracket
        In ascending order; empty where the venue has none (spot), and then `leverage` alone counts.

    Returns
    -------
    float
        Quote currency. Infinite where no bracket admits so large a notional; NaN for a NaN notional.

    """
    if not notional > 0.0:
        return math.nan if math.isnan(notional) else 0.0
    if not brackets:
        return notional / leverage
    bracket = bracket_at(notional, brackets)
    if bracket is None:
        return math.inf
    return notional / min(leverage, bracket.leverage_max)


def maintenance_margin(notional: float, brackets: Sequence[Bracket]) -> float:
    """
    Return the margin below which the venue liquidates.

    Parameters
    ----------
    notional : float
        Absolute notional of the position at mark price, quote currency.
    brackets : sequence of Bracket
        In ascending order. Above the last cap the last bracket goes on; empty gives 0 (nothing is borrowed).

    Returns
    -------
    float
        Quote currency, never negative; NaN for a NaN notional.

    """
    if math.isnan(notional):
        return math.nan
    if not brackets:
        return 0.0
    bracket = bracket_at(notional, brackets) or brackets[-1]
    return max(0.0, notional * bracket.maintenance_rate - bracket.maintenance_amount)


def liquidation_price_isolated(
    signed_quantity: float, entry_price: float, margin: float, brackets: Sequence[Bracket]
) -> float | None:
    """
    Return the mark price at which an isolated position is liquidated.

    `margin` is the isolated wallet balance of the position (initial margin plus what was added), quote currency.
    It is the cross formula with nothing else in the account; see `liquidation_price_cross`.
    """
    return liquidation_price_cross(signed_quantity, entry_price, margin, 0.0, 0.0, brackets)


def liquidation_price_cross(
    signed_quantity: float,
    entry_price: float,
    wallet_balance: float,
    other_maintenance: float,
    other_unrealised: float,
    brackets: Sequence[Bracket],
) -> float | None:
    """
    Return the mark price at which a cross-margined position is liquidated, everything else unchanged.

    At that price the wallet balance plus all unrealised profit equals the maintenance margin of all positions:
    ``LP = (WB - TMM + UPNL + cum - side * |q| * EP) / (|q| * MMR - side * |q|)``, with the rate `MMR` and amount
    `cum` of the bracket that the position falls into *at that price*.

    Parameters
    ----------
    signed_quantity : float
        Base units, plus for long; not 0.
    entry_price : float
        Average entry, quote currency.
    wallet_balance : float
        Cash of the account without unrealised profit, quote currency.
    other_maintenance, other_unrealised : float
        Maintenance margin and unrealised profit of all other positions at their present marks, quote currency.
    brackets : sequence of Bracket
        In ascending order, at least one.

    Returns
    -------
    float or None
        The price; None where no price above 0 liquidates (a long with enough cash behind it), and 0 for a short
        that every price liquidates. An account already under water gives a price on the far side of its mark.

    Raises
    ------
    ValueError
        If an argument is not finite, `signed_quantity` is 0, or `brackets` is empty.

    References
    ----------
    Binance, "How to Calculate Liquidation Price of USD-M Futures Contracts" (one-way mode); its notes demand the
    bracket at the liquidation price, not at entry.

    """
    if not all(map(math.isfinite, (signed_quantity, entry_price, wallet_balance, other_maintenance, other_unrealised))):
        raise ValueError("quantity, entry price, balance, maintenance and unrealised profit must be finite")
    if signed_quantity == 0.0 or not brackets:
        raise ValueError(f"need a position and brackets, were quantity {signed_quantity} and {len(brackets)} brackets")

    quantity = abs(signed_quantity)
    side = math.copysign(1.0, signed_quantity)
    free = wallet_balance - other_maintenance + other_unrealised - signed_quantity * entry_price
    solutions = [
        (free + bracket.maintenance_amount) / (quantity * (bracket.maintenance_rate - side)) for bracket in brackets
    ]
    # Margin left is steadily better the further the price is on the good side, so the schedule's most demanding
    # bracket decides: a price is safe only if every bracket's line calls it safe. Schedules are convex (rates rise,
    # amounts join the pieces), which makes the bracket that holds at the price the same as the most demanding one.
    if side > 0:
        price = max(solutions)
        return price if price > 0.0 else None
    return max(0.0, min(solutions))


def liquidation_distance(signed_quantity: float, mark_price: float, liquidation_price: float | None) -> float:
    """
    Return how far the mark may still move against a position, as a fraction of the mark.

    Infinite where no price liquidates, 0 at the liquidation price and beyond it, NaN for an unknown mark.
    """
    if liquidation_price is None:
        return math.inf if mark_price > 0.0 else math.nan
    way = mark_price - liquidation_price if signed_quantity > 0.0 else liquidation_price - mark_price
    return 0.0 if way <= 0.0 else way / mark_price
