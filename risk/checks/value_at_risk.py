"""Refuse an order with which the whole portfolio could lose too much."""

from __future__ import annotations

import msgspec

from risk.growth import Growth
from risk.intent import Intent
from risk.limits import ValueAtRiskLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class ValueAtRisk(msgspec.Struct, frozen=True):
    """
    Bound the portfolio's value at risk, and its expected shortfall where that is configured.

    The portfolio is all positions, all working orders and this intent; see `risk.measures.portfolio`. An order that
    leaves a figure no larger than it is passes beyond the limit too: it takes risk away. A slice of an approved
    parent is judged with its parent.
    """

    config: ValueAtRiskLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:
        """Return a refusal with figure and limit as fractions of equity, None where it holds."""
        if growth.from_budget:
            return None
        portfolio = view.portfolio
        if portfolio is None:
            return Refusal(Reason.NOT_A_NUMBER, detail="the portfolio's risk is not measured")
        config, equity = self.config, growth.equity
        price = max(growth.entry_price, growth.mark)
        committed = intent.side.sign * (growth.held * growth.mark + growth.notional)
        added = intent.signed_quantity * price
        multiplier = view.powers.risk_multiplier
        tightest = config.max if config.cvar_max is None else min(config.max, config.cvar_max)
        if portfolio.at_most(intent.instrument, added, committed) <= tightest * multiplier * equity:
            return None  # most orders are far from the limit, and the bound costs a fraction of the figures
        after = portfolio.with_order(intent.instrument, added, committed)
        bounds = (
            (after.var, config.max, Reason.VAR_LIMIT_EXCEEDED),
            (after.cvar, config.cvar_max, Reason.CVAR_LIMIT_EXCEEDED),
        )
        for which, (loss, share, reason) in enumerate(bounds):
            if share is None or (equity > 0.0 and loss <= share * multiplier * equity):
                continue
            if loss <= portfolio.present()[which]:
                continue
            measured = loss / equity if equity > 0.0 else float("inf")
            return Refusal(
                reason,
                measured,
                share * multiplier,
                f"{config.method.value}, {config.confidence:g}, {config.horizon_h} h",
            )
        return None
