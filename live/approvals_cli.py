"""`bot4 approvals`: what waits for an operator, and the answers."""

from __future__ import annotations

from typing import Annotated

import typer

from live.operators import Id, NodeName, OperatorId, Why, command, question
from terminal import JsonFlag, emit, guarded, out, show_table

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Answer what waits for an operator."
)

Key = Annotated[str, typer.Argument(help="What `bot4 approvals list` shows.")]


@app.command(name="list")
@guarded
def list_waiting(node: NodeName = "", json_: JsonFlag = False) -> None:
    """List what waits, oldest first, with the seconds that are left."""
    folder, where, found = question(node, "approvals")
    if json_:
        emit({"node": folder.name, "where": where} | found)
        return
    columns = ("key", "strategy", "instrument", "side", "quantity", "stop", "mark", "confidence", "seconds left")
    fields = ("key", "strategy", "instrument", "side", "quantity", "stop_price", "mark", "confidence", "left_s")
    rows = [[each[name] for name in fields] for each in found["waiting"]]
    if not rows:
        out.print(f"nothing waits at {folder.name} ({where})", markup=False)
        return
    show_table(f"waiting at {folder.name} ({where})", columns, rows)


@app.command()
@guarded
def approve(
    key: Key,
    quantity: Annotated[
        float | None, typer.Option(min=0.0, help="Approve less than was asked for, base units.")
    ] = None,
    node: NodeName = "",
    operator: OperatorId = "",
    reason: Why = "approved",
    id_: Id = "",
    json_: JsonFlag = False,
) -> None:
    """Say yes, all checks are made again; with --quantity only to that much. Ends with 4 where nothing was sent."""
    verb = "approve" if quantity is None else "amend"
    arguments = {"key": key} if quantity is None else {"key": key, "quantity": quantity}
    command(node, verb, operator, reason, arguments, id_=id_, json_=json_)


@app.command()
@guarded
def reject(
    key: Key, node: NodeName = "", operator: OperatorId = "", reason: Why = "", id_: Id = "", json_: JsonFlag = False
) -> None:
    """Say no."""
    command(node, "reject", operator, reason, {"key": key}, id_=id_, json_=json_)
