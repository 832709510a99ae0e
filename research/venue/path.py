"""Play a bar's prices into the venue's matching engine one by one, as far as asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.model.data import Bar, TradeTick
from nautilus_trader.model.enums import AggressorSide
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import Price


class BarPath:
    """
    The way of the price through one bar, against the holder of one position.

    Parameters
    ----------
    engine : OrderMatchingEngine
        The venue's, for the bar's instrument.
    bar : Bar
        The bar about to be played.
    opens_apart : bool
        Whether the bar's open has yet to be shown: no opening tick came.
    favourable_first : bool
        Whether the extreme that is good for the holder comes before the other.

    """

    def __init__(self, engine: Any, bar: Bar, *, opens_apart: bool, favourable_first: bool) -> None:
        self._engine = engine
        self._bar = bar
        self._opens_apart = opens_apart
        self._favourable_first = favourable_first
        self._at: Decimal = bar.open.as_decimal()
        self._shown = 0

    def open(self) -> None:
        """Show the open, where no opening tick has done so."""
        if self._opens_apart:
            self._show(self._at)

    def go_to(self, price: Decimal, *, long: bool) -> None:
        """Move against a long or a short to a price, or to the bar's extreme where that is nearer."""
        high, low = self._bar.high.as_decimal(), self._bar.low.as_decimal()
        if self._favourable_first:
            self._favourable_first = False
            self._move(high if long else low)
        target = max(price, low) if long else min(price, high)
        if target < self._at if long else target > self._at:
            self._move(target)

    def _move(self, price: Decimal) -> None:
        if price != self._at:
            self._at = price
            self._show(price)

    def _show(self, price: Decimal) -> None:
        bar = self._bar
        self._shown += 1
        self._engine.process_trade_tick(
            TradeTick(
                bar.bar_type.instrument_id,
                Price.from_str(f"{price:.{bar.open.precision}f}"),
                self._engine.instrument.size_increment,
                AggressorSide.NO_AGGRESSOR,
                TradeId(f"PATH-{self._shown}"),
                bar.ts_event,
                bar.ts_init,
            )
        )
