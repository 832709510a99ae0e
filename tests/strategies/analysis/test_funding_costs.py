"""Funding: what is known when, the next payment, the expected carry, and the real history."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.model import BarColumns, FundingColumns
from errors import PreconditionError
from strategies.analysis.funding import HOUR_NS, carry, clock, funding_at, funding_events, mark_events
from strategies.features.eventset import EventSet
from strategies.features.spec import FeatureSpec

DAY = 1_700_006_400_000_000_000 // HOUR_NS * HOUR_NS


def hours(*values: float) -> np.ndarray:
    return DAY + (np.array(values) * HOUR_NS).astype(np.int64)


def paid(times: np.ndarray, rates: list[float]) -> FundingColumns:
    return FundingColumns(times, np.array(rates))


def test_the_interval_follows_the_venue_and_not_a_hole_in_the_data() -> None:
    # 8 hours, a missing payment, 8 again, then every 4
    funding = paid(hours(0, 8, 24, 32, 36, 40), [1e-4] * 6)

    assert funding_events(funding).values[:, 1].tolist() == [8, 8, 8, 8, 4, 4]


def test_the_next_payment_is_strictly_ahead_and_skips_one_that_is_overdue() -> None:
    payments = funding_events(paid(hours(0, 8) + 7_000_000, [1e-4, 2e-4]))  # stamps 7 ms late

    due = clock(hours(-1, 1, 8, 9.5, 17), payments)

    # at 8:00:00.000 the payment of 8:00:00.007 is not known: what is due is the one after
    np.testing.assert_allclose(due.hours, [np.nan, 7, 8, 6.5, 7])
    assert due.next_ns.tolist() == [0, *hours(8, 16, 16, 24).tolist()]


def test_only_published_rates_are_known() -> None:
    funding = paid(hours(0, 8, 16), [1e-4, 2e-4, 3e-4])

    known = funding_at(hours(-0.1, 0, 7.999, 8, 20), funding, (FeatureSpec("funding_rate"),))

    np.testing.assert_allclose(known[:, 0], [np.nan, 1e-4, 1e-4, 2e-4, 3e-4])
    np.testing.assert_allclose(known[1:, 1], known[1:, 0] * 3 * 365)


def test_carry_counts_the_payments_within_the_horizon() -> None:
    payments = funding_events(paid(hours(*range(0, 8 * 6, 8)), [2e-4] * 6))
    now = hours(41)  # the next are due at 48, 56, ...

    paid_until = [
        float(carry(now, payments, horizon_hours=horizon, window=3)[0]) for horizon in (6.9, 7.0, 14.9, 15.0, 47.0)
    ]

    assert paid_until == pytest.approx([0.0, 2e-4, 2e-4, 4e-4, 12e-4])


def test_carry_counts_from_the_kernel_at_a_payment() -> None:
    random = np.random.default_rng(1)
    payments = funding_events(paid(hours(*range(0, 8 * 60, 8)), random.normal(1e-4, 1e-4, 60).tolist()))
    spec = FeatureSpec("funding_carry", {"window": 20, "horizon_hours": 72})

    at_payments = carry(payments.ts_ns, payments, horizon_hours=72, window=20)

    np.testing.assert_allclose(at_payments, EventSet([spec]).batch(payments)[:, 0], rtol=1e-10)


def test_carry_of_an_overdue_rate_fades_by_the_payments_that_were_missed() -> None:
    rates = [1e-4, 3e-4, 1e-4, 4e-4, 2e-4, 5e-4, 4e-4, 4e-4]
    payments = funding_events(paid(hours(*range(0, 64, 8)), rates))
    _, usual, phi = EventSet([FeatureSpec("funding_forecast", {"window": 6})]).batch(payments)[-1]

    # the payment of 64:00 was never published: the first ahead is the second after the newest
    expected = float(carry(hours(65), payments, horizon_hours=8, window=6)[0])

    assert expected == pytest.approx(usual + phi**2 * (rates[-1] - usual))


@given(st.lists(st.floats(-0.01, 0.01), min_size=8, max_size=30), st.floats(0.1, 200.0), st.floats(0.1, 200.0))
@settings(max_examples=40, deadline=None)
def test_carry_changes_sign_with_the_rates_and_adds_up(rates: list[float], first: float, more: float) -> None:
    times = hours(*range(0, 8 * len(rates), 8))
    now = times[-1:] + HOUR_NS
    long, short = (
        carry(now, funding_events(paid(times, [sign * rate for rate in rates])), horizon_hours=first + more, window=5)
        for sign in (1.0, -1.0)
    )
    bound = max(abs(rate) for rate in rates) * (1 + (first + more) / 8)

    assert long[0] == pytest.approx(-short[0], abs=1e-12)
    assert abs(long[0]) <= 2 * bound + 1e-12


def test_mark_beside_last_where_both_have_a_bar() -> None:
    def bars(times: list[int], close: list[float]) -> BarColumns:
        column = np.array(close)
        return BarColumns(np.array(times), column, column, column, column, column)

    events = mark_events(bars([1, 2, 4], [10.0, 11.0, 12.0]), bars([2, 3, 4], [10.0, 9.0, 12.0]))

    assert (events.ts_ns.tolist(), events.values.tolist()) == ([2, 4], [[11.0, 10.0], [12.0, 12.0]])
    assert EventSet([FeatureSpec("mark_basis")]).batch(events)[:, 0].tolist() == pytest.approx([1000.0, 0.0])
    with pytest.raises(PreconditionError, match="never close at the same time"):
        mark_events(bars([1], [1.0]), bars([2], [1.0]))


def real_funding(shared_data: Path, symbol: str) -> FundingColumns:
    table = pq.read_table(shared_data / "funding" / "binance_usdm" / f"{symbol}.parquet")
    return FundingColumns(table["ts"].cast("int64").to_numpy() * 10**6, table["funding_rate"].to_numpy())


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "XRPUSDT"])
def test_the_forecast_of_the_real_rate_is_nearer_than_the_mean_and_not_after_the_fact(
    shared_data: Path, symbol: str
) -> None:
    payments = funding_events(real_funding(shared_data, symbol))
    rate = payments.values[:, 0]
    expected, usual, phi = EventSet([FeatureSpec("funding_forecast")]).batch(payments).T
    warm = ~np.isnan(expected[:-1])

    error, of_mean = (np.abs(each[:-1] - rate[1:])[warm].mean() for each in (expected, usual))

    assert set(payments.values[:, 1].tolist()) == {8.0}
    assert error < 0.9 * of_mean
    assert 0.0 < np.nanmean(phi) < 1.0


def test_the_real_mark_stays_near_the_last_price(shared_data: Path) -> None:
    def bars(folder: str) -> BarColumns:
        table = pq.read_table(shared_data / folder / "binance_usdm_perp_1h" / "BTCUSDT.parquet")
        close = table["close"].to_numpy()
        return BarColumns(table["ts"].cast("int64").to_numpy() * 10**6 + HOUR_NS, close, close, close, close, close)

    events = mark_events(bars("mark"), bars("ohlcv"))
    basis = EventSet([FeatureSpec("mark_basis")]).batch(events)

    assert len(events) > 40_000
    assert np.median(np.abs(basis[:, 0])) < 5.0  # basis points
    assert np.isnan(basis[:167, 1]).all()
    assert np.isfinite(basis[167:]).all()
