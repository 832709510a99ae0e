"""Refuse what a kill switch, an open circuit breaker or a store that failed keeps from adding risk."""

from __future__ import annotations

from risk.barriers import Barrier, Source
from risk.intent import Intent
from risk.verdict import Reason, Refusal
from risk.view import View

REASONS = {
    Source.KILL_SWITCH: Reason.KILL_SWITCH_ENGAGED,
    Source.STATE: Reason.STATE_NOT_DURABLE,
    Source.BREAKER: Reason.CIRCUIT_BREAKER_OPEN,
}
"""What each source of barriers refuses with; where several bar an order, the first of these answers."""


def barred(intent: Intent, view: View) -> Refusal | None:
    """
    Refuse an order that adds risk within what a barrier covers.

    A half-open breaker lets an order pass while no other that adds risk works within what it covers. This check can't
    be switched off, and asks nothing where there is no barrier.
    """
    met = [barrier for barrier in view.barriers if barrier.covers(intent.strategy, intent.instrument)]
    if not met:
        return None
    for source, reason in REASONS.items():
        for barrier in met:
            if barrier.source is source and not (barrier.probing and _is_first_probe(intent, barrier, view)):
                return Refusal(reason, detail=_told(barrier))
    return None


def _is_first_probe(intent: Intent, barrier: Barrier, view: View) -> bool:
    for working in view.overshooting():
        known = bool(working.strategy)
        # an order of an unknown sender may be within any strategy's barrier
        covered = barrier.covers(working.strategy if known else intent.strategy, working.instrument)
        own = working.client_order_id in {intent.client_order_id, intent.parent_id}
        if covered and not own:
            return False
    return True


def _told(barrier: Barrier) -> str:
    covers = f"{barrier.level.value} {barrier.name}" if barrier.name else barrier.level.value
    state = ", half-open and another order is probing" if barrier.probing else ""
    return f"{covers}: {barrier.reason}{state}"
