"""Machine code is kept on disk, found again by the next process, and never used when anything it is made of changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from strategies.features import program
from strategies.features.code_digest import code_digest
from strategies.features.registry import features

REPO = Path(__file__).resolve().parents[3]

RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from strategies.features import compiling
from strategies.features.featureset import FeatureSet
from strategies.features.registry import features
from strategies.features.spec import FeatureSpec
stream = FeatureSet([FeatureSpec("ema", {"window": 1})]).stream()
value = stream.step(0, 10.0, 10.0, 10.0, 10.0, 1.0)[0]
print(value, compiling._compiled(features()["ema"].kernel)._cache_hits)
"""


def run(sources: Path) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", RUN, str(sources)],
        cwd=sources,
        env={"PATH": os.environ["PATH"], "HOME": str(sources)},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the packages, without any cache, that a test may edit."""
    folder = tmp_path / "sources"
    ignored = shutil.ignore_patterns("__pycache__", "cli.py")
    for package in ("strategies", "catalog"):
        shutil.copytree(REPO / package, folder / package, ignore=ignored)
    shutil.copy(REPO / "errors.py", folder)
    return folder


def test_the_next_process_finds_the_code_unless_a_building_block_was_edited(sources: Path) -> None:
    block = sources / "strategies" / "features" / "smoothing.py"
    assert run(sources) == ["10.0", "0"]
    assert list((sources / "strategies" / "features" / "__pycache__").glob("averages._ema-*.nbc"))

    block.write_text(block.read_text() + "\n# a remark is no change\n")
    assert run(sources) == ["10.0", "1"]

    text = block.read_text()
    edited = text.replace("return state[at + 1] if count == window else NAN", "return 7.0")
    assert edited != text
    block.write_text(edited)
    assert run(sources) == ["7.0", "0"]


def test_it_works_where_no_folder_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    from strategies.features import compiling

    # as on a read-only file system: no locator finds a folder it may write to
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])

    assert compiling._store(features()["ema"].kernel) is None
    assert compiling._compiled.__wrapped__(features()["ema"].kernel).address > 0


def test_every_kernel_and_driver_has_a_digest_of_its_own() -> None:
    digests = [code_digest(feature.kernel) for feature in features().values()]
    digests += [code_digest(program._step), code_digest(program._run)]

    assert len(set(digests)) == len(digests)


FACTOR = 2.0
TABLE = [1.0, 2.0]


def _uses_factor(value: float) -> float:
    return value * FACTOR


def _uses_a_function(value: float) -> float:
    return _uses_factor(value)


def _uses_a_table(value: float) -> float:
    return value * TABLE[0]


def test_the_digest_follows_functions_and_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_digest(_uses_a_function)
    assert code_digest(_uses_a_function) == before

    monkeypatch.setitem(globals(), "FACTOR", 3.0)

    assert code_digest(_uses_a_function) != before


def test_a_kernel_may_not_hold_what_can_change_behind_its_back() -> None:
    with pytest.raises(TypeError, match="refers to TABLE, a list, which it must not hold"):
        code_digest(_uses_a_table)
