"""
Margin that a holder adds to an isolated position, each figure by hand.

10 BTC bought at 100 with leverage 10 and maintenance 0.04 have 100 behind them and are liquidated at 900 / 9.6 =
93.75; with 24 more at 876 / 9.6 = 91.25.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from nautilus_trader.model.identifiers import InstrumentId
from test_venue_liquidation import QUIET, SPEC, Acts, cross, isolated
from venue_world import BTC, ETH, Feed, Script, perp, run

from research.venue.liquidation import Liquidator
from research.venue.margins import SimulatedMargins

POSITION = f"{BTC}-Script-001"


def liquidator(script: Script) -> Liquidator:
    assert script.handles is not None
    found = script.handles.liquidation
    assert found is not None
    return found


def add(amount: float, answers: list[bool]) -> Callable[[Script], Any]:
    def act(script: Script) -> None:
        (position,) = script.cache.positions_open(instrument_id=script.instruments[0])
        answers.append(liquidator(script).add_margin(position.id, amount))

    return act


def test_margin_added_moves_the_liquidation_price() -> None:
    answers: list[bool] = []
    acts: Acts = {0: lambda s: s.market(10), 1: add(24.0, answers)}
    survives = run(Feed([QUIET, QUIET, QUIET, (100, 101, 91.251, 95)], spec=SPEC), acts, isolated())
    dies = run(Feed([QUIET, QUIET, QUIET, (100, 101, 91.25, 95)], spec=SPEC), acts, isolated())

    assert answers == [True, True]
    assert survives.position == 10
    assert dies.prices == [100.0, 91.25]
    (liquidation,) = dies.venue.liquidation.ledger
    assert liquidation.bankruptcy_price == pytest.approx(100 - 124 / 10)


def test_a_part_closed_takes_its_share_of_the_added_margin_along() -> None:
    answers: list[bool] = []
    acts: Acts = {
        0: lambda s: s.market(10),
        1: add(24.0, answers),
        2: lambda s: s.market(-5, reduce_only=True),
    }
    bars = [QUIET, QUIET, QUIET, QUIET, (100, 101, 91.25, 95)]
    result = run(Feed(bars, spec=SPEC), acts, isolated())

    assert result.prices == [100.0, 100.0, 91.25]


def test_a_closed_position_leaves_nothing_for_the_next_one() -> None:
    answers: list[bool] = []
    acts: Acts = {
        0: lambda s: s.market(10),
        1: add(24.0, answers),
        2: lambda s: s.market(-10, reduce_only=True),
        3: lambda s: s.market(10),
    }
    bars = [QUIET] * 5 + [(100.0, 101.0, 93.75, 95.0)]
    result = run(Feed(bars, spec=SPEC), acts, isolated())

    assert result.prices == [100.0, 100.0, 100.0, 93.75]


def test_no_more_is_added_than_the_wallet_has_left() -> None:
    # 10,000 less 100 of margin leave 9,900; an entry resting at 50 takes 10 * 50 / 10 = 50 more
    answers: list[bool] = []

    def rest(script: Script) -> None:
        script.limit(10, 50.0)

    acts: Acts = {
        0: lambda s: (s.market(10), rest(s)),
        1: lambda s: [add(amount, answers)(s) for amount in (9_850.001, 9_850.0, 0.001)],
    }
    run(Feed([QUIET] * 4, spec=SPEC), acts, isolated())

    assert answers == [False, True, False]


@pytest.mark.parametrize("amount", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_amount_is_not_added(amount: float) -> None:
    answers: list[bool] = []
    run(Feed([QUIET] * 3, spec=SPEC), {0: lambda s: s.market(10), 1: add(amount, answers)}, isolated())

    assert answers == [False]


def test_a_cross_margined_position_takes_no_margin() -> None:
    answers: list[bool] = []
    run(Feed([QUIET] * 3, spec=SPEC), {0: lambda s: s.market(10), 1: add(10.0, answers)}, cross(1_000.0))

    assert answers == [False]


def test_the_venue_says_wallet_and_margin_as_the_guardian_asks() -> None:
    seen: list[Any] = []

    def look(script: Script) -> None:
        margins = SimulatedMargins({"BINANCE": liquidator(script)})
        seen.append((margins.wallet("BINANCE"), margins.isolated_margin(BTC), margins.isolated_margin(ETH)))
        seen.append((margins.move_margin(POSITION, 24.0), margins.isolated_margin(BTC)))
        seen.append((margins.move_margin(f"{ETH}-Script-001", 24.0), margins.isolated_margin("XRPUSD.KRAKEN")))
        assert math.isnan(margins.wallet("KRAKEN"))

    feeds = [Feed([QUIET] * 3, spec=SPEC), Feed([QUIET] * 3, spec=perp(ETH))]
    run(feeds, {0: lambda s: s.market(10), 1: look}, isolated())

    assert seen == [(10_000.0, 100.0, 0.0), (True, 124.0), (False, None)]


def test_distance_of_a_cross_account_counts_all_moving_together() -> None:
    seen: list[float] = []

    def look(script: Script) -> None:
        assert liquidator(script).isolated_margin(InstrumentId.from_str(BTC)) is None
        seen.append(liquidator(script).distance())

    feeds = [Feed([QUIET] * 3, spec=SPEC), Feed([QUIET] * 3, spec=perp(ETH, rate=0.04))]
    acts: Acts = {0: lambda s: (s.market(10), s.market(-10, ETH)), 1: look}
    run(feeds, acts, cross(200.0))

    # hedged, each alone could move by (200 - 40 - 40) / (1000 * 0.96); together 200 = 2000 d + 40 (1 - d) + 40 (1 + d)
    assert seen == [pytest.approx(0.06)]
