"""The `bot4` command: mounts the verbs of each package, and imports a group only when it is called."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import terminal

VERSION = "0.1.0"

GROUPS: dict[str, tuple[str, str]] = {
    "demo": ("live.demo", "Run the main job on the embedded real sample: no server, no key, no network."),
    "doctor": ("live.doctor", "Say what this machine is ready for: backtest, paper, live."),
    "data": ("catalog.cli", "Bring market data in, list it, check it."),
    "features": ("strategies.cli", "List, compute and verify features."),
    "model": ("research.training.cli", "Train models and list them."),
    "backtest": ("research.backtest.cli", "Run backtests, list, show and compare them."),
    "node": ("live.cli", "Run a paper node, and ask one how it is."),
    "mode": ("live.mode_cli", "Show and change a node's control mode."),
    "approvals": ("live.approvals_cli", "Answer what waits for an operator."),
    "risk": ("live.risk_cli", "Figures, limits, kill switches and stress tests."),
    "audit": ("research.trail.cli", "Check the audit log, read it, and follow one order from signal to fill."),
    "report": ("research.reports.cli", "Name the first difference between two runs."),
}
"""Name of a group or verb, the module that holds its typer `app`, and the line that `--help` shows."""


JSON_ASKED = "bot4.json"
"""Key under which the command's context keeps whether ``--json`` is among its arguments."""


class LazyGroup(TyperGroup):
    """Show every group's line at once, but import its module only when the group is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (the signature is click's)
        """Return the groups in the order a new user meets them."""
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 (the signature is click's)
        """Import a group's module and return its command; None for an unknown name."""
        if cmd_name not in GROUPS:
            return None
        command = typer.main.get_command(importlib.import_module(GROUPS[cmd_name][0]).app)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; a wrong use of it is answered in JSON too where that was asked for."""
        try:
            return super().invoke(ctx)
        except TyperException as error:
            if ctx.meta.get(JSON_ASKED):
                terminal.fail_usage(error.format_message(), error.exit_code)
            raise

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note whether the answer is to be JSON, before anything can go wrong."""
        ctx.meta[JSON_ASKED] = "--json" in args
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (the signature is click's)
        """Write the groups' lines without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in GROUPS.items()])


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Bot4: a backtest-first crypto trading platform on NautilusTrader's engine.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bot4 {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; it ends the process with the documented exit code."""
    app(prog_name="bot4")


if __name__ == "__main__":
    main()
