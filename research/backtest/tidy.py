"""Let the engine forget what is closed, so that the thousandth order costs what the first did."""

from __future__ import annotations

from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.model.events import OrderEvent, PositionClosed

CLOSED_ORDERS_MAX = 200
"""How many closed orders may pile up before they are purged."""


class Tidier:
    """
    Purge closed orders and positions from the engine's cache while a backtest runs.

    The engine keeps every order and position it ever saw, and its searches grow with them. The recorder has already
    taken what reports need. Nothing is purged while an order is in flight: a parent must be there when its children
    reach the venue.
    """

    def __init__(self, engine: BacktestEngine) -> None:
        self._cache = engine.cache
        self._events = 0
        self._position_closed = False

    def on_order_event(self, event: OrderEvent) -> None:  # noqa: ARG002 (only their number matters)
        """Count what may have closed an order."""
        self._events += 1

    def on_position_event(self, event: Any) -> None:
        """Remember that a position closed: left in the cache it would be copied when its id is used again."""
        if isinstance(event, PositionClosed):
            self._position_closed = True

    def on_instant_end(self, ts_ns: int) -> None:
        """Purge between instants, where nothing in the engine holds on to what goes."""
        if self._position_closed:
            self._cache.purge_closed_positions(ts_ns, 0)
            self._position_closed = False
        if self._events >= CLOSED_ORDERS_MAX and not self._cache.orders_inflight_count():
            self._cache.purge_closed_orders(ts_ns, 0)
            self._events = 0


def silence_analyzer(engine: BacktestEngine) -> None:
    """
    Stop the engine's portfolio statistics from growing two pandas series by one row at every closed position.

    They take three quarters of a busy run's time, and Bot4 reports from its own record.
    """
    engine.kernel.portfolio.analyzer.record_trade = _ignore


def _ignore(*_args: Any, **_kwargs: Any) -> None:
    return
