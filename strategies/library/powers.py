"""What the control mode lets a strategy do, in the words of a strategy."""

from __future__ import annotations

from typing import Annotated, Self

import msgspec

from risk.modes.table import Powers, Signals, Switch


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
