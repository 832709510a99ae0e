"""What ``docs/patterns.md`` says the detectors find in pure noise is what they find."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.patterns.detection import bound, turning_rows
from strategies.features.patterns.elliott import COUNTS
from strategies.features.patterns.elliott_detector import ElliottConfig, ElliottDetector
from strategies.features.patterns.elliott_waves import Wave
from strategies.features.patterns.harmonic_detector import HarmonicDetector
from strategies.features.patterns.harmonic_ratios import Harmonic
from strategies.features.spec import FeatureSpec
from strategies.features.verify import generated_bars

ROWS, SEEDS = 100_000, (1, 2, 3)
PAGE = Path(__file__).resolve().parents[3] / "docs" / "patterns.md"


@cache
def table(heading: str) -> dict[str, list[float]]:
    """Return the numbers of a table of the page, by the first cell of each row."""
    part = PAGE.read_text(encoding="utf-8").partition(heading)[2].partition("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return {row[0]: [float(cell.rstrip(" %")) for cell in row[1:]] for row in rows[2:]}


def agree(stated: float, found: int, of: int) -> bool:
    """Return whether a stated rate lies within four standard deviations of chance, and of its own rounding."""
    rate = 1000 * found / of
    return abs(rate - stated) <= 4000 * max(found, 1) ** 0.5 / of + 0.0051


@cache
def walks() -> list[BarColumns]:
    return [generated_bars(ROWS, seed) for seed in SEEDS]


@cache
def pivots() -> int:
    kernel = bound(COUNTS, ElliottConfig())
    return sum(1 for bars in walks() for _ in turning_rows(kernel, bars))


def test_harmonic_patterns_found_in_random_walks() -> None:
    found = Counter(match.pattern for bars in walks() for match in HarmonicDetector().batch(bars) if match.completed)
    stated = table("### Harmonic patterns in a random walk")

    assert set(stated) == {pattern.name for pattern in Harmonic}
    for pattern in Harmonic:
        assert agree(stated[pattern.name][0], found[pattern], pivots()), (pattern, found[pattern], pivots())


@pytest.mark.parametrize("misfits", [0, 1, 2])
def test_elliott_counts_found_in_random_walks(misfits: int) -> None:
    detector = ElliottDetector(ElliottConfig(misfits=misfits))
    found = Counter(count.wave for bars in walks() for count in detector.batch(bars))
    stated = table("### Elliott counts in a random walk")

    assert set(stated) == {wave.name for wave in Wave}
    for wave in Wave:
        assert agree(stated[wave.name][misfits], found[wave], pivots()), (wave, found[wave], pivots())


def test_the_page_counts_the_pivots() -> None:
    assert f"{pivots():,} pivots" in PAGE.read_text(encoding="utf-8")


def test_how_often_a_pattern_stands_in_random_walks() -> None:
    values = np.concatenate([FeatureSet([FeatureSpec("harmonic"), FeatureSpec("elliott")]).batch(b) for b in walks()])
    names = FeatureSet([FeatureSpec("harmonic"), FeatureSpec("elliott")]).names
    page = PAGE.read_text(encoding="utf-8").replace("\n", " ")
    completed, forming, counted = (
        r"a completed pattern on (\d+) %",
        r"a forming one on (\d+) %",
        r"a count on (\d+) %",
    )
    said = [re.findall(pattern, page)[0] for pattern in (completed, forming, counted)]
    usable = values[20:]
    for percent, column in zip(said, ("pattern", "forming", "wave"), strict=True):
        (place,) = [index for index, name in enumerate(names) if name.endswith("." + column)]
        assert 100 * np.nanmean(usable[:, place] > 0) == pytest.approx(float(percent), abs=1.0), column
