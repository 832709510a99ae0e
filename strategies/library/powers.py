"""What the control mode lets a strategy do, in the words of a strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Protocol, Self, runtime_checkable

import msgspec

from risk.modes.table import POWERS, Mode, Powers, Signals, Switch


class StrategyPowers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The powers of the present mode, as far as a strategy acts on them; the gate enforces all of them in any case.

    The default is everything that FullAuto allows. `risk_multiplier` scales what a position may lose at its stop;
    `leverage_max` bounds a position's notional as a multiple of equity.
    """

    generate_signals: bool = True
    use_model: bool = True
    use_kelly: bool = True
    risk_multiplier: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    leverage_max: Annotated[float, msgspec.Meta(ge=0.0)] = 3.0

    @classmethod
    def of(cls, powers: Powers) -> Self:
        """Read a mode's row of the table of capabilities."""
        return cls(
            generate_signals=powers.signals is not Signals.NONE,
            use_model=powers.ml_inference,
            use_kelly=powers.kelly_sizing is Switch.ON,
            risk_multiplier=powers.risk_multiplier,
            leverage_max=powers.leverage_max,
        )


@runtime_checkable
class ActsOnPowers(Protocol):
    """A strategy that does more, or less, by the mode; any other is held by the gate alone."""

    def set_powers(self, powers: StrategyPowers) -> None:
        """Change what the control mode allows from now on."""


@runtime_checkable
class NeedsModel(Protocol):
    """A strategy whose model must be ready before FullAuto."""

    def ready_model(self) -> str | None:
        """Return why the model can't be used, after a new attempt to read it; None where it can, or none is set."""


def tell_mode(strategies: Iterable[object], mode: Callable[[], Mode]) -> None:
    """
    Tell every strategy that acts on powers those of the mode in force.

    The mode is asked again for each: what one strategy does about it (its model fails, say) may change it, and the
    rest must not then be told of a mode that is over.
    """
    for strategy in tuple(strategies):
        if isinstance(strategy, ActsOnPowers):
            strategy.set_powers(StrategyPowers.of(POWERS[mode()]))


def models_not_ready(strategies: Iterable[object]) -> tuple[str, ...]:
    """Return why models can't be used, empty where all can: the guard "models ready" before FullAuto."""
    problems = (strategy.ready_model() for strategy in strategies if isinstance(strategy, NeedsModel))
    return tuple(problem for problem in problems if problem is not None)
