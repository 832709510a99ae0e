"""Orders arrive after the latency, at their own instrument's market, and never at the price they were decided on."""

from __future__ import annotations

import pytest
from venue_world import BTC, ETH, HOUR, T0, Feed, Script, perp, run

from research.venue.config import VenueConfig

FREE = VenueConfig(slippage_bps=0.0)
LATENCY = 50_000_000

FIRST = (100.0, 106.0, 99.0, 105.0)
SECOND = (120.0, 126.0, 119.0, 125.0)
THIRD = (140.0, 146.0, 139.0, 145.0)


@pytest.mark.parametrize("order", [(BTC, ETH), (ETH, BTC)])
def test_each_of_two_instruments_fills_at_its_own_next_open(order: tuple[str, str]) -> None:
    # The instruments' opening prints share an instant; whichever is told first, neither may fill at its old close.
    bars = {BTC: [FIRST, SECOND], ETH: [(10.0, 10.6, 9.9, 10.5), (12.0, 12.6, 11.9, 12.5)]}

    def act(script: Script) -> None:
        for name in (BTC, ETH):
            script.market(1, name)

    result = run([Feed(bars[name], spec=perp(name)) for name in order], {0: act}, FREE)

    by_name = {fill.instrument_id.value: float(fill.last_px) for fill in result.script.fills}
    assert by_name == {BTC: 120.0, ETH: 12.0}
    assert {fill.ts_event for fill in result.script.fills} == {T0 + HOUR + LATENCY}


def test_an_order_waits_out_a_halt_and_fills_at_the_reopening() -> None:
    result = run(Feed([FIRST, None, None, THIRD]), {0: lambda s: s.market(1)}, FREE)

    assert result.prices == [140.0]
    assert result.script.fills[0].ts_event == T0 + 3 * HOUR + 500_000


def test_another_instruments_prices_do_not_let_an_order_in_during_a_halt() -> None:
    other = Feed([(10.0, 10.0, 10.0, 10.0)] * 4, spec=perp(ETH))

    result = run([Feed([FIRST, None, None, THIRD]), other], {0: lambda s: s.market(1, BTC)}, FREE)

    assert result.prices == [140.0]


def test_commands_for_an_instrument_arrive_in_the_order_they_were_sent() -> None:
    def act(script: Script) -> None:
        script.limit(1, 110.0)
        script.cancel_all_orders(script.instruments[0])
        script.market(2)

    result = run(Feed([FIRST, SECOND, (120.0, 121.0, 105.0, 110.0)]), {0: act}, FREE)

    assert [float(fill.last_qty) for fill in result.script.fills] == [2.0]
    assert result.orders_open == 0


def test_an_order_sent_inside_a_bar_meets_that_bars_open() -> None:
    def later(script: Script) -> None:
        script.clock.set_time_alert_ns("later", T0 + HOUR + 10 * 1_000_000_000, lambda _: script.market(1))

    result = run(Feed([FIRST, SECOND, THIRD]), {0: later}, FREE)

    assert result.prices == [120.0]
    assert result.script.fills[0].ts_event == T0 + HOUR + 10 * 1_000_000_000 + LATENCY


@pytest.mark.parametrize("latency_ms", [1, 50, 5_000])
def test_latency_moves_the_time_of_a_fill_and_nothing_else(latency_ms: int) -> None:
    config = VenueConfig(slippage_bps=0.0, latency_ms=latency_ms)

    result = run(Feed([FIRST, SECOND]), {0: lambda s: s.market(1)}, config)

    assert result.prices == [120.0]
    assert result.script.fills[0].ts_event == T0 + HOUR + latency_ms * 1_000_000
