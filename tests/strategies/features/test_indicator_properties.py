"""What holds of every average, trend and momentum feature: units, forgetting, bounds, finite states."""

from __future__ import annotations

import numpy as np
import pytest
from generated_bars import flat, same_bits, walk

from catalog.model import BarColumns
from strategies.features import (
    averages_adaptive,
    averages_exponential,
    averages_windowed,
    cycles,
    momentum_bounded,
    momentum_price,
    momentum_strength,
    trend,
    trend_direction,
    trend_stops,
)
from strategies.features.featureset import FeatureSet
from strategies.features.kernel import Feature
from strategies.features.spec import FeatureSpec

FAMILIES = (
    averages_exponential,
    averages_windowed,
    averages_adaptive,
    cycles,
    trend,
    trend_direction,
    trend_stops,
    momentum_price,
    momentum_bounded,
    momentum_strength,
)
FEATURES = [feature for family in FAMILIES for feature in family.FEATURES]


def batch(feature: Feature, bars: BarColumns) -> np.ndarray:
    return FeatureSet([FeatureSpec(feature.name)]).batch(bars)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@pytest.mark.parametrize("exponent", [-9, 13])
def test_prices_in_another_unit_scale_prices_and_nothing_else(feature: Feature, exponent: int) -> None:
    # a power of two rounds nothing, so equality is to the bit
    factor = 2.0**exponent
    bars = walk(300)
    scaled = BarColumns(bars.ts_ns, *(column * factor for column in bars[1:5]), bars.volume)

    before, after = batch(feature, bars), batch(feature, scaled)

    for column, output in enumerate(feature.outputs):
        unit = factor if output.unit.startswith("price") else 1.0
        assert same_bits(after[:, column], before[:, column] * unit), output


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_volume_in_another_unit_changes_nothing(feature: Feature) -> None:
    bars = walk(300)

    assert same_bits(batch(feature, BarColumns(*bars[:5], bars.volume * 2.0**7)), batch(feature, bars))


WINDOWED = [
    "hma",
    "alma",
    "vwma",
    "epma",
    "trima",
    "ma_envelopes",
    "aroon",
    "vortex",
    "choppiness",
    "bop",
    "dpo",
    "awesome",
    "accelerator",
    "momentum",
    "cmo",
    "ultimate_oscillator",
]


@pytest.mark.parametrize("name", WINDOWED)
def test_a_window_gives_the_same_bits_whatever_came_before_it(name: str) -> None:
    bars = walk(2000, volume_scale=1e4)
    for column in bars[1:]:
        column[700] *= 1e9
    features = FeatureSet([FeatureSpec(name)])
    values = features.batch(bars)

    for row in (760, 1200, 1999):
        part = bars.slice(row + 1 - features.warmup_bars, row + 1)
        assert same_bits(values[row], features.batch(part)[-1])


BOUNDS = {
    "dx": (0, 100),
    "adxr": (0, 100),
    "aroon": (-100, 100),
    "choppiness": (0, 100),
    "bop": (-1, 1),
    "tsi": (-100, 100),
    "stc": (0, 100),
    "schaff": (0, 100),
    "stochastic_rsi": (0, 100),
    "connors_rsi": (0, 100),
    "smi": (-100, 100),
    "cmo": (-100, 100),
    "ultimate_oscillator": (0, 100),
}


@pytest.mark.parametrize(("name", "bounds"), BOUNDS.items())
@pytest.mark.parametrize("seed", range(4))
def test_bounded_features_stay_within_their_bounds(name: str, bounds: tuple[float, float], seed: int) -> None:
    values = FeatureSet([FeatureSpec(name)]).batch(walk(800, seed))

    assert np.nanmin(values) >= bounds[0] - 1e-9
    assert np.nanmax(values) <= bounds[1] + 1e-9


@pytest.mark.parametrize("name", ["sma", "dema", "tema", "t3", "smma", "zlema", "hma", "alma", "vwma", "epma", "trima"])
def test_a_market_that_stands_still_has_its_price_as_average_to_the_bit(name: str) -> None:
    values = FeatureSet([FeatureSpec(name)]).batch(flat(120, price=0.1))

    assert set(values[~np.isnan(values)]) == {0.1}


@pytest.mark.parametrize("price", [1e-100, 1e-99, 1e99, 1e100])
def test_the_widest_usable_prices_leave_every_state_finite(price: float) -> None:
    extreme = walk(60, scale=1.0)
    jump = BarColumns(
        extreme.ts_ns, *(np.clip(column * price, 1e-100, 1e100) for column in extreme[1:5]), extreme.volume * 1e90
    )
    stream = FeatureSet([FeatureSpec(feature.name) for feature in FEATURES]).stream()
    for bars in (walk(120), jump, walk(1200)):
        for row in zip(*(column.tolist() for column in bars), strict=True):
            assert not np.isinf(stream.step(*row)).any()

    # every level has been set again long since
    assert np.isfinite(stream.values).all()
