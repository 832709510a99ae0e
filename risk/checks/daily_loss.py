"""Refuse more risk on a day that has lost enough."""

from __future__ import annotations

import msgspec

from risk.growth import Growth
from risk.intent import Intent
from risk.limits import DailyLossLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class DailyLoss(msgspec.Struct, frozen=True):
    """Stop adding risk once the UTC day's loss, realised and unrealised, reaches the lower of mode's and own limit."""

    config: DailyLossLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with both as fractions of the day's starting equity, None where it holds."""
        limit = min(self.config.max, view.powers.daily_loss_max)
        measured = view.daily_loss
        if not measured < limit:
            return Refusal(Reason.DAILY_LOSS_EXCEEDED, measured, limit)
        return None
