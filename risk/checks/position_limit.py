"""Refuse a position that could lose too much at its stop, or that is too large."""

from __future__ import annotations

import math

import msgspec

from risk.arithmetic import loss_at_stop
from risk.growth import Growth
from risk.intent import Intent
from risk.limits import PositionBasis, PositionLimitConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class PositionLimit(msgspec.Struct, frozen=True):
    """
    Bound one position's loss at its stop (or its notional) to a fraction of equity.

    The position is what is held, what is being added on the same side, and this intent. The new part loses from its
    entry to its protective stop; what is there already loses from the mark to its working stops. A part without
    a stop, or with one on the wrong side, is taken to lose `stop_distance_assumed`. Costs are the taker fee and the
    slippage allowance, on the way in for the new part and on the way out for all of it.
    """

    config: PositionLimitConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:
        """Return a refusal with loss (or notional) and limit in quote currency, None where it holds."""
        if growth.from_budget:
            return None
        limit = self.config.max * view.powers.risk_multiplier * growth.equity
        if self.config.basis is PositionBasis.NOTIONAL:
            measured = growth.notional + growth.held * growth.mark
        else:
            measured = self._loss_at_stop(intent, growth)
        if not measured <= limit:
            return Refusal(Reason.POSITION_LIMIT_EXCEEDED, measured, limit, f"basis {self.config.basis.value}")
        return None

    def _loss_at_stop(self, intent: Intent, growth: Growth) -> float:
        sign = intent.side.sign
        stop = math.nan if intent.stop_price is None else intent.stop_price
        distance = self.config.stop_distance_assumed
        cost_rate = growth.facts.taker_fee + 1e-4 * self.config.slippage_bps
        loss = loss_at_stop(sign, growth.quantity, growth.entry_price, stop, distance, cost_rate)
        if growth.held > 0.0:
            loss += growth.book.protective_loss(sign, growth.held, distance)
            loss += growth.held * growth.mark * cost_rate
        return loss
