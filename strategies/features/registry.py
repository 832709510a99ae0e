"""Every feature there is, by name, and the check of a specification against it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from catalog.model import F64
from errors import ConfigError
from strategies.features import (
    averages,
    averages_adaptive,
    averages_exponential,
    averages_windowed,
    bands,
    bands_channels,
    bricks,
    candle_shape,
    cycles,
    ichimoku,
    liquidity,
    momentum,
    momentum_bounded,
    momentum_price,
    momentum_strength,
    pivot_levels,
    regime,
    statistics,
    statistics_dependence,
    statistics_moments,
    structure,
    swings,
    trend,
    trend_direction,
    trend_stops,
    volatility,
    volatility_estimators,
    volume,
    volume_flow,
    volume_price,
)
from strategies.features.kernel import Feature, Param, Params
from strategies.features.patterns import candlesticks, elliott, harmonic
from strategies.features.spec import FeatureSpec

_FAMILIES = (
    averages,
    averages_exponential,
    averages_windowed,
    averages_adaptive,
    cycles,
    momentum,
    momentum_price,
    momentum_bounded,
    momentum_strength,
    bands,
    liquidity,
    bands_channels,
    trend,
    trend_direction,
    trend_stops,
    ichimoku,
    structure,
    regime,
    volume,
    volume_flow,
    volume_price,
    volatility,
    volatility_estimators,
    statistics,
    statistics_moments,
    statistics_dependence,
    pivot_levels,
    swings,
    bricks,
    candle_shape,
    candlesticks,
    harmonic,
    elliott,
)


class BoundFeature(NamedTuple):
    """A feature with every parameter decided: what a `FeatureSet` is made of."""

    feature: Feature
    params: dict[str, int | float]
    label: str

    @property
    def columns(self) -> tuple[str, ...]:
        """One name an output: the label, or ``label.output`` where there are several."""
        return tuple(f"{self.label}.{output.name}" if output.name else self.label for output in self.feature.outputs)

    @property
    def warmup(self) -> tuple[int, ...]:
        """Usable bars, per output, up to and with the first value."""
        return tuple(int(bars) for bars in self.feature.warmup(self.params))

    @property
    def state_size(self) -> int:
        """Number of float64 the kernel keeps."""
        return int(self.feature.state_size(self.params))

    @property
    def vector(self) -> F64:
        """The parameters as float64[p], as the kernel reads them."""
        return np.array([self.params[param.name] for param in self.feature.params], dtype=np.float64)


@cache
def features() -> MappingProxyType[str, Feature]:
    """Return every registered feature by name, in the order of the documentation."""
    by_name: dict[str, Feature] = {}
    for family in _FAMILIES:
        for feature in family.FEATURES:
            if feature.name in by_name:
                raise ValueError(f"two features are named {feature.name}")
            by_name[feature.name] = feature
    return MappingProxyType(by_name)


def bind(spec: FeatureSpec, *, where: str = "", among: Mapping[str, Feature] | None = None) -> BoundFeature:
    """
    Check a specification and fill in the defaults; `among` names the features there are, those of bars without it.

    Raises
    ------
    ConfigError
        If the feature is unknown, or a parameter is unknown, not whole where it must be, out of range, or breaks a
        rule between parameters. The text says what was expected.

    """
    among = features() if among is None else among
    feature = among.get(spec.name)
    if feature is None:
        raise ConfigError(f"feature {spec.name!r} is unknown; {_expected(spec.name, list(among))}", where=where)
    known = {param.name: param for param in feature.params}
    for key in spec.params:
        if key not in known:
            raise ConfigError(
                f"feature {spec.name} has no parameter {key!r}; {_expected(key, list(known))}", where=where
            )
    params = {
        name: _checked(spec.name, param, spec.params.get(name, param.default), where) for name, param in known.items()
    }
    broken = feature.requires(params)
    if broken:
        raise ConfigError(f"feature {spec.name}: {broken}", where=where)
    return bind_unchecked(feature, params, spec.label)


def bind_unchecked(feature: Feature, params: Params, label: str | None = None) -> BoundFeature:
    """Bind parameters known to be good, also to a feature that is not registered."""
    default = "_".join((feature.name, *(_number(params[param.name]) for param in feature.params)))
    return BoundFeature(feature, dict(params), default if label is None else label)


def _checked(name: str, param: Param, value: float, where: str) -> int | float:
    if param.integer and value != int(value):
        raise ConfigError(f"parameter {param.name} of {name} must be a whole number, was {value}", where=where)
    if not param.low <= value <= param.high:
        raise ConfigError(
            f"parameter {param.name} of {name} must be from {param.low} to {param.high}, was {value}", where=where
        )
    return int(value) if param.integer else float(value)


def _expected(given: str, known: list[str]) -> str:
    if not known:
        return "it has none"
    close = get_close_matches(given, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known are {', '.join(known)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
