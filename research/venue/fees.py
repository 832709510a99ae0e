"""What a fill costs: maker and taker rates from a schedule, and the fee of a forced liquidation."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from nautilus_trader.backtest.models import FeeModel
from nautilus_trader.model.enums import LiquiditySide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.orders import Order

from catalog.instruments import InstrumentSpec
from research.venue.config import FeesConfig
from research.venue.prices import Board

BINANCE_USDM_VIP: Final[tuple[tuple[str, str], ...]] = (
    ("0.000200", "0.000500"),
    ("0.000160", "0.000400"),
    ("0.000140", "0.000350"),
    ("0.000120", "0.000320"),
    ("0.000100", "0.000300"),
    ("0.000080", "0.000270"),
    ("0.000060", "0.000250"),
    ("0.000040", "0.000220"),
    ("0.000020", "0.000200"),
    ("0.000000", "0.000170"),
)
"""Maker and taker rates of Binance USD-M futures by VIP tier, USDT margined, without the BNB discount."""


class ScheduleFeeModel(FeeModel):
    """
    Charge the schedule's maker or taker rate, in quote currency.

    The fee is ``quantity * price * rate`` in exact decimals, rounded half to even to the currency's precision. A
    takeover by the liquidation module pays the liquidation fee instead, as far as its collateral goes: what a
    bankrupt position cannot pay, the venue's insurance fund does.

    Parameters
    ----------
    rates : dict of InstrumentId to (Decimal, Decimal)
        Maker and taker rate of each instrument, fractions of notional.
    liquidation_rate : Decimal
        Fraction of the liquidated notional.
    board : Board
        Where takeovers are announced.

    """

    def __init__(
        self, rates: dict[InstrumentId, tuple[Decimal, Decimal]], liquidation_rate: Decimal, board: Board
    ) -> None:
        super().__init__()
        self._rates = rates
        self._liquidation_rate = liquidation_rate
        self._board = board

    def get_commission(self, order: Order, fill_qty: Quantity, fill_px: Price, instrument: Instrument) -> Money:
        """Return the fee of one fill; negative where the schedule pays a rebate."""
        notional = fill_qty.as_decimal() * fill_px.as_decimal()
        takeover = self._board.takeovers.get(order.client_order_id)
        if takeover is not None:
            fee = min(notional * self._liquidation_rate, takeover.collateral_left)
            takeover.collateral_left -= fee
            return Money.from_decimal(fee, instrument.quote_currency)
        maker, taker = self._rates[instrument.id]
        rate = maker if order.liquidity_side == LiquiditySide.MAKER else taker
        return Money.from_decimal(notional * rate, instrument.quote_currency)


def rates_of(specs: Iterable[InstrumentSpec], config: FeesConfig) -> dict[InstrumentId, tuple[Decimal, Decimal]]:
    """Return maker and taker rate of each instrument under the chosen schedule."""
    return {InstrumentId.from_str(spec.instrument_id): _rates(spec, config) for spec in specs}


def _rates(spec: InstrumentSpec, config: FeesConfig) -> tuple[Decimal, Decimal]:
    if config.schedule == "vip" and config.vip_tier is not None:
        maker, taker = BINANCE_USDM_VIP[config.vip_tier]
    elif config.maker is not None and config.taker is not None:
        maker, taker = config.maker, config.taker
    else:
        maker, taker = spec.maker_fee, spec.taker_fee
    return Decimal(maker), Decimal(taker)
