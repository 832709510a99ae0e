"""A review desk without an engine: a clock one can set, alarms that fire when told, and a road that keeps count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from risk.audit import AuditLog
from risk.intent import Intent
from risk.limits import LimitsConfig
from risk.modes.approvals import ApprovalQueue
from risk.modes.operators import Operator
from risk.modes.table import Mode
from risk.review import Review, Shrunk
from risk.ruleset import Ruleset
from risk.verdict import Approved, Parked, Refusal
from tests.risk.world import BTC, MARK, NOW, buy, facts

LOT = 0.001


class HandAlarms:
    """Alarms that fire when the test says so."""

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[int, Callable[[], object]]] = {}

    def set(self, name: str, ts_ns: int, action: Callable[[], object]) -> None:
        self.waiting[name] = (ts_ns, action)

    def cancel(self, name: str) -> None:
        self.waiting.pop(name, None)

    def fire(self, name: str) -> None:
        """Fire an alarm; nothing happens where it was cancelled."""
        entry = self.waiting.pop(name, None)
        if entry is not None:
            entry[1]()


class Office:
    """
    A review desk with real rules and a real view, and itself as the road.

    A command is the list of its orders' quantities, so what `released` holds is what would reach the venue.
    """

    def __init__(self, operator: Operator | None = None, mode: Mode = Mode.SEMI_AUTO, waiting_max: int = 500) -> None:
        self.now = NOW
        self.rules = Ruleset(LimitsConfig())
        self.view = self.rules.new_view(mode, 10_000.0, NOW)
        self.view.set_facts(facts())
        self.view.apply_mark(BTC, MARK, NOW)
        self.alarms = HandAlarms()
        self.audit = AuditLog()
        self.released: list[tuple[str, float]] = []
        self.refused: list[tuple[str, Refusal]] = []
        self.announced: list[str] = []
        self.over_behind: set[str] = set()
        self.on_announce: Callable[[], object] = lambda: None
        self.review = Review(
            queue=ApprovalQueue(waiting_max=waiting_max),
            alarms=self.alarms,
            now=lambda: self.now,
            audit=self.audit,
            view=self.view,
            road=self,
            operator=operator,
        )

    def ask(self, quantity: float = 1.0, **changes: Any) -> str:
        """Park an order and return its key."""
        intent = buy(quantity, **({"ts_ns": self.now} | changes))
        assert isinstance(self.rules.decide(intent, self.view), Approved)
        assert isinstance(self.review.park([intent], (intent,)), Parked)
        return intent.client_order_id

    def at(self, ts_ns: int) -> None:
        self.now = ts_ns
        self.view.advance(ts_ns)

    def approvals(self, key: str) -> list[dict[str, Any]]:
        """Return the audit's records of how a request ended."""
        return [record.data for record in self.audit.records if record.kind == "APPROVAL" and record.data["key"] == key]

    # the road

    def unsent(self, command: list[Intent]) -> bool:
        return all(intent.client_order_id not in self.over_behind for intent in command)

    def recheck(self, intents: tuple[Intent, ...]) -> Approved | Refusal:
        return self.rules.decide(intents[0], self.view)

    def release(self, command: list[Intent], intents: tuple[Intent, ...], verdict: Approved) -> None:
        assert isinstance(verdict, Approved)
        for intent, ordered in zip(intents, command, strict=True):
            assert intent.quantity == ordered.quantity
            self.view.record_submit(intent)
            self.view.apply_intent(intent)
            self.released.append((intent.client_order_id, intent.quantity))

    def refuse(self, command: list[Intent], intents: tuple[Intent, ...], refusal: Refusal) -> None:
        assert len(command) == len(intents)
        self.refused += [(intent.client_order_id, refusal) for intent in intents]

    def shrink(self, command: list[Intent], quantity: float) -> Shrunk | str:
        if not quantity > 0.0:
            return f"the new quantity must be above 0, was {quantity}"
        command[:] = [msgspec.structs.replace(intent, quantity=quantity) for intent in command]

        def announce() -> None:
            self.announced += [intent.client_order_id for intent in command]
            self.on_announce()

        return Shrunk(tuple(command), announce)
