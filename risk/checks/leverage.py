"""Refuse more exposure than equity may carry."""

from __future__ import annotations

import msgspec

from risk.growth import Growth
from risk.intent import Intent
from risk.limits import LeverageLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class Leverage(msgspec.Struct, frozen=True):
    """Bound all positions, all working entries and this intent together to a multiple of equity."""

    config: LeverageLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with notional and limit in quote currency, None where it holds."""
        limit = min(self.config.max, view.powers.leverage_max) * growth.equity
        measured = growth.committed_notional + growth.notional
        if not measured <= limit:
            return Refusal(Reason.LEVERAGE_EXCEEDED, measured, limit)
        return None
