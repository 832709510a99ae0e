"""The verbs of `bot4 node`: run a paper node, and ask one how it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import settings
from errors import PreconditionError
from terminal import JsonFlag, emit, guarded, out, progress, show_table

app = typer.Typer(no_args_is_help=True, add_completion=False)

Duration = Annotated[float | None, typer.Option("--duration-s", min=0.1, help="Stop after so many seconds.")]
ConfigFile = Annotated[Path, typer.Argument(help="The node's TOML file.")]
NodeName = Annotated[str, typer.Argument(help="The node's name, or its folder.")]


@app.callback()
def node() -> None:
    """Paper nodes: run one, and see how it is."""


@app.command()
@guarded
def run(
    config: ConfigFile,
    duration_s: Duration = None,
    confirm: Annotated[
        bool, typer.Option("--confirm-full-auto", help="Let the node go on in FullAuto where it was left in it.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Run one session of a paper node; Ctrl-C ends it, saved, and the next run goes on from there."""
    with progress("loading"):
        from live.node_config import folder_of, load
        from live.paper_node import run_node

        checked = load(config)
    folder = folder_of(checked.node)
    with progress(f"node {checked.node.name} runs until its feed is over; Ctrl-C saves and ends it"):
        report = run_node(
            checked,
            catalog_root=settings.home() / "catalog",
            where=str(config),
            confirmed=confirm,
            duration_s=duration_s,
        )
    if json_:
        emit(report)
        return
    for line in report.said:
        out.print(line)
    show_table(
        f"session {report.session.name} of {checked.node.name}: {report.ended}",
        ("", ""),
        [
            ("inputs", report.inputs),
            ("decisions", report.decisions),
            ("fills", report.fills),
            ("cash", f"{report.account.cash} {report.account.currency}"),
            ("open positions", len(report.account.positions)),
            ("orders cancelled by the end", len(report.account.working)),
            ("mode", report.account.mode.value),
            ("decision hash", report.decision_hash),
            ("processing per input", f"{report.us_per_input:.0f} us, slowest {report.slowest_ms:.1f} ms"),
            ("feed late by at most", f"{report.feed_late_ms:.1f} ms"),
        ],
    )
    out.print(f"recorded in {report.session}")
    out.print(f"to go on from this account: bot4 node run {config}; to begin anew, move {folder} away")


@app.command()
@guarded
def status(name: NodeName, json_: JsonFlag = False) -> None:
    """Ask a running node how it is; of one that does not run, show the account it left."""
    from live.control_socket import query

    folder = node_folder(name)
    try:
        state: dict[str, Any] = query(folder, "status") | {"running": True}
    except PreconditionError:
        state = _left(folder)
    if json_:
        emit(state)
        return
    account = state["account"]
    rows: list[tuple[str, object]] = [
        ("running", "yes" if state["running"] else "no"),
        ("mode", account["mode"]),
        ("cash", f"{account['cash']} {account['currency']}"),
    ]
    if state["running"]:
        shown = state["feed"]
        rows += [
            ("equity", state["equity"]),
            ("waiting for approval", len(state["waiting"])),
            ("decisions", state["decisions"]),
            ("fills", state["fills"]),
            ("feed", f"{shown['shown']} of {shown['total']}"),
            ("decision hash", state["decision_hash"]),
        ]
    show_table(f"node {folder.name}", ("", ""), rows)
    if account["positions"]:
        columns = ("instrument", "strategy", "quantity", "entry price")
        held = [
            (each["instrument"], each["strategy"], each["quantity"], each["entry_price"])
            for each in account["positions"]
        ]
        show_table("positions", columns, held)
    for request in state.get("waiting", ()):
        out.print(f"waits for approval: {request['key']}")


def node_folder(name: str) -> Path:
    """Return the folder of a node given by name or by folder; raise `PreconditionError` where there is none."""
    for folder in (settings.home() / "nodes" / name, Path(name)):
        if (folder / "sessions").is_dir():
            return folder
    raise PreconditionError(f"no node {name!r} in {settings.home() / 'nodes'}, and no node's folder of that path")


def _left(folder: Path) -> dict[str, Any]:
    import msgspec

    from live.account_file import read

    account = read(folder)
    if account is None:
        raise PreconditionError(f"the node in {folder} is not running and has left no account")
    return {"running": False, "account": msgspec.to_builtins(account)}
