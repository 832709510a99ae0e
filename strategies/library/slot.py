"""What the fused strategy knows of one instrument: its position, its orders in flight, its counters."""

from __future__ import annotations

from enum import Enum

from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Quantity
from nautilus_trader.model.orders import Order

from strategies.library.judge import Judge


class Role(Enum):
    """What an order is for: the tag that every order carries."""

    ENTRY = "ENTRY"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    EXIT = "EXIT"


class Slot:
    """
    The state of one instrument, changed only by what the engine reports and by the orders just sent.

    Orders are kept as the engine's own objects, whose status the engine updates: nothing here guesses whether an order
    is still working, and a closed order may be purged from the engine's cache without harm.

    Attributes
    ----------
    signed_quantity : float
        The position as last reported: plus long, minus short, 0 flat.
    quantity : Quantity or None
        Its exact size; None when flat.
    entry, stop, target, exit : Order or None
        The last of each role that was sent.
    closing : bool
        An exit was decided; it is repeated until the position is gone.
    bars_held, cooldown_left : int
        Bars since the position opened; bars to wait before the next entry.
    last_price : float
        The last close, NaN before the first.

    """

    __slots__ = (
        "bars_held",
        "closing",
        "cooldown_left",
        "entry",
        "exit",
        "instrument",
        "judge",
        "last_price",
        "quantity",
        "signed_quantity",
        "stop",
        "target",
    )

    def __init__(self, instrument: Instrument, judge: Judge) -> None:
        self.instrument = instrument
        self.judge = judge
        self.last_price = float("nan")
        self.cooldown_left = 0
        self.entry: Order | None = None
        self.stop: Order | None = None
        self.target: Order | None = None
        self.exit: Order | None = None
        self.signed_quantity = 0.0
        self.quantity: Quantity | None = None
        self.closing = False
        self.bars_held = 0

    @property
    def in_flight(self) -> bool:
        """Whether an entry or an exit has been sent whose fate is not yet known."""
        return working(self.entry) or working(self.exit)

    @property
    def children(self) -> list[Order]:
        """Return the protective orders that are still working."""
        return [order for order in (self.target, self.stop) if order is not None and not order.is_closed]

    def take(self, order: Order) -> None:
        """Take up an order found at the venue, by its role tag; one without a role is not ours to lead."""
        tags = order.tags or ()
        if Role.ENTRY.value in tags:
            self.entry = order
        elif Role.STOP_LOSS.value in tags:
            self.stop = order
        elif Role.TAKE_PROFIT.value in tags:
            self.target = order
        elif Role.EXIT.value in tags:
            self.exit = order

    def hold(self, signed_quantity: float, quantity: Quantity) -> None:
        """Take note of the position the engine reports."""
        self.signed_quantity = signed_quantity
        self.quantity = quantity

    def flatten(self, cooldown_bars: int) -> None:
        """Take note that the position is gone, whoever closed it."""
        self.signed_quantity = 0.0
        self.quantity = None
        self.closing = False
        self.bars_held = 0
        self.cooldown_left = cooldown_bars

    def waits(self) -> bool:
        """Count one more flat bar; return whether it still belongs to the wait after the last position."""
        if self.cooldown_left == 0:
            return False
        self.cooldown_left -= 1
        return True


def working(order: Order | None) -> bool:
    """Return whether an order was sent and has not ended."""
    return order is not None and not order.is_closed
