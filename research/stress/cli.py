"""`bot4 risk stress`: put a stored portfolio through scenarios."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import settings
import terminal
from errors import ConfigError, PreconditionError, QualityError
from terminal import JsonFlag

if TYPE_CHECKING:
    from risk.reverse_stress import Breach
    from risk.stress import Outcome
    from risk.stress_portfolio import StressPortfolio

app = typer.Typer(add_completion=False, rich_markup_mode=None)


PortfolioFile = Annotated[
    Path | None, typer.Option("--portfolio", help="TOML or JSON file of a portfolio; its keys are in docs/stress.md.")
]
RunName = Annotated[str | None, typer.Option("--run", help="A backtest run, the beginning of its name, or `latest`.")]
Instant = Annotated[
    str | None,
    typer.Option("--at", help="Instant in the run, UTC, or `peak` for its largest exposure; the end if absent."),
]
PlotFile = Annotated[Path | None, typer.Option("--plot", help="Write the drawing to this HTML file.")]
FailOnBreach = Annotated[
    bool, typer.Option("--fail-on-breach", help="End with 5 where a scenario breaks a limit that holds now.")
]


@app.command()
@terminal.guarded
def stress(
    portfolio: PortfolioFile = None,
    run: RunName = None,
    at: Instant = None,
    plot: PlotFile = None,
    fail_on_breach: FailOnBreach = False,
    json_: JsonFlag = False,
) -> None:
    """
    Say what falls that did happen, shocks and the worst moves would do to a portfolio, and what breaks its limits.

    Nothing is traded and nothing is changed.
    """
    if (portfolio is None) == (run is None):
        raise ConfigError("give either --portfolio FILE or --run NAME")
    held, name = stored_portfolio(portfolio, run, at)
    report(held, name, plot=plot, fail_on_breach=fail_on_breach, json_=json_)


def stored_portfolio(portfolio: Path | None, run: str | None, at: str | None) -> tuple[StressPortfolio, str]:
    """Read the portfolio of a file or of a run, and return it with a name for it."""
    if at is not None and run is None:
        raise ConfigError("--at needs --run")
    return _from_file(portfolio) if portfolio is not None else _from_run(run or "latest", at)


def report(held: StressPortfolio, name: str, *, plot: Path | None, fail_on_breach: bool, json_: bool) -> None:
    """
    Put a portfolio under stress and print what comes of it.

    Raises
    ------
    PreconditionError
        If it has no equity.
    QualityError
        With `fail_on_breach`, if a scenario breaks a limit that holds now.

    """
    if not held.equity > 0.0:
        raise PreconditionError(f"{name} has no equity left to stress: {held.equity:,.2f} {held.currency}")
    from risk.reverse_stress import reverse_stress
    from risk.stress import run_scenarios
    from risk.stress_scenarios import HISTORICAL, parametric

    outcomes = run_scenarios(held, HISTORICAL + parametric(held.venues))
    breaches = reverse_stress(held)
    if plot is not None:
        from research.stress.plot import write_plot

        write_plot(plot, outcomes, breaches, f"Stress of {name}")
    newly = [outcome for outcome in outcomes if set(outcome.broken) - set(outcome.broken_before)]
    if json_:
        terminal.emit(
            {"portfolio": held, "equity": held.equity, "scenarios": outcomes, "reverse": breaches, "plot": plot}
        )
    else:
        _show(held, name, outcomes, breaches)
        if plot is not None:
            terminal.out.print(f"drawing: {plot}", markup=False)
    if fail_on_breach and newly:
        raise QualityError(f"limits break in {len(newly)} of {len(outcomes)} scenarios: {_names(newly)}")


def _from_file(path: Path) -> tuple[StressPortfolio, str]:
    from risk.stress_portfolio import read_portfolio

    return read_portfolio(path), path.name


def _from_run(name: str, at: str | None) -> tuple[StressPortfolio, str]:
    from datetime import UTC, datetime

    from catalog.store.parquet import Catalog
    from research.reports.runs import find_run
    from research.stress.run_portfolio import portfolio_of_run

    folder = find_run(settings.home() / "runs", name)
    held = portfolio_of_run(folder, Catalog(settings.home() / "catalog"), at)
    when = datetime.fromtimestamp(held.ts_ns / 1e9, UTC)
    return held, f"{folder.name} at {when:%Y-%m-%d %H:%M} UTC"


def _show(held: StressPortfolio, name: str, outcomes: tuple[Outcome, ...], breaches: tuple[Breach, ...]) -> None:
    terminal.out.print(
        f"{name}: equity {held.equity:,.2f} {held.currency}, exposure {held.exposure:,.2f}, "
        f"{len(held.positions)} positions, mode {held.mode.value}",
        markup=False,
    )
    before = outcomes[0].broken_before
    if before:
        terminal.out.print(f"broken already: {', '.join(limit.value for limit in before)}", markup=False)
    terminal.show_table(
        "Scenarios",
        (
            "scenario",
            "P&L",
            "P&L %",
            "equity after",
            "drawdown %",
            "leverage",
            "VaR %",
            "liquidation at %",
            "limits broken",
        ),
        [
            (
                outcome.name,
                f"{outcome.pnl:,.0f}",
                _percent(outcome.pnl_fraction),
                f"{outcome.equity:,.0f}",
                _percent(outcome.drawdown),
                f"{outcome.leverage:.2f}",
                _percent(outcome.value_at_risk),
                "LIQUIDATED" if outcome.liquidated else _percent(outcome.liquidation_distance),
                ", ".join(limit.value for limit in outcome.broken),
            )
            for outcome in outcomes
        ],
    )
    terminal.show_table(
        "Smallest move that breaks a limit",
        ("limit", "direction", "move %", "loss of equity %"),
        [
            (
                breach.limit.value,
                breach.direction.value,
                "never" if breach.move is None else _percent(breach.move),
                "" if breach.loss is None else _percent(breach.loss),
            )
            for breach in breaches
        ],
    )


def _percent(fraction: float) -> str:
    return f"{100.0 * fraction:,.1f}" if math.isfinite(fraction) else "none"


def _names(outcomes: list[Outcome]) -> str:
    shown = [outcome.name for outcome in outcomes[:3]]
    return ", ".join(shown) + (" and others" if len(outcomes) > len(shown) else "")
