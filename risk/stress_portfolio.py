"""What is put under stress: cash, positions and limits as of one instant, read from plain data."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from catalog.instruments import LeverageBracket
from errors import ConfigError
from risk.account_margin import AccountMargin, AssumedBracket, Holding
from risk.limits import DrawdownBase, LimitsConfig
from risk.modes.table import Mode

QUOTES = ("USDT", "USDC", "FDUSD", "USD", "EUR", "BTC", "ETH")
MAINTENANCE_ASSUMED = (AssumedBracket(0.05),)
"""For contracts whose brackets are not given: twelve times what venues ask of small positions in large coins."""

DAILY_VOLATILITY = {"BTC": 0.034, "ETH": 0.044}
DAILY_VOLATILITY_OTHER = 0.058
CORRELATION = 0.8
"""
What is taken where the portfolio says nothing of it, of daily closes 2020-01-01 to 2024-12-31, Binance spot: standard
deviations of BTC, ETH, and the median of ADA, AVAX, DOGE, LINK, LTC, SOL, TRX and XRP; BTC with ETH correlates by 0.82.
"""

type Finite = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
type Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e15)]


class StressPosition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One position.

    `instrument` is SYMBOL.VENUE; `signed_quantity` in base units, plus for long; prices in quote currency. `spot` is
    True where the asset itself is held. `isolated_margin` is its collateral, None where the venue's account backs it.
    `brackets` are the venue's; without them a flat maintenance rate is assumed, on the safe side. `asset` names what
    its price follows; read from the symbol where it is empty.
    """

    instrument: str
    signed_quantity: Finite
    entry_price: Positive
    mark: Positive
    spot: bool = False
    strategy: str = ""
    isolated_margin: Annotated[float, msgspec.Meta(ge=0.0)] | None = None
    brackets: tuple[LeverageBracket, ...] = ()
    asset: str = ""

    def __post_init__(self) -> None:
        if not all(self.instrument.rpartition(".")[::2]):
            raise ValueError(f"instrument must be SYMBOL.VENUE, was {self.instrument!r}")
        if self.spot and (self.signed_quantity < 0.0 or self.isolated_margin is not None):
            raise ValueError(f"{self.instrument}: spot can't be short and needs no margin")

    @property
    def venue(self) -> str:
        """Return the part after the last dot."""
        return self.instrument.rpartition(".")[2]

    @property
    def of_asset(self) -> str:
        """Return the asset whose price it follows, such as ``BTC``."""
        return self.asset or asset_of(self.instrument)

    @property
    def notional(self) -> float:
        """Return the signed notional at mark."""
        return self.signed_quantity * self.mark

    @property
    def value(self) -> float:
        """Return what it adds to equity: its worth for spot, its unrealised profit otherwise."""
        return self.notional if self.spot else self.signed_quantity * (self.mark - self.entry_price)


class StressPortfolio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An account as of one instant.

    `cash` is the wallet balance without unrealised profit. `balances` says how much of it lies at which venue; it may
    be left out where all positions are at one. The equities that limits count from default to what equity is.
    `daily_volatility` (standard deviation of a day's return, by asset) and `correlation` (of any two assets) serve the
    value at risk after a shock.
    """

    cash: Finite
    positions: tuple[StressPosition, ...]
    balances: dict[str, Finite] = {}
    currency: str = "USDT"
    ts_ns: int = 0
    peak_equity: Positive | None = None
    start_equity: Positive | None = None
    day_start_equity: Positive | None = None
    mode: Mode = Mode.FULL_AUTO
    limits: LimitsConfig = LimitsConfig()
    daily_volatility: dict[str, Annotated[float, msgspec.Meta(ge=0.0, le=10.0)]] = {}
    correlation: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = CORRELATION

    def __post_init__(self) -> None:
        venues = self.venues
        if len({position.venue for position in self.positions}) > 1 and not self.balances:
            raise ValueError(f"positions lie at {', '.join(venues)}: balances must say how much cash is at each")
        if self.balances and not math.isclose(math.fsum(self.balances.values()), self.cash, rel_tol=1e-6, abs_tol=0.01):
            raise ValueError(f"balances must add up to cash, were {math.fsum(self.balances.values())} and {self.cash}")

    @property
    def equity(self) -> float:
        """Return cash plus what all positions are worth at mark."""
        return self.cash + math.fsum(position.value for position in self.positions)

    @property
    def exposure(self) -> float:
        """Return the gross notional."""
        return math.fsum(abs(position.notional) for position in self.positions)

    @property
    def venues(self) -> tuple[str, ...]:
        """Return all venues with cash or positions, in order of name."""
        return tuple(sorted({position.venue for position in self.positions} | set(self.balances)))

    @property
    def drawdown_base(self) -> float:
        """Return the equity that the drawdown limit counts from."""
        given = {
            DrawdownBase.PEAK: self.peak_equity,
            DrawdownBase.START: self.start_equity,
            DrawdownBase.DAY: self.day_start_equity,
        }[self.limits.drawdown.base]
        return self.equity if given is None else given

    def balance_at(self, venue: str) -> float:
        """Return the cash at a venue."""
        return self.balances.get(venue, 0.0) if self.balances else self.cash

    def less(self, drawn: dict[str, float], positions: tuple[StressPosition, ...]) -> StressPortfolio:
        """Return the same with other positions and with cash taken away at venues."""
        balances = {venue: self.balance_at(venue) - drawn.get(venue, 0.0) for venue in self.venues}
        if not self.balances:
            return msgspec.structs.replace(self, cash=self.cash - math.fsum(drawn.values()), positions=positions)
        return msgspec.structs.replace(self, cash=math.fsum(balances.values()), balances=balances, positions=positions)

    def account_at(self, venue: str) -> AccountMargin:
        """Return the margin account of a venue: its cash and its positions other than spot."""
        return AccountMargin(
            self.balance_at(venue),
            [
                Holding(
                    instrument=position.instrument,
                    signed_quantity=position.signed_quantity,
                    entry_price=position.entry_price,
                    mark=position.mark,
                    brackets=position.brackets or MAINTENANCE_ASSUMED,
                    margin=position.isolated_margin,
                )
                for position in self.positions
                if position.venue == venue and not position.spot and position.signed_quantity != 0.0
            ],
        )

    def based(self) -> StressPortfolio:
        """Return the same with every equity that limits count from written out, so that a shock can't move it."""
        equity = self.equity
        if not equity > 0.0:
            return self
        return msgspec.structs.replace(
            self,
            peak_equity=max(equity, self.peak_equity or equity),
            start_equity=self.start_equity or equity,
            day_start_equity=self.day_start_equity or equity,
        )


def asset_of(instrument: str) -> str:
    """Return the base asset of an instrument's name: ``BTC`` for ``BTCUSDT-PERP.BINANCE`` and ``XBTUSD.KRAKEN``."""
    symbol = instrument.rpartition(".")[0].upper().replace("/", "")
    symbol = symbol.partition("-")[0].partition("_")[0]
    for quote in QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            symbol = symbol.removesuffix(quote)
            break
    symbol = symbol.removeprefix("1000")
    return "BTC" if symbol == "XBT" else symbol


def read_portfolio(path: Path) -> StressPortfolio:
    """
    Read a portfolio from a TOML or JSON file whose keys are the fields of `StressPortfolio`.

    Raises
    ------
    ConfigError
        With the file and the key, where it is missing, malformed or does not fit.

    """
    try:
        data = path.read_bytes()
        plain: Any = tomllib.loads(data.decode()) if path.suffix == ".toml" else msgspec.json.decode(data)
        return msgspec.convert(plain, StressPortfolio, strict=True)
    except FileNotFoundError:
        raise ConfigError("file not found", where=str(path)) from None
    except msgspec.ValidationError as error:
        reason, _, key = str(error).partition(" - at `$")
        where = f"{path}, key {key.strip('`').lstrip('.')}" if key.strip("`") else str(path)
        raise ConfigError(reason, where=where) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise ConfigError(f"not a readable TOML or JSON file: {error}", where=str(path)) from None
