"""Chain every verdict and every fill into the audit log, so that the story of an order can't be changed unseen."""

from __future__ import annotations

from typing import Any

from nautilus_trader.model.enums import LiquiditySide, order_side_to_str
from nautilus_trader.model.events import OrderFilled

from risk.audit import AuditLog
from risk.decisions import DecisionLog
from risk.intent import Intent
from risk.verdict import Refusal, Verdict
from risk.view import View


class Trail:
    """
    Listen at the gate and append to the audit log.

    A ``DECISION`` names the order, the verdict and its code, and carries the running hash of the decision log after
    its line: the log's lines are thereby chained too. A ``FILL`` carries all figures of a fill.

    Parameters
    ----------
    audit : AuditLog
        Appended to.
    decisions : DecisionLog
        Whose lines are vouched for; a line must be written before its verdict is given here.
    view : View
        Gives the time.

    """

    def __init__(self, audit: AuditLog, decisions: DecisionLog, view: View) -> None:
        self._audit = audit
        self._decisions = decisions
        self._view = view

    def on_verdict(self, intent: Intent, verdict: Verdict) -> None:
        """Append a verdict."""
        data = {
            "seq": len(self._decisions) - 1,
            "client_order_id": intent.client_order_id,
            "verdict": type(verdict).__name__.upper(),
            "code": verdict.reason.value if isinstance(verdict, Refusal) else None,
            "operator": intent.operator,
            "decision_hash": self._decisions.decision_hash,
        }
        self._audit.append(max(intent.ts_ns, self._view.ts_ns), "DECISION", data)

    def on_order_event(self, event: Any) -> None:
        """Append a fill; other events of orders are left out."""
        if isinstance(event, OrderFilled):
            self._audit.append(event.ts_init, "FILL", fill_record(event))

    def on_position_event(self, event: Any) -> None:
        """Nothing to do: positions follow from fills."""

    def on_instant_end(self, ts_ns: int) -> None:
        """Nothing to do."""


def fill_record(event: OrderFilled) -> dict[str, Any]:
    """Return a fill as plain values: base units, quote currency, the fee in its own currency."""
    return {
        "client_order_id": event.client_order_id.value,
        "trade_id": event.trade_id.value,
        "instrument": event.instrument_id.value,
        "strategy": event.strategy_id.value,
        "side": order_side_to_str(event.order_side),
        "quantity": event.last_qty.as_double(),
        "price": event.last_px.as_double(),
        "fee": event.commission.as_double(),
        "liquidity": "TAKER" if event.liquidity_side == LiquiditySide.TAKER else "MAKER",
        "ts_event": event.ts_event,
    }
