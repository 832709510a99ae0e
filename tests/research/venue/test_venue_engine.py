"""The venue inside the engine: several bar sizes, a second run after a reset, and a real quarter of funding."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, RiskEngineConfig
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity
from venue_world import BTC, HOUR, T0, Feed, Script, feed_data, perp, run

from research.venue.config import OPENING_PRINT_NS, FeesConfig, VenueConfig
from research.venue.prices import Market
from research.venue.venue import add_venue

QUIET = (100.0, 100.0, 100.0, 100.0)
FREE = VenueConfig(
    slippage_bps=0.0, fees=FeesConfig(schedule="explicit", maker="0", taker="0"), starting_balance=1_000_000.0
)


def test_a_reset_engine_plays_the_same_run_again() -> None:
    config = VenueConfig(starting_balance=150.0, slippage_bps=0.0, leverage=10.0)
    feed = Feed([QUIET] * 9 + [(100.0, 101.0, 80.0, 85.0)], funding={8: "0.001"}, spec=perp(rate=0.04))
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    handles = add_venue(engine, "BINANCE", [feed.spec], config)
    engine.add_data(feed_data(feed, OPENING_PRINT_NS))
    seen = []
    for _ in range(2):
        script = Script({0: lambda s: s.market(10)}, [InstrumentId.from_str(BTC)])
        script.handles = handles
        engine.add_strategy(script)
        engine.run()
        assert handles.funding is not None
        assert handles.liquidation is not None
        seen.append(
            (
                [(fill.ts_event, str(fill.last_px), str(fill.commission)) for fill in script.fills],
                list(handles.funding.ledger),
                list(handles.liquidation.ledger),
            )
        )
        engine.reset()
        engine.clear_strategies()
    engine.dispose()

    assert len(seen[0][0]) == 2
    assert len(seen[0][1]) == 1
    assert len(seen[0][2]) == 1
    assert seen[0] == seen[1]


def bar_of(size: str) -> Bar:
    price = Price(100.0, 1)
    return Bar(BarType.from_str(f"{BTC}-{size}"), price, price, price, price, Quantity(1, 3), T0, T0)


def test_only_the_smallest_external_bars_of_last_prices_move_the_market() -> None:
    market = Market(marked=False)

    assert market.plays(bar_of("4-HOUR-LAST-EXTERNAL"))  # the smallest so far
    assert market.plays(bar_of("1-HOUR-LAST-EXTERNAL"))
    assert not market.plays(bar_of("4-HOUR-LAST-EXTERNAL"))
    assert not market.plays(bar_of("30-MINUTE-LAST-INTERNAL"))
    assert not market.plays(bar_of("30-MINUTE-BID-EXTERNAL"))
    assert market.plays(bar_of("1-HOUR-LAST-EXTERNAL"))


@pytest.mark.parametrize("quantity", [1, -1])
def test_funding_of_a_real_quarter_equals_the_sum_over_its_rates_and_marks(shared_data: Path, quantity: int) -> None:
    def rows(path: str) -> pd.DataFrame:
        frame = pd.read_parquet(shared_data / path).set_index("ts")
        return frame.loc["2024-01-01":"2024-03-31 23:00"]

    bars = rows("ohlcv/binance_usdm_perp_1h/BTCUSDT.parquet")
    marks = rows("mark/binance_usdm_perp_1h/BTCUSDT.parquet")
    rates = rows("funding/binance_usdm/BTCUSDT.parquet")["funding_rate"].iloc[1:]  # the first is before the entry
    columns = ["open", "high", "low", "close"]
    start = bars.index[0]
    feed = Feed(
        list(bars[columns].itertuples(index=False, name=None)),
        marks=list(marks[columns].itertuples(index=False, name=None)),
        funding={(ts - start) / pd.Timedelta(hours=1): repr(rate) for ts, rate in rates.items()},
        spec=perp(tick="0.01"),
    )
    result = run(feed, {0: lambda s: s.market(quantity)}, FREE)

    # the mark at 08:00 is the close of the bar that opened at 07:00
    at_payment = marks["close"].round(2).reindex(rates.index - pd.Timedelta(hours=1)).to_numpy()
    expected = -quantity * float((at_payment * rates.to_numpy()).sum())
    paid = sum((payment.amount for payment in result.venue.funding.ledger), Decimal(0))
    assert len(result.venue.funding.ledger) == len(rates) == 272
    assert float(paid) == pytest.approx(expected, abs=1e-5)
    assert abs(float(paid)) > 1_000
    assert result.balance == Decimal(1_000_000) + paid
    assert result.script.fills[0].ts_event == T0 + HOUR + 50_000_000
