"""`bot4 mode`: show and change the control mode of a node."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from live.operators import Id, NodeName, OperatorId, Why, command, question
from terminal import JsonFlag, emit, guarded, out, show_table

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Show and change a node's control mode."
)

Target = Annotated[str, typer.Argument(help="Manual, SemiAuto, FullAuto or Emergency.")]


@app.command()
@guarded
def show(node: NodeName = "", json_: JsonFlag = False) -> None:
    """Show the mode, what it may do, what waits, and the way out of an Emergency."""
    folder, where, found = question(node, "mode")
    if json_:
        emit({"node": folder.name, "where": where} | found)
        return
    out.print(f"{folder.name} ({where}): {found['mode']}", markup=False)
    if powers := found.get("powers"):
        show_table("may", ("power", ""), [(name, value) for name, value in powers.items()])
    if pending := found.get("pending"):
        line = f"waits for approval until {_time(pending['expires_ns'])}: {pending['target']}, asked by"
        out.print(f"{line} {pending['operator']}: bot4 approvals approve {pending['key']}", markup=False)
    if found.get("recovery"):
        steps = [(step["guard"], _time(step["met_ns"])) for step in found["recovery"]["steps"]]
        show_table("way out of the Emergency", ("must hold", "since"), steps)
    if closing := found.get("closing"):
        show_table("closing", ("", ""), list(closing.items()))


@app.command(name="set")
@guarded
def set_mode(
    target: Target,
    node: NodeName = "",
    operator: OperatorId = "",
    reason: Why = "",
    id_: Id = "",
    json_: JsonFlag = False,
) -> None:
    """
    Ask for a mode. Emergency begins at once; going up needs what docs/modes.md says.

    Of a stopped node the stored mode is changed, and only to a more restrictive one. Ends with 4 where refused.
    """
    command(node, "set_mode", operator, reason, {"mode": target}, id_=id_, json_=json_)


@app.command()
@guarded
def history(node: NodeName = "", json_: JsonFlag = False) -> None:
    """Show the changes of mode, oldest first."""
    folder, where, found = question(node, "mode")
    changes: list[dict[str, Any]] = found["history"]
    if json_:
        emit({"node": folder.name, "where": where, "history": changes})
        return
    rows = [
        (_time(each["ts_ns"]), each["before"], each["after"], each["operator"], each["trigger"], each["reason"])
        for each in changes
    ]
    show_table(f"modes of {folder.name} ({where})", ("time", "from", "to", "who", "trigger", "why"), rows)


def _time(ts_ns: int | None) -> str:
    return "" if ts_ns is None else datetime.fromtimestamp(ts_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
