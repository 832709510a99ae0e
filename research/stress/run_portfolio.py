"""Read the portfolio a backtest held at an instant from its run folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.instruments import Kind
from catalog.store.parquet import Catalog
from errors import ConfigError, PreconditionError
from research.backtest.config import RunConfig, load
from research.period import instant_ns
from risk.account_margin import isolated_margin
from risk.peak import DAY_NS
from risk.stress_portfolio import StressPortfolio, StressPosition

PEAK = "peak"
"""Asks for the instant of the largest exposure."""
_LOOK_BACK_NS = 7 * DAY_NS
_MISMATCH_MAX = 1e-6


def portfolio_of_run(folder: Path, catalog: Catalog, at: str | None = None) -> StressPortfolio:
    """
    Return what a run held at the close of a bar.

    Parameters
    ----------
    folder : Path
        A complete run folder.
    catalog : Catalog
        That holds the run's bars, for the marks.
    at : str or None
        An ISO 8601 instant in UTC (the last bar close up to it counts), ``peak`` for the largest exposure, None for
        the end.

    Returns
    -------
    StressPortfolio
        With cash, positions netted by instrument, the run's limits and mode, and the equities that limits count from.

    Raises
    ------
    ConfigError
        If `at` is no instant, or lies before the run.
    PreconditionError
        If files are missing, or the fills at these marks do not give the exposure that the run recorded.

    """
    for name in ("config.toml", "fills.parquet", "equity.parquet"):
        if not (folder / name).is_file():
            raise PreconditionError(f"{folder} has no {name}: it is no complete run")
    config = load(folder / "config.toml")
    curve = pq.read_table(folder / "equity.parquet").to_pydict()
    row = _row_at(curve["ts_ns"], curve["exposure_gross"], at)
    ts_ns, cash = int(curve["ts_ns"][row]), float(curve["cash"][row])
    positions = tuple(
        _position(config, catalog, instrument, quantity, entry, ts_ns, cash)
        for instrument, (quantity, entry) in sorted(_net_positions(folder / "fills.parquet", ts_ns).items())
    )
    exposure = math.fsum(abs(position.notional) for position in positions)
    recorded = float(curve["exposure_gross"][row])
    if not abs(exposure - recorded) <= _MISMATCH_MAX * max(1.0, recorded):
        raise PreconditionError(
            f"{folder.name}: fills and marks of the catalog give an exposure of {exposure:.2f}, the run recorded "
            f"{recorded:.2f}: the catalog no longer holds the bars of this run"
        )
    return StressPortfolio(
        cash=cash,
        positions=positions,
        currency=catalog.spec(config.run.instruments[0]).settlement,
        ts_ns=ts_ns,
        mode=config.mode.mode,
        limits=config.limits,
        **_bases(config, curve["ts_ns"], curve["equity"], row),
    )


def _row_at(times: list[int], exposures: list[float], at: str | None) -> int:
    if not times:
        raise PreconditionError("the run recorded no equity")
    if at is None:
        return len(times) - 1
    if at == PEAK:
        return max(range(len(times)), key=lambda row: exposures[row])
    try:
        wanted = instant_ns("--at", at)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    row = sum(1 for ts_ns in times if ts_ns <= wanted) - 1
    if row < 0:
        raise ConfigError(f"--at lies before the run's first bar: {at!r}")
    return row


def _net_positions(path: Path, ts_ns: int) -> dict[str, tuple[float, float]]:
    """Return net quantity and average entry price of every instrument with a position after all fills up to then."""
    fills = pq.read_table(path)
    fills = fills.filter(pc.less_equal(fills["ts_ns"], ts_ns)).to_pylist()
    held: dict[str, tuple[float, float]] = {}
    for fill in fills:
        quantity, entry = held.get(fill["instrument"], (0.0, 0.0))
        change = fill["quantity"] if fill["side"] == "BUY" else -fill["quantity"]
        after = quantity + change
        if abs(after) < 1e-9 * abs(change):
            held.pop(fill["instrument"], None)
            continue
        if quantity * change >= 0.0:
            entry = (abs(quantity) * entry + abs(change) * fill["price"]) / abs(after)
        elif quantity * after < 0.0:
            entry = fill["price"]
        held[fill["instrument"]] = (after, entry)
    return held


def _position(
    config: RunConfig, catalog: Catalog, instrument: str, quantity: float, entry: float, ts_ns: int, cash: float
) -> StressPosition:
    spec = catalog.spec(instrument)
    spot = spec.kind is Kind.SPOT
    margin = None
    if not spot and config.venue.margin_mode == "isolated":
        margin = isolated_margin(abs(quantity), entry, config.venue.leverage, spec.brackets, 0.0, cash)
    return StressPosition(
        instrument=instrument,
        signed_quantity=quantity,
        entry_price=entry,
        mark=_mark(catalog, instrument, config.run.bar, ts_ns),
        spot=spot,
        strategy=config.strategy.name,
        isolated_margin=margin,
        brackets=spec.brackets,
        asset=spec.base,
    )


def _mark(catalog: Catalog, instrument: str, bar: str, ts_ns: int) -> float:
    """Return the mark-price bar's close where there are such bars, else the last close, as the gate's view does."""
    for bars in (
        catalog.mark_bars(instrument, bar, ts_ns - _LOOK_BACK_NS, ts_ns),
        catalog.bars(instrument, bar, ts_ns - _LOOK_BACK_NS, ts_ns),
    ):
        if bars is not None and len(bars):
            return float(bars.close[-1])
    raise PreconditionError(f"the catalog has no {bar} bar of {instrument} in the week before the instant asked for")


def _bases(config: RunConfig, times: list[int], equities: list[float], row: int) -> dict[str, Any]:
    ts_ns = times[row]
    days = config.limits.drawdown.window_days
    since = 0 if days is None else (ts_ns // DAY_NS - days + 1) * DAY_NS
    window = [equity for ts, equity in zip(times[: row + 1], equities[: row + 1], strict=True) if ts > since]
    day = ts_ns // DAY_NS * DAY_NS
    before = [index for index in range(row + 1) if times[index] <= day]
    start = config.venue.starting_balance
    return {
        "peak_equity": max(window) if days is not None else max(start, *window),
        "start_equity": start,
        "day_start_equity": equities[before[-1]] if before else start,
    }
