"""At which price, time and fee orders fill, each by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.model.enums import LiquiditySide
from nautilus_trader.model.events import OrderRejected
from venue_world import HOUR, T0, Feed, Script, perp, run

from research.venue.config import OPENING_PRINT_NS, VenueConfig

TEN_BP = VenueConfig(slippage_bps=10.0)
FREE = VenueConfig(slippage_bps=0.0)
LATENCY = 50_000_000

QUIET = (100.0, 100.0, 100.0, 100.0)


def test_market_buy_fills_at_the_next_open_plus_slippage_and_fee() -> None:
    # decided at the close of bar 0 (105); bar 1 opens at 120: 120 * 1.001 = 120.12, up to the next 0.1: 120.2
    bars = [(100, 106, 99, 105), (120, 126, 119, 125), (130, 131, 129, 130)]
    result = run(Feed(bars), {0: lambda s: s.market(2)}, TEN_BP)

    assert result.prices == [120.2]
    assert result.script.references == [120.0]
    assert result.script.fills[0].ts_event == T0 + HOUR + LATENCY
    # 2 * 120.2 * 0.0005 = 0.1202
    assert result.fees == [Decimal("0.1202")]
    assert result.balance == Decimal("9999.8798")


def test_market_sell_fills_at_the_next_open_minus_slippage() -> None:
    # 120 * 0.999 = 119.88, down to 119.8
    result = run(Feed([QUIET, (120, 126, 119, 125)]), {0: lambda s: s.market(-2)}, TEN_BP)

    assert result.prices == [119.8]
    assert result.script.references == [120.0]


def test_round_trip_books_price_difference_minus_both_fees() -> None:
    # buy 2 at 100, sell 2 at 110: +20, fees 2 * (100 + 110) * 0.0005 = 0.21
    bars = [QUIET, (100, 111, 99, 110), (110, 110, 110, 110)]
    result = run(Feed(bars), {0: lambda s: s.market(2), 1: lambda s: s.market(-2)}, FREE)

    assert result.prices == [100.0, 110.0]
    assert result.balance == Decimal("10019.79")


def test_reference_stays_on_stored_prices_finer_than_the_tick_when_there_is_no_slippage() -> None:
    spec = perp(tick="0.10")  # ten cents, stored in cents
    result = run(Feed([QUIET, (100.03, 100.03, 100.03, 100.03)], spec=spec), {0: lambda s: s.market(1)}, FREE)

    assert result.prices == [100.03]


@pytest.mark.parametrize(
    ("quantity", "trigger", "bar", "price"),
    [
        (1, 95.0, (100, 101, 90, 92), 94.9),  # 95 * 0.999 = 94.905
        (-1, 105.0, (100, 110, 99, 108), 105.2),  # 105 * 1.001 = 105.105
    ],
)
def test_stop_fills_at_its_trigger_minus_slippage_when_the_price_moves_through_it(
    quantity: float, trigger: float, bar: tuple[float, float, float, float], price: float
) -> None:
    acts = {0: lambda s: s.market(quantity), 1: lambda s: s.stop_order(-quantity, trigger, reduce_only=True)}
    result = run(Feed([QUIET, QUIET, bar]), acts, TEN_BP)

    assert result.prices[1] == price
    assert result.script.references[1] == trigger
    assert result.script.fills[1].ts_event == T0 + 3 * HOUR
    assert result.position == 0


@pytest.mark.parametrize("open_ticks", [True, False])
@pytest.mark.parametrize(
    ("quantity", "trigger", "opening", "price"),
    [
        (1, 95.0, 90.0, 89.9),  # 90 * 0.999 = 89.91
        (-1, 105.0, 110.0, 110.2),  # 110 * 1.001 = 110.11
    ],
)
def test_stop_that_the_open_jumped_over_fills_at_the_open(
    quantity: float, trigger: float, opening: float, price: float, open_ticks: bool
) -> None:
    # without opening ticks each order meets the market a bar later, at its close: hence one more quiet bar
    acts = {0: lambda s: s.market(quantity), 2: lambda s: s.stop_order(-quantity, trigger, reduce_only=True)}
    # the bar comes back to 100: the open counts, not what follows
    bar = (opening, max(opening, 100.0), min(opening, 100.0), 100.0)
    result = run(Feed([QUIET] * 4 + [bar], open_ticks=open_ticks), acts, TEN_BP)

    assert result.prices[1] == price
    assert result.script.references[1] == opening
    assert result.script.fills[1].ts_event == (T0 + 4 * HOUR + OPENING_PRINT_NS if open_ticks else T0 + 5 * HOUR)


def test_stop_just_missed_rests() -> None:
    acts = {0: lambda s: s.market(1), 1: lambda s: s.stop_order(-1, 95.0, reduce_only=True)}
    result = run(Feed([QUIET, QUIET, (100, 100, 95.1, 100)]), acts, TEN_BP)

    assert result.prices == [100.1]
    assert result.position == 1


def test_take_profit_beyond_its_limit_fills_at_the_limit_as_maker() -> None:
    acts = {0: lambda s: s.market(2), 1: lambda s: s.limit(-2, 105.0, reduce_only=True)}
    result = run(Feed([QUIET, QUIET, (100, 105.1, 100, 100)]), acts, TEN_BP)

    assert result.prices[1] == 105.0
    assert result.script.references[1] == 105.0
    assert result.script.fills[1].liquidity_side == LiquiditySide.MAKER
    # 2 * 105 * 0.0002
    assert result.fees[1] == Decimal("0.042")


@pytest.mark.parametrize(("limit_fills", "filled"), [("through", 1), ("touch", 2)])
def test_limit_touched_exactly_fills_only_where_touching_counts(limit_fills: str, filled: int) -> None:
    acts = {0: lambda s: s.market(2), 1: lambda s: s.limit(-2, 105.0, reduce_only=True)}
    config = VenueConfig(slippage_bps=0.0, limit_fills=limit_fills)  # type: ignore[arg-type]
    result = run(Feed([QUIET, QUIET, (100, 105, 100, 100)]), acts, config)

    assert len(result.prices) == filled


def test_resting_limit_that_the_open_jumped_over_still_fills_at_its_limit() -> None:
    acts = {0: lambda s: s.market(2), 1: lambda s: s.limit(-2, 105.0, reduce_only=True)}
    result = run(Feed([QUIET, QUIET, QUIET, (110, 110, 110, 110)]), acts, TEN_BP)

    assert result.prices[1] == 105.0
    assert result.script.fills[1].liquidity_side == LiquiditySide.MAKER


def test_marketable_limit_takes_the_open_plus_slippage_but_never_more_than_its_limit() -> None:
    # 100 * 1.001 = 100.1 lies within 103; the limit at 100.0 caps the slippage away
    for limit, price in ((103.0, 100.1), (100.0, 100.0)):
        result = run(Feed([QUIET, QUIET]), {0: lambda s, limit=limit: s.limit(1, limit)}, TEN_BP)
        assert result.prices == [price]
        assert result.script.fills[0].liquidity_side == LiquiditySide.TAKER
        assert result.fees == [Decimal(str(price)) * Decimal("0.0005")]


def test_an_order_larger_than_the_bar_fills_in_one_piece_at_one_price() -> None:
    # the bars hold 1,000 units, the opening tick one
    rich = VenueConfig(starting_balance=1e9, slippage_bps=10.0)
    result = run(Feed([QUIET, QUIET]), {0: lambda s: s.market(50_000)}, rich)

    assert result.prices == [100.1]
    assert float(result.script.fills[0].last_qty) == 50_000


def enter_with_bracket(script: Script) -> None:
    script.bracket(1, stop_loss=95.0, take_profit=105.0)


@pytest.mark.parametrize(
    ("bar_path", "bar", "exit_price"),
    [
        ("adaptive", (100, 106, 90, 100), 105.0),  # high is nearer to the open: the target comes first
        ("adaptive", (100, 110, 94, 100), 94.9),  # low is nearer: the stop does
        ("high_first", (100, 110, 94, 100), 105.0),
    ],
)
def test_bracket_entered_at_the_open_exits_in_the_same_bar_where_the_path_meets_it_first(
    bar_path: str, bar: tuple[float, float, float, float], exit_price: float
) -> None:
    config = VenueConfig(slippage_bps=10.0, bar_path=bar_path)  # type: ignore[arg-type]
    result = run(Feed([QUIET, bar, QUIET]), {0: enter_with_bracket}, config)

    assert result.prices == [100.1, exit_price]
    assert result.position == 0


def test_stop_of_a_limit_entry_counts_when_the_same_fall_goes_through_both() -> None:
    # down through the entry at 95 and the stop at 93 to 90, in one leg of one bar: 93 * 0.999 = 92.907
    acts = {0: lambda s: s.bracket(1, stop_loss=93.0, take_profit=120.0, entry=95.0)}
    result = run(Feed([QUIET, (100, 100, 90, 91), QUIET]), acts, TEN_BP)

    assert result.prices == [95.0, 92.9]
    assert result.position == 0


def test_child_stop_on_the_wrong_side_of_its_entry_earns_nothing_by_its_trigger() -> None:
    # bought at 95 on the way to 90, with a "stop" at 97 that is in the market at once: out at 95, not at 97
    acts = {0: lambda s: s.bracket(1, stop_loss=97.0, take_profit=120.0, entry=95.0)}
    result = run(Feed([QUIET, (100, 100, 90, 91), QUIET]), acts, FREE)

    assert result.prices == [95.0, 95.0]


def test_bracket_whose_stop_the_open_has_passed_closes_at_once() -> None:
    # decided at 100 with the stop at 95; the next bar opens at 90: in at 90.1 (90.09 up), out at 89.9 (89.91 down)
    result = run(Feed([QUIET, (90, 91, 89, 90)]), {0: enter_with_bracket}, TEN_BP)

    assert result.prices == [90.1, 89.9]
    assert result.position == 0


def test_a_venue_that_rejects_late_stops_leaves_the_position_without_one() -> None:
    config = VenueConfig(slippage_bps=10.0, stops_in_market="reject")
    result = run(Feed([QUIET, (90, 91, 89, 90)]), {0: enter_with_bracket}, config)

    assert result.prices == [90.1]
    assert any(isinstance(event, OrderRejected) for event in result.script.events)


def test_trailing_stop_fills_at_the_trigger_it_had_trailed_to() -> None:
    # trails 5 below the high of 106 (the nearer extreme, first) to 101, then the fall to 90 goes through it
    acts = {0: lambda s: s.market(1), 1: lambda s: s.trailing_stop(-1, 5.0)}
    result = run(Feed([QUIET, QUIET, QUIET, (100, 106, 90, 92)]), acts, FREE)

    assert result.prices == [100.0, 101.0]


def test_without_an_opening_tick_an_order_never_fills_at_the_close_it_was_decided_on() -> None:
    # a feed that forgets its opening ticks makes the venue late, not clairvoyant
    bars = [(100, 105, 100, 105), (120, 125, 120, 125)]
    result = run(Feed(bars, open_ticks=False), {0: lambda s: s.market(1)}, FREE)

    assert result.prices == [125.0]
