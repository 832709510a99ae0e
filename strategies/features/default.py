"""The default feature set: every one of the twenty indicators with its usual parameters."""

from __future__ import annotations

from strategies.features.spec import FeatureSpec

DEFAULT_SPECS: tuple[FeatureSpec, ...] = tuple(
    FeatureSpec(name=name)
    for name in (
        "sma",
        "ema",
        "wma",
        "rsi",
        "macd",
        "bollinger",
        "atr",
        "adx",
        "stochastic",
        "cci",
        "obv",
        "vwap",
        "donchian",
        "keltner",
        "roc",
        "williams_r",
        "mfi",
        "realised_volatility",
        "zscore",
        "ewma_volatility",
    )
)
"""Labels: ``sma_20``, ``macd_12_26_9.signal``, ``bollinger_20_2.percent_b``, ``adx_14.plus_di`` and so on."""
