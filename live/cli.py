"""The verbs of `bot4 node`: run a paper node, ask one how it is, send it an order, and replay what it recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import settings
from errors import PreconditionError, QualityError
from live.operators import Id, NodeName, OperatorId, Why, command, node_folder
from terminal import JsonFlag, emit, guarded, out, progress, show_table

app = typer.Typer(no_args_is_help=True, add_completion=False)

Duration = Annotated[float | None, typer.Option("--duration-s", min=0.1, help="Stop after so many seconds.")]
ConfigFile = Annotated[Path, typer.Argument(help="The node's TOML file.")]
NodeArgument = Annotated[str, typer.Argument(help="The node's name, or its folder.")]


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
def status(name: NodeArgument, json_: JsonFlag = False) -> None:
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


@app.command()
@guarded
def order(
    instrument: Annotated[str, typer.Argument(help="Such as BTCUSDT-PERP.BINANCE.")],
    side: Annotated[str, typer.Argument(help="buy or sell.")],
    quantity: Annotated[str, typer.Argument(help="Base units, on the venue's lot.")],
    price: Annotated[str | None, typer.Option(help="Limit; left out, a market order.")] = None,
    stop_price: Annotated[str | None, typer.Option("--stop", help="Trigger of a protective stop sent with it.")] = None,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Only close what is open.")] = False,
    node: NodeName = "",
    operator: OperatorId = "",
    reason: Why = "",
    id_: Id = "",
    json_: JsonFlag = False,
) -> None:
    """Send an order by hand; every check is made. Ends with 4 where it is refused."""
    arguments = {"instrument": instrument, "side": side.upper(), "quantity": quantity, "reduce_only": reduce_only}
    arguments |= {"price": price, "stop_price": stop_price}
    command(node, "order", operator, reason, arguments, id_=id_, json_=json_)


@app.command()
@guarded
def replay(
    name: NodeArgument,
    session: Annotated[str, typer.Option(help="A session's number; the latest if left out.")] = "",
    to: Annotated[Path | None, typer.Option(help="Folder for the replay's logs, new.")] = None,
    json_: JsonFlag = False,
) -> None:
    """
    Play a recorded session through the backtest engine, and say whether it decides the same. Ends with 5 where not.

    What differs first says `bot4 report drift SESSION REPLAY`.
    """
    with progress("replaying"):
        from live.node_folder import sessions
        from research.backtest.replay_recording import replay as play
        from research.recording.recording import Recording

        known = sessions(node_folder(name))
        found = [path for path in known if not session or int(path.name) == int(session)]
        if not found:
            raise PreconditionError(f"{name} has no session {session or 'yet'}")
        if to is not None:
            to.mkdir(parents=True)
        replayed = play(Recording(found[-1]), to)
    if json_:
        emit({"session": str(found[-1]), "same": replayed.same, "replay": replayed})
    else:
        said = {True: "the same decisions", False: "OTHER decisions", None: "the session left no hash to compare with"}
        out.print(f"{found[-1].name}: {replayed.inputs} inputs, {replayed.decisions} decisions, {replayed.fills} fills")
        out.print(f"{said[replayed.same]}: {replayed.decision_hash}")
    if replayed.same is False:
        raise QualityError(f"the replay of {found[-1]} decides otherwise than the session did")


def _left(folder: Path) -> dict[str, Any]:
    import msgspec

    from live.account_file import read

    account = read(folder)
    if account is None:
        raise PreconditionError(f"the node in {folder} is not running and has left no account")
    return {"running": False, "account": msgspec.to_builtins(account)}
