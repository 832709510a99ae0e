"""What may happen: falls that did happen, and shocks of one figure at a time."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import msgspec


class Family(Enum):
    """Where a scenario comes from."""

    HISTORICAL = "historical"
    PARAMETRIC = "parametric"


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """
    One thing that happens to all markets at once.

    `shocks` are returns by asset, and `other` that of every asset not named; on top of it `against` moves each price
    against its own position, as if hedges failed. `volatility_times` and `correlation`
    (None: unchanged) act on the value at risk afterwards. Closing everything at a bid-ask spread of `spread_bps` costs
    half of it. `funding_rate` is paid `funding_payments` times by longs to shorts, or the other way round where it is
    negative, on perpetual notional after the shock. `venue_lost` names a venue whose balance and positions are gone.
    """

    name: str
    family: Family
    note: str
    shocks: dict[str, float] = {}
    other: float = 0.0
    against: float = 0.0
    volatility_times: float = 1.0
    correlation: float | None = None
    spread_bps: float = 0.0
    funding_rate: float = 0.0
    funding_payments: int = 0
    venue_lost: str | None = None

    def move(self, asset: str) -> float:
        """Return the return of an asset."""
        return self.shocks.get(asset, self.other)


_HOW = (
    "24 h close to close, the hour at which the mean of BTC and ETH was lowest: BTC, ETH USD-M perpetuals, others "
    "spot, Binance 1 h bars; a coin without bars then falls as the worst of those that had"
)


def _fell(name: str, until: str, shocks: dict[str, float]) -> Scenario:
    return Scenario(
        name=name,
        family=Family.HISTORICAL,
        note=f"to {until} UTC; {_HOW}",
        shocks=shocks,
        other=min(shocks.values()),
    )


HISTORICAL: tuple[Scenario, ...] = (
    _fell(
        "2020-03-12 pandemic",
        "2020-03-13 02:00",
        {
            "BTC": -0.4736, "ETH": -0.4832, "ADA": -0.4628, "DOGE": -0.3713, "LINK": -0.5295, "LTC": -0.4532,
            "TRX": -0.4728, "XRP": -0.4097,
        },
    ),
    _fell(
        "2021-05-19 China",
        "2021-05-19 13:00",
        {
            "BTC": -0.2029, "ETH": -0.3180, "ADA": -0.3838, "AVAX": -0.3829, "DOGE": -0.4180, "LINK": -0.3627,
            "LTC": -0.4122, "SOL": -0.3226, "TRX": -0.3266, "XRP": -0.3279,
        },
    ),
    _fell(
        "2022-05 LUNA",
        "2022-05-12 06:00",
        {
            "BTC": -0.1374, "ETH": -0.2298, "ADA": -0.3391, "AVAX": -0.3600, "DOGE": -0.3234, "LINK": -0.3240,
            "LTC": -0.2794, "SOL": -0.3604, "TRX": -0.0588, "XRP": -0.3013,
        },
    ),
    _fell(
        "2022-11 FTX",
        "2022-11-09 17:00",
        {
            "BTC": -0.1618, "ETH": -0.2407, "ADA": -0.1277, "AVAX": -0.2151, "DOGE": -0.2234, "LINK": -0.2852,
            "LTC": -0.1915, "SOL": -0.4292, "TRX": -0.0613, "XRP": -0.1957,
        },
    ),
    _fell(
        "2024-08-05 carry",
        "2024-08-05 13:00",
        {
            "BTC": -0.1842, "ETH": -0.2377, "ADA": -0.2034, "AVAX": -0.2157, "DOGE": -0.2337, "LINK": -0.2866,
            "LTC": -0.2155, "SOL": -0.2283, "TRX": -0.0818, "XRP": -0.1973,
        },
    ),
)  # fmt: skip
"""The coin at the heart of an event (LUNA, FTT) lost nearly all, which `other` does not say."""

PRICE_SHOCKS = (-0.5, -0.3, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.3, 0.5)
AGAINST_SHOCKS = (0.1, 0.2)
SPREAD_BPS = 200.0
FUNDING_RATE = 0.00375
"""The largest 8-hour rate in 2019-2024 of BTC and ETH perpetuals at Binance (ETH; the smallest was -0.00356)."""
FUNDING_PAYMENTS = 9
"""Three days of three payments."""


def parametric(venues: Iterable[str]) -> tuple[Scenario, ...]:
    """Return the shocks of one figure at a time, with one lost venue for each of `venues`."""
    prices = [_shock(f"price {move:+.0%}", "all prices move alike, at once", other=move) for move in PRICE_SHOCKS]
    return (
        *prices,
        *(
            _shock(f"hedges fail {move:.0%}", "longs fall and shorts rise by as much", against=move)
            for move in AGAINST_SHOCKS
        ),
        _shock("volatility x2", "value at risk with twice the volatility", volatility_times=2.0),
        _shock("volatility x3", "value at risk with three times the volatility", volatility_times=3.0),
        _shock("correlation 1", "value at risk with everything moving as one", correlation=1.0),
        _shock(
            "volatility x2, correlation 1", "value at risk with both", volatility_times=2.0, correlation=1.0
        ),
        _shock(f"spread {SPREAD_BPS:.0f} bps", "everything is closed at half the spread", spread_bps=SPREAD_BPS),
        _shock(
            f"price -20%, spread {SPREAD_BPS:.0f} bps", "a fall, closed at half the spread",
            other=-0.2, spread_bps=SPREAD_BPS,
        ),
        _shock(
            "funding, longs pay", f"{FUNDING_PAYMENTS} payments of {FUNDING_RATE:.3%}",
            funding_rate=FUNDING_RATE, funding_payments=FUNDING_PAYMENTS,
        ),
        _shock(
            "funding, shorts pay", f"{FUNDING_PAYMENTS} payments of {-FUNDING_RATE:.3%}",
            funding_rate=-FUNDING_RATE, funding_payments=FUNDING_PAYMENTS,
        ),
        *(_shock(f"{venue} lost", "balance and positions there are gone", venue_lost=venue) for venue in venues),
    )  # fmt: skip


def _shock(name: str, note: str, **figures: float | str | None) -> Scenario:
    return Scenario(name=name, family=Family.PARAMETRIC, note=note, **figures)  # type: ignore[arg-type]
