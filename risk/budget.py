"""What an approved order may still hand on to its children: never more than it was approved for."""

from __future__ import annotations

from enum import Enum

from risk.intent import Intent


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

    __slots__ = ("_drawn", "closed", "instrument", "quantity", "sign")

    def __init__(self, instrument: str, sign: int, quantity: float) -> None:
        self.instrument = instrument
        self.sign = sign
        self.quantity = quantity
        self.closed = False
        self._drawn: dict[str, tuple[Draw, float]] = {}

    @property
    def sliced(self) -> float:
        """Quantity drawn by slices on the parent's own side."""
        return sum(quantity for kind, quantity in self._drawn.values() if kind is Draw.SLICE)

    def drawn(self, intent: Intent) -> float:
        """Return what would be drawn of the child's kind with this intent, in place of its own earlier draw."""
        kind = self._kind(intent)
        others = sum(
            quantity
            for child, (of_kind, quantity) in self._drawn.items()
            if of_kind is kind and child != intent.client_order_id
        )
        return others + intent.quantity

    def draw(self, intent: Intent) -> None:
        """Book an approved child, in place of its own earlier draw."""
        self._drawn[intent.client_order_id] = (self._kind(intent), intent.quantity)

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
        entry = self._drawn.get(client_order_id)
        if entry is not None:
            self._drawn[client_order_id] = (entry[0], max(0.0, entry[1] - unfilled))

    def _kind(self, intent: Intent) -> Draw:
        if intent.side.sign == self.sign:
            return Draw.SLICE
        return Draw.TARGET if intent.trigger_price is None else Draw.STOP
