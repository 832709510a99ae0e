"""What holds of every channel, volume, statistics and structure feature: units, finite states, bounds."""

from __future__ import annotations

import numpy as np
import pytest
from generated_bars import same_bits, walk

from catalog.model import BarColumns
from strategies.features import (
    bands_channels,
    bricks,
    candle_shape,
    pivot_levels,
    statistics_dependence,
    statistics_moments,
    swings,
    volatility_estimators,
    volume_flow,
    volume_price,
)
from strategies.features.featureset import FeatureSet
from strategies.features.kernel import Feature
from strategies.features.spec import FeatureSpec

FAMILIES = (
    bands_channels,
    volatility_estimators,
    volume_flow,
    volume_price,
    statistics_moments,
    statistics_dependence,
    pivot_levels,
    swings,
    bricks,
    candle_shape,
)
FEATURES = [feature for family in FAMILIES for feature in family.FEATURES]


def _batch(feature: Feature, bars: BarColumns) -> np.ndarray:
    return FeatureSet([FeatureSpec(feature.name)]).batch(bars)


# a brick has the size its parameter says, whatever the unit of the price
IN_UNITS = [feature for feature in FEATURES if feature.name != "renko"]


@pytest.mark.parametrize("feature", IN_UNITS, ids=lambda feature: feature.name)
def test_prices_in_another_unit_scale_what_is_a_price_and_nothing_else(feature: Feature) -> None:
    bars = walk(300)
    factor = 2.0**-7  # so that scaling itself rounds nothing: equality is to the bit
    scaled = BarColumns(bars.ts_ns, *(column * factor for column in bars[1:5]), bars.volume)

    before, after = _batch(feature, bars), _batch(feature, scaled)

    for place, output in enumerate(feature.outputs):
        first = output.unit.split(",")[0]
        power = {"price": 1, "price per bar": 1, "quote currency": 1, "price squared": 2}.get(first, 0)
        power = 2 if first == "squared price a unit of volume" else power
        assert same_bits(after[:, place], before[:, place] * factor**power), output.name


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_volume_in_another_unit_scales_what_is_volume_and_nothing_else(feature: Feature) -> None:
    bars = walk(300)
    factor = 2.0**9

    before, after = _batch(feature, bars), _batch(feature, BarColumns(*bars[:5], bars.volume * factor))

    for place, output in enumerate(feature.outputs):
        power = 1 if "currency" in output.unit else -1 if "unit of volume" in output.unit else 0
        assert same_bits(after[:, place], before[:, place] * factor**power), output.name


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@pytest.mark.parametrize("price", [1e-100, 1e100])
def test_the_widest_usable_bars_leave_every_state_finite(feature: Feature, price: float) -> None:
    extreme = walk(150, scale=1.0)
    prices = (np.clip(column * price, 1e-100, 1e100) for column in extreme[1:5])
    jump = BarColumns(extreme.ts_ns, *prices, extreme.volume * 1e90)
    stream = FeatureSet([FeatureSpec(feature.name)]).stream()

    for bars in (walk(150), jump, walk(1_000)):
        for row in zip(*(column.tolist() for column in bars), strict=True):
            values = stream.step(*row)
            assert not np.isinf(values).any()

    assert np.isfinite(values).all()


def test_bounded_features_stay_within_their_bounds() -> None:
    bars = walk(3_000, seed=8)
    bounds = {
        "-1 to 1": (-1.0, 1.0),
        "0 to 1": (0.0, 1.0),
        "0 or 1": (0.0, 1.0),
        "1, 0 or -1": (-1.0, 1.0),
    }
    checked = 0
    for feature in FEATURES:
        values = _batch(feature, bars)
        for place, output in enumerate(feature.outputs):
            if output.unit in bounds:
                low, high = bounds[output.unit]
                column = values[:, place]
                assert not ((column < low - 1e-12) | (column > high + 1e-12)).any(), feature.name
                checked += 1
    assert checked >= 9
