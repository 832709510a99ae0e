"""Refuse orders that the control mode does not allow."""

from __future__ import annotations

from risk.intent import Intent, Origin
from risk.modes.table import Permission, Switch
from risk.verdict import Reason, Refusal
from risk.view import View


def mode_forbids(intent: Intent, view: View) -> Refusal | None:
    """
    Refuse an order that adds risk against the powers of the mode.

    A mode that demands an approval refuses nothing here: the gate parks what the limits let pass. An operator's
    order must name its operator in every mode, and a reason where the mode demands it.
    """
    powers = view.powers
    permission = powers.orders(intent.origin)
    if permission is Permission.NO or permission is Permission.CLOSING_ONLY:
        return Refusal(
            Reason.MODE_FORBIDS, detail=f"{view.mode.value}: {intent.origin.value} orders {permission.value}"
        )
    if intent.origin is Origin.OPERATOR:
        if not intent.operator:
            return Refusal(Reason.OPERATOR_UNIDENTIFIED, detail="no operator id")
        if permission is Permission.WITH_ID_AND_REASON and not intent.reason:
            return Refusal(Reason.OPERATOR_UNIDENTIFIED, detail=f"{view.mode.value}: no reason given")
    if intent.algorithm is not None and powers.execution_algorithms is not Switch.ON:
        return Refusal(Reason.MODE_FORBIDS, detail=f"{view.mode.value}: execution algorithm {intent.algorithm} is off")
    if intent.kelly_fraction is not None and powers.kelly_sizing is not Switch.ON:
        return Refusal(Reason.MODE_FORBIDS, intent.kelly_fraction, detail=f"{view.mode.value}: Kelly sizing is off")
    return None
