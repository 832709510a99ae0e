"""Run one backtest from its configuration to its folder: data, engine, report, MLflow."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nautilus_trader
from nautilus_trader.model.identifiers import InstrumentId

import settings
from catalog.store.parquet import Catalog
from errors import Bot4Error
from research.backtest import folder as folders
from research.backtest.config import RunConfig
from research.backtest.host import Played, play
from research.backtest.markets import Stage, read_stage
from research.backtest.tracking import log_run
from research.provenance import package_versions, run_code_version
from research.reports.baselines import Market as BaselineMarket
from research.reports.report import ReportConfig, write_report
from research.reports.runs import earlier_trials, trial_sharpes
from research.reports.schema import Manifest, Summary
from research.training import registry as models
from research.venue.fees import rates_of

type Step = Callable[[str], None]


class Report(msgspec.Struct, frozen=True):
    """Where a run went and what it measured."""

    folder: Path
    summary: Summary


def run(config: RunConfig, *, home: Path | None = None, step: Step = lambda _: None) -> Report:
    """
    Run one backtest and write its folder.

    Parameters
    ----------
    config : RunConfig
        A checked configuration.
    home : Path, optional
        Folder of catalog and runs; `settings.home()` by default.
    step : callable
        Told the name of each stage as it begins.

    Returns
    -------
    Report
        The complete folder, and its figures. A run that fails or is interrupted leaves no folder.

    Raises
    ------
    PreconditionError
        If data, model or funding rates are missing; see `read_stage`.

    """
    began = time.perf_counter()
    home = settings.home() if home is None else home
    step("reading the catalog")
    stage = read_stage(Catalog(home / "catalog"), config)
    model_folder = models.resolve(config.model.name, config.model.version) if config.model is not None else None
    with folders.staged(home / "runs", config) as (run_id, folder):
        step("replaying")
        played = play(config, stage, model_folder, logs=folder)
        step("writing the report")
        manifest = _manifest(run_id, config, stage, played)
        folders.write_tables(folder, played.recorder)
        folders.write_config(folder, config)
        folders.write_manifest(folder, manifest)
        trials = earlier_trials(
            home / "runs",
            strategy=manifest.strategy,
            data_fingerprint=manifest.data_fingerprint,
            decision_hash=manifest.decision_hash,
        )
        summary = write_report(
            folder,
            _baseline_markets(config, stage),
            config=ReportConfig(
                random_seeds=config.report.random_runs,
                seed=config.run.seed,
                trades_shown=config.report.trades_shown,
                sanity=config.report.sanity,
            ),
            trial_sharpes=trial_sharpes(trials),
            wall_seconds=time.perf_counter() - began,
        )
    if config.report.mlflow:
        step("logging to MLflow")
        _tell_mlflow(home / "runs" / run_id, config, manifest, summary)
    return Report(home / "runs" / run_id, summary)


def _tell_mlflow(folder: Path, config: RunConfig, manifest: Manifest, summary: Summary) -> None:
    try:
        log_run(folder, config, manifest, summary)
    except Exception as error:  # MLflow and its database raise what they like
        reason = str(error).partition("\n")[0]
        raise Bot4Error(f"the run is complete in {folder}, but MLflow could not be told of it: {reason}") from error


def _manifest(run_id: str, config: RunConfig, stage: Stage, played: Played) -> Manifest:
    failures = [f"the model failed and technical signals went on alone: {text}" for text in played.model_failures]
    return Manifest(
        run_id=run_id,
        strategy=config.strategy.name,
        instruments=config.run.instruments,
        bar=config.run.bar,
        start=_iso(config.run.start_ns),
        end=_iso(max(int(market.bars.ts_ns[-1]) for market in stage.markets)),
        mode=config.mode.mode.value,
        currency=played.currency,
        start_equity=config.venue.starting_balance,
        bars=sum(int((market.bars.ts_ns > config.run.start_ns).sum()) for market in stage.markets),
        code_version=run_code_version(),
        config_fingerprint=folders.config_fingerprint(config),
        data_fingerprint=stage.fingerprint,
        engine_version=f"nautilus_trader {nautilus_trader.__version__}",
        decision_hash=played.controller.gate.decisions.decision_hash,
        seeds={"run": config.run.seed, "operator": config.mode.operator.seed},
        assumptions=_assumptions(played),
        warnings=(*stage.warnings, *failures[:3]),
        packages=package_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        audit_head=played.controller.gate.audit.head,
        audit_records=played.controller.gate.audit.count,
    )


def _baseline_markets(config: RunConfig, stage: Stage) -> dict[str, BaselineMarket]:
    rates = rates_of(stage.specs.values(), config.venue.fees)
    markets = {}
    for market in stage.markets:
        first = int(market.bars.ts_ns.searchsorted(config.run.start_ns, side="right"))
        markets[market.instrument_id] = BaselineMarket(
            bars=market.bars.slice(first, len(market.bars)),
            funding=market.funding,
            marks=market.marks,
            taker_fee=float(rates[InstrumentId.from_str(market.instrument_id)][1]),
            slippage_bps=config.venue.slippage_bps,
        )
    return markets


def _assumptions(played: Played) -> dict[str, str]:
    sentences = [line for handles in played.venues.values() for line in handles.assumptions()]
    return {str(number): line for number, line in enumerate(sentences, start=1)}


def _iso(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
