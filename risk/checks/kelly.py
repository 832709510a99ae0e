"""Refuse a bet that claims too large a share of Kelly's."""

from __future__ import annotations

import msgspec

from risk.growth import Growth
from risk.intent import Intent
from risk.limits import KellyLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class Kelly(msgspec.Struct, frozen=True):
    """
    Bound the claimed share of Kelly's bet; an order that claims none passes.

    Whether the mode allows Kelly sizing at all is one of its powers: see `risk.checks.mode_powers`.
    """

    config: KellyLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with both shares, None where it holds."""
        claimed = intent.kelly_fraction
        if claimed is not None and not claimed <= self.config.max:
            return Refusal(Reason.KELLY_FRACTION_EXCEEDED, claimed, self.config.max)
        return None
