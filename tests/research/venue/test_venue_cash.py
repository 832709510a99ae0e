"""Money neither appears nor vanishes: the account equals what the fills and payments say, to the cent and below."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from venue_world import ETH, Feed, Script, perp, run

from research.venue.config import FundingConfig, VenueConfig

BARS = 26

MOVES = st.lists(st.integers(-40, 40), min_size=BARS, max_size=BARS)
REACH = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=BARS, max_size=BARS)
ORDERS = st.dictionaries(
    st.integers(0, BARS - 2),
    st.tuples(
        st.sampled_from(["market", "limit", "stop", "bracket", "market_other"]),
        st.integers(-30, 30).filter(bool),
        st.integers(1, 40),
    ),
    max_size=BARS,
)


def path(moves: list[int], reach: list[tuple[int, int]]) -> list[tuple[float, float, float, float]]:
    """Bars in tenths from 100.0, each opening up to four ticks from the close before."""
    bars, close = [], 1_000
    for move, (up, down) in zip(moves, reach, strict=True):
        opening = max(200, close + move // 10)
        close = max(200, opening + move)
        high, low = max(opening, close) + up, min(opening, close) - down
        bars.append((opening / 10, high / 10, low / 10, close / 10))
    return bars


def act(kind: str, quantity: int, distance: int) -> Any:
    def do(script: Script) -> None:
        last = float(script.cache.bar(script.bar_type).close)
        sign = 1 if quantity > 0 else -1
        if kind == "market":
            script.market(quantity)
        elif kind == "market_other":
            script.market(quantity, ETH)
        elif kind == "limit":
            script.limit(quantity, max(1.0, last - sign * distance / 10))
        elif kind == "stop":
            script.stop_order(quantity, max(1.0, last + sign * distance / 10))
        else:
            script.bracket(quantity, max(1.0, last - sign * distance / 5), max(1.0, last + sign * distance / 5))

    return do


@settings(max_examples=60, deadline=None)
@given(moves=MOVES, reach=REACH, orders=ORDERS, mode=st.sampled_from(["cross", "isolated"]))
def test_cash_equals_start_plus_realised_minus_fees_plus_funding(
    moves: list[int], reach: list[tuple[int, int]], orders: dict[int, tuple[str, int, int]], mode: Any
) -> None:
    btc = path(moves, reach)
    feeds = [
        Feed(btc, marks=btc, funding={8: "0.0007", 16: "-0.0011", 24: "0.0004"}, spec=perp(rate=0.02)),
        Feed(btc[::-1], funding={8: "0.0003", 16: "0.0002", 24: "-0.0009"}, spec=perp(ETH, rate=0.02)),
    ]
    config = VenueConfig(
        starting_balance=400.0,
        slippage_bps=3.0,
        leverage=20.0,
        margin_mode=mode,
        funding=FundingConfig(missing="error"),
    )
    result = run(feeds, {i: act(*order) for i, order in orders.items()}, config)

    funding = sum((payment.amount for payment in result.venue.funding.ledger), Decimal(0))
    expected = Decimal(400) + result.realised - sum(result.fees, Decimal(0)) + funding
    # the engine computes a fill's profit in floats, rounded to eight decimals each
    assert abs(result.balance - expected) < Decimal("0.000001")
    forced = {liquidation.client_order_id: liquidation for liquidation in result.venue.liquidation.ledger}
    for fill in result.script.fills:
        if fill.client_order_id.value in forced:
            assert fill.commission.as_decimal() == forced[fill.client_order_id.value].fee
