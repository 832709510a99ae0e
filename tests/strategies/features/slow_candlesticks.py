"""Candlestick patterns: TA-Lib itself, an independent library, is the reference."""

from __future__ import annotations

import numpy as np
import talib
from talib import abstract

from catalog.model import BarColumns
from strategies.features.patterns.candlesticks import FEATURES, ta_lib_name


def _reference(function: str) -> object:
    def column(bars: BarColumns, **params: float) -> list[list[float]]:
        prices = [np.ascontiguousarray(prices, dtype=np.float64) for prices in bars[1:5]]
        values = getattr(talib, function)(*prices, **params).astype(np.float64)
        # TA-Lib gives 0 on the bars it cannot judge yet
        values[: abstract.Function(function, **params).lookback] = np.nan
        return [values.tolist()]

    return column


for _feature in FEATURES:
    globals()[_feature.name] = _reference(ta_lib_name(_feature))
