"""Read the equity of a venue's account from the engine's cache: what a size is a fraction of."""

from __future__ import annotations

from collections.abc import Callable

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Instrument

PriceOf = Callable[[InstrumentId], float | None]


def account_equity(cache: CacheFacade, instrument: Instrument, price_of: PriceOf) -> float | None:
    """
    Return the equity of the account that trades `instrument`, in its quote currency.

    Cash, plus each open position at its last price: its profit or loss on a margin account, its full value on a cash
    account, where the cash was paid for it.

    Parameters
    ----------
    cache : CacheFacade
        The engine's cache.
    instrument : Instrument
        Any instrument of the account.
    price_of : callable
        Last price of an instrument, None where there is none yet.

    Returns
    -------
    float or None
        None where the account, its balance or the price of something it holds is not known: better no size than a
        size of a guess.

    """
    account = cache.account_for_venue(instrument.venue)
    balance = None if account is None else account.balance_total(instrument.quote_currency)
    if balance is None:
        return None
    equity: float = balance.as_double()
    for position in cache.positions_open(venue=instrument.venue):
        price = price_of(position.instrument_id)
        if price is None:
            return None
        paid = 0.0 if account.is_cash_account else position.avg_px_open
        equity += position.signed_qty * (price - paid)
    return equity


def cash_free(cache: CacheFacade, instrument: Instrument) -> float | None:
    """Return what a cash account may still spend, in quote currency; None on a margin account or an unknown balance."""
    account = cache.account_for_venue(instrument.venue)
    if account is None or not account.is_cash_account:
        return None
    free = account.balance_free(instrument.quote_currency)
    return None if free is None else float(free.as_double())
