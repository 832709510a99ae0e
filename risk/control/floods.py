"""Stop a strategy that has broken: one that goes on asking beyond the order rate, or hands out more than approved."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from risk.arithmetic import elapsed_s
from risk.barriers import Level
from risk.circuit import Scope
from risk.intent import Intent
from risk.limits import OrderRateConfig
from risk.verdict import Reason, Refusal


class FloodGuard:
    """
    Open the breaker of a strategy whose refusals show that it no longer does what it was made for.

    The order rate refuses what is too much and so holds anyway; but a strategy that is refused as often again within
    the rate's window does not heed it. A child that asks for more than its parent was approved for is a fault at
    once. The breaker then stays open until a person resets it, and closing orders pass all the while.

    Parameters
    ----------
    rate : callable
        Returns the limit in force, which an operator may tighten at run time.
    trip : callable
        Opens a breaker until a person resets it (`risk.breakers.BreakerBoard.trip`): scope, reason, time in ns.

    Notes
    -----
    What was counted is not kept over a restart: the window is short, and a breaker that opened is kept by its board.

    """

    def __init__(self, rate: Callable[[], OrderRateConfig], trip: Callable[[Scope, str, int], object]) -> None:
        self._rate = rate
        self._trip = trip
        self._beyond: dict[str, deque[int]] = {}

    def note_refusal(self, intent: Intent, refusal: Refusal, now_ns: int) -> None:
        """Take a refused order; `now_ns` is when it was refused."""
        if refusal.reason is Reason.ORDER_RATE_EXCEEDED:
            self._note_beyond_rate(intent.strategy, now_ns)
        elif refusal.reason is Reason.BUDGET_EXCEEDED and refusal.limit:  # a parent that closed before has no budget
            self._open(intent.strategy, f"{intent.client_order_id}: {refusal}", now_ns)

    def _note_beyond_rate(self, strategy: str, now_ns: int) -> None:
        rate = self._rate()
        refused = self._beyond.setdefault(strategy, deque())
        refused.append(now_ns)
        while elapsed_s(refused[0], now_ns) >= rate.window_s:
            refused.popleft()
        if len(refused) >= rate.orders_max:
            beyond = f"{len(refused)} orders beyond the rate of {rate.orders_max} within {rate.window_s:g} s"
            self._open(strategy, beyond, now_ns)

    def _open(self, strategy: str, reason: str, now_ns: int) -> None:
        self._beyond.pop(strategy, None)  # after a person's reset the count begins anew
        self._trip(Scope(Level.STRATEGY, strategy), reason, now_ns)
