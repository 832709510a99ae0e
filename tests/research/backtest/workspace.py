"""The command line in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from typer.testing import CliRunner, Result

import bot4

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


class Workspace:
    """A folder for catalog, runs and models, and the command line that works in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.runner = CliRunner()

    def call(self, *arguments: str | Path) -> Result:
        """Run one command in this process."""
        before = os.environ.get("BOT4_HOME")
        os.environ["BOT4_HOME"] = str(self.home)
        try:
            return self.runner.invoke(bot4.app, [str(argument) for argument in arguments])
        finally:
            if before is None:
                del os.environ["BOT4_HOME"]
            else:
                os.environ["BOT4_HOME"] = before

    def json(self, *arguments: str | Path) -> Any:
        """Run one command with --json and return its object; it must end well."""
        result = self.call(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return msgspec.json.decode(result.stdout)

    def config(self, name: str, text: str) -> Path:
        """Write a TOML file."""
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        return path
