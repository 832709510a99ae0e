"""Figures of an equity curve and of its trades, each with its formula and its rule where it is undefined."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from catalog.model import F64, I64

DAYS_PER_YEAR = 365.0
"""Crypto trades every day: years have 365 days and so has the annualisation of daily returns."""

NS_PER_DAY = 86_400_000_000_000
ROUNDING = 1e-12
"""A spread below this fraction of the mean is rounding of a constant series, not variation."""


class DailyEquity(NamedTuple):
    """Equity at the end of each UTC day: `day` counts days since 1970-01-01, `equity[0]` is the start."""

    day: I64
    equity: F64


def daily_equity(ts_ns: I64, equity: F64, start_equity: float | None = None) -> DailyEquity:
    """
    Resample an equity curve to the end of each UTC day.

    Parameters
    ----------
    ts_ns : int64[n]
        Ascending times. A time of exactly midnight belongs to the day that ends there.
    equity : float64[n]
        Equity in quote currency. NaN rows are dropped.
    start_equity : float, optional
        Equity before the first row; the first row's where absent.

    Returns
    -------
    DailyEquity
        One leading row with the start, then the last equity of each day from the first to the last; a day
        without a row repeats the day before. Empty when there is no row.

    """
    known = np.isfinite(equity)
    ts_ns, equity = ts_ns[known], equity[known]
    if not len(ts_ns):
        return DailyEquity(np.empty(0, np.int64), np.empty(0))
    row_day = (ts_ns - 1) // NS_PER_DAY
    days = np.arange(row_day[0], row_day[-1] + 1, dtype=np.int64)
    last_row = np.searchsorted(row_day, days, side="right") - 1
    first = float(equity[0]) if start_equity is None else start_equity
    return DailyEquity(np.r_[days[0] - 1, days], np.r_[first, equity[last_row]])


def simple_returns(equity: F64) -> F64:
    """
    Return ``equity[i] / equity[i-1] - 1``, one shorter than the input.

    An account at or below zero has no further returns: the series ends with the return into that point.
    """
    if len(equity) < 2:
        return np.empty(0)
    ruined = np.flatnonzero(equity <= 0.0)
    end = len(equity) if not len(ruined) else ruined[0] + 1
    alive = equity[:end]
    return np.asarray(alive[1:] / alive[:-1] - 1.0) if len(alive) > 1 else np.empty(0)


def total_return(equity: F64) -> float:
    """Return ``last / first - 1``; NaN without a point or from a start that is not positive."""
    if not len(equity) or not equity[0] > 0.0:
        return math.nan
    return float(equity[-1] / equity[0] - 1.0)


def cagr(equity: F64, years: float) -> float:
    """
    Return the compound growth per year, ``(last / first) ** (1 / years) - 1``.

    Minus one where the account ended at or below zero; NaN without a positive start or a positive time, and where
    the figure leaves the range of floating point (a large gain over seconds).
    """
    growth = total_return(equity)
    if math.isnan(growth) or not years > 0.0:
        return math.nan
    if growth <= -1.0:
        return -1.0
    exponent = math.log1p(growth) / years
    return math.expm1(exponent) if exponent < 700.0 else math.nan


def volatility(returns: F64, periods_per_year: float = DAYS_PER_YEAR) -> float:
    """Return the sample standard deviation (n - 1) times ``sqrt(periods_per_year)``; NaN below two returns."""
    return float(np.std(returns, ddof=1)) * math.sqrt(periods_per_year) if len(returns) > 1 else math.nan


def sharpe(returns: F64, periods_per_year: float = DAYS_PER_YEAR) -> float:
    """
    Return the annualised Sharpe ratio at a risk-free rate of zero.

    ``mean / std(n - 1) * sqrt(periods_per_year)``. NaN below two returns or when all returns are equal: an
    infinite ratio is no measurement.

    References
    ----------
    Sharpe (1994), Journal of Portfolio Management 21(1).

    """
    if len(returns) < 2:
        return math.nan
    mean, spread = float(np.mean(returns)), float(np.std(returns, ddof=1))
    if not spread > ROUNDING * max(abs(mean), ROUNDING):
        return math.nan
    return mean / spread * math.sqrt(periods_per_year)


def downside_deviation(returns: F64, periods_per_year: float = DAYS_PER_YEAR, required: float = 0.0) -> float:
    """
    Return ``sqrt(mean(min(r - required, 0)^2) * periods_per_year)`` over all returns, gains counting as zero.

    NaN without a return.

    References
    ----------
    Sortino and Price (1994), Journal of Investing 3(3).

    """
    if not len(returns):
        return math.nan
    return float(np.sqrt(np.mean(np.minimum(returns - required, 0.0) ** 2) * periods_per_year))


def sortino(returns: F64, periods_per_year: float = DAYS_PER_YEAR) -> float:
    """Return the annualised mean over the downside deviation; NaN below two returns or without a loss."""
    if len(returns) < 2:
        return math.nan
    downside = downside_deviation(returns, periods_per_year)
    return float(np.mean(returns)) * periods_per_year / downside if downside > 0.0 else math.nan


def drawdowns(equity: F64) -> F64:
    """Return the fall from the highest equity so far, as a fraction of it: zero at a peak, below -1 with debts."""
    if not len(equity):
        return np.empty(0)
    peak = np.maximum.accumulate(equity)
    return np.where(peak > 0.0, equity / np.where(peak > 0.0, peak, 1.0) - 1.0, np.nan)


def max_drawdown(equity: F64) -> float:
    """Return the deepest drawdown, zero or negative; NaN without a point or from a start that is not positive."""
    return float(np.min(drawdowns(equity))) if len(equity) and equity[0] > 0.0 else math.nan


def longest_drawdown_days(ts_ns: I64, equity: F64) -> float:
    """Return the longest time below an earlier peak, in days; to the last row where it was never regained."""
    if not len(equity):
        return math.nan
    at_peak = np.flatnonzero(equity >= np.maximum.accumulate(equity))
    left = np.r_[at_peak, len(equity)]
    below = np.diff(left) > 1
    regained = ts_ns[np.minimum(left[1:], len(equity) - 1)]
    return float(np.max((regained - ts_ns[left[:-1]])[below], initial=0)) / NS_PER_DAY


def calmar(growth: float, deepest: float) -> float:
    """Return growth per year over the size of the deepest drawdown; NaN without a drawdown (Young 1991)."""
    return growth / -deepest if deepest < 0.0 else math.nan


def skewness(returns: F64) -> float:
    """Return the third standardised moment (population); NaN below three returns or without variation."""
    return _moment(returns, 3) if len(returns) > 2 else math.nan


def kurtosis(returns: F64) -> float:
    """Return the fourth standardised moment (population), 3 for a normal; NaN below four or without variation."""
    return _moment(returns, 4) if len(returns) > 3 else math.nan


def win_rate(profits: F64) -> float:
    """Return the share of trades that earned more than nothing after all costs; NaN without a trade."""
    return float(np.mean(profits > 0.0)) if len(profits) else math.nan


def profit_factor(profits: F64) -> float:
    """Return the sum of winning trades over the sum of losing ones, after costs; NaN without a losing trade."""
    lost = -float(np.sum(profits[profits < 0.0]))
    return float(np.sum(profits[profits > 0.0])) / lost if lost > 0.0 else math.nan


def time_share(ts_ns: I64, active: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """
    Return the share of time a state held, each row's state lasting until the next row.

    NaN below two rows.
    """
    if len(ts_ns) < 2 or ts_ns[-1] == ts_ns[0]:
        return math.nan
    spans = np.diff(ts_ns)
    return float(np.sum(spans[active[:-1]]) / (ts_ns[-1] - ts_ns[0]))


def time_mean(ts_ns: I64, values: F64) -> float:
    """Return the time-weighted mean of a step series, each value lasting until the next row; NaN below two rows."""
    if len(ts_ns) < 2 or ts_ns[-1] == ts_ns[0]:
        return math.nan
    known = np.isfinite(values[:-1])
    spans = np.diff(ts_ns)[known].astype(np.float64)
    return float(np.sum(values[:-1][known] * spans) / np.sum(spans)) if np.sum(spans) > 0 else math.nan


def turnover(traded_notional: float, mean_equity: float, years: float) -> float:
    """Return notional bought plus sold, per year, in multiples of the mean equity; NaN without time or equity."""
    return traded_notional / mean_equity / years if mean_equity > 0.0 and years > 0.0 else math.nan


def finite(value: float) -> float | None:
    """Return the number, or None where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None


def _moment(returns: F64, order: int) -> float:
    mean, spread = float(np.mean(returns)), float(np.std(returns))
    if not spread > ROUNDING * max(abs(mean), ROUNDING):
        return math.nan
    return float(np.mean(((returns - mean) / spread) ** order))
