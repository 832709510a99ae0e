"""A hedge in Emergency: the one order that may open something, and only against what can't be closed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from risk.barriers import Source
from risk.desk import Purpose
from risk.intent import Action, Intent
from risk.modes.table import Mode
from risk.verdict import Approved, Basis, Reason, Refusal
from risk.view import View

HEDGE_STRATEGY = "Guard-HEDGE"
"""Who holds hedges: they belong to no strategy, and no strategy may carry this name."""

HEDGE_TAG = f"guard:{Purpose.HEDGE.value}"


class HedgeAllowance(msgspec.Struct, frozen=True):
    """What one instrument may be a hedge for: pairs of a hedged instrument and base units of hedge per base unit."""

    hedged: tuple[tuple[str, float], ...]


def hedge_allowed(intent: Intent, view: View, allowances: Mapping[str, HedgeAllowance]) -> Approved | Refusal | None:
    """
    Decide an order that says it is a hedge.

    Parameters
    ----------
    intent : Intent
        A well-formed order command that does not merely reduce.
    view : View
        The account as of now: the exposure is read here, and not believed from whoever asks.
    allowances : mapping of hedge instrument to HedgeAllowance
        What the emergency closer has found to be impossible to close, and where it may be hedged.

    Returns
    -------
    Approved, Refusal or None
        None for an order that does not say it is a hedge: the other rules decide it. Approved in Emergency where the
        order is opposite to the exposure it hedges, and with all that is held and working of the hedge not larger.

    """
    if HEDGE_TAG not in intent.tags:
        return None
    if view.mode is not Mode.EMERGENCY or intent.strategy != HEDGE_STRATEGY or intent.action is not Action.SUBMIT:
        return Refusal(Reason.MODE_FORBIDS, detail="only the emergency closer hedges, and only in Emergency")
    for barrier in view.barriers:
        if barrier.source is Source.KILL_SWITCH and barrier.covers(intent.strategy, intent.instrument):
            return Refusal(Reason.KILL_SWITCH_ENGAGED, detail=barrier.reason)
    room = _room(intent, view, allowances.get(intent.instrument))
    # "not <=" so that an unknown exposure (NaN) refuses
    if not intent.quantity <= room:
        return Refusal(Reason.MODE_FORBIDS, intent.quantity, room, "a hedge may not exceed what it hedges")
    return Approved(Basis.LIMITS)


def _room(intent: Intent, view: View, allowance: HedgeAllowance | None) -> float:
    """Return how much may be hedged yet on the intent's side, base units; 0 where nothing may, NaN if unknown."""
    book = view.book(intent.instrument)
    if allowance is None or book is None or book.facts is None:
        return 0.0
    target = 0.0
    for hedged, ratio in allowance.hedged:
        position = view.position(hedged)
        target -= 0.0 if position is None else ratio * position.signed_quantity
    sign = intent.side.sign
    # what others hold of the hedge's instrument against it is no reason to hedge more than there is to hedge
    missing = sign * target - _positive(sign * book.quantity)
    working, _ = book.side(sign)
    room = missing - working
    return room + book.lot_tolerance() if room > 0.0 or math.isnan(room) else 0.0


def _positive(value: float) -> float:
    """Return `value` where it is positive or unknown, else 0."""
    return 0.0 if value <= 0.0 else value  # noqa: FURB136 (max would lose a NaN)
