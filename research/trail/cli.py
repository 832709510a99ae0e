"""`bot4 audit`: check the chain, read it, and tell the story of one order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

import settings
import terminal
from errors import QualityError
from terminal import JsonFlag

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Check the audit log, read it, and follow one order from signal to fill.",
)

Where = Annotated[str, typer.Argument(help="A run, the beginning of its name, `latest`, a node's name, or a folder.")]
FromRun = Annotated[str, typer.Option("--in", help="A run, `latest`, a node's name, or a folder.")]


@app.command()
@terminal.guarded
def verify(name: Where = "latest", json_: JsonFlag = False) -> None:
    """
    Recompute every hash of the audit log, and hold it against the published heads and the decision log.

    Ends with 5 where a record was changed, dropped, swapped, inserted or cut off, and names the first such record.
    """
    from research.trail.folder import find
    from research.trail.verify import verify_folder

    folder = find(settings.home(), name)
    finding = verify_folder(folder)
    if json_:
        terminal.emit(finding)
    else:
        line = f"{finding.records} records, {finding.heads} published heads, {finding.decisions} decisions"
        terminal.out.print(f"{folder.audit_path}: {line}", markup=False)
        for note in finding.notes:
            terminal.out.print(f"note: {note}", markup=False)
    if finding.problem is not None:
        raise QualityError(f"{finding.where}, record {finding.line}: {finding.problem}")
    if not json_:
        terminal.out.print("the chain holds", markup=False)


@app.command()
@terminal.guarded
def show(
    name: Where = "latest",
    kind: Annotated[str, typer.Option(help="Only records of this kind, such as MODE or FILL.")] = "",
    last: Annotated[int, typer.Option(min=1, help="At most this many, the latest.")] = 50,
    json_: JsonFlag = False,
) -> None:
    """Show the latest records of the audit log."""
    from collections import deque

    from research.trail.folder import find

    wanted = kind.upper()
    found = deque((r for r in find(settings.home(), name).audit() if wanted in ("", r.kind)), maxlen=last)
    if json_:
        terminal.emit({"records": list(found)})
        return
    terminal.show_table(
        "Audit log",
        ("record", "time", "kind", "what"),
        [(r.seq, _time(r.ts), r.kind, ", ".join(f"{key}={value}" for key, value in r.data.items())) for r in found],
    )


@app.command()
@terminal.guarded
def explain(
    order: Annotated[str, typer.Argument(help="A client order id, such as O-20180702-193000-001-000-1.")],
    run: FromRun = "latest",
    json_: JsonFlag = False,
) -> None:
    """Tell the story of one order: market, signal, gate, approval, fills, end."""
    from research.trail.explain import explain as story_of
    from research.trail.folder import find

    story = story_of(find(settings.home(), run), order)
    if json_:
        terminal.emit(story)
        return
    belongs = [f"child of {story.parent}"] if story.parent else []
    belongs += [f"with {', '.join(story.children)}"] if story.children else []
    terminal.show_table(
        f"{order} in {story.run}" + (f" ({'; '.join(belongs)})" if belongs else ""),
        ("time", "stage", "what"),
        [(_time(step.ts_ns), step.stage, step.text) for step in story.steps],
    )


def _time(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
