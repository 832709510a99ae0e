"""`bot4 report`: compare what two runs did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

import settings
import terminal
from errors import QualityError
from terminal import JsonFlag

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Reports on finished runs.")

Run = Annotated[str, typer.Argument(help="A run, the beginning of its name, a node's name, or a folder.")]


@app.callback()
def _group() -> None:
    """Keep `drift` a verb of its own while it is the only one."""


@app.command()
@terminal.guarded
def drift(first: Run, other: Run, json_: JsonFlag = False) -> None:
    """
    Name the first difference between two runs, such as a paper session and its replay, and its kind.

    Ends with 5 where they differ.
    """
    from research.trail.drift import drift as compare
    from research.trail.folder import find

    found = compare(find(settings.home(), first), find(settings.home(), other))
    if json_:
        terminal.emit(found)
    else:
        for label, (ours, theirs) in (("decisions", found.decisions), ("fills", found.fills)):
            terminal.out.print(f"{label}: {ours} and {theirs}", markup=False)
        if found.same_data is not None:
            terminal.out.print(f"data: {'the same' if found.same_data else 'NOT the same'}", markup=False)
    if found.difference is None:
        if not json_:
            terminal.out.print("no difference", markup=False)
        return
    what = found.difference
    when = datetime.fromtimestamp(what.ts_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if not json_:
        terminal.out.print(f"first difference: {what.kind} at {when}, {what.where}", markup=False)
        terminal.out.print(f"  {found.first}: {what.first}", markup=False)
        terminal.out.print(f"  {found.other}: {what.other}", markup=False)
    raise QualityError(f"the runs part at {what.where}: {what.kind}")
