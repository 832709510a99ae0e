"""The averages equal what Stock Indicators, TA-Lib, Tulip and talipp publish under their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import talib
from generated_bars import from_close
from published import assert_same, stock_indicator_bars, stock_indicators, ta_lib_bars, tulip_cases
from talipp.indicators import ALMA  # type: ignore[import-untyped]

from strategies.features.featureset import FeatureSet
from strategies.features.spec import FeatureSpec

STOCK_INDICATORS = [
    ("dema", FeatureSpec("dema", {"window": 14}), {"dema": ""}),
    ("tema", FeatureSpec("tema", {"window": 20}), {"tema": ""}),
    ("smma", FeatureSpec("smma", {"window": 20}), {"smma": ""}),
    ("hma", FeatureSpec("hma", {"window": 14}), {"hma": ""}),
    ("dynamic", FeatureSpec("mcginley", {"window": 14}), {"dynamic": ""}),
    (
        "ma-env",
        FeatureSpec("ma_envelopes", {"window": 20, "percent": 2.5}),
        {"centerline": "middle", "upperEnvelope": "upper", "lowerEnvelope": "lower"},
    ),
]


@pytest.mark.parametrize(("name", "spec", "columns"), STOCK_INDICATORS, ids=lambda value: getattr(value, "name", None))
def test_equals_stock_indicators(shared_data: Path, name: str, spec: FeatureSpec, columns: dict[str, str]) -> None:
    stock_indicators(shared_data, name, spec, columns)


# our specification, TA-Lib's values of closes and volumes, bars until the seeds no longer differ
TA_LIB = [
    (FeatureSpec("t3", {"window": 5}), lambda c, v: talib.T3(c, 5), 0),
    (FeatureSpec("t3", {"window": 8, "factor": 0.4}), lambda c, v: talib.T3(c, 8, 0.4), 0),
    (FeatureSpec("smma", {"window": 14}), lambda c, v: talib.RMA(c, 14), 0),
    (FeatureSpec("zlema", {"window": 21}), lambda c, v: talib.ZLEMA(c, 21), 0),
    (FeatureSpec("zlema", {"window": 20}), lambda c, v: talib.ZLEMA(c, 20), 0),
    (FeatureSpec("hma", {"window": 16}), lambda c, v: talib.HMA(c, 16), 0),
    (FeatureSpec("vwma", {"window": 20}), lambda c, v: talib.VWMA(c, v, 20), 0),
    (FeatureSpec("epma", {"window": 14}), lambda c, v: talib.LINEARREG(c, 14), 0),
    (FeatureSpec("trima", {"window": 20}), lambda c, v: talib.TRIMA(c, 20), 0),
    (FeatureSpec("trima", {"window": 9}), lambda c, v: talib.TRIMA(c, 9), 0),
    (FeatureSpec("kama", {"window": 10}), lambda c, v: talib.KAMA(c, 10), 10),
    (FeatureSpec("dema", {"window": 6}), lambda c, v: talib.DEMA(c, 6), 90),
    (FeatureSpec("tema", {"window": 6}), lambda c, v: talib.TEMA(c, 6), 110),
]


@pytest.mark.parametrize(("spec", "theirs", "fades"), TA_LIB, ids=lambda value: getattr(value, "name", None))
def test_equals_ta_lib(shared_data: Path, spec: FeatureSpec, theirs: object, fades: int) -> None:
    for bars in (ta_lib_bars(shared_data), stock_indicator_bars(shared_data)):
        ours = FeatureSet([spec]).batch(bars)[:, 0]
        assert_same(ours[fades:], theirs(bars.close, bars.volume)[fades:])  # type: ignore[operator]


TULIP = [
    ("wilders", "c", lambda p: FeatureSpec("smma", {"window": p[0]}), ("",)),
    ("hma", "c", lambda p: FeatureSpec("hma", {"window": p[0]}), ("",)),
    ("vwma", "cv", lambda p: FeatureSpec("vwma", {"window": p[0]}), ("",)),
    ("linreg", "c", lambda p: FeatureSpec("epma", {"window": p[0]}), ("",)),
    ("trima", "c", lambda p: FeatureSpec("trima", {"window": p[0]}), ("",)),
    ("kama", "c", lambda p: FeatureSpec("kama", {"window": p[0]}), ("",)),
    ("vidya", "c", lambda p: FeatureSpec("vidya", {"short": p[0], "long": p[1], "alpha": p[2]}), ("",)),
]


@pytest.mark.parametrize("case", TULIP, ids=lambda case: case[0])
def test_equals_achelis_and_tulip(shared_data: Path, case: tuple[object, ...]) -> None:
    assert tulip_cases(shared_data, *case) >= 1  # type: ignore[arg-type]


def test_alma_equals_talipp(shared_data: Path) -> None:
    bars = stock_indicator_bars(shared_data)
    theirs = ALMA(9, 0.85, 6, bars.close.tolist())

    assert_same(FeatureSet([FeatureSpec("alma")]).batch(bars)[:, 0], [np.nan if v is None else v for v in theirs])


def test_a_collapse_leaves_mcginley_on_the_price_instead_of_below_zero() -> None:
    bars = from_close(np.array([100.0, 100.0, 0.01, 0.01, 0.02]))

    values = FeatureSet([FeatureSpec("mcginley")]).batch(bars)[:, 0]

    assert values[2] == 0.01
    assert (values[1:] > 0).all()
