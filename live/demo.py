"""The main job on the embedded real sample: data, first model, backtest, baselines, report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import settings
from terminal import JsonFlag, emit, guarded, out, progress, show_table

if TYPE_CHECKING:
    from research.backtest.run import Report

app = typer.Typer(add_completion=False)

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


@app.command()
@guarded
def demo(json_: JsonFlag = False) -> None:
    """Ingest the sample, train the first model, run the main backtest with its baselines, and say where to look."""
    began = time.perf_counter()
    home = settings.home()
    with progress("loading"):
        from catalog.sample.ingest import ingest_sample
        from research.backtest.config import load
        from research.backtest.run import run
        from research.training.config import TrainConfig
        from research.training.run import train
    with progress("1/3 ingesting the embedded sample"):
        ingest_sample(home / "catalog")
    training = settings.load(CONFIGS / "train-demo.toml", TrainConfig)
    with progress("2/3 training the first model", total=training.folds.count + 1) as advance:
        model = train(training, home / "catalog", on_model=lambda: advance(1))
    config = load(CONFIGS / "backtest-demo.toml")
    with progress("3/3 backtest and baselines", total=4) as advance:
        report = run(config, home=home, step=lambda _: advance(1))
    seconds = time.perf_counter() - began
    if json_:
        emit({"report": report, "model": model, "seconds": seconds})
    else:
        unchanged = "" if model.is_new else ", trained again to the same bytes: no version added"
        _tell(report, f"{model.name} version {model.version} ({model.alias}){unchanged}", seconds)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:,.1f} %"


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


SHOWN = (
    ("total return", "total_return", _percent),
    ("yearly growth", "cagr", _percent),
    ("Sharpe ratio", "sharpe", _ratio),
    ("largest drawdown", "max_drawdown", _percent),
    ("trades", "trades", _money),
    ("fees paid", "fees", _money),
    ("slippage paid", "slippage", _money),
    ("final equity", "final_equity", _money),
)


def _tell(report: Report, model: str, seconds: float) -> None:
    summary = report.summary
    held, random = summary.baselines.buy_and_hold, summary.baselines.random
    columns = (summary, held, random)
    rows = [(label, *(show(getattr(column, field, None)) for column in columns)) for label, field, show in SHOWN]
    title = f"Simulated: {', '.join(summary.instruments)}, {summary.bar} bars, {summary.start} to {summary.end}"
    show_table(title, ("figure", "strategy", "buy and hold", "random entries (median)"), rows)
    refused = ", ".join(f"{code} {count}" for code, count in sorted(summary.rejections.items())) or "none"
    lines = (
        f"decisions {summary.intents}, orders {summary.orders}, fills {summary.fills}; refused: {refused}",
        *(f"warning: {warning}" for warning in summary.warnings),
        f"decision hash  {summary.decision_hash}",
        f"model          {model}",
        f"took           {seconds:.1f} s",
        "",
        f"tearsheet      {report.folder / 'tearsheet.html'}  (open it in a browser)",
        "all runs       .venv/bin/bot4 backtest list",
        "MLflow         make mlflow   then http://127.0.0.1:5000",
        "notebooks      make lab",
    )
    for line in lines:
        out.print(line, markup=False, highlight=False)
