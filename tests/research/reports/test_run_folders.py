"""Finding, listing and comparing runs: quick, tolerant of broken folders, and exact about differences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_run import write_run

from errors import ConfigError, PreconditionError
from research.reports import compare, runs
from research.reports.report import ReportConfig, write_report

QUICK = ReportConfig(random_seeds=2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three runs on the same data, a repetition of one, and one on other data."""
    folder = tmp_path_factory.mktemp("runs")
    for name, seed, refused in (("a-1", 1, 10), ("a-2", 1, 20), ("a-2-again", 1, 20), ("b-1", 2, 10)):
        write_report(
            folder / name, write_run(folder / name, seed=seed, refused=refused, hours=240, trades=10), config=QUICK
        )
    return folder


def test_runs_are_listed_in_name_order_and_broken_ones_with_their_reason(root: Path, tmp_path: Path) -> None:
    summaries, broken = runs.list_runs(root)
    assert [one.run_id for one in summaries] == ["a-1", "a-2", "a-2-again", "b-1"]
    assert broken == []

    (tmp_path / "empty").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "summary.json").write_text('{"run_id": "torn", "sharpe"')
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "summary.json").write_text('{"run_id": "half"}')
    (tmp_path / ".hidden").mkdir()
    summaries, broken = runs.list_runs(tmp_path)
    assert summaries == []
    assert [one.run_id for one in broken] == ["empty", "half", "torn"]
    assert "missing" in broken[0].reason
    assert all("corrupt" in one.reason for one in broken[1:])
    assert runs.list_runs(tmp_path / "nowhere") == ([], [])


def test_run_is_found_by_name_beginning_or_as_the_latest(root: Path) -> None:
    assert runs.find_run(root, "a-2").name == "a-2"
    assert runs.find_run(root, "b").name == "b-1"
    assert runs.find_run(root, "latest").name == "b-1"
    with pytest.raises(PreconditionError, match="ambiguous: a-1, a-2, a-2-again"):
        runs.find_run(root, "a")
    with pytest.raises(PreconditionError, match="no run 'zz'"):
        runs.find_run(root, "zz")
    with pytest.raises(PreconditionError, match="no runs under"):
        runs.find_run(root / "nothing", "latest")


def test_trials_are_distinct_results_on_the_same_data(root: Path) -> None:
    judged = runs.read_summary(root / "a-1")
    found = runs.earlier_trials(
        root, strategy="fused", data_fingerprint=judged.data_fingerprint, decision_hash=judged.decision_hash
    )
    # a-2 and its repetition are one trial, b-1 read other data, a-1 is the run itself
    assert len(found) == 1
    assert found[0].decision_hash == runs.read_summary(root / "a-2").decision_hash
    assert runs.trial_sharpes([runs.Trial("x", "y", 19.1049731745428)]) == [pytest.approx(1.0)]
    assert runs.earlier_trials(root, strategy="other", data_fingerprint=judged.data_fingerprint, decision_hash="") == []


def test_complete_folder_lacks_nothing(root: Path) -> None:
    assert runs.missing_files(root / "a-1") == []
    assert "summary.json" in runs.missing_files(root)


def test_listing_needs_no_heavy_package() -> None:
    code = (
        "import sys, research.reports.runs, research.reports.compare; "
        "print([name for name in ('numpy', 'pandas', 'pyarrow', 'numba', 'nautilus_trader') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_equal_runs_have_no_differing_decision(root: Path) -> None:
    same = compare.compare_runs([root / "a-2", root / "a-2-again"])
    assert same.same_data
    assert same.same_decisions
    assert same.config == same.decisions == ()
    assert same.figures["fees"][0] == same.figures["fees"][1]


def test_first_differing_decision_is_found(root: Path, tmp_path: Path) -> None:
    result = compare.compare_runs([root / "a-1", root / "a-2", root / "b-1"])
    assert result.run_ids == ("a-1", "a-2", "b-1")
    assert not result.same_data
    assert not result.same_decisions
    assert [one.run_id for one in result.decisions] == ["a-2", "b-1"]
    ours = (root / "a-1" / "decisions.jsonl").read_text().splitlines()
    theirs = (root / "a-2" / "decisions.jsonl").read_text().splitlines()
    expected = next(index for index, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1])
    assert result.decisions[0].seq == json.loads(ours[expected])["seq"] == expected
    assert (result.decisions[0].first, result.decisions[0].other) == (ours[expected], theirs[expected])
    assert result.rejections["POSITION_LIMIT_EXCEEDED"][1] > result.rejections["POSITION_LIMIT_EXCEEDED"][0]


def test_log_that_only_ends_earlier_differs_where_it_ends(root: Path, tmp_path: Path) -> None:
    (tmp_path / "short").mkdir()
    lines = (root / "a-1" / "decisions.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "short" / "decisions.jsonl").write_text("".join(lines[:7]))
    difference = compare.first_difference(root / "a-1", tmp_path / "short")
    assert difference is not None
    assert (difference.seq, difference.first, difference.other) == (7, lines[7].rstrip("\n"), None)


def test_config_differences_are_dotted_keys() -> None:
    first = {"mode": "MANUAL", "limits": {"risk": 0.02, "same": 1}, "list": [{"name": "ema"}, 2]}
    second = {"mode": "FULL_AUTO", "limits": {"risk": 0.02, "same": 1, "extra": True}, "list": [{"name": "sma"}, 2]}
    rows = compare.config_differences([first, second])
    assert [(row.key, row.values) for row in rows] == [
        ("limits.extra", (None, "True")),
        ("list.0.name", ("ema", "sma")),
        ("mode", ("MANUAL", "FULL_AUTO")),
    ]


def test_too_few_runs_and_broken_runs_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least two"):
        compare.compare_runs([root / "a-1"])
    with pytest.raises(ConfigError, match="itself"):
        compare.compare_runs([root / "a-1", root / "a-1"])
    with pytest.raises(PreconditionError, match="run nothing"):
        compare.compare_runs([root / "a-1", tmp_path / "nothing"])
