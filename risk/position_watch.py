"""Watch many positions at once: the distances and ratios of `risk.account_margin`, compiled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numba import njit

from catalog.model import F64, I64
from risk.account_margin import Holding
from risk.margin import Bracket

_STEPS_MAX = 1_000
"""As in `account_margin`: each step of the root finder passes at least one bracket's border."""


class Watched(msgspec.Struct, frozen=True):
    """
    What one pass saw.

    `distance` holds each position's distance to liquidation in the order given, a fraction of its mark; infinite
    where nothing liquidates, NaN where it is not known. `alone` is how far its own mark may move while nothing else
    does. `ratio` is each account's smallest margin balance per maintenance margin. `nearest` is the smallest distance
    that is known, NaN where none is, and `all_known` tells that all are.
    """

    distance: F64
    alone: F64
    ratio: F64
    nearest: float
    all_known: bool


class Schedules:
    """Bracket schedules of many instruments in flat columns, for the compiled loop; equal schedules are kept once."""

    def __init__(self) -> None:
        self._spans: dict[int, tuple[int, int]] = {}
        self._kept: list[tuple[Bracket, ...]] = []
        self._rows: list[tuple[float, float, float]] = []
        self.caps = self.rates = self.amounts = np.empty(0)

    def span(self, brackets: tuple[Bracket, ...]) -> tuple[int, int]:
        """Return first row and the row after the last of a schedule, taking it up where it is new."""
        # By identity: facts are kept by their instrument, and hashing a schedule would cost more than the whole pass.
        found = self._spans.get(id(brackets))
        if found is None:
            first = len(self._rows)
            self._rows += [(step.notional_cap, step.maintenance_rate, step.maintenance_amount) for step in brackets]
            found = self._spans[id(brackets)] = (first, len(self._rows))
            self._kept.append(brackets)  # keeps its identity from being given to another
            self.caps, self.rates, self.amounts = np.array(self._rows, dtype=np.float64).reshape(-1, 3).T.copy()
        return found


def watch(
    quantity: F64,
    entry_price: F64,
    mark: F64,
    margin: F64,
    isolated: I64,
    account: I64,
    first: I64,
    last: I64,
    schedules: Schedules,
    wallet: F64,
) -> Watched:
    """
    Judge all positions of all accounts; the same figures as `AccountMargin` gives one by one.

    Parameters
    ----------
    quantity, entry_price, mark : float64[n]
        Signed base units (plus for long), average entry and mark in quote currency; NaN for an unknown mark.
    margin : float64[n]
        Collateral of isolated positions, quote currency; 0 for the others.
    isolated : int64[n]
        1 for an isolated position, 0 for one that its whole account backs.
    account : int64[n]
        Index of each position's account.
    first, last : int64[n]
        Rows of its brackets in `schedules`; equal where there are none, as for spot: that is never liquidated and
        backs nothing.
    schedules : Schedules
        The brackets.
    wallet : float64[m]
        Cash of each account without unrealised profit, quote currency; NaN where it is not known.

    Returns
    -------
    Watched
        Distances of n positions and ratios of m accounts.

    Raises
    ------
    ValueError
        If lengths differ.

    """
    size = len(quantity)
    if any(len(column) != size for column in (entry_price, mark, margin, isolated, account, first, last)):
        raise ValueError(f"all columns must have {size} rows")
    distance, alone, ratio = np.empty(size), np.empty(size), np.full(len(wallet), math.inf)
    nearest, all_known = _watch(
        quantity, entry_price, mark, margin, isolated, account, first, last,
        schedules.caps, schedules.rates, schedules.amounts, wallet, distance, alone, ratio,
    )  # fmt: skip
    return Watched(distance, alone, ratio, nearest, all_known)


def load() -> None:
    """Load the compiled pass now, or compile it on a machine's first use: seconds that no open position shall wait."""
    no_floats, no_rows = np.empty(0), np.empty(0, dtype=np.int64)
    watch(
        no_floats,
        no_floats,
        no_floats,
        no_floats,
        no_rows,
        no_rows,
        no_rows,
        no_rows,
        Schedules(),
        np.array([math.nan]),
    )


def watch_holdings(wallet: float, holdings: Sequence[Holding], schedules: Schedules) -> Watched:
    """Judge the holdings of one account; for tests and small books."""
    spans = [schedules.span(holding.brackets) for holding in holdings]
    return watch(
        _floats(holding.signed_quantity for holding in holdings),
        _floats(holding.entry_price for holding in holdings),
        _floats(holding.mark for holding in holdings),
        _floats(holding.margin or 0.0 for holding in holdings),
        np.array([holding.margin is not None for holding in holdings], dtype=np.int64),
        np.zeros(len(holdings), dtype=np.int64),
        np.array([first for first, _ in spans], dtype=np.int64),
        np.array([last for _, last in spans], dtype=np.int64),
        schedules,
        np.array([wallet]),
    )


def _floats(values: Iterable[float]) -> F64:
    return np.array(list(values), dtype=np.float64)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return njit(cache=True, error_model="numpy")(function)  # type: ignore[no-any-return]


@_compiled
def _bracket(notional: float, first: int, last: int, caps: F64) -> int:  # pragma: no cover - compiled
    for row in range(first, last):
        if notional <= caps[row]:
            return row
    return last - 1


@_compiled
def _needed(
    notional: float, first: int, last: int, caps: F64, rates: F64, amounts: F64
) -> float:  # pragma: no cover - compiled
    row = _bracket(notional, first, last, caps)
    margin = notional * rates[row] - amounts[row]
    return 0.0 if margin < 0.0 else margin  # noqa: FURB136 (max would lose a NaN)


@_compiled
def _alone(
    quantity: float, entry: float, mark: float, free: float, first: int, last: int, rates: F64, amounts: F64
) -> float:  # pragma: no cover - compiled
    """Return the distance of one position; `free` is the balance behind it less what others need."""
    if not np.isfinite(free + entry + mark):
        return np.nan
    side = 1.0 if quantity > 0.0 else -1.0
    size = abs(quantity)
    cash = free - quantity * entry
    price = -np.inf if side > 0.0 else np.inf
    for row in range(first, last):
        solution = (cash + amounts[row]) / (size * (rates[row] - side))
        price = max(price, solution) if side > 0.0 else min(price, solution)
    if side > 0.0 and price <= 0.0:
        return np.inf
    way = side * (mark - max(price, 0.0))
    return way / mark if way > 0.0 else 0.0


@_compiled
def _together(
    account: int, balance: float, maintenance: float, gross: float, quantity: F64, mark: F64, isolated: I64,
    accounts: I64, first: I64, last: I64, caps: F64, rates: F64, amounts: F64,
) -> float:  # fmt: skip  # pragma: no cover - compiled
    """Return how far all cross-margined positions of an account may move against it; see `_worst_move`."""
    if not np.isfinite(balance + maintenance):
        return np.nan
    if balance <= maintenance:
        return 0.0
    move = 0.0
    for step in range(_STEPS_MAX):
        cash, slope = balance, gross
        for i in range(len(quantity)):
            if accounts[i] != account or isolated[i] or first[i] == last[i]:
                continue
            side = 1.0 if quantity[i] > 0.0 else -1.0
            notional = abs(quantity[i]) * mark[i]
            row = _bracket(notional * (1.0 - side * move), first[i], last[i], caps)
            cash += amounts[row] - rates[row] * notional
            slope -= rates[row] * side * notional
        root = cash / slope
        if step == 0:
            move = min(root, 1.0)
        elif root < move:
            move = root
        else:
            return move if root == move or move < 1.0 else np.inf
    return np.nan


@_compiled
def _totals(
    quantity: F64, entry: F64, mark: F64, margin: F64, isolated: I64, accounts: I64, first: I64, last: I64,
    caps: F64, rates: F64, amounts: F64, needed: F64, totals: F64, ratio: F64,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Add up balance, maintenance and gross notional of each account's cross-margined positions, and find ratios."""
    balance, maintenance, gross = totals
    for i in range(len(quantity)):
        if first[i] == last[i]:
            continue
        k = accounts[i]
        notional = abs(quantity[i]) * mark[i]
        profit = quantity[i] * (mark[i] - entry[i])
        needed[i] = _needed(notional, first[i], last[i], caps, rates, amounts)
        if isolated[i]:
            balance[k] -= margin[i]
            ratio[k] = _smaller(ratio[k], margin[i] + profit, needed[i])
        else:
            balance[k] += profit
            maintenance[k] += needed[i]
            gross[k] += notional


@_compiled
def _smaller(ratio: float, balance: float, maintenance: float) -> float:  # pragma: no cover - compiled
    """Return the smaller of a ratio and ``balance / maintenance``; NaN where either is."""
    other = balance / maintenance
    if maintenance == 0.0:
        other = np.nan if np.isnan(balance) else np.inf
    return ratio if other >= ratio or np.isnan(ratio) else other


@_compiled
def _watch(
    quantity: F64, entry: F64, mark: F64, margin: F64, isolated: I64, accounts: I64, first: I64, last: I64,
    caps: F64, rates: F64, amounts: F64, wallet: F64, distance: F64, alone: F64, ratio: F64,
) -> tuple[float, bool]:  # fmt: skip  # pragma: no cover - compiled
    """Fill `distance`, `alone` and `ratio`; return the smallest distance that is known, and whether all are."""
    needed = np.zeros(len(quantity))
    totals = np.zeros((3, len(wallet)))
    balance, maintenance, gross = totals
    balance[:] = wallet
    _totals(quantity, entry, mark, margin, isolated, accounts, first, last, caps, rates, amounts, needed, totals, ratio)
    together = np.full(len(wallet), np.inf)
    for k in range(len(wallet)):
        if gross[k] != 0.0:
            ratio[k] = _smaller(ratio[k], balance[k], maintenance[k])
            together[k] = _together(
                k, balance[k], maintenance[k], gross[k], quantity, mark, isolated, accounts, first, last,
                caps, rates, amounts,
            )  # fmt: skip
    for i in range(len(quantity)):
        k = accounts[i]
        if first[i] == last[i]:
            alone[i] = distance[i] = np.inf
            continue
        free = margin[i]
        if not isolated[i]:
            free = balance[k] - quantity[i] * (mark[i] - entry[i]) - (maintenance[k] - needed[i])
        alone[i] = _alone(quantity[i], entry[i], mark[i], free, first[i], last[i], rates, amounts)
        distance[i] = alone[i] if isolated[i] else min(alone[i], together[k])
    nearest, all_known = np.nan, True
    for away in distance:
        if np.isnan(away):
            all_known = False
        elif not nearest <= away:
            nearest = away
    return nearest, all_known
