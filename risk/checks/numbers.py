"""Refuse what is not a usable number: NaN, infinite, zero or negative where that has no meaning."""

from __future__ import annotations

import math

from risk.intent import Intent
from risk.verdict import Reason, Refusal


def malformed(intent: Intent) -> Refusal | None:
    """Refuse an order that no venue could execute; this alone may stop even a closing order."""
    quantity = intent.quantity
    if not 0.0 < quantity < math.inf:
        return Refusal(Reason.NOT_A_NUMBER, quantity, detail="quantity")
    price = intent.price
    if price is not None and not 0.0 < price < math.inf:
        return Refusal(Reason.NOT_A_NUMBER, price, detail="price")
    trigger = intent.trigger_price
    if trigger is not None and not 0.0 < trigger < math.inf:
        return Refusal(Reason.NOT_A_NUMBER, trigger, detail="trigger_price")
    return None


def unexplained(intent: Intent) -> Refusal | None:
    """Refuse an order that adds risk on a broken stop price, confidence or Kelly fraction."""
    stop = intent.stop_price
    if stop is not None and not 0.0 < stop < math.inf:
        return Refusal(Reason.NOT_A_NUMBER, stop, detail="stop_price")
    confidence = intent.confidence
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        return Refusal(Reason.NOT_A_NUMBER, confidence, 1.0, "confidence")
    kelly = intent.kelly_fraction
    if kelly is not None and not 0.0 <= kelly < math.inf:
        return Refusal(Reason.NOT_A_NUMBER, kelly, detail="kelly_fraction")
    return None
