"""How long features take: one bar from Python, one bar in the compiled loop, the first use; all in one process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pytest

from catalog.model import BarColumns
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from strategies.features.registry import features
from strategies.features.spec import FeatureSpec
from strategies.features.verify import generated_bars

pytestmark = pytest.mark.bench

REPO = Path(__file__).resolve().parents[2]
ROWS = 10_000


@pytest.fixture(scope="module")
def bars() -> BarColumns:
    return generated_bars(ROWS)


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print although pytest captures."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text)

    return line


def per_row_ns(work: Callable[[], object], rows: int = ROWS, rounds: int = 7) -> float:
    """Return the best of some rounds: what the work costs when nothing else disturbs it."""
    best = float("inf")
    for _ in range(rounds):
        begun = process_time()
        work()
        best = min(best, process_time() - begun)
    return 1e9 * best / rows


def test_twenty_features_against_the_engines_own(bars: BarColumns, show: Callable[[str], None]) -> None:
    from nautilus_trader.indicators import (
        AverageTrueRange,
        BollingerBands,
        CommodityChannelIndex,
        DonchianChannel,
        ExponentialMovingAverage,
        KeltnerChannel,
        MovingAverageConvergenceDivergence,
        RateOfChange,
        RelativeStrengthIndex,
        SimpleMovingAverage,
        Stochastics,
        WeightedMovingAverage,
    )

    rows = list(zip(*(column.tolist() for column in bars), strict=True))
    closes = [row[4] for row in rows]
    ranges = [row[2:5] for row in rows]
    shared: dict[str, tuple[object, list[object]]] = {
        "sma": (SimpleMovingAverage(20), closes),
        "ema": (ExponentialMovingAverage(20), closes),
        "wma": (WeightedMovingAverage(20, np.arange(1.0, 21.0) / 210.0), closes),
        "rsi": (RelativeStrengthIndex(14), closes),
        "macd": (MovingAverageConvergenceDivergence(12, 26), closes),
        "roc": (RateOfChange(14), closes),
        "bollinger": (BollingerBands(20, 2.0), ranges),
        "atr": (AverageTrueRange(14), ranges),
        "stochastic": (Stochastics(14, 3), ranges),
        "cci": (CommodityChannelIndex(20), ranges),
        "keltner": (KeltnerChannel(20, 2.0), ranges),
        "donchian": (DonchianChannel(20), [row[2:4] for row in rows]),
        # its on-balance volume sums all bars anew on each: left out, it would flatter the comparison
    }

    def engine(name: str) -> Callable[[], object]:
        update, inputs = shared[name][0].update_raw, shared[name][1]
        if isinstance(inputs[0], tuple):
            return lambda: [update(*each) for each in inputs]
        return lambda: [update(each) for each in inputs]

    def ours(specs: list[FeatureSpec]) -> tuple[float, float]:
        feature_set = FeatureSet(specs)
        stream = feature_set.stream()
        streamed = per_row_ns(lambda: [stream.step(*row) for row in rows])
        return streamed, per_row_ns(lambda: feature_set.batch(bars))

    show(f"\n{'indicator':<14}{'engine ns':>12}{'ours ns':>10}{'in loop ns':>12}")
    engine_sum = 0.0
    for name in shared:
        theirs = per_row_ns(engine(name), rounds=3)
        engine_sum += theirs
        stream_ns, loop_ns = ours([FeatureSpec(name)])
        show(f"{name:<14}{theirs:>12.0f}{stream_ns:>10.0f}{loop_ns:>12.1f}")
    same_ns, same_loop_ns = ours([FeatureSpec(name) for name in shared])
    all_ns, all_loop_ns = ours(list(DEFAULT_SPECS))
    ratio = engine_sum / same_ns
    show(
        f"the {len(shared)} both have: engine {engine_sum / 1e3:.1f} us a bar, ours {same_ns / 1e3:.2f} us from Python "
        f"({ratio:.0f} times faster), {same_loop_ns / 1e3:.2f} us in the loop"
    )
    show(f"the default {len(DEFAULT_SPECS)}: {all_ns / 1e3:.2f} us from Python, {all_loop_ns / 1e3:.2f} us in the loop")

    assert ratio > 25
    assert all_ns < 3_000


def test_sixty_four_features_on_one_bar(bars: BarColumns, show: Callable[[str], None]) -> None:
    specs = [_stretched(index) for index in range(64)]
    feature_set = FeatureSet(specs)
    stream = feature_set.stream()
    rows = list(zip(*(column.tolist() for column in bars), strict=True))
    for row in rows:
        stream.step(*row)
    taken = []
    for row in rows:
        begun = perf_counter()
        stream.step(*row)
        taken.append(perf_counter() - begun)
    p50, p99 = (1e6 * float(value) for value in np.percentile(taken, (50, 99)))
    loop_ns = per_row_ns(lambda: feature_set.batch(bars))

    show(
        f"\n64 features, {len(feature_set.names)} columns, one bar: p50 {p50:.2f} us, p99 {p99:.2f} us from Python; "
        f"{loop_ns / 1e3:.2f} us in the loop"
    )

    assert p50 < 3.0
    assert loop_ns < 1_500


def test_the_first_use_does_not_make_a_user_wait(tmp_path: Path, show: Callable[[str], None]) -> None:
    close = np.round(30_000 + 50 * np.sin(np.arange(500.0)), 1)
    lines = [
        f"{1_672_531_200_000 + 3_600_000 * row},{price},{price + 5:.1f},{price - 5:.1f},{price},1.5"
        for row, price in enumerate(close.tolist())
    ]
    source = tmp_path / "bars.csv"
    source.write_text("ts,open,high,low,close,volume\n" + "\n".join(lines) + "\n")
    instrument, catalog = ("--instrument", "BTCUSDT-PERP.BINANCE"), ("--catalog", str(tmp_path / "catalog"))

    def bot4(*arguments: str) -> float:
        begun = sum(os.times()[2:4])  # CPU time of child processes: what it takes on a machine that does nothing else
        subprocess.run(
            [sys.executable, "-m", "bot4", *arguments],
            cwd=REPO,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")},
            check=True,
            capture_output=True,
        )
        return sum(os.times()[2:4]) - begun

    bot4("data", "ingest", str(source), *instrument, *catalog)
    cold = bot4("features", "compute", *instrument, "--bar", "1-HOUR", *catalog)
    warm = bot4("features", "compute", *instrument, "--bar", "1-HOUR", *catalog)

    show(f"\n`bot4 features compute` of the default set: {cold:.1f} s the first time, {warm:.1f} s afterwards (CPU)")

    assert cold < 20
    assert warm < 3


def _stretched(index: int) -> FeatureSpec:
    """Return the default features over and over, each time with longer windows."""
    name = DEFAULT_SPECS[index % len(DEFAULT_SPECS)].name
    longer = index // len(DEFAULT_SPECS)
    params = {
        param.name: param.default + longer if param.integer else param.default for param in features()[name].params
    }
    return FeatureSpec(name, params, label=f"{name}_{index}")
