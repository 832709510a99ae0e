"""Fixtures every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real market data and published values beside the checkout, or skip saying so."""
    folder = REPO.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs ../shared/data (real market data and published values), which is not part of the repository")
    return folder


@pytest.fixture(scope="session")
def shared_data(shared: Path) -> Path:
    """Return the folder `data` of the shared material."""
    return shared / "data"
