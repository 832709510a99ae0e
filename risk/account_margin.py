"""Distance to liquidation of positions and of a whole account: one definition for the venue, the ladder and reports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from risk.margin import (
    Bracket,
    bracket_at,
    initial_margin,
    liquidation_distance,
    liquidation_price_cross,
    maintenance_margin,
)

_STEPS_MAX = 1_000
"""Each step of the root finders passes at least one bracket's border; more steps than this are a fault."""


class Collateral(NamedTuple):
    """What stands behind a position: `balance` is lost before the venue loses, `reserved` is others' maintenance."""

    balance: float
    reserved: float


class AssumedBracket(msgspec.Struct, frozen=True):
    """The one bracket of an instrument whose own are not known: a flat rate, on the safe side."""

    maintenance_rate: float
    notional_floor: float = 0.0
    notional_cap: float = math.inf
    maintenance_amount: float = 0.0
    leverage_max: float = 1.0


class Holding(msgspec.Struct, frozen=True, gc=False):
    """
    One net position, with what the venue needs to judge it.

    `signed_quantity` is in base units, plus for long; prices are in quote currency, `mark` NaN where it is not known.
    `brackets` are in ascending order, at least one. `margin` is the collateral of an isolated position, None for a
    cross-margined one, which the whole account backs.
    """

    instrument: str
    signed_quantity: float
    entry_price: float
    mark: float
    brackets: tuple[Bracket, ...]
    margin: float | None = None

    @property
    def side(self) -> float:
        """Return 1 for a long, -1 for a short."""
        return 1.0 if self.signed_quantity > 0.0 else -1.0

    @property
    def notional(self) -> float:
        """Return the absolute notional at mark."""
        return abs(self.signed_quantity) * self.mark

    @property
    def profit(self) -> float:
        """Return the unrealised profit at mark."""
        return self.signed_quantity * (self.mark - self.entry_price)

    def maintenance(self, move: float = 0.0) -> float:
        """Return the maintenance margin once the mark has moved against the position by this fraction."""
        return maintenance_margin(self.notional * (1.0 - self.side * move), self.brackets)


class MarginAccounts(Protocol):
    """What the venues say of the money behind positions."""

    def wallet(self, venue: str) -> float:
        """Return the cash of the account at a venue, quote currency; NaN where it is not known."""

    def isolated_margin(self, instrument: str) -> float | None:
        """Return the collateral of an isolated position; None where the whole account backs it, NaN if not known."""


def isolated_margin(
    quantity: float, entry_price: float, leverage: float, brackets: Sequence[Bracket], added: float, wallet: float
) -> float:
    """
    Return the collateral of an isolated position: its initial margin and what was added, as far as the wallet goes.

    `quantity` is in base units and positive, `added` what came on top (plus) or was taken (minus, as funding may).
    """
    return min(initial_margin(quantity * entry_price, leverage, brackets) + added, wallet)


def cross_collateral(wallet: float, others: Iterable[Holding]) -> Collateral:
    """Return what backs a cross-margined position: the wallet, and the account's other positions at their marks."""
    balance, reserved = wallet, 0.0
    for other in others:
        balance += other.profit
        reserved += other.maintenance()
    return Collateral(balance, reserved)


def liquidation_price(holding: Holding, collateral: Collateral) -> float | None:
    """Return the mark price that liquidates a position with this behind it; see `liquidation_price_cross`."""
    price = liquidation_price_cross(
        holding.signed_quantity,
        holding.entry_price,
        collateral.balance,
        collateral.reserved,
        0.0,
        holding.brackets,
    )
    # twelve digits: what is below is float noise, and would move a price that lies on a tick
    return None if price is None else float(f"{price:.12g}")


class AccountMargin:
    """
    Judge all positions of one account at one venue.

    Parameters
    ----------
    wallet : float
        Cash of the account without unrealised profit, quote currency; NaN where it is not known.
    holdings : sequence of Holding
        Its open positions. Cross-margined ones share what the isolated ones leave of the wallet.

    Notes
    -----
    Distances are fractions of the mark. An isolated position's is how far its own mark may move. A cross-margined
    position has two, and the smaller counts: how far its mark may move while nothing else does, and how far *all*
    cross-margined positions of the account may move against it together, each by the same fraction (longs down,
    shorts up). The second is the worst case, as if hedges failed when they are needed, and is never the larger of
    the two as long as it is below 1; beyond 1 (longs worthless, shorts doubled) it is infinite.

    A mark or wallet that is not known makes the distances that need it NaN.

    """

    def __init__(self, wallet: float, holdings: Sequence[Holding]) -> None:
        self.holdings = tuple(holdings)
        self.cross = tuple(holding for holding in holdings if holding.margin is None)
        margins = math.fsum(holding.margin for holding in holdings if holding.margin is not None)
        self.free = wallet - margins
        """The wallet less isolated margins: what backs the cross-margined positions, or may be added to isolated."""
        self._worst: float | None = None

    @property
    def balance(self) -> float:
        """Return the margin balance of the cross-margined positions: their wallet and their unrealised profit."""
        return self.free + math.fsum(holding.profit for holding in self.cross)

    @property
    def maintenance(self) -> float:
        """Return the maintenance margin of the cross-margined positions."""
        return math.fsum(holding.maintenance() for holding in self.cross)

    def collateral(self, holding: Holding) -> Collateral:
        """Return what stands behind one of the holdings."""
        if holding.margin is not None:
            return Collateral(holding.margin, 0.0)
        return cross_collateral(self.free, (other for other in self.cross if other is not holding))

    def distance_alone(self, holding: Holding) -> float:
        """Return how far a holding's own mark may move against it until it is liquidated, all else unchanged."""
        collateral = self.collateral(holding)
        if not math.isfinite(holding.mark + holding.entry_price + collateral.balance + collateral.reserved):
            return math.nan
        return liquidation_distance(holding.signed_quantity, holding.mark, liquidation_price(holding, collateral))

    def distance_together(self) -> float:
        """Return how far all cross-margined positions may move against the account together; infinite without any."""
        if self._worst is None:
            self._worst = _worst_move(self.balance, self.cross) if self.cross else math.inf
        return self._worst

    def distance(self, holding: Holding) -> float:
        """Return a holding's distance to liquidation: alone, or together where that is nearer."""
        alone = self.distance_alone(holding)
        if holding.margin is not None:
            return alone
        return min(alone, self.distance_together())

    def distance_min(self) -> float:
        """Return the smallest distance of any holding; NaN where there is none, or for one that is not known."""
        nearest = math.inf if self.holdings else math.nan
        for holding in self.holdings:
            distance = self.distance(holding)
            if not distance >= nearest:
                nearest = distance
            if math.isnan(nearest):
                break
        return nearest

    def margin_ratio(self) -> float:
        """Return the smallest margin balance per maintenance margin: of the cross account and each isolated holding."""
        ratios = [_ratio(self.balance, self.maintenance)] if self.cross else []
        ratios += [
            _ratio(holding.margin + holding.profit, holding.maintenance())
            for holding in self.holdings
            if holding.margin is not None
        ]
        return math.nan if any(map(math.isnan, ratios)) else min(ratios, default=math.inf)


def margin_to_add(holding: Holding, target: float) -> float:
    """Return what an isolated holding lacks (quote currency) to be `target` away from liquidation; 0 for nothing."""
    if holding.margin is None:
        raise ValueError(f"{holding.instrument} is cross-margined: the whole account backs it already")
    needed = holding.notional * target + holding.maintenance(target)
    return max(0.0, needed - (holding.margin + holding.profit))


def fraction_to_keep(balance: float, holdings: Sequence[Holding], target: float, fee: float) -> float:
    """
    Return the largest fraction of holdings that is `target` away from liquidation, all cut alike.

    Closing at mark turns profit into cash, so only the fee changes the balance. The fraction solves
    ``balance - fee * N * (1 - k) = k * target * N + sum(maintenance(k * n, at the target))``.

    Parameters
    ----------
    balance : float
        Margin balance behind the holdings, unrealised profit included, quote currency.
    holdings : sequence of Holding
        With known marks.
    target : float
        Distance wanted, a fraction of the mark below 1.
    fee : float
        What closing costs, a fraction of the notional closed; below `target`.

    Returns
    -------
    float
        Between 0 (close everything) and 1 (nothing needs to go).

    """
    gross = math.fsum(holding.notional for holding in holdings)
    moved = [holding.notional * (1.0 - holding.side * target) for holding in holdings]
    kept = 1.0
    # The margin left is concave in the fraction kept, so each tangent's root lies above the true one: from above,
    # Newton's steps fall towards it, and end once every holding is in the bracket it ends in.
    for _ in range(_STEPS_MAX):
        rates, amounts = _lines(holdings, [kept * notional for notional in moved])
        slope = target * gross + math.fsum(map(float.__mul__, rates, moved)) - fee * gross
        root = (balance - fee * gross + math.fsum(amounts)) / slope
        if not root < kept:
            return max(0.0, kept)
        kept = root
        if kept <= 0.0:
            return 0.0
    raise RuntimeError(f"the fraction to keep did not settle in {_STEPS_MAX} steps")


def _worst_move(balance: float, holdings: Sequence[Holding]) -> float:
    if not math.isfinite(balance):
        return math.nan
    if balance <= math.fsum(holding.maintenance() for holding in holdings):
        return 0.0
    gross = math.fsum(holding.notional for holding in holdings)
    move = 0.0
    # As in `fraction_to_keep`; the first step goes from below to beyond the root, all others fall towards it.
    for step in range(_STEPS_MAX):
        marks = [holding.notional * (1.0 - holding.side * move) for holding in holdings]
        rates, amounts = _lines(holdings, marks)
        needed = math.fsum(rate * holding.notional for rate, holding in zip(rates, holdings, strict=True))
        slope = gross - math.fsum(
            rate * holding.side * holding.notional for rate, holding in zip(rates, holdings, strict=True)
        )
        root = (balance + math.fsum(amounts) - needed) / slope
        if step == 0:
            move = min(root, 1.0)
        elif root < move:
            move = root
        else:
            return move if root == move or move < 1.0 else math.inf
    raise RuntimeError(f"the worst move did not settle in {_STEPS_MAX} steps")


def _lines(holdings: Sequence[Holding], notionals: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return rate and amount of the bracket each notional falls into."""
    brackets: list[Any] = [
        bracket_at(notional, holding.brackets) or holding.brackets[-1]
        for holding, notional in zip(holdings, notionals, strict=True)
    ]
    return [bracket.maintenance_rate for bracket in brackets], [bracket.maintenance_amount for bracket in brackets]


def _ratio(balance: float, maintenance: float) -> float:
    if maintenance == 0.0:
        return math.nan if math.isnan(balance) else math.inf
    return balance / maintenance
