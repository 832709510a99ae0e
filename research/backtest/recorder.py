"""Record what a backtest did, from the events themselves, so that the engine may forget what is closed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
from nautilus_trader.model.enums import LiquiditySide, order_side_to_str, order_type_to_str
from nautilus_trader.model.events import (
    OrderDenied,
    OrderFilled,
    OrderInitialized,
    OrderRejected,
    OrderUpdated,
    PositionClosed,
    PositionOpened,
)
from nautilus_trader.model.identifiers import ClientOrderId

from risk.view import View

ROLES = ("ENTRY", "STOP_LOSS", "TAKE_PROFIT", "EXIT", "LIQUIDATION")


class OrderRow(msgspec.Struct):
    """One order's life: a row of ``orders.parquet``."""

    ts_ns: int
    instrument: str
    strategy: str
    client_order_id: str
    role: str
    side: str
    type: str
    quantity: float
    price: float | None
    trigger_price: float | None
    reduce_only: bool
    status: str
    filled_quantity: float
    average_price: float | None
    ts_last_ns: int
    reason: str
    tags: str


class FillRow(msgspec.Struct, frozen=True):
    """One fill: a row of ``fills.parquet``; `slippage` is a cost in quote currency, plus is paid."""

    ts_ns: int
    instrument: str
    strategy: str
    client_order_id: str
    trade_id: str
    role: str
    side: str
    quantity: float
    price: float
    reference_price: float
    liquidity: str
    fee: float
    slippage: float


class PositionRow(msgspec.Struct):
    """One round trip: a row of ``positions.parquet``; `realized_pnl` is net of fees and without funding."""

    ts_opened_ns: int
    ts_closed_ns: int | None
    instrument: str
    strategy: str
    side: str
    quantity_peak: float
    entry_price: float
    exit_price: float | None
    realized_pnl: float
    fees: float
    funding: float
    exit_role: str


class EquityRow(msgspec.Struct, frozen=True):
    """The account after one bar: a row of ``equity.parquet``."""

    ts_ns: int
    equity: float
    cash: float
    exposure_gross: float
    exposure_net: float
    liquidation_distance: float
    open_positions: int


class Recorder:
    """
    Listen at the gate and keep rows.

    Parameters
    ----------
    view : View
        The gate's view, read for the equity curve.
    bar_ns : int
        Equity is sampled at the closes of bars of this length.
    reference_price : callable
        Gives the price the venue showed before slippage, by client order id and fill price.
    liquidation_distance : callable
        Gives the smallest distance to liquidation over all positions as a fraction of the mark, NaN when flat.
    initial_event : callable
        Gives the first event of an order by its client order id, for orders whose making was not published: those of
        the venue itself, which close a position by force.

    """

    def __init__(
        self,
        view: View,
        bar_ns: int,
        reference_price: Callable[[str, float], float],
        liquidation_distance: Callable[[], float],
        initial_event: Callable[[ClientOrderId], OrderInitialized | None],
    ) -> None:
        self.orders: dict[str, OrderRow] = {}
        self.fills: list[FillRow] = []
        self.positions: list[PositionRow] = []
        self.equity: list[EquityRow] = []
        self.closed_since_purge = 0
        self._view = view
        self._bar_ns = bar_ns
        self._reference_price = reference_price
        self._liquidation_distance = liquidation_distance
        self._initial_event = initial_event
        self._open: dict[str, PositionRow] = {}
        self._latest: dict[str, PositionRow] = {}
        self._fees: dict[str, float] = {}
        self._fees_ahead: dict[str, float] = {}
        self._signed: dict[str, float] = {}

    def on_order_event(self, event: Any) -> None:
        """Take an order event into the order's row, and a fill into a row of its own."""
        key = event.client_order_id.value
        row = self.orders.get(key)
        if row is None:
            first = event if isinstance(event, OrderInitialized) else self._initial_event(event.client_order_id)
            if first is None:
                raise LookupError(f"order {key} is unknown: its {type(event).__name__} can't be recorded")
            row = self.orders[key] = _order_row(first)
        if isinstance(event, OrderInitialized):
            return
        row.ts_last_ns = event.ts_event if not isinstance(event, OrderDenied) else event.ts_init
        row.status = _STATUS.get(type(event).__name__, row.status)
        if isinstance(event, OrderFilled):
            self._on_fill(row, event)
        elif isinstance(event, OrderUpdated):
            row.quantity = event.quantity.as_double()
            row.price = event.price.as_double() if event.price is not None else row.price
            row.trigger_price = (
                event.trigger_price.as_double() if event.trigger_price is not None else row.trigger_price
            )
        elif isinstance(event, OrderDenied | OrderRejected):
            row.reason = event.reason
        if row.status in _CLOSED:
            self.closed_since_purge += 1

    def _on_fill(self, row: OrderRow, event: OrderFilled) -> None:
        quantity, price = event.last_qty.as_double(), event.last_px.as_double()
        filled = row.filled_quantity + quantity
        row.average_price = ((row.average_price or 0.0) * row.filled_quantity + price * quantity) / filled
        row.filled_quantity = filled
        row.status = "FILLED" if filled >= row.quantity * (1 - 1e-12) else "PARTIALLY_FILLED"

        taker = event.liquidity_side == LiquiditySide.TAKER
        reference = self._reference_price(row.client_order_id, price) if taker else price
        fee = event.commission.as_double()
        sign = 1.0 if row.side == "BUY" else -1.0
        self.fills.append(
            FillRow(
                ts_ns=event.ts_event,
                instrument=row.instrument,
                strategy=row.strategy,
                client_order_id=row.client_order_id,
                trade_id=event.trade_id.value,
                role=row.role,
                side=row.side,
                quantity=quantity,
                price=price,
                reference_price=reference,
                liquidity="TAKER" if taker else "MAKER",
                fee=fee,
                slippage=(price - reference) * sign * quantity,
            ),
        )
        if event.position_id is not None:
            self._book_fee(event.position_id.value, sign * quantity, fee)

    def _book_fee(self, key: str, signed_quantity: float, fee: float) -> None:
        """Give a fill's fee to its round trip; one that turns the position pays for the old and for the new one."""
        held = self._signed.get(key, 0.0)
        share = 1.0
        if held * signed_quantity < 0.0 and abs(signed_quantity) > abs(held):
            share = abs(held / signed_quantity)
            self._fees_ahead[key] = fee * (1.0 - share)
        self._fees[key] = self._fees.get(key, 0.0) + fee * share

    def on_position_event(self, event: Any) -> None:
        """Take a position event into its round trip's row."""
        key = event.position_id.value
        if isinstance(event, PositionOpened):
            row = PositionRow(
                ts_opened_ns=event.ts_opened,
                ts_closed_ns=None,
                instrument=event.instrument_id.value,
                strategy=event.strategy_id.value,
                side=event.side.name,
                quantity_peak=0.0,
                entry_price=event.avg_px_open,
                exit_price=None,
                realized_pnl=0.0,
                fees=0.0,
                funding=0.0,
                exit_role="",
            )
            self._open[key] = self._latest[key] = row
            self.positions.append(row)
        self._signed[key] = event.signed_qty
        opened = self._open.get(key)
        if opened is None:
            return
        opened.quantity_peak = event.peak_qty.as_double()
        opened.entry_price = event.avg_px_open
        opened.realized_pnl = event.realized_pnl.as_double() if event.realized_pnl is not None else 0.0
        opened.fees = self._fees.get(key, 0.0)
        if isinstance(event, PositionClosed):
            opened.ts_closed_ns = event.ts_closed
            opened.exit_price = event.avg_px_close
            closing = self.orders.get(event.closing_order_id.value) if event.closing_order_id is not None else None
            opened.exit_role = closing.role if closing is not None else ""
            del self._open[key]
            self._fees[key] = self._fees_ahead.pop(key, 0.0)

    def book_funding(self, position_id: str, amount: float) -> None:
        """Give a funding payment, plus for received, to the latest round trip under this position id."""
        row = self._latest.get(position_id)
        if row is not None:
            row.funding += amount

    def on_instant_end(self, ts_ns: int) -> None:
        """Sample the account at the end of a bar's closing instant."""
        if ts_ns % self._bar_ns == 0 and ts_ns:
            self.sample(ts_ns)

    def sample(self, ts_ns: int) -> None:
        """Record the account as it is now."""
        view = self._view
        if not view.open_positions:
            self.equity.append(EquityRow(ts_ns, view.equity, view.cash, 0.0, 0.0, math.nan, 0))
            return
        distance = self._liquidation_distance()
        row = EquityRow(
            ts_ns=ts_ns,
            equity=view.equity,
            cash=view.cash,
            exposure_gross=view.exposure_notional,
            exposure_net=self._net(),
            liquidation_distance=distance if math.isfinite(distance) else math.nan,
            open_positions=view.open_positions,
        )
        self.equity.append(row)

    def _net(self) -> float:
        total = 0.0
        for name in {row.instrument: None for row in self._open.values()}:
            position, mark = self._view.position(name), self._view.mark(name)
            if position is not None and mark is not None:
                total += position.signed_quantity * mark
        return total


_STATUS = {
    "OrderDenied": "DENIED",
    "OrderEmulated": "EMULATED",
    "OrderReleased": "RELEASED",
    "OrderSubmitted": "SUBMITTED",
    "OrderAccepted": "ACCEPTED",
    "OrderRejected": "REJECTED",
    "OrderCanceled": "CANCELED",
    "OrderExpired": "EXPIRED",
    "OrderTriggered": "TRIGGERED",
}
_CLOSED = ("DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED")


def _order_row(event: OrderInitialized) -> OrderRow:
    tags = tuple(event.tags or ())
    return OrderRow(
        ts_ns=event.ts_init,
        instrument=event.instrument_id.value,
        strategy=event.strategy_id.value,
        client_order_id=event.client_order_id.value,
        role=next((tag for tag in tags if tag in ROLES), ""),
        side=order_side_to_str(event.side),
        type=order_type_to_str(event.order_type),
        quantity=event.quantity.as_double(),
        price=_number(event.options.get("price")),
        trigger_price=_number(event.options.get("trigger_price")),
        reduce_only=event.reduce_only,
        status="INITIALIZED",
        filled_quantity=0.0,
        average_price=None,
        ts_last_ns=event.ts_init,
        reason="",
        tags="|".join(tags),
    )


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
