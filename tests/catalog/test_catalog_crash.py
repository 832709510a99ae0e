"""A process killed in mid-ingest leaves a catalog that reads as before or after, and that the next ingest completes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from catalog_world import ETH, FOREVER, hours, parquet, request, tree

from catalog.check import check
from catalog.ingest import Status, ingest
from catalog.store.commit import writing
from catalog.store.layout import Layout
from catalog.store.parquet import Catalog
from errors import PreconditionError

REPO = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("stored_before", [0, 30])
def test_a_kill_at_any_step_leaves_all_or_nothing(tmp_path: Path, stored_before: int) -> None:
    whole = parquet(tmp_path, hours(48), "whole.parquet")
    if stored_before:
        ingest(tmp_path / "before", request(parquet(tmp_path, hours(stored_before), "part.parquet")))
        ingest(tmp_path / "after", request(tmp_path / "part.parquet"))
    ingest(tmp_path / "after", request(whole))
    after = tree(tmp_path / "after")

    run = subprocess.run(
        [sys.executable, str(REPO / "tests" / "catalog" / "crash_driver.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(REPO), str(REPO / "tests" / "catalog")))},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert run.returncode == 0, run.stderr
    killed = sorted(tmp_path.glob("killed-*"))
    assert len(killed) > 15
    seen: set[int] = set()
    for root in killed:
        catalog = Catalog(root)
        rows = len(catalog.bars(ETH.instrument_id, "1-HOUR", *FOREVER)) if catalog.datasets() else 0
        assert rows in {stored_before, 48}
        seen.add(rows)
        again = ingest(root, request(whole))
        assert again.status in {Status.STORED, Status.EXTENDED, Status.UNCHANGED}
        assert tree(root) == after
        assert all(each.passed for each in check(root))
    assert seen == {stored_before, 48}


def test_only_one_process_writes_at_a_time(tmp_path: Path) -> None:
    path = parquet(tmp_path, hours(48))
    failures: list[BaseException] = []

    def second() -> None:
        try:
            ingest(tmp_path / "c", request(path))
        except PreconditionError as error:
            failures.append(error)

    with writing(Layout(tmp_path / "c")):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    assert "another process is writing" in str(failures[0])
    assert ingest(tmp_path / "c", request(path)).status is Status.STORED
