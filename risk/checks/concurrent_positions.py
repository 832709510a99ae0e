"""Refuse to open more positions at once than can be watched."""

from __future__ import annotations

import msgspec

from risk.growth import Growth
from risk.intent import Intent
from risk.limits import ConcurrentPositionsConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class ConcurrentPositions(msgspec.Struct, frozen=True):
    """Bound the number of instruments held or being entered; adding to one of them is not counted again."""

    config: ConcurrentPositionsConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:  # noqa: ARG002 (one form for all)
        """Return a refusal with the number there would be and the limit, None where it holds."""
        of_mode = view.powers.positions_max
        limit = self.config.positions_max if of_mode is None else min(self.config.positions_max, of_mode)
        entered = growth.book.quantity != 0.0 or bool(growth.book.opening)
        measured = view.committed_positions + (0 if entered else 1)
        if not measured <= limit:
            return Refusal(Reason.CONCURRENT_POSITIONS_EXCEEDED, measured, limit)
        return None
