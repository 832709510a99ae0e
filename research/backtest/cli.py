"""`bot4 backtest`: run, list, show and compare backtests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import settings
import terminal
from errors import QualityError
from terminal import JsonFlag

if TYPE_CHECKING:
    from research.reports.compare import Comparison

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Run backtests, list, show and compare them.",
)

FIGURES = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "trades", "win_rate",
    "profit_factor", "exposure", "turnover", "fees", "funding", "slippage", "liquidations", "final_equity",
)  # fmt: skip


@app.command()
@terminal.guarded
def run(
    config: Annotated[Path, typer.Argument(help="TOML file of the backtest, such as configs/backtest-demo.toml.")],
    strict: Annotated[bool, typer.Option(help="End with 5 where results lie outside the sanity band.")] = True,
    json_: JsonFlag = False,
) -> None:
    """
    Replay a configuration over stored data and write its folder: decisions, fills, equity, tearsheet.

    Ctrl-C leaves no half-written run; the command can simply be called again.
    """
    from research.backtest.config import load

    checked = load(config)
    from research.backtest.run import run as run_backtest

    with terminal.progress(f"backtest {checked.run.name}") as advance:
        report = run_backtest(checked, step=lambda _: advance(1))
    if json_:
        terminal.emit(report)
    else:
        _show(report.folder)
    if strict and not report.summary.sane:
        raise QualityError(f"results lie outside the sanity band: {'; '.join(report.summary.warnings)}")


@app.command(name="list")
@terminal.guarded
def list_runs(
    json_: JsonFlag = False,
) -> None:
    """List all runs, oldest first."""
    from research.reports.runs import list_runs as find

    summaries, broken = find(_runs())
    if json_:
        terminal.emit({"runs": summaries, "broken": broken})
        return
    if not summaries and not broken:
        terminal.out.print("no runs yet; `bot4 backtest run CONFIG.toml` makes one")
        return
    terminal.show_table(
        "Runs",
        ("run", "mode", "trades", "return", "sharpe", "max drawdown", "decision hash"),
        [
            (s.run_id, s.mode, s.trades, s.total_return, s.sharpe, s.max_drawdown, s.decision_hash[:12])
            for s in summaries
        ],
    )
    for run_ in broken:
        terminal.err.print(f"not readable: {run_.reason}", markup=False)


@app.command()
@terminal.guarded
def show(
    name: Annotated[str, typer.Argument(help="A run, the beginning of its name, or `latest`.")] = "latest",
    json_: JsonFlag = False,
) -> None:
    """Show the figures of one run."""
    from research.reports.runs import find_run, read_summary

    folder = find_run(_runs(), name)
    if json_:
        terminal.emit(read_summary(folder))
    else:
        _show(folder)


@app.command()
@terminal.guarded
def compare(
    names: Annotated[list[str], typer.Argument(help="Two or more runs.")],
    json_: JsonFlag = False,
) -> None:
    """Compare runs: figures, differences of configuration and data, and the first decision that differs."""
    from research.reports.compare import compare_runs
    from research.reports.runs import find_run

    comparison = compare_runs([find_run(_runs(), name) for name in names])
    if json_:
        terminal.emit(comparison)
        return
    _show_comparison(comparison)


def _runs() -> Path:
    return settings.home() / "runs"


def _show(folder: Path) -> None:
    from research.reports.runs import read_summary

    summary = read_summary(folder)
    held, random = summary.baselines.buy_and_hold, summary.baselines.random
    rows = [(name, getattr(summary, name), getattr(held, name, None), getattr(random, name, None)) for name in FIGURES]
    terminal.show_table(
        f"{summary.run_id}: {', '.join(summary.instruments)} {summary.bar}, {summary.start} to {summary.end}, "
        f"{summary.mode}",
        ("figure", "strategy", "buy and hold", "random entries"),
        rows,
    )
    refused = ", ".join(f"{code} {count}" for code, count in sorted(summary.rejections.items())) or "none"
    terminal.out.print(f"intents {summary.intents}, orders {summary.orders}, fills {summary.fills}", markup=False)
    terminal.out.print(f"refusals: {refused}", markup=False)
    terminal.out.print(f"decision hash: {summary.decision_hash}", markup=False)
    for warning in summary.warnings:
        terminal.out.print(f"warning: {warning}", markup=False)
    terminal.out.print(f"tearsheet: {folder / 'tearsheet.html'}", markup=False)


def _show_comparison(comparison: Comparison) -> None:
    names = comparison.run_ids
    rows = [(figure, *values) for figure, values in comparison.figures.items()]
    rows += [(f"refused {code}", *counts) for code, counts in comparison.rejections.items()]
    terminal.show_table("Figures", ("figure", *names), rows)
    if comparison.config:
        differing = [(item.key, *item.values) for item in comparison.config]
        terminal.show_table("Configuration keys that differ", ("key", *names), differing)
    for label, same in (("data", comparison.same_data), ("code", comparison.same_code)):
        terminal.out.print(f"{label}: {'the same' if same else 'NOT the same'}", markup=False)
    if comparison.same_decisions:
        terminal.out.print("decisions: the same in every run", markup=False)
    for item in comparison.decisions:
        terminal.out.print(f"decisions: {item.run_id} parts from {names[0]} at decision {item.seq}", markup=False)
