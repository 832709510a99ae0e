"""What a session begins with and leaves behind: cash, open positions and control mode, as plain values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from risk.modes.table import Mode


class HeldPosition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One open position: of which strategy, how much, and since when.

    `quantity` is in base units as a decimal in text, plus for long. `entry_price` is the average in quote currency.
    """

    instrument: str
    strategy: str
    position_id: str
    quantity: str
    entry_price: float
    opened_ns: int


class WorkingOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order that was not closed when the account was written down; a paper venue's orders end with its process."""

    client_order_id: str
    instrument: str
    strategy: str
    status: str


class AccountState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An account at an instant.

    `cash` is the wallet balance in `currency`, exact, as a decimal in text, and `others` what the wallet holds of
    other currencies, as a spot account does of what it bought. `ts_ns` is engine time; 0 for an account that has not
    traded.
    """

    ts_ns: int
    currency: str
    cash: str
    mode: Mode
    others: dict[str, str] = {}
    positions: tuple[HeldPosition, ...] = ()
    working: tuple[WorkingOrder, ...] = ()

    @property
    def cash_exact(self) -> Decimal:
        """Return the wallet balance as a decimal."""
        return Decimal(self.cash)

    @property
    def balances(self) -> dict[str, Decimal]:
        """Return everything the wallet holds, by currency."""
        return {self.currency: self.cash_exact} | {code: Decimal(amount) for code, amount in self.others.items()}


def read_account(cache: Any, venue: Any, currency: str, mode: Mode, ts_ns: int) -> AccountState:
    """
    Read an account out of an engine's cache.

    Parameters
    ----------
    cache : Cache
        The engine's.
    venue : Venue
        Whose account.
    currency : str
        The account's one currency.
    mode : Mode
        The control mode now.
    ts_ns : int
        Engine time.

    """
    account = cache.account_for_venue(venue)
    balances = {code.code: balance.total.as_decimal() for code, balance in account.balances().items()}
    positions = [
        HeldPosition(
            instrument=position.instrument_id.value,
            strategy=position.strategy_id.value,
            position_id=position.id.value,
            quantity=str(position.signed_decimal_qty()),
            entry_price=position.avg_px_open,
            opened_ns=position.ts_opened,
        )
        for position in cache.positions_open(venue=venue)
    ]
    working = [
        WorkingOrder(
            client_order_id=order.client_order_id.value,
            instrument=order.instrument_id.value,
            strategy=order.strategy_id.value,
            status=order.status_string(),
        )
        for order in cache.orders(venue=venue)
        if not order.is_closed
    ]
    return AccountState(
        ts_ns=ts_ns,
        currency=currency,
        cash=str(balances.pop(currency)),
        mode=mode,
        others={code: str(amount) for code, amount in sorted(balances.items())},
        positions=tuple(sorted(positions, key=lambda each: each.position_id)),
        working=tuple(sorted(working, key=lambda each: each.client_order_id)),
    )
