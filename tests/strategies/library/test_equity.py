"""Equity read from a cache made by hand: margin counts profit, cash counts value, what is unknown gives none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Money

from strategies.library.equity import account_equity, cash_free
from tests.strategies.library.simulated_market import perpetual, spot


class Account(NamedTuple):
    total: float | None
    is_cash_account: bool

    def balance_total(self, currency: Any) -> Money | None:
        return None if self.total is None else Money(self.total, currency)

    def balance_free(self, currency: Any) -> Money | None:
        return None if self.total is None else Money(self.total / 2, currency)


class Position(NamedTuple):
    instrument_id: InstrumentId
    signed_qty: float
    avg_px_open: float


class Cache(NamedTuple):
    account: Account | None
    positions: Sequence[Position] = ()

    def account_for_venue(self, venue: Any) -> Account | None:
        return self.account

    def positions_open(self, venue: Any) -> Sequence[Position]:
        return self.positions


BTC, ETH = perpetual("BTCUSDT-PERP"), perpetual("ETHUSDT-PERP")
PRICES = {BTC.id: 110.0, ETH.id: 9.0, spot().id: 110.0}


def test_on_margin_profit_and_loss_of_every_position_count() -> None:
    cache = Cache(Account(1_000.0, is_cash_account=False), [Position(BTC.id, 2.0, 100.0), Position(ETH.id, -30.0, 8.0)])

    assert account_equity(cache, BTC, PRICES.get) == pytest.approx(1_000.0 + 2 * 10.0 - 30 * 1.0)


def test_on_a_cash_account_holdings_count_with_their_value() -> None:
    cache = Cache(Account(1_000.0, is_cash_account=True), [Position(spot().id, 2.0, 100.0)])

    assert account_equity(cache, spot(), PRICES.get) == pytest.approx(1_000.0 + 220.0)


def test_what_is_not_known_gives_no_equity() -> None:
    held = [Position(BTC.id, 2.0, 100.0)]

    assert account_equity(Cache(None), BTC, PRICES.get) is None
    assert account_equity(Cache(Account(None, is_cash_account=False)), BTC, PRICES.get) is None
    assert account_equity(Cache(Account(1_000.0, is_cash_account=False), held), BTC, lambda _: None) is None


def test_only_a_cash_account_has_cash_to_spend() -> None:
    assert cash_free(Cache(Account(1_000.0, is_cash_account=True)), spot()) == Money(500, USDT).as_double()
    assert cash_free(Cache(Account(1_000.0, is_cash_account=False)), BTC) is None
    assert cash_free(Cache(None), BTC) is None
