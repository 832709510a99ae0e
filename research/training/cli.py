"""`bot4 model`: train models and list the registered ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

import terminal
from terminal import JsonFlag

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train models and list them.")


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

    The new version gets the alias `champion`. Ctrl-C leaves no half-registered model; training starts from the
    beginning when it is called again.
    """
    import settings
    from research.training.config import TrainConfig
    from research.training.run import train as run_training

    decoded = settings.load(config, TrainConfig)
    root = settings.home() / "catalog" if catalog is None else catalog
    with terminal.progress(f"training {decoded.name}", total=decoded.folds.count + 1) as advance:
        report = run_training(decoded, root, on_model=lambda: advance(1))
    if json_:
        terminal.emit(report)
        return
    figures = ("auc", "accuracy", "base_rate", "brier", "logloss", "logloss_base")
    lines = [
        (
            str(fold.fold),
            _minute(fold.trained_until_ns),
            _minute(fold.test_from_ns),
            fold.rows_trained,
            int(fold.metrics["rows"]),
            *(fold.metrics[name] for name in figures),
        )
        for fold in report.folds
    ]
    tested = int(report.out_of_sample["rows"])
    lines.append(("all", "", "", report.rows, tested, *(report.out_of_sample[name] for name in figures)))
    terminal.show_table(
        f"{report.name} version {report.version} ({report.alias}), out of sample",
        ("fold", "trained until", "tested from", "rows", "tested", *figures),
        lines,
    )
    for warning in report.warnings:
        terminal.err.print(f"warning: {warning}", markup=False)
    terminal.out.print(f"{report.rows} rows of {report.columns} features in {report.seconds:.1f} s", markup=False)
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
        ("name", "version", "aliases", "created", "oos auc", "oos logloss", "of the base rate", "digest"),
        [
            (
                version.name,
                version.version,
                ", ".join(version.aliases),
                _minute(version.created_ns),
                version.tags.get("oos_auc", ""),
                version.tags.get("oos_logloss", ""),
                version.tags.get("oos_logloss_base", ""),
                version.tags.get("schedule_digest", "")[:12],
            )
            for version in found
        ],
    )


def _minute(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M")
