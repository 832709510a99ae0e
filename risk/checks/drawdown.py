"""Refuse more risk while equity is too far below its peak."""

from __future__ import annotations

import msgspec

from risk.growth import Growth
from risk.intent import Intent
from risk.limits import DrawdownLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class Drawdown(msgspec.Struct, frozen=True):
    """Stop adding risk once the loss from the peak has reached the limit, scaled by the mode's risk multiplier."""

    config: DrawdownLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with both as fractions of the peak, None where it holds."""
        limit = self.config.max * view.powers.risk_multiplier
        measured = view.drawdown
        if not measured < limit:
            return Refusal(Reason.DRAWDOWN_EXCEEDED, measured, limit)
        return None
