"""`bot4 model`: train models and list the registered ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

import terminal
from errors import ConfigError
from terminal import JsonFlag

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Train models and list them.")


@app.command()
@terminal.guarded
def train(
    config: Annotated[Path, typer.Argument(help="TOML file of the training run, such as configs/train-demo.toml.")],
    catalog: Annotated[
        Path | None, typer.Option(help="Folder of the catalog; by default `catalog` under BOT4_HOME.")
    ] = None,
    json_: JsonFlag = False,
) -> None:
    """
    Train one model per walk-forward fold and a last one on all data, log them to MLflow and register them.

    The new version gets the alias `champion`; the same models as the champion's add no version. Ctrl-C leaves no
    half-registered model; training starts from the beginning when it is called again.
    """
    import settings
    from research.training.config import TrainConfig
    from research.training.run import train as run_training

    decoded = settings.load(config, TrainConfig)
    root = settings.home() / "catalog" if catalog is None else catalog
    with terminal.progress(f"training {decoded.name}", total=decoded.folds.count + 1) as advance:
        try:
            report = run_training(decoded, root, on_model=lambda: advance(1))
        except ConfigError as error:  # a feature or column that does not exist is known only now: say in which file
            raise ConfigError(error.reason, where=error.where or str(config)) from None
    if json_:
        terminal.emit(report)
        return
    figures = ("auc", "accuracy", "base_rate", "logloss", "logloss_base")
    lines = [
        (str(fold.fold), _day(fold.test_from_ns), int(fold.metrics["rows"]), *(fold.metrics[name] for name in figures))
        for fold in report.folds
    ]
    pooled = report.out_of_sample
    lines.append(("all", "", int(pooled["rows"]), *(pooled[name] for name in figures)))
    terminal.show_table(
        f"{report.name} version {report.version} ({report.alias}), out of sample",
        ("fold", "tested from", "rows", "auc", "hits", "base rate", "logloss", "of base"),
        lines,
    )
    for warning in report.warnings:
        terminal.err.print(f"warning: {warning}", markup=False)
    terminal.out.print(f"{report.rows} rows of {report.columns} features in {report.seconds:.1f} s", markup=False)
    if not report.is_new:
        terminal.out.print("the champion is this very schedule already: no version was added", markup=False)
    terminal.out.print(f"schedule: {report.schedule}", markup=False)


@app.command(name="list")
@terminal.guarded
def list_models(json_: JsonFlag = False) -> None:
    """List every version of every registered model."""
    from research.training.registry import versions

    found = versions()
    if json_:
        terminal.emit({"models": found})
        return
    if not found:
        terminal.out.print("no model is registered yet; `bot4 model train CONFIG.toml` trains one")
        return
    terminal.show_table(
        "Registered models",
        ("name", "version", "aliases", "trained", "oos auc", "logloss", "of base"),
        [
            (
                version.name,
                version.version,
                ", ".join(version.aliases),
                _day(version.created_ns),
                version.tags.get("oos_auc", ""),
                version.tags.get("oos_logloss", ""),
                version.tags.get("oos_logloss_base", ""),
            )
            for version in found
        ],
    )


def _day(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d")
