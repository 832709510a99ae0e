"""How long Ichimoku, candlesticks, structure and regimes take in the compiled loop; candlesticks against TA-Lib."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest
import talib

from strategies.features.featureset import FeatureSet
from strategies.features.patterns.candlesticks import FEATURES, ta_lib_name
from strategies.features.spec import FeatureSpec
from strategies.features.verify import generated_bars

pytestmark = pytest.mark.bench

ROWS = 50_000


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print although pytest captures."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text)

    return line


def ns_per_bar(work: Callable[[], object], rounds: int = 5) -> float:
    """Return the best of some rounds, in CPU time."""
    best = float("inf")
    for _ in range(rounds):
        begun = process_time()
        work()
        best = min(best, process_time() - begun)
    return 1e9 * best / ROWS


def test_ichimoku_takes_less_than_a_third_of_a_microsecond(show: Callable[[str], None]) -> None:
    bars = generated_bars(ROWS)
    ichimoku = FeatureSet([FeatureSpec("ichimoku")])

    taken = ns_per_bar(lambda: ichimoku.batch(bars))

    show(f"\nIchimoku, 11 columns: {taken:.0f} ns a bar in the loop")
    assert taken < 300


def test_all_candlestick_patterns_against_ta_lib(show: Callable[[str], None]) -> None:
    bars = generated_bars(ROWS)
    patterns = FeatureSet([FeatureSpec(feature.name) for feature in FEATURES])
    functions = [getattr(talib, ta_lib_name(feature)) for feature in FEATURES]

    ours = ns_per_bar(lambda: patterns.batch(bars))
    theirs = ns_per_bar(lambda: [function(*bars[1:5]) for function in functions])

    show(f"\n{len(FEATURES)} candlestick patterns: {ours:.0f} ns a bar in the loop, TA-Lib's batch {theirs:.0f} ns")
    assert ours < 3_000


def test_structure_and_regimes(show: Callable[[str], None]) -> None:
    bars = generated_bars(ROWS)
    limits_ns = {
        "confirmed_swings": 200,
        "market_structure": 200,
        "support_resistance": 400,
        "cusum": 500,
        "markov_volatility": 200,
        "change_point": 6_000,
    }

    show("")
    for name, limit_ns in limits_ns.items():
        features = FeatureSet([FeatureSpec(name)])
        taken = ns_per_bar(lambda features=features: features.batch(bars), rounds=3)
        show(f"{name:<20}{taken:>8.0f} ns a bar in the loop")
        assert taken < limit_ns, name
