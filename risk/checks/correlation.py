"""Refuse an order that adds to instruments which move as one already."""

from __future__ import annotations

import msgspec

from risk.growth import Growth
from risk.intent import Intent
from risk.limits import CorrelationLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class Correlation(msgspec.Struct, frozen=True):
    """
    Bound the exposure that would lose together with the order's instrument, this intent included.

    Counted are positions and working orders of the same side in instruments correlated with it, of the other side in
    instruments correlated inversely, and the larger side of instruments whose correlation is not known yet. What
    would gain is not subtracted.
    """

    config: CorrelationLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:
        """Return a refusal with exposure and limit in quote currency, None where it holds."""
        if growth.from_budget:
            return None
        portfolio = view.portfolio
        if portfolio is None:
            return Refusal(Reason.NOT_A_NUMBER, detail="correlations are not measured")
        limit = self.config.max * view.powers.risk_multiplier * growth.equity
        own = growth.held * growth.mark + growth.notional
        if own + portfolio.cluster_at_most(intent.instrument) <= limit:
            return None
        measured = own + portfolio.cluster(intent.instrument, intent.side.sign)
        if not measured <= limit:
            return Refusal(Reason.CORRELATION_LIMIT_EXCEEDED, measured, limit, f"threshold {self.config.threshold:g}")
        return None
