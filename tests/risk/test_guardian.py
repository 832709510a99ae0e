"""
The guardian over a cross account of 1,000 with 100 BTC long at 100, and maintenance of 1 %.

Its distance at a mark P is where ``1000 + 100 (P (1 - d) - 100) = 100 P (1 - d) 0.01``: at 100 it is 0.0909, and in
general ``1 - 9000 / (99 P)``. Thresholds lie at P = 101.01 (0.10), 95.694 (0.05) and 93.721 (0.03).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from risk.desk import Purpose
from risk.guardian import GuardianConfig
from risk.liquidation import LadderConfig
from risk.lookout import CrossMargins
from risk.modes.table import Mode
from risk.stops import StopPlanner, StopsConfig
from tests.risk.guard_world import TREND, GuardWorld
from tests.risk.world import BTC, ETH, LOT, NOW, facts

SECOND_MS = 1_000.0


def long(**changes: object) -> GuardWorld:
    world = GuardWorld(**changes)
    world.desk.hold(100.0)
    return world


def test_far_from_liquidation_nothing_is_done() -> None:
    world = long(cash=2_000.0)

    assert world.mark(100.0) == []
    assert not world.audit.records
    assert world.guardian.distance_min == pytest.approx(1 - 8_000 / 9_900)


def test_below_a_tenth_a_cross_position_is_cut_to_the_target() -> None:
    world = long()
    ((_, position, quantity, _),) = world.mark(100.0)

    # 1000 = k 10,000 (0.12 + 0.88 * 0.01), up to the lot
    assert position == f"{BTC}-{TREND}"
    assert quantity == math.ceil(100_000 * (1 - 1_000 / 1_288)) / 1_000
    world.desk.fill()
    assert world.mark(100.0) == []
    sight = world.guardian._lookout.look()
    assert 0.12 <= sight.distance[0] < 0.1201
    (told,) = world.told("LIQUIDATION_RUNG")
    assert told["rung"] == "MARGIN"
    assert told["distance"] == pytest.approx(1 - 9_000 / 9_900)
    assert told["threshold"] == 0.10
    assert told["orders"] == [{"position": position, "quantity": quantity, "order": "G-1"}]


def test_below_a_twentieth_half_goes_and_not_twice_while_it_is_under_way() -> None:
    world = long(margin=0.06)

    assert world.mark(95.69) == [("LIQUIDATION_PREVENTION", f"{BTC}-{TREND}", 50.0, None)]
    for _ in range(40):
        assert world.mark(95.5) == []
    world.desk.fill()
    assert world.mark(95.5) == []


def test_below_three_in_a_hundred_it_is_closed_and_the_alarm_rings_after_the_order() -> None:
    world = long()

    assert world.mark(93.72) == [("LIQUIDATION_PREVENTION", f"{BTC}-{TREND}", 100.0, None)]
    ((ts_ns, sent_before, text),) = world.alarmed
    assert (ts_ns, sent_before) == (world.time.now_ns, 1)
    assert BTC in text


def test_a_close_takes_only_what_is_not_being_closed_yet() -> None:
    world = long()

    assert world.mark(95.69)[0][2] == 50.0
    assert world.mark(93.0) == [("LIQUIDATION_PREVENTION", f"{BTC}-{TREND}", 50.0, None)]


def test_resting_stops_and_targets_do_not_count_as_under_way() -> None:
    world = long()
    world.desk.protect(f"{BTC}-{TREND}", 100.0, 91.0, Purpose.LIQUIDATION_PREVENTION)

    assert world.mark(93.0)[0][2] == 100.0


def test_a_rejected_close_is_sent_again_when_patience_ends() -> None:
    world = long()
    world.mark(93.0)
    world.desk.drop()

    assert world.mark(93.0, after_ms=4.9 * SECOND_MS) == []
    assert world.mark(93.0, after_ms=0.1 * SECOND_MS)[0][2] == 100.0


def test_a_short_is_guarded_as_a_long_is() -> None:
    world = GuardWorld()
    world.desk.hold(-100.0)

    # 1000 - 100 (P - 100) left: liquidated at 11,000 / 101 = 108.91
    assert world.mark(105.8) == [("LIQUIDATION_PREVENTION", f"{BTC}-{TREND}", 100.0, None)]


def test_all_positions_of_a_cross_account_are_cut_alike() -> None:
    world = GuardWorld(cash=1_000.0)
    world.desk.hold(50.0)
    world.desk.hold(-50.0, instrument=ETH)

    cuts = {asked[1]: asked[2] for asked in world.mark(100.0)}
    assert cuts[f"{BTC}-{TREND}"] == cuts[f"{ETH}-{TREND}"] == pytest.approx(50 * (1 - 1_000 / 1_300), abs=LOT)


# -- isolated ----------------------------------------------------------------------------------------------------


def isolated(cash: float, margin: float = 1_000.0) -> GuardWorld:
    world = GuardWorld(cash=cash)
    world.desk.hold(100.0)
    world.margins.isolated[BTC] = margin
    return world


def test_an_isolated_position_gets_margin_while_there_is_some() -> None:
    world = isolated(cash=10_000.0)

    # to the target it takes 10,000 * 0.12 + 88, and there are 1,000
    assert world.mark(100.0) == [("margin", f"{BTC}-{TREND}", pytest.approx(288.0))]
    assert world.mark(100.0) == []
    (told,) = world.told("LIQUIDATION_RUNG")
    assert told["margin_added"] == pytest.approx(288.0)
    assert told["orders"] == []


def test_where_the_venue_takes_no_margin_the_position_is_cut() -> None:
    world = isolated(cash=1_050.0)
    world.desk.takes_margin = False

    assert [asked[0] for asked in world.mark(100.0)] == ["LIQUIDATION_PREVENTION"]


def test_a_cut_frees_margin_that_is_then_added() -> None:
    world = isolated(cash=1_010.0)

    ((_, _, quantity, _),) = world.mark(100.0)
    world.desk.fill()
    assert world.mark(100.0, after_ms=100.0) == []  # half the margin went with the half that was closed
    ((kind, _, amount),) = world.mark(100.0, after_ms=5 * SECOND_MS)
    assert kind == "margin"
    assert amount == pytest.approx(1_010.0 - 1_000.0 * (1 - quantity / 100.0), rel=1e-3)
    assert world.guardian._lookout.look().distance[0] >= 0.119


def test_two_isolated_positions_do_not_get_the_same_margin() -> None:
    world = isolated(cash=2_300.0)
    world.desk.hold(100.0, instrument=ETH)
    world.margins.isolated[ETH] = 1_000.0
    asked = world.mark(100.0)

    # 300 are free: one takes 288, and what is left is not enough for the other
    assert [each[0] for each in asked] == ["margin", "LIQUIDATION_PREVENTION"]


# -- several strategies ------------------------------------------------------------------------------------------


def test_the_net_of_an_instrument_is_taken_from_the_largest_position_on_its_side() -> None:
    world = GuardWorld()
    world.desk.hold(90.0, strategy="Trend-001")
    world.desk.hold(40.0, strategy="Trend-002")
    world.desk.hold(-30.0, strategy="Trend-003")

    assert world.mark(93.0) == [
        ("LIQUIDATION_PREVENTION", f"{BTC}-Trend-001", 90.0, None),
        ("LIQUIDATION_PREVENTION", f"{BTC}-Trend-002", 10.0, None),
    ]


def test_what_strategies_close_themselves_counts_as_under_way() -> None:
    world = long()
    world.desk.reduce(f"{BTC}-{TREND}", 70.0, Purpose.LIQUIDATION_PREVENTION)

    assert world.mark(93.0)[0][2] == 30.0


# -- when it looks -----------------------------------------------------------------------------------------------


def looks(world: GuardWorld) -> Callable[[], int]:
    seen: list[None] = []
    look = world.guardian._lookout.look

    def counted() -> object:
        seen.append(None)
        return look()

    world.guardian._lookout.look = counted
    return lambda: len(seen)


def test_it_does_not_look_while_nothing_is_open() -> None:
    world = GuardWorld()
    count = looks(world)
    world.mark(100.0)

    assert count() == 0
    assert world.time.waiting == set()


def test_marks_within_the_interval_are_looked_at_when_it_is_over() -> None:
    world = long(cash=2_000.0)
    count = looks(world)
    world.mark(100.0)
    for _ in range(9):
        world.mark(80.0, after_ms=10.0)

    assert count() == 1
    world.time.run(0.010)
    assert count() == 2
    assert world.desk.sent[-1][2] == 100.0  # at the last of the marks it had to be closed


def test_a_mark_that_comes_of_its_own_orders_does_not_put_it_to_sleep() -> None:
    world = long()
    reduce = world.desk.reduce

    def moving_the_market(*asked: object) -> str | None:
        world.mark(92.0, after_ms=0.0)
        return reduce(*asked)

    world.desk.reduce = moving_the_market
    world.mark(95.0)
    world.desk.reduce = reduce
    world.desk.drop()

    assert world.time.waiting == {"guardian"}
    assert world.mark(92.0)[-1][2] == 100.0


def test_after_the_last_position_closed_it_looks_once_more_and_starts_anew() -> None:
    world = long()
    count = looks(world)
    world.mark(93.0)
    world.desk.fill()
    world.mark(93.0)
    assert count() == 2
    world.mark(93.0)
    assert count() == 2

    world.margins.cash = 1_000.0
    world.desk.hold(100.0)
    assert world.mark(93.0)[0][2] == 100.0


# -- what is not known -------------------------------------------------------------------------------------------


def test_an_unknown_mark_is_reported_once_and_keeps_the_hands_still() -> None:
    world = long()
    world.desk.hold(1.0, instrument=ETH)
    world.view.apply_mark(ETH, math.nan, NOW)

    assert world.mark(90.0) == []
    assert world.mark(90.0) == []
    assert world.told("MARGIN_UNKNOWN") == [
        {"instrument": BTC, "unknown": "distance"},
        {"instrument": ETH, "unknown": "distance"},
    ]
    assert math.isnan(world.view.equity)  # and with that no order may add risk
    assert math.isnan(world.guardian.distance_min)
    assert len(world.mark(100.0, ETH)) == 2


def test_unknown_brackets_are_reported_and_assumed() -> None:
    world = long(cash=1_600.0, brackets=())

    # assumed 5 %: 1600 = 10,000 d + 500 (1 - d), d = 1100 / 9500 = 0.1158; at 99 it is 0.098
    assert world.mark(100.0) == []
    assert world.told("MARGIN_UNKNOWN") == [{"instrument": BTC, "unknown": "brackets"}]
    assert len(world.mark(98.0)) == 1
    assert len(world.told("MARGIN_UNKNOWN")) == 1


def test_an_instrument_without_facts_is_guarded_too() -> None:
    world = GuardWorld(cash=1_000.0)
    world.view.apply_mark("XRPUSDT-PERP.BINANCE", 100.0, NOW)
    world.desk.hold(100.0, instrument="XRPUSDT-PERP.BINANCE")

    assert len(world.mark(100.0, "XRPUSDT-PERP.BINANCE")) == 1


def test_spot_is_left_alone() -> None:
    world = GuardWorld(cash=10.0)
    world.view.set_facts(facts("BTCUSD.BINANCE", spot=True, leverage=1.0))
    world.view.apply_mark("BTCUSD.BINANCE", 100.0, NOW)
    world.desk.hold(100.0, instrument="BTCUSD.BINANCE")

    assert world.mark(1.0, "BTCUSD.BINANCE") == []
    assert world.guardian.distance_min == math.inf


def test_a_second_venue_has_no_wallet_that_the_view_could_tell() -> None:
    margins = CrossMargins(GuardWorld(cash=5.0).view)

    assert margins.wallet("BINANCE") == 5.0
    assert math.isnan(margins.wallet("BYBIT"))
    assert margins.isolated_margin(BTC) is None


# -- warnings and stops ------------------------------------------------------------------------------------------


def test_a_thin_margin_ratio_is_warned_of_once() -> None:
    world = long(enabled=True)
    world.desk.drop()

    # at 91: 100 left of 91 needed
    for price in (91.0, 90.99, 91.0):
        world.mark(price)
    (told,) = world.told("MARGIN_WARNING")
    assert told["venue"] == "BINANCE"
    assert told["margin_ratio"] == pytest.approx(100 / 91)
    assert told["threshold"] == 1.1


def test_a_ladder_that_is_off_does_nothing_but_stops_are_enforced() -> None:
    planner = StopPlanner(StopsConfig(grace_s=0.0), lambda _instrument: LOT)
    world = long(enabled=False, stops=planner)

    # liquidated at 90.909: a stop at 90 would come too late, so it goes half-way from the mark
    assert world.mark(100.0) == [("STOP", f"{BTC}-{TREND}", 100.0, pytest.approx((100 + 9_000 / 99) / 2))]
    assert world.told("STOP_ENFORCED")[0]["order"] == "G-1"
    assert len(world.told("STOP_MISSING")) == 1
    assert world.mark(99.0) == []


def test_a_price_beyond_its_stop_is_closed_for_the_stop() -> None:
    planner = StopPlanner(StopsConfig(grace_s=0.0), lambda _instrument: LOT)
    world = long(cash=9_000.0, stops=planner)

    assert world.mark(89.0) == [("STOP", f"{BTC}-{TREND}", 100.0, None)]


def test_where_stops_are_the_operators_a_missing_one_is_reported_once() -> None:
    planner = StopPlanner(StopsConfig(grace_s=0.0), lambda _instrument: LOT)
    world = long(cash=9_000.0, mode=Mode.MANUAL, stops=planner)

    assert world.mark(100.0) == []
    assert world.mark(100.0) == []
    assert world.told("STOP_MISSING") == [{"position": f"{BTC}-{TREND}", "quantity": 100.0, "duty": "OPERATOR"}]


def test_the_nearest_distance_is_remembered_with_its_time() -> None:
    world = long(cash=2_000.0)
    for price in (100.0, 90.5, 99.0):
        world.mark(price)
    assert world.guardian.distance_min == pytest.approx(1 - 8_000 / (99 * 90.5))
    assert world.guardian.distance_min_ns == world.time.now_ns - 200_000_000


def test_equal_worlds_are_guarded_alike() -> None:
    def play() -> str:
        world = GuardWorld(cash=1_000.0, config=GuardianConfig(interval_ms=50, ladder=LadderConfig()))
        world.desk.hold(60.0)
        world.desk.hold(-40.0, instrument=ETH)
        for step in range(50):
            world.mark(100.0 - step * 0.2, after_ms=37.0)
            world.mark(100.0 + step * 0.15, ETH, after_ms=11.0)
            if step % 7 == 0:
                world.desk.fill()
        return world.audit.head

    assert play() == play()
