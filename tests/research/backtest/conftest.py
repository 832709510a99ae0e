"""A workspace with BTC and ETH perpetuals, made once by the command line, and a model trained on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from workspace import CONFIGS, Workspace

SYMBOLS = ("BTCUSDT", "ETHUSDT")


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
