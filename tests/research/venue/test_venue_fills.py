"""At which price and time orders fill, by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from research.venue.config import VenueConfig
from venue_world import HOUR, T0, Feed, run

TEN_BP = VenueConfig(slippage_bps=10.0, starting_balance=10_000.0)


def test_market_order_decided_on_a_bar_fills_at_the_next_open_plus_slippage_and_fee() -> None:
    # decided at the close of bar 0 (105); bar 1 opens at 120: 120 * 1.001 = 120.12, to cents of 0.1: up to 120.2
    result = run(
        Feed([(100, 106, 99, 105), (120, 126, 119, 125), (130, 131, 129, 130)]), {0: lambda s: s.market(2)}, TEN_BP
    )

    (fill,) = result.script.fills
    assert float(fill.last_px) == 120.2
    assert result.script.references == [120.0]
    assert fill.ts_event == T0 + HOUR + 51_000_000  # next open + latency 50 ms + 1 ms
    # 2 * 120.2 * 0.0005 = 0.1202
    assert fill.commission.as_decimal() == Decimal("0.1202")
    assert result.balance == Decimal("9999.8798")
