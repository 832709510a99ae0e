"""Four technical signals over one feature row, and their combination: trend, mean reversion, breakout, momentum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec

from strategies.signals.blend import blend
from strategies.signals.signal import Signal, opinion

type Row = Sequence[float]
type ColumnOf = Callable[[str], int]
"""Resolves a feature's label to its place in the row; `FeatureSet.column` is one."""
type Rule = Callable[[Row, float, float], Signal | None]
"""A technical rule: the row, the close in quote currency and the risk score of the bar give an opinion, or None."""

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Weight = Annotated[float, msgspec.Meta(ge=0.0)]


class TrendConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `Trend`: labels of spread, ATR and ADX, the spread in ATRs that counts as full, the ADX range."""

    spread: str = "macd_12_26_9.macd"
    atr: str = "atr_14"
    adx: str = "adx_14.adx"
    spread_full_atr: Positive = 1.5
    adx_floor: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] = 10.0
    adx_full: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)] = 40.0
    weight: Weight = 1.0

    def __post_init__(self) -> None:
        if not self.adx_floor < self.adx_full:
            raise ValueError(f"need adx_floor < adx_full, were {self.adx_floor}, {self.adx_full}")


class ReversionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `Reversion`: labels, the z-scores where it begins and is full, the ADX that silences it."""

    zscore: str = "zscore_20"
    adx: str = "adx_14.adx"
    z_entry: Annotated[float, msgspec.Meta(ge=0.0)] = 1.5
    z_full: Positive = 3.0
    adx_silent: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)] = 40.0
    weight: Weight = 1.0

    def __post_init__(self) -> None:
        if not self.z_entry < self.z_full:
            raise ValueError(f"need z_entry < z_full, were {self.z_entry}, {self.z_full}")


class BreakoutConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `Breakout`: labels of the channel, and how near its edge (0 middle, 1 edge) the rule begins."""

    upper: str = "donchian_20.upper"
    lower: str = "donchian_20.lower"
    edge: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.6
    weight: Weight = 1.0


class MomentumConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `Momentum`: labels, bars and unit of the return (0.01: percent), the deviations that are full."""

    roc: str = "roc_14"
    roc_bars: Annotated[int, msgspec.Meta(ge=1)] = 14
    roc_unit: Positive = 0.01
    volatility: str = "ewma_volatility_0.94"
    deviations_full: Positive = 2.0
    weight: Weight = 1.0


class TechnicalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The four rules' parameters; a weight of 0 switches a rule off.

    `risk_full_atr` is the average true range, as a fraction of price, at which the risk score is 1.
    """

    trend: TrendConfig = TrendConfig()
    reversion: ReversionConfig = ReversionConfig()
    breakout: BreakoutConfig = BreakoutConfig()
    momentum: MomentumConfig = MomentumConfig()
    atr: str = "atr_14"
    risk_full_atr: Positive = 0.05

    def __post_init__(self) -> None:
        if not self.trend.weight + self.reversion.weight + self.breakout.weight + self.momentum.weight > 0.0:
            raise ValueError("need at least one technical rule with a weight above 0")


class Trend:
    """
    Follow the spread of two moving averages, as far as the market trends at all.

    ``direction = tanh(spread / (spread_full_atr * ATR))``, the spread being fast minus slow average, as the MACD line;
    ``confidence`` rises from 0 at ``adx_floor`` to 1 at ``adx_full``. Abstains where an input is NaN or the ATR is 0.

    References
    ----------
    Brock, Lakonishok & LeBaron (1992), Journal of Finance 47(5): moving-average rules.
    Wilder (1978), New Concepts in Technical Trading Systems: ATR, ADX.

    """

    def __init__(self, config: TrendConfig, column: ColumnOf) -> None:
        self._spread, self._atr, self._adx = column(config.spread), column(config.atr), column(config.adx)
        self._full, self._floor = config.spread_full_atr, config.adx_floor
        self._range = config.adx_full - config.adx_floor

    def __call__(self, row: Row, close: float, risk: float) -> Signal | None:  # noqa: ARG002  (one signature for all rules)
        """Return the opinion on `row`, or None to abstain."""
        atr = row[self._atr]
        if not atr > 0.0:
            return None
        direction = math.tanh(row[self._spread] / (self._full * atr))
        return opinion("trend", direction, _ramp((row[self._adx] - self._floor) / self._range), math.nan, risk)


class Reversion:
    """
    Expect an unusual distance from the mean to shrink, the less the more the market trends.

    ``direction = -clip(z / z_full)``; ``confidence`` rises from 0 at ``|z| = z_entry`` to 1 at ``z_full``, times
    ``1 - ADX / adx_silent``. Abstains where an input is NaN.

    References
    ----------
    Lehmann (1990), Fads, martingales and market efficiency, Quarterly Journal of Economics 105(1).
    Bollinger (2001), Bollinger on Bollinger Bands: the z-score of price as %b.

    """

    def __init__(self, config: ReversionConfig, column: ColumnOf) -> None:
        self._zscore, self._adx = column(config.zscore), column(config.adx)
        self._entry, self._full, self._silent = config.z_entry, config.z_full, config.adx_silent

    def __call__(self, row: Row, close: float, risk: float) -> Signal | None:  # noqa: ARG002  (one signature for all rules)
        """Return the opinion on `row`, or None to abstain."""
        z = row[self._zscore]
        stretched = _ramp((abs(z) - self._entry) / (self._full - self._entry))
        calm = 1.0 - _ramp(row[self._adx] / self._silent)
        return opinion("reversion", -_bounded(z / self._full), stretched * calm, math.nan, risk)


class Breakout:
    """
    Follow a close at the edge of the channel of past highs and lows.

    With ``u = 2 (close - lower) / (upper - lower) - 1`` the close's place in the channel (-1 lower edge, +1 upper; the
    channel includes the present bar, so a new extreme close has ``|u| = 1``): ``direction = u`` and ``confidence``
    rises from 0 at ``|u| = edge`` to 1 at the edge itself. Abstains where an input is NaN or the channel has no width.

    References
    ----------
    Brock, Lakonishok & LeBaron (1992), Journal of Finance 47(5): trading-range break.

    """

    def __init__(self, config: BreakoutConfig, column: ColumnOf) -> None:
        self._upper, self._lower, self._edge = column(config.upper), column(config.lower), config.edge

    def __call__(self, row: Row, close: float, risk: float) -> Signal | None:
        """Return the opinion on `row`, or None to abstain."""
        lower = row[self._lower]
        width = row[self._upper] - lower
        if not width > 0.0:
            return None
        place = _bounded(2.0 * (close - lower) / width - 1.0)
        return opinion("breakout", place, _ramp((abs(place) - self._edge) / (1.0 - self._edge)), math.nan, risk)


class Momentum:
    """
    Expect the past return to continue, measured in its own volatility.

    With ``m = roc * roc_unit / (volatility * sqrt(roc_bars))``, the return in standard deviations:
    ``direction = tanh(m)`` and ``confidence = min(1, |m| / deviations_full)``. `volatility` is per bar, not annualised.
    Abstains where an input is NaN or the volatility is 0.

    References
    ----------
    Moskowitz, Ooi & Pedersen (2012), Time series momentum, Journal of Financial Economics 104(2).

    """

    def __init__(self, config: MomentumConfig, column: ColumnOf) -> None:
        self._roc, self._volatility = column(config.roc), column(config.volatility)
        self._unit = config.roc_unit / math.sqrt(config.roc_bars)
        self._full = config.deviations_full

    def __call__(self, row: Row, close: float, risk: float) -> Signal | None:  # noqa: ARG002  (one signature for all rules)
        """Return the opinion on `row`, or None to abstain."""
        volatility = row[self._volatility]
        if not volatility > 0.0:
            return None
        deviations = row[self._roc] * self._unit / volatility
        return opinion("momentum", math.tanh(deviations), _ramp(abs(deviations) / self._full), math.nan, risk)


class TechnicalSignals:
    """
    The rules that are switched on, and their confidence-weighted mean.

    Parameters
    ----------
    config : TechnicalConfig
        Parameters and weights of the rules.
    column : callable
        Resolves a feature's label to its index in the row; raises where there is no such feature. Called only here.

    """

    def __init__(self, config: TechnicalConfig, column: ColumnOf) -> None:
        candidates: tuple[tuple[float, Callable[[], Rule]], ...] = (
            (config.trend.weight, lambda: Trend(config.trend, column)),
            (config.reversion.weight, lambda: Reversion(config.reversion, column)),
            (config.breakout.weight, lambda: Breakout(config.breakout, column)),
            (config.momentum.weight, lambda: Momentum(config.momentum, column)),
        )
        bound = [(weight, bind()) for weight, bind in candidates if weight > 0.0]
        self._weights = [weight for weight, _ in bound]
        self._rules = [rule for _, rule in bound]
        self._atr = column(config.atr)
        self._risk_full = config.risk_full_atr

    def __call__(self, row: Row, close: float) -> tuple[Signal | None, Sequence[Signal | None]]:
        """
        Judge one bar.

        Parameters
        ----------
        row : sequence of float
            The feature row known at the bar's close, as plain floats.
        close : float
            The bar's close, in quote currency, above 0.

        Returns
        -------
        combined : Signal or None
            Source ``"ta"``; None where every rule abstains, as during warm-up.
        parts : sequence of Signal or None
            What each rule said, in the order trend, reversion, breakout, momentum without those switched off.

        """
        risk = _ramp(row[self._atr] / (close * self._risk_full))
        parts = [rule(row, close, risk) for rule in self._rules]
        return blend("ta", zip(self._weights, parts, strict=True)), parts


def _ramp(value: float) -> float:
    """Clip to [0, 1] and keep NaN."""
    return 0.0 if value < 0.0 else min(value, 1.0)


def _bounded(value: float) -> float:
    """Clip to [-1, 1] and keep NaN."""
    return -1.0 if value < -1.0 else min(value, 1.0)
