"""Turn the files a run wrote into its report: baselines, summary and tearsheet, all inside the run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import pandas as pd

from catalog.model import F64
from research.integrity.sanity import SanityConfig
from research.reports import baselines, tearsheet
from research.reports.baselines import BuyAndHold, Market, RandomRuns
from research.reports.metrics import finite
from research.reports.record import Record, read_record
from research.reports.schema import BASELINES, Baselines, Performance, Summary
from research.reports.summary import column, counted_equity, start_of, summarise, trades_of


class ReportConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How a run is reported.

    `random_seeds` is the number of repetitions of the random baseline, `seed` the seed of the first, `trades_shown`
    the most trades the tearsheet lists (the most recent; the page says so when there are more).
    """

    random_seeds: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    seed: Annotated[int, msgspec.Meta(ge=0)] = 7
    trades_shown: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 500
    sanity: SanityConfig = SanityConfig()


def write_report(
    folder: Path,
    markets: Mapping[str, Market],
    *,
    config: ReportConfig | None = None,
    trial_sharpes: Sequence[float] = (),
    wall_seconds: float | None = None,
) -> Summary:
    """
    Write `baselines.parquet`, `summary.json` and `tearsheet.html` into a run's folder.

    Parameters
    ----------
    folder : Path
        A run folder with manifest, tables, decisions and audit log.
    markets : mapping of str to Market
        Bars, funding and costs of each instrument of the run, cut to the run's time. Without any, the baselines are
        left out and the report says so.
    config : ReportConfig, optional
        Its defaults where absent.
    trial_sharpes : sequence of float
        ``runs.trial_sharpes(runs.earlier_trials(...))``: what other runs on this strategy and data reached.
    wall_seconds : float, optional
        How long the run took.

    Returns
    -------
    Summary
        What was written. Where `sane` is False the caller ends with `QualityError`.

    Raises
    ------
    PreconditionError
        If the folder is incomplete or torn.

    """
    chosen = config or ReportConfig()
    record = read_record(folder)
    figures = _write_baselines(record, markets, chosen)
    summary = summarise(
        record, baselines=figures, trial_sharpes=trial_sharpes, sanity=chosen.sanity, wall_seconds=wall_seconds
    )
    text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
    (folder / "summary.json").write_bytes(text + b"\n")
    tearsheet.write_tearsheet(folder, trades_shown=chosen.trades_shown)
    return summary


def _write_baselines(record: Record, markets: Mapping[str, Market], config: ReportConfig) -> Baselines:
    traded = {name: market for name, market in markets.items() if len(market.bars)}
    if not traded:
        (record.folder / "baselines.parquet").unlink(missing_ok=True)
        return Baselines()
    start_equity = record.manifest.start_equity
    start_ns = start_of(record)
    grid = baselines.build_grid(traded)
    held = baselines.buy_and_hold(grid, start_equity)
    trades = trades_of(record, {name: market.bars.ts_ns for name, market in traded.items()})
    random = baselines.random_entries(grid, trades, start_equity, seeds=config.random_seeds, seed=config.seed)
    _curves(held, random).to_parquet(record.folder / "baselines.parquet", index=False)
    equity = column(counted_equity(record), "equity")
    earned = float(equity[-1]) / start_equity - 1.0 if len(equity) else float("nan")
    return Baselines(
        buy_and_hold=_describe_held(held, start_equity, start_ns),
        random=baselines.describe_random(random, start_equity, start_ns, earned, config.seed),
    )


def _curves(held: BuyAndHold, random: RandomRuns) -> pd.DataFrame:
    rows = np.searchsorted(held.ts_ns, random.ts_ns)
    bands: list[F64] = list(np.quantile(random.equity, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0))
    return pd.DataFrame(dict(zip(BASELINES, (random.ts_ns, held.equity[rows], *bands), strict=True)))


def _describe_held(held: BuyAndHold, start_equity: float, start_ns: int) -> Performance:
    figures = baselines.performance(held.ts_ns, held.equity, start_equity, start_ns)
    return msgspec.structs.replace(
        figures, fees=finite(held.fees), funding=finite(held.funding), slippage=finite(held.slippage)
    )
