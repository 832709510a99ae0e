"""Turn a run's record into the figures of `summary.json`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from catalog.model import F64, I64
from research.integrity import overfitting
from research.integrity.sanity import SanityConfig, outside_band, too_short_remarks
from research.reports import metrics
from research.reports.baselines import Trade, performance
from research.reports.metrics import finite
from research.reports.record import AuditLine, Frame, Record
from research.reports.schema import Baselines, Summary
from research.reports.supervision import supervision_of

RECONCILIATION_TOLERANCE = 1e-4
"""Trades must explain the change of equity to this fraction of the start equity."""

NEVER_LEFT = ("DENIED", "INITIALIZED", "EMULATED")
"""Statuses of orders that were refused before the venue, or still waited for their moment at the end."""

FUNDING = "FUNDING"
"""Kind of the audit records that hold funding payments."""

INTEREST = "INTEREST"
"""Kind of the audit records that hold interest on loans, as a cost."""


def summarise(
    record: Record,
    *,
    baselines: Baselines,
    trial_sharpes: Sequence[float] = (),
    sanity: SanityConfig | None = None,
    wall_seconds: float | None = None,
) -> Summary:
    """
    Compute every figure of a run; `docs/reports.md` defines each.

    Parameters
    ----------
    record : Record
        What the run wrote.
    baselines : Baselines
        Figures of buy and hold and of random entries.
    trial_sharpes : sequence of float
        Daily Sharpe ratios of the other trials on this strategy and data (`runs.earlier_trials`).
    sanity : SanityConfig, optional
        The band; its defaults where absent.
    wall_seconds : float, optional
        How long the run took.

    """
    band = sanity or SanityConfig()
    manifest = record.manifest
    curve = counted_equity(record)
    ts_ns, equity = curve["ts_ns"].to_numpy(dtype=np.int64), column(curve, "equity")
    start_equity = manifest.start_equity
    start_ns = start_of(record)
    figures = performance(ts_ns, equity, start_equity, start_ns)
    returns = metrics.simple_returns(metrics.daily_equity(ts_ns, equity, start_equity).equity)
    days = float(ts_ns[-1] - start_ns) / metrics.NS_PER_DAY if len(ts_ns) else 0.0
    profits = trade_profits(closed(record.positions))
    gross = column(curve, "exposure_gross")
    leverage = np.where(equity > 0.0, gross / np.where(equity > 0.0, equity, 1.0), np.nan)
    luck = _luck(returns, trial_sharpes)
    verdicts = Counter(line.verdict for line in record.decisions)
    implausible = outside_band(
        band,
        sharpe=figures.sharpe,
        cagr=figures.cagr,
        profit_factor=finite(metrics.profit_factor(profits)),
        days=days,
        trades=len(profits),
    )
    warnings = [str(one) for one in implausible]
    warnings += [*manifest.warnings, *_doubts(record, equity)]
    warnings += too_short_remarks(band, days=days, trades=len(profits))
    return Summary(
        run_id=manifest.run_id,
        strategy=manifest.strategy,
        instruments=manifest.instruments,
        bar=manifest.bar,
        start=manifest.start,
        end=manifest.end,
        bars=manifest.bars,
        mode=manifest.mode,
        currency=manifest.currency,
        simulated=manifest.simulated,
        intents=len(record.decisions) - verdicts["PARKED"],
        parked=verdicts["PARKED"],
        orders=int((~record.orders["status"].isin(NEVER_LEFT)).sum()),
        fills=len(record.fills),
        rejections=refusals(record),
        start_equity=start_equity,
        final_equity=finite(float(equity[-1])) if len(equity) else start_equity,
        total_return=figures.total_return,
        cagr=figures.cagr,
        volatility=figures.volatility,
        sharpe=figures.sharpe,
        sortino=figures.sortino,
        calmar=figures.calmar,
        max_drawdown=figures.max_drawdown,
        max_drawdown_days=finite(metrics.longest_drawdown_days(ts_ns, equity)),
        fees=total(record.fills, "fee"),
        funding=math.fsum(funding_amounts(record.audit)),
        interest=interest_received(record.audit),
        slippage=total(record.fills, "slippage"),
        liquidations=int(record.fills.loc[record.fills["role"] == "LIQUIDATION", "client_order_id"].nunique()),
        exposure=finite(metrics.time_share(ts_ns, column(curve, "open_positions") > 0)),
        leverage_mean=finite(metrics.time_mean(ts_ns, leverage)),
        leverage_max=finite(float(np.nanmax(leverage))) if np.isfinite(leverage).any() else None,
        liquidation_distance_min=_smallest(column(curve, "liquidation_distance")),
        turnover=finite(metrics.turnover(traded_notional(record.fills), _mean(equity), days / metrics.DAYS_PER_YEAR)),
        trades=len(profits),
        open_positions=int(record.positions["ts_closed_ns"].isna().sum()),
        win_rate=finite(metrics.win_rate(profits)),
        profit_factor=finite(metrics.profit_factor(profits)),
        trade_mean=finite(float(np.mean(profits))) if len(profits) else None,
        holding_hours_mean=_holding_hours(closed(record.positions)),
        skewness=finite(metrics.skewness(returns)),
        kurtosis=finite(metrics.kurtosis(returns)),
        baselines=baselines,
        trials=1 + len(trial_sharpes),
        deflated_sharpe=luck[0],
        probabilistic_sharpe=luck[1],
        track_record_days=len(returns),
        track_record_days_min=luck[2],
        decision_hash=manifest.decision_hash,
        data_fingerprint=manifest.data_fingerprint,
        config_fingerprint=manifest.config_fingerprint,
        code_version=manifest.code_version,
        wall_seconds=wall_seconds,
        sane=not implausible,
        warnings=tuple(warnings),
        supervision=supervision_of(record.audit),
    )


def start_of(record: Record) -> int:
    """Return the time after which the run counts, as its manifest says; rows up to it are warm-up."""
    stamp = datetime.fromisoformat(record.manifest.start)
    return int(stamp.replace(tzinfo=stamp.tzinfo or UTC).timestamp()) * 1_000_000_000


def counted_equity(record: Record) -> Frame:
    """Return the equity rows that count: after the run's start, and holding a number."""
    rows = np.isfinite(column(record.equity, "equity"))
    return record.equity[rows & (record.equity["ts_ns"].to_numpy(dtype=np.int64) > start_of(record))]


def column(frame: Frame, name: str) -> F64:
    """Return a column as float64, missing values as NaN."""
    return np.asarray(frame[name].to_numpy(dtype=np.float64, na_value=np.nan))


def closed(positions: Frame) -> Frame:
    """Return the round trips that ended."""
    return positions[positions["ts_closed_ns"].notna()]


def trade_profits(positions: Frame) -> F64:
    """Return what each round trip earned after fees and funding, in quote currency."""
    return column(positions, "realized_pnl") + np.nan_to_num(column(positions, "funding"))


def traded_notional(fills: Frame) -> float:
    """Return the quote value of everything bought and sold."""
    return float(np.sum(column(fills, "quantity") * column(fills, "price")))


def total(frame: Frame, name: str) -> float:
    """Return the sum of a column, missing values as zero."""
    return float(np.nansum(column(frame, name)))


def funding_amounts(audit: Sequence[AuditLine]) -> list[float]:
    """Return every funding payment of the audit log: plus received, minus paid."""
    return [float(line.data["amount"]) for line in audit if line.kind == FUNDING]


def interest_received(audit: Sequence[AuditLine]) -> float:
    """Return the interest of a run, minus for paid as funding is; 0 where nothing was borrowed."""
    return 0.0 - math.fsum(float(line.data["amount"]) for line in audit if line.kind == INTEREST)


def refusals(record: Record) -> dict[str, int]:
    """Return how many intents were refused, by code, the most frequent first, then by name."""
    counts = Counter(line.code or "UNSPECIFIED" for line in record.decisions if line.verdict == "REFUSED")
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def trades_of(record: Record, bar_times: dict[str, I64]) -> list[Trade]:
    """
    Return the run's round trips as the random baseline repeats them.

    Parameters
    ----------
    record : Record
        The run.
    bar_times : dict of int64[n]
        Close times of each instrument's bars; holding time is counted in them. A position still open is held to
        the last bar.

    """
    curve = counted_equity(record)
    ts_ns, equity = curve["ts_ns"].to_numpy(dtype=np.int64), column(curve, "equity")
    trades = []
    for row in record.positions.itertuples(index=False):
        times = bar_times.get(row.instrument)
        if times is None:
            continue
        ended = len(times) if is_absent(row.ts_closed_ns) else int(np.searchsorted(times, int(row.ts_closed_ns)))
        begun = int(np.searchsorted(times, int(row.ts_opened_ns)))
        at = max(int(np.searchsorted(ts_ns, int(row.ts_opened_ns), side="right")) - 1, 0)
        worth = float(equity[at]) if len(equity) else record.manifest.start_equity
        size = float(row.quantity_peak) * float(row.entry_price) / worth if worth > 0.0 else 0.0
        trades.append(Trade(row.instrument, 1 if row.side == "LONG" else -1, max(ended - begun, 1), size))
    return trades


def is_absent(value: Any) -> bool:
    """Return whether a table cell holds nothing, in any of the forms pandas has for that."""
    return bool(pd.isna(value))


def _luck(returns: F64, trial_sharpes: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Return deflated and probabilistic Sharpe ratio and the minimum track record, in days."""
    daily = metrics.sharpe(returns, periods_per_year=1.0)
    skew, kurt = metrics.skewness(returns), metrics.kurtosis(returns)
    if any(math.isnan(value) for value in (daily, skew, kurt)):
        return None, None, None
    return (
        finite(overfitting.deflated_sharpe(daily, [daily, *trial_sharpes], len(returns), skew, kurt)),
        finite(overfitting.probabilistic_sharpe(daily, 0.0, len(returns), skew, kurt)),
        finite(overfitting.minimum_track_record(daily, 0.0, skew, kurt)),
    )


def _doubts(record: Record, equity: F64) -> list[str]:
    """Return what does not add up inside the record itself."""
    doubts = []
    if not len(equity):
        return ["the run recorded no equity: nothing can be judged"]
    if unknown := int((~np.isfinite(column(record.equity, "equity"))).sum()):
        doubts.append(f"{unknown} equity rows are not numbers and were left out")
    if np.min(equity) <= 0.0:
        doubts.append("the account was ruined: equity fell to zero or below")
    if not record.positions["ts_closed_ns"].isna().any():
        explained = float(np.nansum(trade_profits(record.positions))) + interest_received(record.audit)
        gap = float(equity[-1]) - record.manifest.start_equity - explained
        if abs(gap) > RECONCILIATION_TOLERANCE * abs(record.manifest.start_equity):
            doubts.append(
                f"trades explain {explained:,.2f} {record.manifest.currency} of the change in equity, "
                f"{gap:,.2f} are unexplained"
            )
    return doubts


def _holding_hours(positions: Frame) -> float | None:
    if not len(positions):
        return None
    return finite(float(np.mean(column(positions, "ts_closed_ns") - column(positions, "ts_opened_ns"))) / 3.6e12)


def _mean(values: F64) -> float:
    known = values[np.isfinite(values)]
    return float(np.mean(known)) if len(known) else math.nan


def _smallest(values: F64) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.min(known)) if len(known) else None
