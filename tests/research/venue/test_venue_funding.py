"""Who pays funding, when and how much, by hand."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from venue_world import BTC, ETH, HOUR, T0, Feed, perp, run

from catalog.model import FundingColumns
from errors import PreconditionError
from research.venue.config import FeesConfig, FundingConfig, VenueConfig
from research.venue.funding import check_funding_coverage

FREE = VenueConfig(slippage_bps=0.0, fees=FeesConfig(schedule="explicit", maker="0", taker="0"))
FREE_ZERO = VenueConfig(
    slippage_bps=0.0,
    fees=FeesConfig(schedule="explicit", maker="0", taker="0"),
    funding=FundingConfig(missing="zero"),
)

AT_100 = (100.0, 100.0, 100.0, 100.0)
DAY = [AT_100] * 10


def marks_at(price: float, count: int = 10) -> list[tuple[float, float, float, float]]:
    return [(price, price, price, price)] * count


@pytest.mark.parametrize(
    ("quantity", "rate", "amount"),
    [
        (2, "0.0001", "-0.0202"),  # a long pays a positive rate: 2 * 101 * 0.0001
        (-2, "0.0001", "0.0202"),
        (2, "-0.0003", "0.0606"),
        (-2, "-0.0003", "-0.0606"),
    ],
)
def test_funding_is_minus_quantity_times_mark_times_rate(quantity: float, rate: str, amount: str) -> None:
    # mark 101, last 100: the mark counts
    feed = Feed(DAY, marks=marks_at(101.0), funding={8: rate})
    result = run(feed, {0: lambda s: s.market(quantity)}, FREE)

    (payment,) = result.venue.funding.ledger
    assert payment.amount == Decimal(amount)
    assert payment.ts_ns == T0 + 8 * HOUR
    assert payment.instrument == BTC
    assert payment.mark == 101.0
    assert payment.signed_quantity == quantity
    assert result.balance == Decimal(10_000) + Decimal(amount)


def test_without_marks_the_last_price_counts() -> None:
    result = run(Feed(DAY, funding={8: "0.0001"}), {0: lambda s: s.market(2)}, FREE)

    assert [payment.amount for payment in result.venue.funding.ledger] == [Decimal("-0.02")]


def test_a_missing_mark_bar_falls_back_to_the_last_price_and_is_told() -> None:
    marks: list[tuple[float, float, float, float] | None] = [*marks_at(101.0)]
    marks[7] = None  # the bar that closes at 08:00
    result = run(Feed(DAY, marks=marks, funding={8: "0.0001"}), {0: lambda s: s.market(2)}, FREE)

    assert [payment.mark for payment in result.venue.funding.ledger] == [100.0]
    assert any("A mark price was missing" in sentence for sentence in result.venue.assumptions())


def test_entry_decided_at_the_payment_time_pays_nothing() -> None:
    # bar 7 closes at 08:00; its order fills at 08:00:00.05
    result = run(Feed(DAY, funding={8: "0.0001"}), {7: lambda s: s.market(2)}, FREE)

    assert result.prices == [100.0]
    assert result.venue.funding.ledger == []


def test_entry_before_a_late_payment_message_still_pays_nothing() -> None:
    # due at 08:00:00, stamped 90 ms later, after the entry at 08:00:00.05
    result = run(Feed(DAY, funding={8 + 90 / 3_600_000: "0.0001"}), {7: lambda s: s.market(2)}, FREE)

    assert result.venue.funding.ledger == []


def test_exit_decided_at_the_payment_time_still_pays() -> None:
    feed = Feed(DAY, funding={8 + 29 / 3_600_000: "0.0001"})  # 29 ms of the venue's jitter
    result = run(feed, {0: lambda s: s.market(2), 7: lambda s: s.market(-2)}, FREE)

    assert result.position == 0
    (payment,) = result.venue.funding.ledger
    assert payment.ts_ns == T0 + 8 * HOUR
    assert payment.amount == Decimal("-0.02")


def test_exit_by_a_stop_in_the_bar_that_ends_at_the_payment_pays_nothing() -> None:
    bars = [AT_100] * 7 + [(100.0, 100.0, 90.0, 95.0)] + [(95.0, 95.0, 95.0, 95.0)] * 2
    acts = {0: lambda s: s.market(2), 1: lambda s: s.stop_order(-2, 98.0, reduce_only=True)}
    result = run(Feed(bars, funding={8: "0.0001"}), acts, FREE)

    assert result.prices == [100.0, 98.0]
    assert result.venue.funding.ledger == []


def test_adding_to_a_position_raises_what_the_next_payment_costs() -> None:
    acts = {0: lambda s: s.market(2), 9: lambda s: s.market(3)}
    result = run(Feed([AT_100] * 18, funding={8: "0.0001", 16: "0.0002"}), acts, FREE)

    # 2 * 100 * 0.0001, then 5 * 100 * 0.0002
    assert [payment.amount for payment in result.venue.funding.ledger] == [Decimal("-0.02"), Decimal("-0.1")]


def test_each_instrument_keeps_its_own_interval() -> None:
    feeds = [
        Feed([AT_100] * 10, funding={8: "0.0001"}),
        Feed([AT_100] * 10, funding={4: "0.0002", 8: "0.0003"}, spec=perp(ETH, funding_interval_h=4)),
    ]
    acts = {0: lambda s: (s.market(1), s.market(1, ETH))}
    result = run(feeds, acts, FREE)

    assert [(p.instrument, (p.ts_ns - T0) // HOUR, p.amount) for p in result.venue.funding.ledger] == [
        (ETH, 4, Decimal("-0.02")),
        (BTC, 8, Decimal("-0.01")),
        (ETH, 8, Decimal("-0.03")),
    ]


def test_a_payment_outside_the_usual_interval_is_settled_too() -> None:
    feed = Feed(DAY, funding={4: "0.0001", 8: "0.0001"})  # spec says 8 h, the venue pays every 4
    result = run(feed, {0: lambda s: s.market(1)}, FREE_ZERO)

    assert [(p.ts_ns - T0) // HOUR for p in result.venue.funding.ledger] == [4, 8]


def test_a_position_held_over_a_missing_rate_stops_the_run() -> None:
    with pytest.raises(PreconditionError, match=r"BTCUSDT-PERP.BINANCE.*2024-01-01T08:00:00Z.*missing"):
        run(Feed(DAY), {0: lambda s: s.market(1)}, FREE)


def test_a_rate_missing_between_others_stops_the_run() -> None:
    feed = Feed([AT_100] * 30, funding={8: "0.0001", 24: "0.0001"})
    with pytest.raises(PreconditionError, match=r"2024-01-01T16:00:00Z"):
        run(feed, {0: lambda s: s.market(1)}, FREE)


def test_a_missing_rate_counts_as_zero_where_the_config_says_so() -> None:
    result = run(Feed(DAY), {0: lambda s: s.market(1)}, FREE_ZERO)

    (payment,) = result.venue.funding.ledger
    assert (payment.ts_ns, payment.amount) == (T0 + 8 * HOUR, Decimal(0))
    assert math.isnan(payment.rate)
    assert result.balance == Decimal(10_000)
    assert any("TAKEN AS ZERO" in sentence for sentence in result.venue.assumptions())


def test_a_missing_rate_is_nothing_to_a_flat_account() -> None:
    acts = {0: lambda s: s.market(1), 3: lambda s: s.market(-1), 8: lambda s: s.market(1)}
    result = run(Feed(DAY), acts, FREE)

    assert result.venue.funding.ledger == []


def test_funding_is_rounded_half_even_to_the_currency() -> None:
    # 0.001 * 100.1 * 0.00012345 = 0.0000123573..., USDT has eight decimals
    bars = [(100.1, 100.1, 100.1, 100.1)] * 10
    result = run(Feed(bars, funding={8: "0.00012345"}), {0: lambda s: s.market(0.001)}, FREE)

    assert [p.amount for p in result.venue.funding.ledger] == [Decimal("-0.00001236")]


def columns(*hours: float) -> FundingColumns:
    stamps = np.array([T0 + round(hour * HOUR) for hour in hours], dtype=np.int64)
    return FundingColumns(stamps, np.full(len(stamps), 0.0001))


def test_coverage_names_every_missing_payment() -> None:
    assert check_funding_coverage(columns(8, 24), T0, T0 + 24 * HOUR, 8) == [T0 + 16 * HOUR]
    assert check_funding_coverage(None, T0, T0 + 24 * HOUR, 8) == [T0 + h * HOUR for h in (8, 16, 24)]


def test_coverage_starts_after_the_start_and_includes_the_end() -> None:
    assert check_funding_coverage(columns(8), T0, T0 + 8 * HOUR, 8) == []
    assert check_funding_coverage(columns(), T0, T0 + 8 * HOUR, 8) == [T0 + 8 * HOUR]
    assert check_funding_coverage(columns(), T0, T0 + 8 * HOUR - 1, 8) == []


def test_coverage_forgives_milliseconds_and_denser_rates() -> None:
    assert check_funding_coverage(columns(4, 8 + 29 / 3_600_000, 12, 16), T0, T0 + 16 * HOUR, 8) == []
