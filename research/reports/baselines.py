"""What doing nothing clever would have earned: buy and hold, and random entries, with the run's own costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from catalog.model import F64, I64, BarColumns, FundingColumns
from research.reports import metrics
from research.reports.random_kernel import simulate
from research.reports.schema import Performance, RandomEntries

ROWS_KEPT = 2000
"""Up to so many bars the random curves are kept bar by bar, above at the end of each UTC day."""


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the baselines need to know of one instrument.

    `bars` are the bars the run traded on, `marks` the mark price bars that value funding (the bars' own closes
    where None), `funding` the rates (none are paid where None). Fees and slippage are what a market order cost
    in the run.
    """

    bars: BarColumns
    funding: FundingColumns | None = None
    marks: BarColumns | None = None
    taker_fee: float = 0.0
    slippage_bps: float = 0.0


class Trade(NamedTuple):
    """A round trip of the run: how long it was held, which side, and its notional as a fraction of equity."""

    instrument: str
    side: int
    bars_held: int
    size: float


class Grid(NamedTuple):
    """All instruments' bars on one time axis; `rows[k]` are the rows where instrument k has a bar of its own."""

    ts_ns: I64
    opens: F64
    closes: F64
    funding: F64
    fee: F64
    slippage: F64
    instruments: tuple[str, ...]
    rows: tuple[I64, ...]


class BuyAndHold(NamedTuple):
    """Equity at each row of the grid, and the costs."""

    ts_ns: I64
    equity: F64
    fees: float
    funding: float
    slippage: float


class RandomRuns(NamedTuple):
    """Equity of every seed at the kept rows (float64[seeds, rows]) and the costs of every seed (float64[seeds])."""

    ts_ns: I64
    equity: F64
    fees: F64
    funding: F64
    slippage: F64
    trades: int
    size: float


def build_grid(markets: Mapping[str, Market]) -> Grid:
    """
    Align bars and funding of several instruments on the union of their close times.

    A missing bar repeats the last close and offers no entry. Funding paid at `t` falls into the first row whose close
    is at or after `t`, valued at the last mark (or close) known at `t`.

    Raises
    ------
    ValueError
        If there is no instrument or one without bars.

    """
    if not markets or any(not len(market.bars) for market in markets.values()):
        raise ValueError("baselines need at least one bar of every instrument")
    names = tuple(markets)
    ts_ns = np.unique(np.concatenate([markets[name].bars.ts_ns for name in names]))
    shape = (len(ts_ns), len(names))
    opens, closes, funding = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape)
    rows = []
    for k, name in enumerate(names):
        market = markets[name]
        own = np.searchsorted(ts_ns, market.bars.ts_ns)
        latest = np.searchsorted(market.bars.ts_ns, ts_ns, side="right") - 1
        known = latest >= 0
        closes[known, k] = market.bars.close[latest[known]]
        opens[known, k] = closes[known, k]
        opens[own, k] = market.bars.open
        funding[:, k] = _funding_per_unit(market, ts_ns)
        rows.append(own)
    fee = np.array([markets[name].taker_fee for name in names])
    slippage = np.array([markets[name].slippage_bps * 1e-4 for name in names])
    return Grid(ts_ns, opens, closes, funding, fee, slippage, names, tuple(rows))


def buy_and_hold(grid: Grid, start_equity: float) -> BuyAndHold:
    """
    Buy every instrument with an equal share of the equity at its second bar's open, and hold to the end.

    The second bar, because a decision needs one bar to be made on, as the strategy's do. Always unlevered: the
    equity pays for notional and fee, and each funding payment is taken from the position, or added to it, at the close
    at which it falls due, with fee and slippage. (With a fixed quantity the payments would pile up as debt, and a
    perpetual held so through 2020-2022 would have been liquidated while its price had doubled.) The position
    stays open at the end, marked at the close. An instrument that starts later gets its share when it starts.
    """
    equity = np.full(len(grid.ts_ns), start_equity)
    fees = funding = slippage = 0.0
    for k, own in enumerate(grid.rows):
        if len(own) < 2:
            continue
        entry, share, slip, fee = int(own[1]), start_equity / len(grid.rows), grid.slippage[k], grid.fee[k]
        price = grid.opens[entry, k]
        bought = share / (price * (1.0 + slip) * (1.0 + fee))
        closes, due = grid.closes[entry:, k], grid.funding[entry:, k]
        # what is sold for one unit of quote currency, or bought with it
        against = np.where(due > 0.0, (1.0 - slip) * (1.0 - fee), (1.0 + slip) * (1.0 + fee)) * closes
        kept = np.maximum(1.0 - due / against, 0.0)
        units = bought * np.cumprod(kept)
        before = np.r_[bought, units[:-1]]
        traded = np.abs(units - before) * closes
        equity[entry:] += units * closes - share
        funding -= float(np.sum(before * due))
        slippage += float(bought * price + np.sum(traded)) * slip
        fees += (
            float(bought * price * (1.0 + slip) + np.sum(traded * np.where(due > 0.0, 1.0 - slip, 1.0 + slip))) * fee
        )
    return BuyAndHold(grid.ts_ns, equity, fees, funding, slippage)


def random_entries(
    grid: Grid, trades: Sequence[Trade], start_equity: float, *, seeds: int = 100, seed: int = 7
) -> RandomRuns:
    """
    Repeat the run's trades at random times, many times over.

    Each repetition has the run's number of trades in each instrument, its holding times in bars, and its mix of
    long and short, all shuffled; entries are uniform over the bars, without overlap within an instrument where the
    trades fit one after another. Each takes the run's mean notional as a fraction of equity. Fills are at the
    open, as the strategy's market orders are, with taker fee, slippage and funding. An account at zero stays there.

    Parameters
    ----------
    grid : Grid
        From `build_grid`.
    trades : sequence of Trade
        The run's round trips, open ones included.
    start_equity : float
        In quote currency.
    seeds : int
        Number of repetitions, at least 1.
    seed : int
        Seed of the first; repetition i uses the pair (seed, i), so more repetitions never change the earlier ones.

    """
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, was {seeds}")
    kept = _kept_rows(grid.ts_ns)
    size = float(np.mean([trade.size for trade in trades])) if trades else 0.0
    curves = np.empty((seeds, len(kept)))
    costs = np.zeros((seeds, 3))
    whole = np.empty(len(grid.ts_ns))
    for repetition in range(seeds):
        instrument, side, entry, leave = _draw(grid, trades, np.random.default_rng((seed, repetition)))
        costs[repetition] = simulate(
            grid.opens,
            grid.closes,
            grid.funding,
            grid.fee,
            grid.slippage,
            instrument,
            side,
            entry,
            leave,
            np.argsort(leave, kind="stable"),
            np.full(len(side), size),
            start_equity,
            whole,
        )
        curves[repetition] = whole[kept]
    return RandomRuns(grid.ts_ns[kept], curves, costs[:, 0], costs[:, 1], costs[:, 2], len(trades), size)


def performance(ts_ns: I64, equity: F64, start_equity: float, start_ns: int) -> Performance:
    """
    Return the figures of one curve, costs left out; the strategy and the baselines are judged by this alone.

    `start_equity` is what the account held at `start_ns`, before the first row.
    """
    daily = metrics.daily_equity(ts_ns, equity, start_equity)
    returns = metrics.simple_returns(daily.equity)
    years = float(ts_ns[-1] - start_ns) / metrics.NS_PER_DAY / metrics.DAYS_PER_YEAR if len(ts_ns) else math.nan
    whole = np.r_[start_equity, equity]
    growth, deepest = metrics.cagr(whole, years), metrics.max_drawdown(whole)
    return Performance(
        total_return=metrics.finite(metrics.total_return(whole)),
        cagr=metrics.finite(growth),
        volatility=metrics.finite(metrics.volatility(returns)),
        sharpe=metrics.finite(metrics.sharpe(returns)),
        sortino=metrics.finite(metrics.sortino(returns)),
        calmar=metrics.finite(metrics.calmar(growth, deepest)),
        max_drawdown=metrics.finite(deepest),
    )


def describe_random(
    runs: RandomRuns, start_equity: float, start_ns: int, strategy_return: float, seed: int
) -> RandomEntries:
    """Return medians, 5 % and 95 % points over the seeds, and the strategy's place among them."""
    each = [performance(runs.ts_ns, curve, start_equity, start_ns) for curve in runs.equity]
    returns = _column([one.total_return for one in each])
    sharpes = _column([one.sharpe for one in each])
    below = np.mean(returns < strategy_return) + 0.5 * np.mean(returns == strategy_return)
    return RandomEntries(
        seeds=len(each),
        seed=seed,
        trades=runs.trades,
        size=metrics.finite(runs.size),
        total_return=_quantile(returns, 0.5),
        total_return_p05=_quantile(returns, 0.05),
        total_return_p95=_quantile(returns, 0.95),
        sharpe=_quantile(sharpes, 0.5),
        sharpe_p05=_quantile(sharpes, 0.05),
        sharpe_p95=_quantile(sharpes, 0.95),
        max_drawdown=_quantile(_column([one.max_drawdown for one in each]), 0.5),
        fees=metrics.finite(float(np.median(runs.fees))),
        funding=metrics.finite(float(np.median(runs.funding))),
        percentile=metrics.finite(float(below)) if runs.trades and math.isfinite(strategy_return) else None,
    )


def _funding_per_unit(market: Market, ts_ns: I64) -> F64:
    paid = np.zeros(len(ts_ns))
    if market.funding is None or not len(market.funding.ts_ns):
        return paid
    rates = market.funding
    source = market.bars if market.marks is None or not len(market.marks) else market.marks
    mark_row = np.searchsorted(source.ts_ns, rates.ts_ns, side="right") - 1
    row = np.searchsorted(ts_ns, rates.ts_ns, side="left")
    known = (mark_row >= 0) & (row < len(ts_ns))
    np.add.at(paid, row[known], rates.rate[known] * source.close[mark_row[known]])
    return paid


def _draw(grid: Grid, trades: Sequence[Trade], random: np.random.Generator) -> tuple[I64, I64, I64, I64]:
    """Return instrument, side, entry row and exit row of every trade of one repetition, ascending in entry row."""
    sides = random.permutation(np.array([trade.side for trade in trades], dtype=np.int64))
    parts: list[tuple[I64, I64, I64]] = []
    for k, name in enumerate(grid.instruments):
        held = np.array([max(trade.bars_held, 1) for trade in trades if trade.instrument == name], dtype=np.int64)
        if len(held):
            held = random.permutation(held)
            start, stop = _place(held, len(grid.rows[k]), random)
            after_last = np.r_[grid.rows[k], len(grid.ts_ns)]
            parts.append((np.full(len(held), k, dtype=np.int64), after_last[start], after_last[stop]))
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty, empty
    instrument, entry, leave = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(entry, kind="stable")
    return instrument[order], sides, entry[order], leave[order]


def _place(held: I64, bars: int, random: np.random.Generator) -> tuple[I64, I64]:
    """Place trades on bars 1..bars-1: one after another with random gaps where they fit, anywhere where not."""
    slack = bars - 1 - int(held.sum())
    if slack >= 0:
        start = 1 + np.sort(random.integers(0, slack + 1, len(held))) + np.r_[0, np.cumsum(held)[:-1]]
    else:
        latest = np.maximum(bars - held, 1)
        start = 1 + random.integers(0, latest)
    start = np.minimum(start, bars)
    return start, np.minimum(start + held, bars)


def _kept_rows(ts_ns: I64) -> I64:
    if len(ts_ns) <= ROWS_KEPT:
        return np.arange(len(ts_ns), dtype=np.int64)
    day = (ts_ns - 1) // metrics.NS_PER_DAY
    return np.unique(np.r_[0, np.flatnonzero(np.diff(day)), len(ts_ns) - 1]).astype(np.int64)


def _column(values: Sequence[float | None]) -> F64:
    return np.array([math.nan if value is None else value for value in values])


def _quantile(values: F64, at: float) -> float | None:
    known = values[np.isfinite(values)]
    return metrics.finite(float(np.quantile(known, at))) if len(known) else None
