"""The compiled loop behind the baselines: hold given trades over given bars, with every cost."""

from __future__ import annotations

import numba
import numpy as np

from catalog.model import F64, I64


@numba.njit(cache=True)
def simulate(
    opens: F64,
    closes: F64,
    funding: F64,
    fee: F64,
    slippage: F64,
    instrument: I64,
    side: I64,
    entry_row: I64,
    exit_row: I64,
    by_exit: I64,
    fraction: F64,
    start_equity: float,
    equity: F64,
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """
    Fill `equity` with the account's value at each row's close; return fees, funding received and slippage.

    Parameters
    ----------
    opens, closes : float64[rows, instruments]
        Prices of each row; `closes` without NaN after an instrument's first bar.
    funding : float64[rows, instruments]
        Quote currency that one unit held long pays for the payments after the last close, up to this one.
    fee, slippage : float64[instruments]
        Taker fee and slippage as fractions.
    instrument, side, entry_row, exit_row : int64[trades]
        Ascending in `entry_row`; sides are 1 or -1. A trade is entered at the open of `entry_row` and left at the
        open of `exit_row`; an exit at or past the last row leaves it open, marked at the close.
    by_exit : int64[trades]
        The trades' numbers, ascending in `exit_row`.
    fraction : float64[trades]
        Notional as a fraction of the equity at the close before, fee included.

    """
    rows, instruments = opens.shape
    held = np.zeros(instruments)
    quantity = np.zeros(len(side))
    cash, before = start_equity, start_equity
    fees, received, slipped = 0.0, 0.0, 0.0
    next_entry, next_exit = 0, 0
    for row in range(rows):
        while next_exit < len(side) and exit_row[by_exit[next_exit]] <= row:
            trade = by_exit[next_exit]
            k = instrument[trade]
            price = opens[row, k] * (1.0 - side[trade] * slippage[k])
            cost = abs(quantity[trade]) * price * fee[k]
            cash += quantity[trade] * price - cost
            held[k] -= quantity[trade]
            fees += cost
            slipped += abs(quantity[trade] * opens[row, k]) * slippage[k]
            quantity[trade] = 0.0
            next_exit += 1
        while next_entry < len(side) and entry_row[next_entry] == row:
            k = instrument[next_entry]
            price = opens[row, k] * (1.0 + side[next_entry] * slippage[k])
            units = side[next_entry] * before * fraction[next_entry] / (price * (1.0 + fee[k]))
            cost = abs(units) * price * fee[k]
            cash -= units * price + cost
            held[k] += units
            fees += cost
            slipped += abs(units * opens[row, k]) * slippage[k]
            quantity[next_entry] = units
            next_entry += 1
        value = 0.0
        for k in range(instruments):
            if held[k] != 0.0:
                paid = held[k] * funding[row, k]
                cash -= paid
                received -= paid
                value += held[k] * closes[row, k]
        before = cash + value
        if before <= 0.0:
            equity[row:] = 0.0
            return fees, received, slipped
        equity[row] = before
    return fees, received, slipped
