"""What is asked for: one frozen struct, made from any order command before it may reach a venue."""

from __future__ import annotations

from enum import Enum

import msgspec


class Side(Enum):
    """Direction of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Return +1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class Action(Enum):
    """What the command would do."""

    SUBMIT = "SUBMIT"
    MODIFY = "MODIFY"


class Origin(Enum):
    """Who asks: an automated strategy, or a person with an operator id and a reason."""

    AUTOMATED = "AUTOMATED"
    OPERATOR = "OPERATOR"


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """
    One order command as the risk checks see it.

    `quantity` is in base units and positive; prices are in quote currency. `stop_price` is the trigger of the
    protective stop that travels in the same list as an entry, None where there is none. `parent_id` names the
    entry (or algorithm's primary order) whose budget a child order draws on, and `algorithm` names the execution
    algorithm that works the order, None where none does. `signal` is the raw JSON text that the strategy attached
    to explain itself, kept for the decision log. `confidence` and `kelly_fraction` (the share of Kelly's bet that the
    size is claimed to be) are read from it: None where it says nothing of them, and a claim that is no number is NaN.
    For a MODIFY, `quantity` is what would stay open after it (the new total less what has filled), and `price` and
    `trigger_price` are the order's prices after it.
    """

    ts_ns: int
    strategy: str
    instrument: str
    client_order_id: str
    side: Side
    order_type: str
    quantity: float
    action: Action = Action.SUBMIT
    origin: Origin = Origin.AUTOMATED
    price: float | None = None
    trigger_price: float | None = None
    stop_price: float | None = None
    reduce_only: bool = False
    parent_id: str | None = None
    algorithm: str | None = None
    operator: str | None = None
    reason: str | None = None
    confidence: float | None = None
    kelly_fraction: float | None = None
    signal: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def signed_quantity(self) -> float:
        """Return the change of position this order asks for: plus buys, minus sells."""
        return self.side.sign * self.quantity
