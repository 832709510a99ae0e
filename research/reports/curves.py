"""The time series a report draws, cut down to what a page can show without losing an extreme."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from catalog.model import F64, I64
from research.reports import charts
from research.reports.charts import Band, Rule, Series
from research.reports.formats import escape, number, percent, short_money
from research.reports.metrics import drawdowns
from research.reports.record import Frame, Record, read_table
from research.reports.summary import column, counted_equity, start_of

POINTS = 1200
BUCKETS = 240
DISTANCE_SHOWN_MAX = 0.5
"""Farther than this from liquidation is drawn at the top edge."""


class Curves(NamedTuple):
    """A run's time series; `baselines` is None where the run has none."""

    ts_ns: I64
    equity: F64
    gross: F64
    net: F64
    distance: F64
    baselines: Frame | None

    @property
    def long_only(self) -> bool:
        """Return whether net exposure is gross exposure throughout."""
        return bool(np.allclose(self.net, self.gross, equal_nan=True))


def read_curves(record: Record) -> Curves:
    """Return the series of a run, starting with its start equity, and its baselines where it has them."""
    frame = counted_equity(record)
    ts_ns, equity = frame["ts_ns"].to_numpy(dtype=np.int64), column(frame, "equity")
    gross, net = column(frame, "exposure_gross"), column(frame, "exposure_net")
    distance = column(frame, "liquidation_distance")
    start_ns = start_of(record)
    if not len(ts_ns) or ts_ns[0] > start_ns:
        ts_ns, equity = np.r_[start_ns, ts_ns], np.r_[record.manifest.start_equity, equity]
        gross, net, distance = np.r_[0.0, gross], np.r_[0.0, net], np.r_[np.nan, distance]
    has_baselines = (record.folder / "baselines.parquet").is_file()
    return Curves(
        ts_ns=ts_ns,
        equity=equity,
        gross=_multiple(gross, equity),
        net=_multiple(net, equity),
        distance=distance,
        baselines=read_table(record.folder, "baselines.parquet") if has_baselines else None,
    )


def equity_chart(curves: Curves, start_equity: float, *, random: bool) -> str:
    """Draw equity against buy and hold and, where the run traded, the band of random entries."""
    rows = charts.decimate(curves.equity, POINTS)
    ts_ns = curves.ts_ns[rows]
    series: list[Series] = []
    bands: list[Band] = []
    if curves.baselines is not None:
        at = np.searchsorted(curves.baselines["ts_ns"].to_numpy(dtype=np.int64), ts_ns, side="right") - 1
        line = {
            name: np.where(at >= 0, column(curves.baselines, name)[np.maximum(at, 0)], start_equity)
            for name in curves.baselines.columns
            if name != "ts_ns"
        }
        series = [Series("Buy and hold", line["buy_and_hold"], "held")]
        if random:
            bands = [
                Band("Random entries 5-95 %", line["random_p05"], line["random_p95"], "wide"),
                Band("Random entries 25-75 %", line["random_p25"], line["random_p75"], "narrow"),
            ]
            series.insert(0, Series("Random entries, median", line["random_p50"], "random"))
    return charts.line_chart(
        "Equity of the strategy against buy and hold and random entries",
        ts_ns,
        [*series, Series("Strategy", curves.equity[rows], "main")],
        bands=bands,
        height=380.0,
        tick=short_money,
        value=lambda amount: number(amount, 0),
        ratio=True,
    )


def drawdown_chart(curves: Curves) -> str:
    """Draw how far equity is below its highest so far."""
    fall = drawdowns(curves.equity)
    deepest = min(float(np.nanmin(fall, initial=0.0)) * 1.05, -0.01)
    rows = charts.decimate(fall, POINTS)
    series = [Series("Drawdown", fall[rows], "loss", area=0.0)]
    return charts.line_chart(
        "Drawdown of the strategy",
        curves.ts_ns[rows],
        series,
        height=210.0,
        tick=lambda share: percent(share, 0 if deepest < -0.04 else 1),
        value=lambda share: percent(share, 2),
        ends=(deepest, 0.0),
    )


def exposure_chart(curves: Curves) -> str:
    """Draw gross and net exposure in multiples of equity: means, and the largest gross, of each slice of time."""
    ends = _bucket_ends(len(curves.ts_ns))
    gross = _reduce(curves.gross, ends, np.mean)
    series = [Series("Gross, mean", gross, "thin", area=0.0)]
    if not curves.long_only:
        series.append(Series("Net, mean", _reduce(curves.net, ends, np.mean), "net"))
    return charts.line_chart(
        "Exposure in multiples of equity",
        curves.ts_ns[ends],
        series,
        bands=[
            Band("Gross, largest", np.where(np.isnan(gross), np.nan, 0.0), _reduce(curves.gross, ends, np.max), "peak")
        ],
        height=230.0,
        tick=lambda times: f"{number(times, 2)}\N{MULTIPLICATION SIGN}",
        value=lambda times: f"{number(times, 2)}\N{MULTIPLICATION SIGN}",
    )


def distance_chart(curves: Curves) -> str:
    """Draw the smallest distance to liquidation of each slice of time, hanging down from far (or no position)."""
    ends = _bucket_ends(len(curves.ts_ns))
    smallest = _reduce(curves.distance, ends, np.min)
    if not np.isfinite(smallest).any():
        return '<p class="empty">No margin position was open at the end of any bar.</p>'
    if np.nanmin(smallest) > DISTANCE_SHOWN_MAX:
        text = f"Never closer than {percent(float(np.nanmin(smallest)))} at the end of a bar."
        return f'<p class="empty">{escape(text)}</p>'
    return charts.line_chart(
        "Smallest distance to liquidation",
        curves.ts_ns[ends],
        [
            Series(
                "Smallest distance",
                np.clip(np.nan_to_num(smallest, nan=np.inf), 0.0, DISTANCE_SHOWN_MAX),
                "thin",
                area=DISTANCE_SHOWN_MAX,
            )
        ],
        rules=[Rule(0.10, "10 %: add margin or reduce"), Rule(0.03, "3 %: emergency close")],
        height=230.0,
        tick=lambda share: percent(share, 0),
        value=lambda share: percent(share, 1),
        ends=(0.0, DISTANCE_SHOWN_MAX),
    )


def _multiple(exposure: F64, equity: F64) -> F64:
    return np.where(equity > 0.0, exposure / np.where(equity > 0.0, equity, 1.0), np.nan)


def _bucket_ends(length: int) -> I64:
    """Return the last row of each slice of the series, at most `BUCKETS` of them."""
    return np.unique(np.linspace(0, length - 1, min(length, BUCKETS)).astype(np.int64))


def _reduce(values: F64, ends: I64, how: np.ufunc | object) -> F64:
    """Reduce each slice of rows (after the last end, up to its own) to one value; NaN where it holds none."""
    out = np.full(len(ends), np.nan)
    begin = 0
    for index, end in enumerate(ends):
        part = values[begin : end + 1]
        part = part[np.isfinite(part)]
        if len(part):
            out[index] = how(part)  # type: ignore[operator]  # a ufunc, which NumPy types as a union
        begin = end + 1
    return out
