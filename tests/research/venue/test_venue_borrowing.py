"""Interest on spot margin, and the cash account of spot, by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.model.objects import Currency
from venue_world import Feed, perp, run

from catalog.instruments import InstrumentSpec, Kind
from research.venue.config import FeesConfig, VenueConfig

QUIET = (100.0, 100.0, 100.0, 100.0)
PAIR = "BTCUSDT.BINANCE"


def margin_spec() -> InstrumentSpec:
    return perp(PAIR, kind=Kind.MARGIN, funding_interval_h=None)


def config(**changes: object) -> VenueConfig:
    facts = {
        "starting_balance": 876.0,
        "slippage_bps": 0.0,
        "fees": FeesConfig(schedule="explicit", maker="0", taker="0"),
        "borrow_rate_annual": 0.0876,  # 0.00001 an hour
        "leverage": 3.0,
    }
    return VenueConfig(**(facts | changes))  # type: ignore[arg-type]


def test_a_short_pays_for_what_it_sold_by_the_hour() -> None:
    # short 10 at 100, filled after 01:00; hours 2, 3 and 4 end while it is open: 3 * 1000 * 0.00001
    result = run(Feed([QUIET] * 4, spec=margin_spec()), {0: lambda s: s.market(-10)}, config())

    assert [interest.amount for interest in result.venue.borrowing.ledger] == [Decimal("0.01")] * 3
    assert result.balance == Decimal("875.97")


def test_a_long_pays_only_for_what_exceeds_its_cash() -> None:
    # 20 at 100 cost 2000, 876 are there: 1124 borrowed; the interest itself is borrowed too in the next hour
    result = run(Feed([QUIET] * 3, spec=margin_spec()), {0: lambda s: s.market(20)}, config())

    assert [interest.amount for interest in result.venue.borrowing.ledger] == [
        Decimal("0.01124"),
        Decimal("0.01124011"),  # (2000 - 875.98876) * 0.00001 = 0.0112401124
    ]


def test_a_long_within_its_cash_pays_nothing() -> None:
    result = run(Feed([QUIET] * 3, spec=margin_spec()), {0: lambda s: s.market(8)}, config())

    assert result.venue.borrowing.ledger == []
    assert result.balance == Decimal(876)


def test_spot_moves_cash_and_coins_and_knows_neither_funding_nor_liquidation() -> None:
    spec = perp(PAIR, kind=Kind.SPOT, brackets=(), funding_interval_h=None)
    fees = FeesConfig()  # the instrument's own: taker 0.0005
    result = run(
        Feed([QUIET, QUIET, (120.0,) * 4], spec=spec),
        {0: lambda s: s.market(2), 1: lambda s: s.market(-1)},
        config(fees=fees, leverage=1.0),
    )

    # 876 - 2 * 100 - 0.1, then + 120 - 0.06
    assert result.balance == Decimal("795.84")
    assert (result.venue.funding, result.venue.liquidation, result.venue.borrowing) == (None, None, None)
    assert Currency.from_str("USDT") == result.script.fills[0].commission.currency


@pytest.mark.parametrize("said", ["simple interest", "cross-margined"])
def test_margin_assumptions_name_interest_and_margin_mode(said: str) -> None:
    result = run(Feed([QUIET], spec=margin_spec()), {}, config())

    assert any(said in sentence for sentence in result.venue.assumptions())
