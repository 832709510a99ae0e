"""The four technical rules by hand-made rows: formula, symmetry, boundaries, abstention."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.technical import (
    Breakout,
    BreakoutConfig,
    Momentum,
    MomentumConfig,
    Reversion,
    ReversionConfig,
    TechnicalConfig,
    TechnicalSignals,
    Trend,
    TrendConfig,
)

CONFIG = TechnicalConfig()
LABELS = (
    CONFIG.trend.spread,
    CONFIG.atr,
    CONFIG.trend.adx,
    CONFIG.reversion.zscore,
    CONFIG.breakout.upper,
    CONFIG.breakout.lower,
    CONFIG.momentum.roc,
    CONFIG.momentum.volatility,
)
SPREAD, ATR, ADX, ZSCORE, UPPER, LOWER, ROC, VOLATILITY = range(8)
CALM = [0.0, 1.0, 20.0, 0.0, 110.0, 90.0, 0.0, 0.01]


def row(**changes: float) -> list[float]:
    """Return a calm market's row with some columns changed."""
    values = list(CALM)
    for name, value in changes.items():
        values[globals()[name]] = value
    return values


def test_trend_follows_the_spread_in_atrs_and_trusts_it_by_adx() -> None:
    signal = Trend(TrendConfig(), LABELS.index)(row(SPREAD=3.0, ADX=25.0), 100.0, 0.1)

    assert signal is not None
    assert signal.direction == pytest.approx(math.tanh(3.0 / 1.5))
    assert signal.confidence == pytest.approx(0.5)
    assert signal.risk_score == 0.1


@pytest.mark.parametrize(("adx", "confidence"), [(10.0, 0.0), (9.0, 0.0), (40.0, 1.0), (90.0, 1.0)])
def test_trend_confidence_is_clipped_at_floor_and_full(adx: float, confidence: float) -> None:
    signal = Trend(TrendConfig(), LABELS.index)(row(SPREAD=3.0, ADX=adx), 100.0, 0.1)

    assert signal is not None
    assert signal.confidence == confidence


def test_reversion_leans_against_the_stretch_and_falls_silent_in_a_trend() -> None:
    rule = Reversion(ReversionConfig(), LABELS.index)

    stretched = rule(row(ZSCORE=2.25, ADX=20.0), 100.0, 0.1)
    at_entry = rule(row(ZSCORE=1.5, ADX=20.0), 100.0, 0.1)
    trending = rule(row(ZSCORE=3.0, ADX=40.0), 100.0, 0.1)

    assert stretched is not None
    assert (stretched.direction, stretched.confidence) == (pytest.approx(-0.75), pytest.approx(0.25))
    assert at_entry is not None
    assert at_entry.confidence == 0.0
    assert trending is not None
    assert (trending.direction, trending.confidence) == (-1.0, 0.0)


def test_breakout_follows_a_close_at_the_channels_edge_only() -> None:
    rule = Breakout(BreakoutConfig(), LABELS.index)

    middle, near, edge = (rule(CALM, close, 0.1) for close in (100.0, 108.0, 110.0))

    assert middle is not None
    assert (middle.direction, middle.confidence) == (0.0, 0.0)
    assert near is not None
    assert (near.direction, near.confidence) == (pytest.approx(0.8), pytest.approx(0.5))
    assert edge is not None
    assert edge.strength == pytest.approx(1.0)


def test_momentum_is_the_return_in_its_own_deviations() -> None:
    signal = Momentum(MomentumConfig(roc_unit=1.0), LABELS.index)(row(ROC=0.01 * math.sqrt(14)), 100.0, 0.1)

    assert signal is not None
    assert signal.direction == pytest.approx(math.tanh(1.0))
    assert signal.confidence == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        (Trend(TrendConfig(), LABELS.index), "SPREAD"),
        (Trend(TrendConfig(), LABELS.index), "ATR"),
        (Trend(TrendConfig(), LABELS.index), "ADX"),
        (Reversion(ReversionConfig(), LABELS.index), "ZSCORE"),
        (Reversion(ReversionConfig(), LABELS.index), "ADX"),
        (Breakout(BreakoutConfig(), LABELS.index), "UPPER"),
        (Momentum(MomentumConfig(), LABELS.index), "ROC"),
        (Momentum(MomentumConfig(), LABELS.index), "VOLATILITY"),
    ],
)
def test_a_rule_abstains_where_one_of_its_columns_is_nan(rule: Trend, column: str) -> None:
    assert rule(row(ZSCORE=2.0), 100.0, 0.1) is not None
    assert rule(row(**{"ZSCORE": 2.0, column: math.nan}), 100.0, 0.1) is None


def test_rules_that_divide_by_nothing_abstain() -> None:
    assert Trend(TrendConfig(), LABELS.index)(row(ATR=0.0), 100.0, 0.1) is None
    assert Breakout(BreakoutConfig(), LABELS.index)(row(UPPER=90.0), 90.0, 0.1) is None
    assert Momentum(MomentumConfig(), LABELS.index)(row(VOLATILITY=0.0), 100.0, 0.1) is None


@given(
    spread=st.floats(-20.0, 20.0),
    adx=st.floats(0.0, 100.0),
    z=st.floats(-6.0, 6.0),
    place=st.floats(-10.0, 10.0),
    roc=st.floats(-20.0, 20.0),
)
def test_a_mirrored_market_gives_the_mirrored_opinion(
    spread: float, adx: float, z: float, place: float, roc: float
) -> None:
    signals = TechnicalSignals(CONFIG, LABELS.index)
    up = row(SPREAD=spread, ADX=adx, ZSCORE=z, ROC=roc)
    down = row(SPREAD=-spread, ADX=adx, ZSCORE=-z, ROC=-roc)

    there, _ = signals(up, 100.0 + place)
    back, _ = signals(down, 100.0 - place)

    assert there is not None
    assert back is not None
    assert back.strength == pytest.approx(-there.strength, abs=1e-9)
    assert back.confidence == pytest.approx(there.confidence, abs=1e-9)


def test_the_combination_abstains_only_when_every_rule_does() -> None:
    signals = TechnicalSignals(CONFIG, LABELS.index)

    nothing, parts = signals([math.nan] * 8, 100.0)
    only_breakout, some = signals(row(SPREAD=math.nan, ADX=math.nan, ROC=math.nan), 110.0)

    assert nothing is None
    assert list(parts) == [None] * 4
    assert only_breakout is not None
    assert only_breakout.strength == pytest.approx(1.0)
    assert [part is not None for part in some] == [False, False, True, False]


def test_a_rule_with_weight_zero_needs_none_of_its_columns() -> None:
    config = TechnicalConfig(momentum=MomentumConfig(weight=0.0, roc="not there", volatility="neither"))

    combined, parts = TechnicalSignals(config, LABELS.index)(row(), 100.0)

    assert combined is not None
    assert len(parts) == 3


def test_an_unknown_column_is_refused_when_bound_not_when_asked() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        TechnicalSignals(TechnicalConfig(trend=TrendConfig(spread="nowhere")), LABELS.index)


def test_configs_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="adx_floor < adx_full"):
        TrendConfig(adx_floor=40.0, adx_full=40.0)
    with pytest.raises(ValueError, match="z_entry < z_full"):
        ReversionConfig(z_entry=3.0, z_full=3.0)
    with pytest.raises(ValueError, match="at least one"):
        TechnicalConfig(
            trend=TrendConfig(weight=0.0),
            reversion=ReversionConfig(weight=0.0),
            breakout=BreakoutConfig(weight=0.0),
            momentum=MomentumConfig(weight=0.0),
        )
