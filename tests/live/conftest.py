"""The embedded sample in a catalog, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.sample.ingest import ingest_sample


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home folder whose catalog holds the sample's BTC bars."""
    home = tmp_path_factory.mktemp("home")
    ingest_sample(home / "catalog", ("BTCUSD",))
    return home
