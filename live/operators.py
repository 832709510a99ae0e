"""Send an operator's command to a running node, or carry it out on the state that a stopped one left."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from errors import ApprovalError, ConfigError, PreconditionError
from terminal import emit, out

NodeName = Annotated[
    str, typer.Option("--node", help="The node's name, or its folder; may be left out if there is one.")
]
OperatorId = Annotated[
    str, typer.Option("--operator", envvar="BOT4_OPERATOR", help="Who asks: an id of [control.people.roles].")
]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")]
Id = Annotated[str, typer.Option("--id", help="Name of the command: a second one of the same name does nothing.")]

REFUSED = "REFUSED"


def node_folder(name: str) -> Path:
    """
    Return a node's folder.

    Parameters
    ----------
    name : str
        The node's name or its folder; empty where there is only one.

    Raises
    ------
    PreconditionError
        If there is none, or more than one and none is named.

    """
    import settings

    root = settings.home() / "nodes"
    if name:
        for folder in (root / name, Path(name)):
            if (folder / "sessions").is_dir():
                return folder
        raise PreconditionError(f"no node {name!r} in {root}, and no node's folder of that path")
    folders = sorted(path for path in root.glob("*") if (path / "sessions").is_dir())
    if len(folders) != 1:
        known = ", ".join(path.name for path in folders) or "none"
        raise PreconditionError(f"name a node with --node; there are in {root}: {known}")
    return folders[0]


def command(
    node: str, verb: str, operator: str, reason: str, arguments: dict[str, Any], *, id_: str = "", json_: bool = False
) -> None:
    """
    Carry out a command and print what became of it.

    Raises
    ------
    ConfigError
        If operator or reason is missing.
    ApprovalError
        If it was refused.

    """
    from live.control_socket import ask as ask_node
    from risk.ask import Ask, Verb

    if not operator.strip():
        raise ConfigError("who asks must be given with --operator or BOT4_OPERATOR")
    if not reason.strip():
        raise ConfigError("why must be given with --reason: it stands in the audit log")
    folder = node_folder(node)
    asked = Ask(
        id=id_ or f"cli-{os.getpid()}-{uuid.uuid4().hex[:12]}",
        verb=Verb(verb),
        operator=operator,
        role="",
        reason=reason,
        arguments=arguments,
    )
    try:
        answer = ask_node(folder, asked)
        where = "running"
    except PreconditionError:
        from live.stored_state import carry_out  # heavy: a kill of a running node shall not wait for it

        answer = carry_out(folder, asked)
        where = "stored state"
    if json_:
        emit({"node": folder.name, "where": where, "command": asked.id, "answer": answer})
    if answer.startswith(REFUSED):
        raise ApprovalError(f"{folder.name} ({where}): {answer}")
    if not json_:
        out.print(f"{folder.name} ({where}): {answer}", markup=False)


def question(node: str, name: str) -> tuple[Path, str, dict[str, Any]]:
    """Ask a running node, or look at what a stopped one left; return its folder, which of the two, and the answer."""
    from live.control_socket import query

    folder = node_folder(node)
    try:
        return folder, "running", query(folder, name)
    except PreconditionError:
        from live.stored_state import look  # heavy, as above

        return folder, "stored state", look(folder, name)
