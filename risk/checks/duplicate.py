"""Refuse the same order sent twice."""

from __future__ import annotations

import msgspec

from risk.arithmetic import elapsed_s
from risk.growth import Growth
from risk.intent import Action, Intent
from risk.limits import DuplicateConfig
from risk.verdict import Reason, Refusal
from risk.view import View


class Duplicate(msgspec.Struct, frozen=True):
    """Refuse an order equal to one the same strategy sent within the window, under another id."""

    config: DuplicateConfig

    def __call__(self, intent: Intent, view: View, growth: Growth) -> Refusal | None:
        """Return a refusal with age of the first order and window in seconds, None where it holds."""
        if growth.from_budget or intent.action is Action.MODIFY:
            return None
        sent_ns = view.sent.duplicate_ns(intent)
        if sent_ns is not None:
            age_s = elapsed_s(sent_ns, intent.ts_ns)
            if not age_s >= self.config.window_s:
                return Refusal(Reason.DUPLICATE_ORDER, age_s, self.config.window_s)
        return None
