"""What every verb of the command line shares: one JSON object or a table, progress, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from errors import Bot4Error

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]

WIDTH_NOT_TERMINAL = 200

_answered: ContextVar[bool] = ContextVar("answered", default=False)
"""Whether the verb being run has written its JSON object."""

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def guarded[**P](verb: Callable[P, Any]) -> Callable[P, None]:
    """Wrap a verb so that an expected failure prints its reason and ends with its documented exit code."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("json_", False))
        _answered.set(False)
        try:
            verb(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            _fail("interrupted", "KeyboardInterrupt", 1, as_json=as_json)
            raise typer.Exit(1) from None
        except (Bot4Error, OSError) as error:
            code = error.exit_code if isinstance(error, Bot4Error) else 1
            _fail(str(error), type(error).__name__, code, as_json=as_json)
            raise typer.Exit(code) from None
        except Exception as error:
            _fail(str(error), type(error).__name__, 1, as_json=as_json)
            raise  # a fault of the program: where it is must be seen

    return run


def fail_usage(reason: str, exit_code: int) -> None:
    """Write the JSON object of a command that could not even be read; the reason is printed elsewhere."""
    _answered.set(False)
    emit({"error": reason, "kind": "UsageError", "exit_code": exit_code})


def _fail(reason: str, kind: str, exit_code: int, *, as_json: bool) -> None:
    if as_json and not _answered.get():  # a verb that has answered and then fails a gate has said it all but the code
        emit({"error": reason, "kind": kind, "exit_code": exit_code})
    err.print(f"[bold red]error[/]: {_plain(reason)}")


def emit(value: Any) -> None:
    """Write one JSON object to standard output; paths and the like become text."""
    _answered.set(True)
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
