"""Turn an `InstrumentSpec` into the engine's instrument object."""

from __future__ import annotations

from decimal import Decimal

from nautilus_trader.model.identifiers import InstrumentId, Symbol
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair, Instrument
from nautilus_trader.model.objects import Currency, Money, Price, Quantity

from catalog.instruments import InstrumentSpec, Kind


def build(spec: InstrumentSpec) -> Instrument:
    """
    Build the instrument; see `InstrumentSpec.instrument` for what its margins mean.

    Time stamps are 0: an instrument is a fact without a date here, and equal specs give equal instruments.
    """
    quote = Currency.from_str(spec.quote)
    facts = {
        "instrument_id": InstrumentId.from_str(spec.instrument_id),
        "raw_symbol": Symbol(spec.symbol.removesuffix("-PERP")),
        "base_currency": Currency.from_str(spec.base),
        "quote_currency": quote,
        "price_precision": spec.price_precision,
        "size_precision": spec.size_precision,
        "price_increment": Price.from_str(spec.price_increment),
        "size_increment": Quantity.from_str(spec.size_increment),
        "min_quantity": Quantity(Decimal(spec.size_min), spec.size_precision),
        "min_notional": Money(Decimal(spec.notional_min), quote) if Decimal(spec.notional_min) > 0 else None,
        "margin_init": Decimal(1),
        "margin_maint": Decimal(1),
        "maker_fee": Decimal(spec.maker_fee),
        "taker_fee": Decimal(spec.taker_fee),
        "ts_event": 0,
        "ts_init": 0,
    }
    if spec.kind is Kind.USDM_PERP:
        return CryptoPerpetual(settlement_currency=Currency.from_str(spec.settlement), is_inverse=False, **facts)
    return CurrencyPair(**facts)
