"""Refuse to send orders faster than allowed."""

from __future__ import annotations

import msgspec

from risk.arithmetic import elapsed_s
from risk.growth import Growth
from risk.intent import Intent
from risk.limits import OrderRateConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class OrderRate(msgspec.Struct, frozen=True):
    """Bound the commands within any window of the engine's clock."""

    config: OrderRateConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with the count there would be and the limit, None where it holds."""
        limit = self.config.orders_max
        sent_ns = view.sent.sent_ns(limit)
        if sent_ns is not None and not elapsed_s(sent_ns, intent.ts_ns) >= self.config.window_s:
            return Refusal(Reason.ORDER_RATE_EXCEEDED, limit + 1, limit, f"within {self.config.window_s:g} s")
        return None
