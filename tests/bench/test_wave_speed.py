"""How long harmonic patterns and Elliott waves take a bar, compiled: on an ordinary series, and on the worst one."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest

from catalog.model import BarColumns
from strategies.features.featureset import FeatureSet
from strategies.features.patterns.detection import bound, turning_rows
from strategies.features.patterns.elliott import COUNTS
from strategies.features.patterns.elliott_detector import ElliottConfig
from strategies.features.spec import FeatureSpec
from strategies.features.verify import generated_bars

pytestmark = pytest.mark.bench

ROWS = 50_000
LIMIT_NS = {"harmonic": 3_000, "elliott": 5_000}


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print although pytest captures."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text)

    return line


def every_bar_a_pivot() -> BarColumns:
    """Return a series whose every bar confirms a pivot, with legs of all ratios: each bar searches the tables."""
    rng = np.random.default_rng(1)
    closes = 100.0 + (np.arange(ROWS) % 2) * 20.0 + rng.uniform(-8.0, 8.0, ROWS)
    return BarColumns(np.arange(1, ROWS + 1) * 3_600_000_000_000, *[closes] * 4, np.ones(ROWS))


def per_bar_ns(work: Callable[[], object], rounds: int = 5) -> float:
    """Return the best of some rounds: what the work costs when nothing else disturbs it."""
    best = float("inf")
    for _ in range(rounds):
        begun = process_time()
        work()
        best = min(best, process_time() - begun)
    return 1e9 * best / ROWS


@pytest.mark.parametrize("name", list(LIMIT_NS))
def test_a_bar_takes_less_than_its_budget(name: str, show: Callable[[str], None]) -> None:
    ordinary = FeatureSet([FeatureSpec(name)])
    restless = FeatureSet([FeatureSpec(name, {"reversal_atr": 0, "reversal_fraction": 0.001})])
    bars, worst = generated_bars(ROWS), every_bar_a_pivot()
    turning = turning_rows(bound(COUNTS, ElliottConfig(reversal_atr=0.0, reversal_fraction=0.001)), worst)
    assert sum(1 for _ in turning) >= ROWS - 2
    stream = ordinary.stream()
    rows = list(zip(*(column.tolist() for column in bars), strict=True))

    loop_ns = per_bar_ns(lambda: ordinary.batch(bars))
    worst_ns = per_bar_ns(lambda: restless.batch(worst))
    python_ns = per_bar_ns(lambda: [stream.step(*row) for row in rows])

    show(
        f"\n{name}: {loop_ns:.0f} ns a bar in the loop, {worst_ns:.0f} ns where every bar confirms a pivot, "
        f"{python_ns:.0f} ns from Python"
    )

    assert loop_ns < LIMIT_NS[name]
    assert worst_ns < LIMIT_NS[name]
