"""What every verb of the command line shares: one JSON object or a table, progress, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from errors import Bot4Error

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]

WIDTH_NOT_TERMINAL = 200

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def guarded[**P](verb: Callable[P, Any]) -> Callable[P, None]:
    """Wrap a verb so that an expected failure prints its reason and ends with its documented exit code."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("json_", False))
        try:
            verb(*args, **kwargs)
        except Bot4Error as error:
            if as_json:
                emit({"error": str(error), "kind": type(error).__name__, "exit_code": error.exit_code})
            err.print(f"[bold red]error[/]: {_plain(str(error))}")
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(1) from None

    return run


def emit(value: Any) -> None:
    """Write one JSON object to standard output; paths and the like become text."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for a person; numbers align right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    body = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numeric = bool(body) and all(isinstance(row[index], int | float) for row in body)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=index == 0, overflow="fold")
    for row in body:
        table.add_row(*(_plain(_cell(value)) for value in row))
    if not out.is_terminal:
        out.width = WIDTH_NOT_TERMINAL  # a file or a pipe wraps nothing by itself
    out.print(table)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """
    Show the progress of long work on standard error: a bar on a terminal, plain lines elsewhere.

    Yields a function that advances the bar by so many steps.
    """
    if not err.is_terminal:
        err.print(f"{label} ...")
        yield _no_bar
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    defaults = Progress.get_default_columns()
    unbounded = (SpinnerColumn(), TextColumn("{task.description}"))
    columns = (*(defaults if total else unbounded), TimeElapsedColumn())
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


def _no_bar(steps: int) -> None:  # noqa: ARG001 (stands in for a bar's advance)
    return


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 1000 else f"{value:,.2f}"
    return "" if value is None else str(value)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
