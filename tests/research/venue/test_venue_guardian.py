"""
A leveraged long that falls slowly, in the real engine behind the gate: liquidated when alone, not under a guardian.

The account has 10,000; 95 % of it at leverage 3 (cross) or half of it at leverage 10 (isolated) buys BTC at 100.
The price then falls by 0.25 an hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, RiskEngineConfig
from nautilus_trader.model.data import Bar
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientId, InstrumentId
from venue_world import OHLC, Feed, Script, feed_data, perp

from research.venue.config import OPENING_PRINT_NS, FeesConfig, FundingConfig, VenueConfig
from research.venue.margins import SimulatedMargins
from research.venue.venue import VenueHandles, add_venue
from risk.controller import GateController, GateControllerConfig, gate_of, importable
from risk.engine_alarms import EngineAlarms
from risk.engine_desk import EngineDesk
from risk.guardian import Guardian, GuardianConfig
from risk.limits import LimitsConfig
from risk.liquidation import LadderConfig
from risk.modes.table import Mode

SPEC = perp(rate=0.02, tick="0.001")
NO_FEES = FeesConfig(schedule="explicit", maker="0", taker="0")
NO_LIMITS = LimitsConfig(
    **{
        name: msgspec.structs.replace(limit, enabled=False)
        for name, limit in msgspec.structs.asdict(LimitsConfig()).items()
    }
)


class Watched(Script):
    """A script that notes the venue's own distance to liquidation at every bar."""

    def __init__(self, quantity: float) -> None:
        super().__init__({0: lambda s: s.market(quantity)}, [InstrumentId.from_str(SPEC.instrument_id)])
        self.distances: list[float] = []

    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        assert self.handles is not None
        assert self.handles.liquidation is not None
        self.distances.append(self.handles.liquidation.distance())


@dataclass
class Run:
    script: Watched
    handles: VenueHandles
    controller: GateController
    guardian: Guardian | None
    position: float

    def rungs(self) -> list[dict[str, Any]]:
        return [record.data for record in self.controller.gate.audit.records if record.kind == "LIQUIDATION_RUNG"]

    def nearest(self) -> float:
        return min(distance for distance in self.script.distances if not math.isnan(distance))


def falling(hours: int, step: float) -> list[OHLC]:
    prices = [100.0 - step * hour for hour in range(hours)]
    return [(100.0,) * 4, *((price, price, price - step, price - step) for price in prices)]


def play(bars: list[OHLC], venue: VenueConfig, quantity: float, *, guarded: bool, **ladder: Any) -> Run:
    gate = GateControllerConfig(
        mode=Mode.FULL_AUTO,
        limits=NO_LIMITS,
        specs=(SPEC,),
        leverage=venue.leverage,
        starting_cash=venue.starting_balance,
    )
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
            controller=importable(gate),
        )
    )
    handles = add_venue(engine, "BINANCE", [SPEC], venue)
    engine.add_data(feed_data(Feed(bars, spec=SPEC), OPENING_PRINT_NS), client_id=ClientId("BINANCE"), sort=False)
    engine.sort_data()
    script = Watched(quantity)
    script.handles = handles
    engine.add_strategy(script)
    controller = gate_of(engine.trader)
    guardian = guard(engine, controller, handles, LadderConfig(**ladder)) if guarded else None
    try:
        engine.run()
        position = sum(position.signed_qty for position in engine.cache.positions_open())
        return Run(script, handles, controller, guardian, position)
    finally:
        engine.dispose()


def guard(engine: BacktestEngine, controller: GateController, handles: VenueHandles, ladder: LadderConfig) -> Guardian:
    assert handles.liquidation is not None
    gate = controller.gate
    margins = SimulatedMargins({"BINANCE": handles.liquidation})
    desk = EngineDesk(
        msgbus=engine.kernel.msgbus,
        cache=engine.cache,
        clock=controller.clock,
        send=gate.execute,
        mark_of=gate.view.mark,
        trader_id=engine.trader_id,
        move_margin=margins.move_margin,
    )
    guardian = Guardian(
        view=gate.view,
        desk=desk,
        alarms=EngineAlarms(controller.clock),
        audit=gate.audit,
        margins=margins,
        config=GuardianConfig(ladder=ladder),
    )
    gate.watch.mark_listeners.append(guardian.on_mark)
    return guardian


CROSS = VenueConfig(slippage_bps=0.0, fees=NO_FEES, leverage=3.0, funding=FundingConfig(missing="zero"))
ISOLATED = VenueConfig(
    slippage_bps=0.0, fees=NO_FEES, leverage=10.0, margin_mode="isolated", funding=FundingConfig(missing="zero")
)
SLOW_FALL = [*falling(140, 0.25), (65.0,) * 4, (65.0,) * 4]


def test_alone_it_is_liquidated() -> None:
    run = play(SLOW_FALL, CROSS, 285.0, guarded=False)

    assert len(run.handles.liquidation.ledger) == 1
    assert run.position == 0.0
    assert run.nearest() < 0.005


def test_guarded_it_is_cut_in_time_and_never_liquidated() -> None:
    run = play(SLOW_FALL, CROSS, 285.0, guarded=True)

    assert run.handles.liquidation.ledger == []
    assert run.position > 0.0
    assert run.rungs()
    assert {rung["rung"] for rung in run.rungs()} == {"MARGIN"}
    assert run.nearest() >= 0.095  # one bar's fall below the threshold, and no more
    # what the guardian saw is what the venue says, at bars and between
    assert run.guardian is not None
    assert run.guardian.distance_min == pytest.approx(run.nearest(), abs=0.003)
    sent = [order for order in run.script.filled_orders if order.tags == ["guard:LIQUIDATION_PREVENTION"]]
    assert len(sent) == len(run.rungs())
    assert all(order.side == OrderSide.SELL and order.is_reduce_only for order in sent)


def test_the_deeper_rungs_take_over_where_the_first_is_passed() -> None:
    # one bar falls from a distance of 0.12 to below 0.05, the next to below 0.03
    start = falling(100, 0.25)
    last = start[-1][3]
    drops = [(last, last, last * 0.925, last * 0.925), (last * 0.925,) * 4, (last * 0.925,) * 4]
    run = play([*start, *drops], CROSS, 285.0, guarded=True)

    assert run.handles.liquidation.ledger == []
    assert "REDUCE" in {rung["rung"] for rung in run.rungs()}


def test_an_emergency_close_ends_the_position_before_the_venue_does() -> None:
    start = falling(100, 0.25)
    last = start[-1][3]
    floor = last * 0.9
    run = play([*start, (last, last, floor, floor), (floor,) * 4, (floor,) * 4], CROSS, 285.0, guarded=True)

    assert run.handles.liquidation.ledger == []
    assert run.rungs()[-1]["rung"] == "CLOSE"
    assert run.position == 0.0


def test_an_isolated_position_alone_is_liquidated() -> None:
    run = play(SLOW_FALL, ISOLATED, 50.0, guarded=False)

    assert len(run.handles.liquidation.ledger) == 1


def test_an_isolated_position_is_given_margin_and_kept_whole() -> None:
    run = play(SLOW_FALL, ISOLATED, 50.0, guarded=True)

    assert run.handles.liquidation.ledger == []
    assert run.position == 50.0
    assert all(rung["margin_added"] > 0.0 and rung["orders"] == [] for rung in run.rungs())
    # the first bar is nearer than the threshold already: 10 times leverage, 2 % maintenance
    assert run.rungs()[0]["distance"] < 0.10
    assert min(distance for distance in run.script.distances[3:] if not math.isnan(distance)) >= 0.095


def test_an_isolated_position_without_money_left_is_cut_and_then_backed_by_what_that_frees() -> None:
    # 900 of 10,000 bought at leverage 10 leave 100
    run = play(SLOW_FALL, ISOLATED, 285.0, guarded=True)

    assert run.handles.liquidation.ledger == []
    assert 0.0 < run.position < 285.0
    assert any(rung["orders"] for rung in run.rungs())
    assert any(rung["margin_added"] > 0.0 for rung in run.rungs())


def test_a_guarded_run_is_the_same_every_time() -> None:
    heads = [play(SLOW_FALL, CROSS, 285.0, guarded=True).controller.gate.audit.head for _ in range(2)]

    assert heads[0] == heads[1]


def test_a_guardian_that_is_off_changes_nothing() -> None:
    run = play(SLOW_FALL, CROSS, 285.0, guarded=True, enabled=False)

    assert len(run.handles.liquidation.ledger) == 1
    assert run.rungs() == []
