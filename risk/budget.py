"""What an approved order may still hand on to its children: never more than it was approved for."""

from __future__ import annotations

from collections import deque
from enum import Enum

from risk.intent import Action, Intent
from risk.limits import ORDERS_REMEMBERED


class Draw(Enum):
    """What a child does for its parent."""

    SLICE = "SLICE"
    STOP = "STOP"
    TARGET = "TARGET"


class Budget:
    """
    Keep account of one approved order's quantity and of what its children have drawn from it.

    Three kinds of children draw separately, each up to the whole quantity: slices on the parent's own side (an
    execution algorithm at work), protective stops, and targets. Stops and targets undo the parent and are
    alternatives to each other, because one cancels the other, so they are not added up; two stops are.
    A closed parent has no more slices, and stops and targets only for what it filled.
    """

    __slots__ = ("_drawn", "_filled", "closed", "instrument", "quantity", "remainder", "sign")

    def __init__(self, instrument: str, sign: int, quantity: float) -> None:
        self.instrument = instrument
        self.sign = sign
        self.quantity = quantity
        self.remainder = 0.0
        """What an algorithm has sent of the order itself, beside its slices."""
        self.closed = False
        self._drawn: dict[str, tuple[Draw, float]] = {}
        self._filled: dict[str, float] = {}

    @property
    def sliced(self) -> float:
        """Quantity drawn by slices on the parent's own side."""
        return sum(quantity for kind, quantity in self._drawn.values() if kind is Draw.SLICE)

    def drawn(self, intent: Intent) -> float:
        """Return what would be drawn of the child's kind with this intent, in place of its own earlier draw."""
        kind = self._kind(intent)
        others = self.remainder if kind is Draw.SLICE else 0.0
        others += sum(
            quantity
            for child, (of_kind, quantity) in self._drawn.items()
            if of_kind is kind and child != intent.client_order_id
        )
        return others + self._whole(intent)

    def draw(self, intent: Intent) -> None:
        """Book an approved child, in place of its own earlier draw."""
        self._drawn[intent.client_order_id] = (self._kind(intent), self._whole(intent))

    def note_filled(self, client_order_id: str, filled: float) -> None:
        """Take what a working child has filled so far: a change of it asks only for what would stay open."""
        self._filled[client_order_id] = filled

    def _whole(self, intent: Intent) -> float:
        return self._filled.get(intent.client_order_id, 0.0) + intent.quantity

    def left(self, intent: Intent) -> float:
        """Return the bound on what children of this kind may draw together."""
        return 0.0 if self.closed and self._kind(intent) is Draw.SLICE else self.quantity

    def close(self, unfilled: float) -> None:
        """Keep only what the parent filled, for the children that undo it."""
        self.closed = True
        self.quantity = max(0.0, self.quantity - unfilled)

    def forget(self, client_order_id: str) -> None:
        """Undo the draw of a child that was not sent after all."""
        self._drawn.pop(client_order_id, None)

    def give_back(self, client_order_id: str, unfilled: float) -> None:
        """Return what a closed child left unfilled."""
        self._filled.pop(client_order_id, None)
        entry = self._drawn.get(client_order_id)
        if entry is not None:
            self._drawn[client_order_id] = (entry[0], max(0.0, entry[1] - unfilled))

    def _kind(self, intent: Intent) -> Draw:
        if intent.side.sign == self.sign:
            return Draw.SLICE
        return Draw.TARGET if intent.trigger_price is None else Draw.STOP


class Budgets:
    """Keep the budgets of approved orders; those of closed ones for a while, as their children may still come."""

    __slots__ = ("_budgets", "_closed")

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}
        self._closed: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._budgets)

    def get(self, client_order_id: str) -> Budget | None:
        """Return the budget of an approved order, None where there is none or it closed long ago."""
        return self._budgets.get(client_order_id)

    def draw(self, intent: Intent) -> None:
        """Book an approved intent: a child draws on its parent, any other order that may add risk opens a budget."""
        parent = None if intent.parent_id is None else self._budgets.get(intent.parent_id)
        if parent is not None:
            parent.draw(intent)
        elif not intent.reduce_only:
            own = self._budgets.get(intent.client_order_id)
            if own is None:
                self._budgets[intent.client_order_id] = Budget(intent.instrument, intent.side.sign, intent.quantity)
            elif intent.action is Action.MODIFY:
                own.quantity = own.sliced + intent.quantity

    def note_filled(self, client_order_id: str, parent_id: str, filled: float) -> None:
        """Take what a working child has filled so far."""
        parent = self._budgets.get(parent_id)
        if parent is not None:
            parent.note_filled(client_order_id, filled)

    def withdraw(self, intent: Intent) -> None:
        """Undo the first `draw` of an intent that was not sent after all."""
        parent = None if intent.parent_id is None else self._budgets.get(intent.parent_id)
        if parent is not None:
            parent.forget(intent.client_order_id)
        self._budgets.pop(intent.client_order_id, None)

    def close(self, client_order_id: str, parent_id: str | None, unfilled: float) -> None:
        """Close an order: what it did not fill goes back to its parent, and is not left to its children."""
        parent = None if parent_id is None else self._budgets.get(parent_id)
        if parent is not None:
            parent.give_back(client_order_id, unfilled)
        own = self._budgets.get(client_order_id)
        if own is not None and not own.closed:
            own.close(unfilled)
            self._closed.append(client_order_id)
            if len(self._closed) > ORDERS_REMEMBERED:
                self._budgets.pop(self._closed.popleft(), None)
