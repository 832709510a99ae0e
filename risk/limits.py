"""The numbers the pre-trade checks hold an intent against, as one validated configuration."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

type Fraction = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
type Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]
type BasisPoints = Annotated[float, msgspec.Meta(ge=0.0, le=10_000.0)]

ORDERS_REMEMBERED = 1_000
"""Submissions the view remembers for the order-rate and duplicate checks; no rate limit may count further."""


class PositionBasis(Enum):
    """What the position limit bounds."""

    RISK = "risk"
    """What the position loses at its stop, costs included."""
    NOTIONAL = "notional"
    """How large the position is."""


class PositionLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Bound what one position may lose at its stop, or how large it may be.

    `max` is a fraction of equity, scaled by the mode's risk multiplier. A position, or the part of it that no
    working stop protects, is assumed to be closed only after a move of `stop_distance_assumed` (fraction of the
    price) against it: an order without a stop is thereby allowed, but small. `slippage_bps` is lost on the way in
    and again on the way out, on top of the taker fee.
    """

    enabled: bool = True
    basis: PositionBasis = PositionBasis.RISK
    max: Fraction = 0.02
    stop_distance_assumed: Fraction = 0.10
    slippage_bps: BasisPoints = 5.0


class LeverageLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bound all positions and working entries together to a multiple of equity; the mode may demand less."""

    enabled: bool = True
    max: Annotated[float, msgspec.Meta(gt=0.0, le=125.0)] = 3.0


class DailyLossLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop adding risk once the UTC day has lost this fraction of its starting equity; the mode may demand less."""

    enabled: bool = True
    max: Fraction = 0.02


class DrawdownBase(Enum):
    """What a drawdown is measured from."""

    PEAK = "peak"
    """The highest equity of the window."""
    START = "start"
    """The equity with which the account started."""
    DAY = "day"
    """The equity with which the UTC day began."""


class DrawdownLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Stop adding risk while equity is this fraction below its base; scaled by the mode's risk multiplier.

    The base is the peak, the start or the day's start. The peak is the highest equity of the last `window_days`
    UTC days, or since the start where that is None. Measured from the start, or from the peak with None, nothing
    but a new start lifts the limit, as an account with no open position cannot recover.
    """

    enabled: bool = True
    base: DrawdownBase = DrawdownBase.PEAK
    max: Fraction = 0.05
    window_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] | None = None


class PriceCollarConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Refuse limit and trigger prices further than this from the last good price."""

    enabled: bool = True
    deviation_bps_max: BasisPoints = 500.0


class ConcurrentPositionsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bound the number of instruments held or being entered; no mode allows more than 20."""

    enabled: bool = True
    positions_max: Annotated[int, msgspec.Meta(ge=1, le=20)] = 20


class MarginLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Require free initial margin, keeping `reserve` (fraction of equity) untouched."""

    enabled: bool = True
    reserve: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0


class DuplicateConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Refuse the same order by the same strategy again within `window_s`."""

    enabled: bool = True
    window_s: Seconds = 5.0


class OrderRateConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bound the commands sent within any `window_s`; orders that only reduce count, but are never refused."""

    enabled: bool = True
    orders_max: Annotated[int, msgspec.Meta(ge=1, le=ORDERS_REMEMBERED)] = 50
    window_s: Seconds = 10.0


class KellyLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Bound the share of Kelly's bet that an order claims to take.

    An order that claims none is not bound by it. Modes without Kelly sizing refuse every claim, whatever is set here.
    """

    enabled: bool = True
    max: Annotated[float, msgspec.Meta(gt=0.0, le=0.25)] = 0.25


class RiskMethod(Enum):
    """How value at risk is estimated."""

    HISTORICAL = "historical"
    """Past returns as they were."""
    PARAMETRIC = "parametric"
    """Normal returns with a shrunk covariance."""
    FILTERED = "filtered"
    """Past returns, each scaled by volatility now over volatility then."""


class ValueAtRiskLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Bound what all positions together may lose within `horizon_h`, at a confidence.

    `max` bounds the value at risk, `cvar_max` the expected shortfall (None: not bound), both fractions of equity and
    scaled by the mode's risk multiplier. Returns are sampled every `sample_h` hours of UTC and the last `window` of
    them are used; their loss is scaled to the horizon by the square root of time, which holds for independent
    returns. An instrument with fewer than `observations_min` returns is taken to lose `move_assumed` of its notional,
    together with everything else. `decay` is the weight of the past in the volatility of the filtered method.
    """

    enabled: bool = True
    method: RiskMethod = RiskMethod.FILTERED
    max: Fraction = 0.05
    cvar_max: Fraction | None = None
    confidence: Annotated[float, msgspec.Meta(ge=0.9, lt=1.0)] = 0.99
    horizon_h: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24
    sample_h: Annotated[int, msgspec.Meta(ge=1, le=24)] = 1
    window: Annotated[int, msgspec.Meta(ge=20, le=10_000)] = 500
    observations_min: Annotated[int, msgspec.Meta(ge=10, le=10_000)] = 60
    move_assumed: Fraction = 0.10
    decay: Annotated[float, msgspec.Meta(gt=0.5, lt=1.0)] = 0.99

    def __post_init__(self) -> None:
        """Refuse windows that could never hold enough."""
        if not self.observations_min <= self.window:
            raise ValueError(f"need observations_min <= window, were {self.observations_min} and {self.window}")
        if not self.sample_h <= self.horizon_h:
            raise ValueError(f"need sample_h <= horizon_h, were {self.sample_h} and {self.horizon_h}")


class CorrelationLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Bound the exposure to instruments that move as one.

    `max` is a multiple of equity, scaled by the mode's risk multiplier. Instruments count as one with the order's
    where their correlation is at least `threshold` in size, or not known from `observations_min` common returns. The
    returns are those of `value_at_risk.sample_h`, each weighing `decay` times the one after it.
    """

    enabled: bool = True
    threshold: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.8
    max: Annotated[float, msgspec.Meta(gt=0.0, le=125.0)] = 2.0
    decay: Annotated[float, msgspec.Meta(gt=0.5, lt=1.0)] = 0.99
    observations_min: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 60


class LimitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All pre-trade limits; each may be switched off or tuned, the powers of the mode and the budgets may not."""

    position: PositionLimitConfig = PositionLimitConfig()
    leverage: LeverageLimitConfig = LeverageLimitConfig()
    daily_loss: DailyLossLimitConfig = DailyLossLimitConfig()
    drawdown: DrawdownLimitConfig = DrawdownLimitConfig()
    collar: PriceCollarConfig = PriceCollarConfig()
    concurrent: ConcurrentPositionsConfig = ConcurrentPositionsConfig()
    margin: MarginLimitConfig = MarginLimitConfig()
    duplicate: DuplicateConfig = DuplicateConfig()
    rate: OrderRateConfig = OrderRateConfig()
    kelly: KellyLimitConfig = KellyLimitConfig()
    value_at_risk: ValueAtRiskLimitConfig = ValueAtRiskLimitConfig()
    correlation: CorrelationLimitConfig = CorrelationLimitConfig()
