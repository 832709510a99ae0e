"""Refuse more risk while equity is too far below its base: peak, start or the day's start."""

from __future__ import annotations

import msgspec

from risk.arithmetic import loss_fraction
from risk.growth import Growth
from risk.intent import Intent
from risk.limits import DrawdownBase, DrawdownLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class Drawdown(msgspec.Struct, frozen=True):
    """Stop adding risk once the loss from the base has reached the limit, scaled by the mode's risk multiplier."""

    config: DrawdownLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with both as fractions of the base, None where it holds."""
        limit = self.config.max * view.powers.risk_multiplier
        measured = measured_drawdown(self.config.base, view)
        if not measured < limit:
            return Refusal(Reason.DRAWDOWN_EXCEEDED, measured, limit, f"base {self.config.base.value}")
        return None


def measured_drawdown(base: DrawdownBase, view: View) -> float:
    """Return the loss from the base as a fraction of it, 0 above it; NaN where either is unknown."""
    if base is DrawdownBase.PEAK:
        return view.drawdown
    if base is DrawdownBase.DAY:
        return view.daily_loss
    return loss_fraction(view.equity, view.start_equity)
