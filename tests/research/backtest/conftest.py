"""A workspace with BTC and ETH perpetuals, made once by the command line, and a model trained on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

import bot4

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
SYMBOLS = ("BTCUSDT", "ETHUSDT")


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


@pytest.fixture(scope="session")
def usdm(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace with five years of BTC and ETH perpetuals, funding and marks, and the trained model."""
    space = Workspace(tmp_path_factory.mktemp("usdm"))
    for symbol in SYMBOLS:
        for kind, folder in (("bars", "ohlcv/binance_usdm_perp_1h"), ("mark", "mark/binance_usdm_perp_1h")):
            source = shared_data / folder / f"{symbol}.parquet"
            space.json("data", "ingest", source, "--instrument", f"{symbol}-PERP.BINANCE", "--data", kind)
        source = shared_data / "funding" / "binance_usdm" / f"{symbol}.parquet"
        space.json("data", "ingest", source, "--instrument", f"{symbol}-PERP.BINANCE", "--data", "funding")
    space.json("model", "train", CONFIGS / "train-usdm-1h.toml")
    return space
