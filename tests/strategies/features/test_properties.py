"""What must hold of features on any bars: bounds, order, scale, and forgetting."""

from __future__ import annotations

import numpy as np
import pytest
from generated_bars import HOUR_NS, same_bits, walk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catalog.model import BarColumns
from strategies.features.default import DEFAULT_SPECS
from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

FEATURES = FeatureSet(
    [
        FeatureSpec("sma", {"window": 5}),
        FeatureSpec("ema", {"window": 5}),
        FeatureSpec("wma", {"window": 5}),
        FeatureSpec("rsi", {"window": 4}),
        FeatureSpec("macd", {"fast": 3, "slow": 6, "signal": 3}),
        FeatureSpec("bollinger", {"window": 5}),
        FeatureSpec("atr", {"window": 4}),
        FeatureSpec("adx", {"window": 4}),
        FeatureSpec("stochastic", {"window": 5}),
        FeatureSpec("cci", {"window": 5}),
        FeatureSpec("obv"),
        FeatureSpec("vwap", {"window": 5}),
        FeatureSpec("donchian", {"window": 5}),
        FeatureSpec("keltner", {"window": 5, "atr_window": 4}),
        FeatureSpec("roc", {"window": 3}),
        FeatureSpec("williams_r", {"window": 5}),
        FeatureSpec("mfi", {"window": 4}),
        FeatureSpec("realised_volatility", {"window": 5}),
        FeatureSpec("zscore", {"window": 5}),
        FeatureSpec("ewma_volatility", {"decay": 0.5}),
    ]
)
PLACE = {spec.name: FeatureSet([spec]).names for spec in FEATURES.specs}

PRICED = ("sma", "ema", "wma", "macd", "atr", "vwap", "donchian", "keltner")
WITHOUT_UNIT = ("rsi", "adx", "stochastic", "cci", "roc", "williams_r", "mfi", "realised_volatility", "zscore")


def columns(values: np.ndarray, *names: str) -> np.ndarray:
    places = [FEATURES.column(column) for name in names for column in (PLACE.get(name) or (name,))]
    return values[:, places]


@st.composite
def any_bars(draw: st.DrawFn) -> BarColumns:
    """Consistent bars of any shape: moves of up to 50 %, still stretches, bars without volume."""
    rows = draw(st.integers(1, 50))
    moves = draw(arrays(np.float64, rows, elements=st.one_of(st.just(0.0), st.floats(-0.5, 0.5))))
    up = draw(arrays(np.float64, rows, elements=st.one_of(st.just(0.0), st.floats(0.0, 0.1))))
    volume = draw(arrays(np.float64, rows, elements=st.one_of(st.just(0.0), st.floats(0.001, 1e9))))
    close = draw(st.floats(1e-4, 1e6)) * np.exp(np.cumsum(moves))
    open_ = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(open_, close) * (1 + up), np.minimum(open_, close) / (1 + up)
    return BarColumns(np.arange(1, rows + 1) * HOUR_NS, open_, high, low, close, volume)


@given(bars=any_bars())
@settings(max_examples=100, deadline=None)
def test_bounded_features_stay_within_their_bounds(bars: BarColumns) -> None:
    values = FEATURES.batch(bars)
    slack = 1e-9

    for name in ("rsi", "adx", "stochastic", "mfi"):
        bounded = columns(values, name)
        assert not (bounded < -slack).any(), name
        assert not (bounded > 100 + slack).any(), name
    williams = columns(values, "williams_r")
    assert not ((williams > slack) | (williams < -100 - slack)).any()
    # a sample of five lies at most two standard deviations from its mean
    assert not (np.abs(columns(values, "zscore")) > 2 + 1e-6).any()
    for name in ("atr", "realised_volatility", "ewma_volatility"):
        assert not (columns(values, name) < 0).any(), name
    assert not np.isinf(values).any()


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 1000])
def test_a_move_of_a_few_last_digits_is_a_deviation_like_any_other(steps: int) -> None:
    # five closes, the newest a few representable numbers above the rest: its z-score is 2 whatever the size of the step
    newest = 1.0 + steps * np.spacing(1.0)
    bars = BarColumns(np.arange(1, 6) * HOUR_NS, *[np.array([1.0, 1.0, 1.0, 1.0, newest])] * 4, np.ones(5))

    values = FEATURES.batch(bars)[-1]

    assert values[FEATURES.column("zscore_5")] == pytest.approx(2.0, rel=1e-12)
    assert values[FEATURES.column("bollinger_5_2.percent_b")] == pytest.approx(1.0, rel=1e-12)


@given(bars=any_bars())
@settings(max_examples=100, deadline=None)
def test_averages_lie_within_the_prices_they_average_and_bands_in_order(bars: BarColumns) -> None:
    values = FEATURES.batch(bars)
    top, bottom = bars.high.max() * (1 + 1e-12), bars.low.min() * (1 - 1e-12)

    averages = columns(values, "sma", "ema", "wma", "vwap", "donchian")
    assert not ((averages > top) | (averages < bottom)).any()
    for name in ("bollinger", "donchian", "keltner"):
        label = PLACE[name][0].split(".")[0]
        upper, middle, lower = columns(values, f"{label}.upper", f"{label}.middle", f"{label}.lower").T
        assert not ((upper < middle) | (middle < lower)).any(), name


@given(bars=any_bars(), exponent=st.integers(-20, 20))
@settings(max_examples=60, deadline=None)
def test_prices_in_another_unit_scale_prices_and_leave_ratios(bars: BarColumns, exponent: int) -> None:
    # a power of two, so that scaling itself rounds nothing: equality is to the bit
    factor = 2.0**exponent
    scaled = BarColumns(bars.ts_ns, *(column * factor for column in bars[1:5]), bars.volume)
    before, after = FEATURES.batch(bars), FEATURES.batch(scaled)

    assert same_bits(columns(after, *PRICED), columns(before, *PRICED) * factor)
    assert same_bits(columns(after, *WITHOUT_UNIT), columns(before, *WITHOUT_UNIT))
    assert same_bits(columns(after, "obv"), columns(before, "obv"))


@given(bars=any_bars(), exponent=st.integers(-20, 20))
@settings(max_examples=60, deadline=None)
def test_volume_in_another_unit_scales_only_on_balance_volume(bars: BarColumns, exponent: int) -> None:
    factor = 2.0**exponent
    before = FEATURES.batch(bars)
    after = FEATURES.batch(BarColumns(*bars[:5], bars.volume * factor))

    place = FEATURES.column("obv")
    assert same_bits(after[:, place], before[:, place] * factor)
    assert same_bits(np.delete(after, place, axis=1), np.delete(before, place, axis=1))


@given(bars=any_bars(), cut=st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_a_row_is_the_same_whatever_comes_later(bars: BarColumns, cut: int) -> None:
    shorter = bars.slice(0, min(cut, len(bars)))

    assert same_bits(FEATURES.batch(shorter), FEATURES.batch(bars)[: len(shorter)])


@given(
    bars=any_bars(),
    holes=st.lists(st.tuples(st.integers(0, 49), st.integers(1, 4), st.sampled_from([np.nan, np.inf, 0.0, -5.0]))),
)
@settings(max_examples=60, deadline=None)
def test_a_bar_that_is_not_usable_gives_nan_and_leaves_no_trace(
    bars: BarColumns, holes: list[tuple[int, int, float]]
) -> None:
    spoiled = BarColumns(*(column.copy() for column in bars))
    for row, field, value in holes:
        if row < len(bars):
            spoiled[field][row] = value
    usable = np.isfinite(np.array(spoiled[1:])).all(axis=0) & (np.array(spoiled[1:5]) > 0).all(axis=0)

    values = FEATURES.batch(spoiled)

    assert np.isnan(values[~usable]).all()
    assert same_bits(values[usable], FEATURES.batch(BarColumns(*(column[usable] for column in bars))))


@pytest.mark.parametrize("price", [1e-100, 1e-99, 1e99, 1e100])
def test_the_widest_usable_prices_leave_every_state_finite(price: float) -> None:
    extreme = walk(60, scale=1.0)
    jump = BarColumns(
        extreme.ts_ns, *(np.clip(column * price, 1e-100, 1e100) for column in extreme[1:5]), extreme.volume * 1e90
    )
    features = FeatureSet(DEFAULT_SPECS)
    stream = features.stream()
    for bars in (walk(120), jump, walk(400)):
        for row in zip(*(column.tolist() for column in bars), strict=True):
            assert not np.isinf(stream.step(*row)).any()

    assert np.isfinite(stream.values).all()


@pytest.mark.parametrize("name", ["sma_5", "ema_5", "wma_5", "bollinger_5_2.middle", "keltner_5_4_2.upper"])
def test_a_market_that_stands_still_has_its_price_as_average_to_the_bit(name: str) -> None:
    price = 0.1
    still = BarColumns(np.arange(1, 31) * HOUR_NS, *[np.full(30, price)] * 4, np.full(30, 0.3))

    values = FEATURES.batch(still)[:, FEATURES.column(name)]

    assert set(values[~np.isnan(values)]) == {price}
