"""`bot4 risk`: figures and limits of a node, its kill switches, and stress tests."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from errors import ConfigError
from live.operators import Id, NodeName, OperatorId, Why, command, node_folder, question
from research.stress.cli import FailOnBreach, Instant, PlotFile, PortfolioFile, RunName, report, stored_portfolio
from terminal import JsonFlag, emit, guarded, out, show_table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Figures, limits, kill switches and stress tests.",
)

LevelName = Annotated[str, typer.Option("--level", help="system, venue, symbol, strategy or position.")]
ScopeName = Annotated[
    str, typer.Option("--name", help="What it covers, such as BTCUSDT-PERP.BINANCE; none for system.")
]

FIGURES = (
    "mode", "equity", "cash", "exposure", "leverage", "margin_available", "drawdown", "daily_loss",
    "value_at_risk", "expected_shortfall", "liquidation_distance_min", "state_failed",
)  # fmt: skip


@app.command()
@guarded
def show(node: NodeName = "", json_: JsonFlag = False) -> None:
    """Show the account's figures, positions, and what is barred from taking new risk."""
    folder, where, found = question(node, "risk")
    if json_:
        emit({"node": folder.name, "where": where} | found)
        return
    show_table(f"{folder.name} ({where})", ("figure", ""), [(name, found.get(name)) for name in FIGURES])
    for title, key, columns in (
        ("positions", "positions", ("instrument", "quantity", "entry_price", "mark", "profit")),
        ("barred", "barriers", ("source", "level", "name", "reason", "probing")),
        ("breakers that are not closed", "breakers", ("level", "name", "state", "cause", "reason")),
        ("kill switches", "kills", ("scope", "stage", "operator", "reason", "cancelled", "closed")),
    ):
        rows: list[dict[str, Any]] = found.get(key) or []
        if rows:
            show_table(title, columns, [[_cell(row[column]) for column in columns] for row in rows])


@app.command()
@guarded
def stress(
    portfolio: PortfolioFile = None,
    run: RunName = None,
    at: Instant = None,
    node: Annotated[str | None, typer.Option("--node", help="What a running node holds now.")] = None,
    plot: PlotFile = None,
    fail_on_breach: FailOnBreach = False,
    json_: JsonFlag = False,
) -> None:
    """
    Say what falls that did happen, shocks and the worst moves would do to a portfolio, and what breaks its limits.

    Nothing is traded and nothing is changed.
    """
    if sum(source is not None for source in (portfolio, run, node)) != 1:
        raise ConfigError("give one of --portfolio FILE, --run NAME and --node NAME")
    if node is None:
        held, name = stored_portfolio(portfolio, run, at)
    else:
        from live.control_socket import query
        from risk.stress_portfolio import StressPortfolio

        folder = node_folder(node)
        held, name = msgspec.convert(query(folder, "portfolio"), StressPortfolio, strict=False), folder.name
    report(held, name, plot=plot, fail_on_breach=fail_on_breach, json_=json_)


@app.command()
@guarded
def limits(
    tighten: Annotated[str, typer.Option(help="Path of a limit, such as leverage.max.")] = "",
    value: Annotated[
        float | None, typer.Option(help="Its new value; left out, what is configured holds again.")
    ] = None,
    node: NodeName = "",
    operator: OperatorId = "",
    reason: Why = "",
    id_: Id = "",
    json_: JsonFlag = False,
) -> None:
    """Show the limits, or tighten one. Nothing configured can be loosened while a node runs."""
    if tighten:
        command(node, "set_limit", operator, reason, {"path": tighten, "value": value}, id_=id_, json_=json_)
        return
    folder, where, found = question(node, "risk")
    known = found["limits"]
    if json_:
        emit({"node": folder.name, "where": where} | known)
        return
    changed = known["tightened"]
    rows = [
        (f"{table}.{key}", figure, changed.get(f"{table}.{key}"))
        for table, keys in known["configured"].items()
        for key, figure in keys.items()
    ]
    show_table(f"limits of {folder.name} ({where})", ("limit", "configured", "tightened to"), rows)


@app.command()
@guarded
def kill(
    level: LevelName = "system",
    name: ScopeName = "",
    keep_positions: Annotated[bool, typer.Option("--keep-positions", help="Cancel, but close nothing.")] = False,
    node: NodeName = "",
    operator: OperatorId = "",
    reason: Why = "",
    id_: Id = "",
    json_: JsonFlag = False,
) -> None:
    """
    Press a kill switch: cancel all orders in its scope, close its positions, and let no new risk in.

    It holds until a person clears it, also over a restart. Pressed again it changes nothing. Of a stopped node the
    stored state is changed, and the next start carries it out.
    """
    arguments: dict[str, Any] = {"level": level, "name": name}
    if keep_positions:
        arguments["flatten"] = "keep"
    command(node, "kill", operator, reason, arguments, id_=id_, json_=json_)
    if not json_:
        out.print("how far it is: bot4 risk show", markup=False)


@app.command()
@guarded
def clear(
    level: LevelName = "system",
    name: ScopeName = "",
    breaker: Annotated[bool, typer.Option("--breaker", help="Close a circuit breaker, not a kill switch.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Although not everything is closed.")] = False,
    node: NodeName = "",
    operator: OperatorId = "",
    reason: Why = "",
    id_: Id = "",
    json_: JsonFlag = False,
) -> None:
    """Take a kill switch back, or close a breaker. Only a risk officer or an admin may. Ends with 4 where refused."""
    arguments: dict[str, Any] = {"level": level, "name": name, "force": force}
    if breaker:
        arguments["what"] = "breaker"
    command(node, "clear", operator, reason, arguments, id_=id_, json_=json_)


def _cell(value: Any) -> object:
    """Return a scope as the words a person would use for it."""
    return f"{value['level']} {value['name']}".rstrip() if isinstance(value, dict) else value
