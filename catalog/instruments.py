"""What is traded: symbol, tick and lot size, fees, leverage brackets and funding interval of an instrument."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final

import msgspec


class Kind(Enum):
    """What an instrument is, which decides its account and its costs."""

    SPOT = "SPOT"
    MARGIN = "MARGIN"
    USDM_PERP = "USDM_PERP"


class LeverageBracket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One step of a venue's maintenance-margin schedule, by position notional in quote currency.

    A position whose notional lies in ``(notional_floor, notional_cap]`` must keep
    ``notional * maintenance_rate - maintenance_amount`` of margin. The amount makes the
    requirement continuous where one bracket meets the next.
    """

    notional_floor: float
    notional_cap: float
    maintenance_rate: float
    maintenance_amount: float
    leverage_max: float


class InstrumentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The facts of one instrument that ingestion, risk and the simulated venue need.

    The *value* of an increment is the step orders are rounded to; its written *decimals* are the precision
    prices and volumes are stored with. They differ where history was finer than today's rule: a tick of
    ``"0.10"`` rounds orders to ten cents and stores cents. Fees are fractions of notional. `brackets` is empty
    for spot. `funding_interval_h` is None where no funding is paid.
    """

    instrument_id: str
    kind: Kind
    base: str
    quote: str
    settlement: str
    price_increment: str
    size_increment: str
    size_min: str
    notional_min: str
    maker_fee: str
    taker_fee: str
    brackets: tuple[LeverageBracket, ...] = ()
    funding_interval_h: int | None = None
    source: str = ""

    def __post_init__(self) -> None:
        symbol, _, venue = self.instrument_id.rpartition(".")
        if not symbol or not venue:
            raise ValueError(f"instrument_id must be SYMBOL.VENUE, was {self.instrument_id!r}")
        _check_numbers(self)
        _check_brackets(self.kind, self.brackets)
        if (self.kind is Kind.USDM_PERP) != (self.funding_interval_h is not None):
            raise ValueError("funding_interval_h belongs to a USDM_PERP, and only there")
        if self.funding_interval_h is not None and not 1 <= self.funding_interval_h <= 24:
            raise ValueError(f"funding_interval_h must be 1 to 24, was {self.funding_interval_h}")

    @property
    def symbol(self) -> str:
        """Return the part before the venue, such as ``BTCUSDT-PERP``."""
        return self.instrument_id.rpartition(".")[0]

    @property
    def venue(self) -> str:
        """Return the part after the last dot, such as ``BINANCE``."""
        return self.instrument_id.rpartition(".")[2]

    @property
    def price_precision(self) -> int:
        """Return the decimals prices are stored with."""
        return decimals(self.price_increment)

    @property
    def size_precision(self) -> int:
        """Return the decimals volumes and quantities are stored with."""
        return decimals(self.size_increment)

    def instrument(self) -> Any:
        """
        Build the engine's instrument: `CryptoPerpetual` for a perpetual, `CurrencyPair` otherwise.

        `margin_init` and `margin_maint` are 1, so that the engine's `LeveragedMarginModel` locks notional /
        leverage for orders and positions alike, as the venues do. The venue's maintenance margin is not this
        number: it is in `brackets`, and the liquidation module reads it there.
        """
        from catalog.engine_instrument import build

        return build(self)


def decimals(number: str) -> int:
    """Return how many digits stand after the point of a written decimal, trailing zeros included."""
    return len(number.partition(".")[2])


_DECIMALS_MAX: Final = 16


def _check_numbers(spec: InstrumentSpec) -> None:
    for name in ("price_increment", "size_increment"):
        if not _number(name, getattr(spec, name)) > 0:
            raise ValueError(f"{name} must be above 0, was {getattr(spec, name)!r}")
    if max(spec.price_precision, spec.size_precision) > _DECIMALS_MAX:
        raise ValueError(f"increments may have at most {_DECIMALS_MAX} decimals")
    for name in ("size_min", "notional_min"):
        if not _number(name, getattr(spec, name)) >= 0:
            raise ValueError(f"{name} must not be negative, was {getattr(spec, name)!r}")
    for name in ("maker_fee", "taker_fee"):
        if not abs(_number(name, getattr(spec, name))) < Decimal("0.1"):
            raise ValueError(f"{name} is a fraction of notional below 0.1, was {getattr(spec, name)!r}")


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{name} must be a decimal in quotes, was {text!r}") from None
    if not number.is_finite() or "e" in text.lower():
        raise ValueError(f"{name} must be a plain decimal in quotes, was {text!r}")
    return number


def _check_brackets(kind: Kind, brackets: tuple[LeverageBracket, ...]) -> None:
    if kind is Kind.SPOT:
        if brackets:
            raise ValueError("spot has no leverage brackets")
        return
    if not brackets:
        raise ValueError(f"a {kind.value} needs its leverage brackets: without them nothing could be liquidated")
    floor = 0.0
    for number, bracket in enumerate(brackets, start=1):
        if bracket.notional_floor != floor or not bracket.notional_cap > floor:
            raise ValueError(
                f"bracket {number} must begin at {floor:g} and end above it, was "
                f"{bracket.notional_floor:g} to {bracket.notional_cap:g}"
            )
        if not (0 < bracket.maintenance_rate < 1 and bracket.maintenance_amount >= 0 and bracket.leverage_max >= 1):
            raise ValueError(
                f"bracket {number} needs 0 < maintenance_rate < 1, maintenance_amount >= 0 and leverage_max >= 1"
            )
        floor = bracket.notional_cap
