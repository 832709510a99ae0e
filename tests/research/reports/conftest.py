"""Run folders of a made-up strategy, rich and degenerate."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_run import write_run

from research.reports.report import write_report
from research.reports.schema import Summary


@pytest.fixture(scope="session")
def rich_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "rich"
    write_report(folder, write_run(folder))
    return folder


DEGENERATE = {
    "no_trades": {"trades": 0, "refused": 0, "hours": 24 * 40},
    "all_refused": {"trades": 0, "refused": 60, "hours": 24 * 40},
    "liquidated": {"trades": 20, "liquidate": True, "hours": 24 * 60},
    "single_day": {"trades": 4, "hours": 24},
    "two_bars": {"trades": 0, "hours": 2},
}


@pytest.fixture(params=sorted(DEGENERATE))
def degenerate_run(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, Summary]:
    folder = tmp_path / request.param
    summary = write_report(folder, write_run(folder, **DEGENERATE[request.param]))
    return request.param, folder, summary
