"""Refuse a price so far from the market that it must be a mistake."""

from __future__ import annotations

import msgspec

from risk.arithmetic import deviation_bps
from risk.growth import Growth
from risk.intent import Intent
from risk.limits import PriceCollarConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class PriceCollar(msgspec.Struct, frozen=True):
    """Bound limit and trigger prices to a distance from the last good price."""

    config: PriceCollarConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with both in basis points, None where it holds."""
        limit = self.config.deviation_bps_max
        mark = growth.mark
        for price in (intent.price, intent.trigger_price):
            if price is None:
                continue
            deviation = deviation_bps(price, mark)
            # "not <=" rather than ">", so a NaN is refused instead of waved through
            if not deviation <= limit:
                return Refusal(Reason.PRICE_OUTSIDE_COLLAR, deviation, limit, f"price {price:.10g}, last {mark:.10g}")
        return None
