"""Build the engine of one backtest, with the gate in front of the venue, and play the feed through it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import msgspec
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.model.identifiers import ClientId, ClientOrderId
from nautilus_trader.portfolio.config import PortfolioConfig
from nautilus_trader.risk.config import RiskEngineConfig

from catalog.instruments import InstrumentSpec
from research.backtest import feed as feeds
from research.backtest.config import RunConfig, strategy_tables
from research.backtest.markets import Stage
from research.backtest.recorder import Recorder
from research.backtest.tidy import Tidier, silence_analyzer
from research.venue.borrowing import Interest
from research.venue.config import OPENING_PRINT_NS
from research.venue.funding import Settlement
from research.venue.liquidation import Liquidation
from research.venue.margins import SimulatedMargins
from research.venue.venue import VenueHandles, add_venue
from risk.control.room import ControlRoom
from risk.control.supervisor import ROLES, Supervisor
from risk.control.wiring import equip
from risk.controller import GateController, GateControllerConfig, currency_of, gate_of, importable
from risk.engine_alarms import EngineAlarms
from risk.lookout import CrossMargins
from risk.modes.operators import Operator
from risk.modes.start import StartDecision
from strategies import registry
from strategies.library.fused import FusedStrategy
from strategies.library.powers import models_not_ready, tell_mode

ENGINE_RATE = "1000000/00:00:01"
"""The engine's own throttle is set out of the way: the gate's order-rate rule decides, with a reason."""


class Played(msgspec.Struct, frozen=True):
    """A backtest that has run: its record, its gate and its venues, still in memory."""

    recorder: Recorder
    controller: GateController
    venues: dict[str, VenueHandles]
    currency: str
    bars: int
    model_failures: list[str]


def play(config: RunConfig, stage: Stage, model_folder: Path | None, logs: Path | None = None) -> Played:
    """
    Run one backtest.

    Parameters
    ----------
    config : RunConfig
        What to run.
    stage : Stage
        Market data and facts of its instruments.
    model_folder : Path or None
        The walk-forward schedule of models; None trades on technical analysis alone.
    logs : Path or None
        Folder that receives ``decisions.jsonl`` and ``audit.jsonl``; None keeps only their hashes.

    """
    specs = tuple(stage.specs.values())
    currency = currency_of(specs)
    engine = BacktestEngine(_engine_config(config, specs, logs))
    try:
        silence_analyzer(engine)
        venues = _add_venues(engine, config, stage)
        instruments = {instrument.id.value: instrument for instrument in engine.cache.instruments()}
        feed = feeds.build(stage.markets, instruments, stage.bar_ns, OPENING_PRINT_NS)
        _add_data(engine, feed)

        controller = gate_of(engine.trader)
        recorder = _recorder(engine, controller, venues, stage.bar_ns)
        controller.gate.watch.observers += [recorder, Tidier(engine)]
        _listen_to_money(controller, venues, recorder)
        fused: list[FusedStrategy] = []
        room = _equip(controller, config, venues, lambda: not models_not_ready(fused))
        failures = _add_strategies(engine, room, config, model_folder, fused)
        controller.gate.audit.append(config.run.start_ns, "RUN_START", {"mode": config.mode.mode.value})
        engine.run()
        end_ns = max(int(market.bars.ts_ns[-1]) for market in stage.markets)
        recorder.sample(end_ns)
        controller.gate.review.withdraw_all("the run is over")
        data = {"decision_hash": controller.gate.decisions.decision_hash}
        controller.gate.audit.append(end_ns, "RUN_END", data)
        controller.close()
        return Played(recorder, controller, venues, currency, len(feed.bars), failures)
    finally:
        engine.dispose()


def _engine_config(config: RunConfig, specs: tuple[InstrumentSpec, ...], logs: Path | None) -> BacktestEngineConfig:
    gate = GateControllerConfig(
        mode=config.mode.mode,
        limits=config.limits,
        specs=specs,
        leverage=config.venue.leverage,
        operator=config.mode.operator,
        starting_cash=config.venue.starting_balance,
        decisions_path=str(logs / "decisions.jsonl") if logs is not None else None,
        audit_path=str(logs / "audit.jsonl") if logs is not None else None,
    )
    return BacktestEngineConfig(
        trader_id="BOT4-001",
        logging=LoggingConfig(bypass_logging=True),
        risk_engine=RiskEngineConfig(max_order_submit_rate=ENGINE_RATE, max_order_modify_rate=ENGINE_RATE),
        portfolio=PortfolioConfig(bar_updates=False),
        controller=importable(gate),
        run_analysis=False,
    )


def _add_venues(engine: BacktestEngine, config: RunConfig, stage: Stage) -> dict[str, VenueHandles]:
    by_venue: dict[str, list[InstrumentSpec]] = {}
    for spec in stage.specs.values():
        by_venue.setdefault(spec.venue, []).append(spec)
    marked = {market.instrument_id for market in stage.markets if market.marks is not None}
    return {name: add_venue(engine, name, specs, config.venue, marked) for name, specs in by_venue.items()}


def _add_data(engine: BacktestEngine, feed: feeds.Feed) -> None:
    if feed.marks:
        engine.add_data(feed.marks, client_id=ClientId("MARKS"), sort=False)
    for events in (feed.bars, feed.funding, feed.opens):
        if events:
            engine.add_data(events, sort=False)
    engine.sort_data()


def _recorder(
    engine: BacktestEngine, controller: GateController, venues: dict[str, VenueHandles], bar_ns: int
) -> Recorder:
    def reference(client_order_id: str, price: float) -> float:
        key = ClientOrderId(client_order_id)
        for handles in venues.values():
            shown = handles.reference_price(key)
            if shown is not None:
                return float(shown)
        return price

    def distance() -> float:
        values = [handles.liquidation.distance() for handles in venues.values() if handles.liquidation is not None]
        return min((value for value in values if not math.isnan(value)), default=math.nan)

    def initial_event(key: ClientOrderId) -> OrderInitialized | None:
        order = engine.cache.order(key)
        return None if order is None else order.init_event

    return Recorder(controller.gate.view, bar_ns, reference, distance, initial_event)


def _equip(
    controller: GateController, config: RunConfig, venues: dict[str, VenueHandles], models_ready: Callable[[], bool]
) -> ControlRoom:
    """Put the control room around the gate; a replay's state lives in memory, and its supervisor is simulated."""
    liquidators = {name: handles.liquidation for name, handles in venues.items() if handles.liquidation is not None}
    simulated = SimulatedMargins(liquidators)
    people = config.control.people
    people = msgspec.structs.replace(people, roles=people.roles | ROLES)
    mode = config.mode.mode
    room = equip(
        controller,
        config=msgspec.structs.replace(config.control, people=people),
        start=StartDecision(mode, "configured mode"),
        equity=config.venue.starting_balance,
        margins=simulated if liquidators else CrossMargins(controller.gate.view),
        move_margin=simulated.move_margin,
        models_ready=models_ready,
    )
    Supervisor(room, Operator(config.mode.operator), EngineAlarms(controller.clock), mode)
    return room


def _add_strategies(
    engine: BacktestEngine,
    room: ControlRoom,
    config: RunConfig,
    model_folder: Path | None,
    fused: list[FusedStrategy],
) -> list[str]:
    failures: list[str] = []

    def on_model_failure(reason: str) -> None:
        failures.append(reason)
        room.on_model_failure(reason)

    room.gate.mode_listeners.append(lambda _mode: tell_mode(fused, lambda: room.gate.view.mode))
    for table in strategy_tables(config, model_folder):
        strategy = registry.build(config.strategy.name, table, where="configuration", prefix="strategy.params")
        if isinstance(strategy, FusedStrategy):
            strategy.on_model_failure(on_model_failure)
            fused.append(strategy)
        engine.add_strategy(strategy)
    return failures


def _listen_to_money(controller: GateController, venues: dict[str, VenueHandles], recorder: Recorder) -> None:
    """Audit what the venue itself books: funding, interest on loans, and the terms of a liquidation."""

    def audit(kind: str, booking: Settlement | Interest | Liquidation) -> None:
        data = msgspec.structs.asdict(booking)
        plain = {name: float(value) if isinstance(value, Decimal) else value for name, value in data.items()}
        controller.gate.audit.append(booking.ts_ns, kind, plain)

    def on_settlement(settlement: Settlement) -> None:
        audit("FUNDING", settlement)
        recorder.book_funding(settlement.position_id, float(settlement.amount))

    for handles in venues.values():
        if handles.funding is not None:
            handles.funding.listeners.append(on_settlement)
        if handles.borrowing is not None:
            handles.borrowing.listeners.append(partial(audit, "INTEREST"))
        if handles.liquidation is not None:
            handles.liquidation.listeners.append(partial(audit, "LIQUIDATION_TERMS"))
