"""Fixtures every test may use."""

from __future__ import annotations

from collections.abc import Callable
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


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return a way to have a line of counts printed at the end of the run."""
    return lambda line: record_property("counted", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts that tests recorded under the property ``counted``; they reach here from every worker."""
    passed = terminalreporter.stats.get("passed", [])
    lines = [str(value) for report in passed for name, value in report.user_properties if name == "counted"]
    if lines:
        terminalreporter.section("counted")
        for line in lines:
            terminalreporter.write_line(line)
