"""What a user may choose about the simulated venue, and the delays that follow from it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

import msgspec

NS_PER_MS = 1_000_000

type Fraction = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]


class FeesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Which fee schedule applies.

    `"spec"` takes maker and taker rates of each instrument; `"explicit"` takes the two given here for all of them,
    as decimal fractions in text (``"0.0002"`` is 2 bp; a rebate is negative); `"vip"` takes the row `vip_tier` of
    Binance's USD-M schedule.
    """

    schedule: Literal["spec", "explicit", "vip"] = "spec"
    maker: str | None = None
    taker: str | None = None
    vip_tier: Annotated[int, msgspec.Meta(ge=0, le=9)] | None = None

    def __post_init__(self) -> None:
        explicit = self.schedule == "explicit"
        if explicit != (self.maker is not None and self.taker is not None) or (
            not explicit and (self.maker is not None or self.taker is not None)
        ):
            raise ValueError('maker and taker belong to schedule = "explicit", both of them')
        if (self.schedule == "vip") != (self.vip_tier is not None):
            raise ValueError('vip_tier belongs to schedule = "vip"')
        for name, rate in (("maker", self.maker), ("taker", self.taker)):
            if rate is not None and not _is_rate(rate):
                raise ValueError(f"{name} must be a decimal fraction between -0.1 and 0.1, was {rate!r}")


class FundingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do where a position is held over a scheduled payment whose rate is missing: stop, or pay nothing."""

    missing: Literal["error", "zero"] = "error"


class LiquidationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Whether and how the venue liquidates.

    `fee` is a fraction of the liquidated notional, charged as far as the position's collateral goes; Binance
    publishes one for each symbol in ``exchangeInfo`` as ``liquidationFee``, between 0.010 and 0.030.
    """

    enabled: bool = True
    fee: Fraction = 0.0125


class VenueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The simulated venue of a backtest.

    Parameters
    ----------
    starting_balance : float
        Cash at the start, in the instruments' settlement currency.
    latency_ms : int
        From a command's sending to its effect at the venue. At least 1: an order may not act on the very price
        that caused it.
    slippage_bps : float
        What market and stop orders pay beyond the price the venue showed, in 1/10,000 of it.
    leverage : float
        Leverage set at the venue; it fixes the margin that a position ties up.
    margin_mode : "cross" or "isolated"
        Whether a position is backed by the whole account or by its own initial margin.
    bar_path : "adaptive" or "high_first"
        Order of a bar's high and low: adaptive takes the nearer to the open first.
    limit_fills : "through" or "touch"
        Whether a resting limit order fills only when the price trades through it, or at its touch already.
    stops_in_market : "fill" or "reject"
        What becomes of a stop order whose trigger the market has already passed on arrival. A rejected stop
        leaves its position unprotected, so the default executes it at once.
    borrow_rate_annual : float
        Simple yearly interest on what a spot margin position borrows, a fraction.

    """

    starting_balance: Annotated[float, msgspec.Meta(gt=0.0, le=1e12)] = 10_000.0
    latency_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 50
    slippage_bps: Annotated[float, msgspec.Meta(ge=0.0, le=1_000.0)] = 1.0
    leverage: Annotated[float, msgspec.Meta(ge=1.0, le=125.0)] = 3.0
    margin_mode: Literal["cross", "isolated"] = "cross"
    bar_path: Literal["adaptive", "high_first"] = "adaptive"
    limit_fills: Literal["through", "touch"] = "through"
    stops_in_market: Literal["fill", "reject"] = "fill"
    borrow_rate_annual: Annotated[float, msgspec.Meta(ge=0.0, le=10.0)] = 0.06
    fees: FeesConfig = FeesConfig()
    funding: FundingConfig = FundingConfig()
    liquidation: LiquidationConfig = LiquidationConfig()

    @property
    def latency_ns(self) -> int:
        """Return the command latency in ns."""
        return self.latency_ms * NS_PER_MS


OPENING_PRINT_NS = NS_PER_MS // 2
"""
How long after a bar's opening the feed shows its opening price.

Later than everything that happens at the close before, earlier than any order decided there can arrive: the least
latency is a millisecond.
"""


def _is_rate(text: str) -> bool:
    try:
        return abs(Decimal(text)) <= Decimal("0.1")
    except InvalidOperation:
        return False
