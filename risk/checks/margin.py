"""Refuse what the free margin does not cover."""

from __future__ import annotations

import msgspec

from risk.arithmetic import margin_left, margin_required
from risk.growth import Growth
from risk.intent import Intent
from risk.limits import MarginLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class Margin(msgspec.Struct, frozen=True):
    """Require initial margin and opening fee to fit into what equity leaves free of the margin already taken."""

    config: MarginLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with required and available margin in quote currency, None where it holds."""
        book = growth.book
        margin_after = book.margin_of(growth.book_notional + growth.notional)
        required = margin_required(margin_after, growth.book_margin, growth.notional, growth.facts.taker_fee)
        available = margin_left(growth.equity, self.config.reserve, growth.committed_margin)
        if not required <= available:
            return Refusal(Reason.INSUFFICIENT_MARGIN, required, available)
        return None
