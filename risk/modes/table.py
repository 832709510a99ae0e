"""What each control mode may do: the whole table of capabilities, as data."""

from __future__ import annotations

from enum import Enum

import msgspec

from risk.intent import Origin


class Mode(Enum):
    """Who is in control."""

    MANUAL = "Manual"
    SEMI_AUTO = "SemiAuto"
    FULL_AUTO = "FullAuto"
    EMERGENCY = "Emergency"

    @property
    def priority(self) -> int:
        """Return the rank of the mode: of two requests at once the higher, more restrictive one wins."""
        return _PRIORITY[self]


_PRIORITY = {Mode.EMERGENCY: 3, Mode.MANUAL: 2, Mode.SEMI_AUTO: 1, Mode.FULL_AUTO: 0}


class Permission(Enum):
    """Whether orders that add risk may be sent; orders that only reduce are free in every mode."""

    NO = "NO"
    AFTER_APPROVAL = "AFTER_APPROVAL"
    WITH_ID_AND_REASON = "WITH_ID_AND_REASON"
    YES = "YES"
    CLOSING_ONLY = "CLOSING_ONLY"


class Signals(Enum):
    """Which signals are generated, and what for."""

    FOR_REVIEW = "FOR_REVIEW"
    TECHNICAL = "TECHNICAL"
    TECHNICAL_AND_LEARNED = "TECHNICAL_AND_LEARNED"
    NONE = "NONE"


class StopLosses(Enum):
    """Who places protective stops."""

    OPERATOR = "OPERATOR"
    AUTOMATIC = "AUTOMATIC"
    ENFORCED = "ENFORCED"


class Switch(Enum):
    """Whether a capability is on; execution algorithms may also serve closing orders alone."""

    OFF = "OFF"
    ON = "ON"
    CLOSING_ONLY = "CLOSING_ONLY"


class Breakers(Enum):
    """How circuit breakers stand."""

    ON = "ON"
    TIGHTENED = "TIGHTENED"
    ALL_OPEN = "ALL_OPEN"


class Powers(msgspec.Struct, frozen=True, kw_only=True):
    """
    The powers of one mode.

    `daily_loss_max` is a fraction of the day's starting equity, `leverage_max` a multiple of equity;
    `risk_multiplier` scales the position and portfolio limits. `breaker_threshold_multiplier` is None where
    thresholds have no meaning because every breaker is open; `positions_max` is None where only the configured
    limits bound the number of positions.
    """

    risk_multiplier: float
    daily_loss_max: float
    leverage_max: float
    automated_orders: Permission
    operator_orders: Permission
    signals: Signals
    ml_inference: bool
    stop_losses: StopLosses
    kelly_sizing: Switch
    portfolio_optimisation: Switch
    reinforcement_learning: Switch
    market_making: Switch
    arbitrage: Switch
    funding_strategies: Switch
    execution_algorithms: Switch
    circuit_breakers: Breakers
    breaker_threshold_multiplier: float | None
    positions_max: int | None

    def orders(self, origin: Origin) -> Permission:
        """Return what orders of this origin may do when they add risk."""
        return self.automated_orders if origin is Origin.AUTOMATED else self.operator_orders


POWERS: dict[Mode, Powers] = {
    Mode.MANUAL: Powers(
        risk_multiplier=0.5,
        daily_loss_max=0.01,
        leverage_max=1.0,
        automated_orders=Permission.NO,
        operator_orders=Permission.WITH_ID_AND_REASON,
        signals=Signals.FOR_REVIEW,
        ml_inference=False,
        stop_losses=StopLosses.OPERATOR,
        kelly_sizing=Switch.OFF,
        portfolio_optimisation=Switch.OFF,
        reinforcement_learning=Switch.OFF,
        market_making=Switch.OFF,
        arbitrage=Switch.OFF,
        funding_strategies=Switch.OFF,
        execution_algorithms=Switch.OFF,
        circuit_breakers=Breakers.ON,
        breaker_threshold_multiplier=1.0,
        positions_max=None,
    ),
    Mode.SEMI_AUTO: Powers(
        risk_multiplier=0.75,
        daily_loss_max=0.015,
        leverage_max=2.0,
        automated_orders=Permission.AFTER_APPROVAL,
        operator_orders=Permission.YES,
        signals=Signals.TECHNICAL,
        ml_inference=False,
        stop_losses=StopLosses.AUTOMATIC,
        kelly_sizing=Switch.OFF,
        portfolio_optimisation=Switch.OFF,
        reinforcement_learning=Switch.OFF,
        market_making=Switch.OFF,
        arbitrage=Switch.OFF,
        funding_strategies=Switch.OFF,
        execution_algorithms=Switch.OFF,
        circuit_breakers=Breakers.TIGHTENED,
        breaker_threshold_multiplier=0.75,
        positions_max=None,
    ),
    Mode.FULL_AUTO: Powers(
        risk_multiplier=1.0,
        daily_loss_max=0.02,
        leverage_max=3.0,
        automated_orders=Permission.YES,
        operator_orders=Permission.YES,
        signals=Signals.TECHNICAL_AND_LEARNED,
        ml_inference=True,
        stop_losses=StopLosses.AUTOMATIC,
        kelly_sizing=Switch.ON,
        portfolio_optimisation=Switch.ON,
        reinforcement_learning=Switch.ON,
        market_making=Switch.ON,
        arbitrage=Switch.ON,
        funding_strategies=Switch.ON,
        execution_algorithms=Switch.ON,
        circuit_breakers=Breakers.ON,
        breaker_threshold_multiplier=1.0,
        positions_max=20,
    ),
    Mode.EMERGENCY: Powers(
        risk_multiplier=0.0,
        daily_loss_max=0.0,
        leverage_max=0.0,
        automated_orders=Permission.CLOSING_ONLY,
        operator_orders=Permission.CLOSING_ONLY,
        signals=Signals.NONE,
        ml_inference=False,
        stop_losses=StopLosses.ENFORCED,
        kelly_sizing=Switch.OFF,
        portfolio_optimisation=Switch.OFF,
        reinforcement_learning=Switch.OFF,
        market_making=Switch.OFF,
        arbitrage=Switch.OFF,
        funding_strategies=Switch.OFF,
        execution_algorithms=Switch.CLOSING_ONLY,
        circuit_breakers=Breakers.ALL_OPEN,
        breaker_threshold_multiplier=None,
        positions_max=0,
    ),
}
