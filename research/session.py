"""What a paper session and its replay have in common: configuration, gate, strategies, desk, and the start account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.enums import LiquiditySide, OmsType, OrderSide, OrderType
from nautilus_trader.model.events import OrderFilled, PositionOpened
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    PositionId,
    StrategyId,
    TradeId,
    VenueOrderId,
)
from nautilus_trader.model.objects import Currency, Money, Price
from nautilus_trader.model.orders import MarketOrder
from nautilus_trader.model.position import Position

from catalog.instruments import InstrumentSpec
from errors import ConfigError
from research.backtest.config import StrategySection
from research.backtest.tidy import Tidier, silence_analyzer
from research.fills import FillLog
from research.recording.account import AccountState, HeldPosition
from research.recording.heartbeat import HEARTBEAT_TOPIC
from research.recording.opening import Opening
from research.venue.config import VenueConfig
from research.venue.margins import SimulatedMargins
from research.venue.venue import VenueHandles
from risk.control.config import ControlConfig
from risk.control.keeper import Stores
from risk.control.operator_desk import OperatorDesk
from risk.control.room import ControlRoom
from risk.control.wiring import equip
from risk.controller import GateController, GateControllerConfig, gate_of, importable
from risk.gate import AFTER_PORTFOLIO_BEFORE_STRATEGIES as PRIORITY
from risk.limits import LimitsConfig
from risk.lookout import CrossMargins
from risk.modes.table import POWERS, Mode
from strategies import registry
from strategies.library.fused import FusedStrategy
from strategies.library.powers import StrategyPowers, models_not_ready, tell_mode

TRADER_ID = "BOT4-001"
"""The same for every host: order ids carry it."""

CARRIED = "CARRIED"
"""First word of the ids with which a position of an earlier session is taken up."""


class SessionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What decides in a session, and on which venue.

    Strategies' parameters are those of their own configurations, complete but for what follows from the session: the
    instruments (where a strategy trades several), a tag that tells instances apart, and what the mode allows.
    """

    instruments: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)]
    strategies: Annotated[tuple[StrategySection, ...], msgspec.Meta(min_length=1, max_length=50)]
    mode: Mode = Mode.SEMI_AUTO
    limits: LimitsConfig = LimitsConfig()
    control: ControlConfig = ControlConfig()
    venue: VenueConfig = VenueConfig()

    def __post_init__(self) -> None:
        if len(set(self.instruments)) != len(self.instruments):
            raise ValueError(f"instruments must differ from each other, were {list(self.instruments)}")


class Attached(msgspec.Struct, frozen=True):
    """A session's parts inside a host."""

    controller: GateController
    room: ControlRoom
    desk: OperatorDesk
    fills: FillLog


def gate_config(
    config: SessionConfig,
    specs: Sequence[InstrumentSpec],
    account: AccountState,
    opening: Opening,
    folder: Path | None,
    audit: Path | None = None,
) -> Any:
    """
    Return the controller that installs the gate.

    It logs decisions and audit into `folder`; with `audit`, a node's folder, the audit log there goes on instead, and
    its heads are published beside it.
    """
    inside = str(folder / "audit.jsonl") if folder is not None else None
    return importable(
        GateControllerConfig(
            mode=opening.start.mode,
            limits=config.limits,
            specs=tuple(specs),
            leverage=config.venue.leverage,
            operator=None,
            starting_cash=float(account.cash_exact),
            decisions_path=str(folder / "decisions.jsonl") if folder is not None else None,
            audit_path=str(audit / "audit.jsonl") if audit is not None else inside,
            heads_path=str(audit / "audit.heads.jsonl") if audit is not None else None,
        )
    )


def attach(
    host: Any,
    handles: VenueHandles,
    config: SessionConfig,
    account: AccountState,
    opening: Opening,
    start_ns: int,
    folder: Path | None,
    stores: Stores | None = None,
) -> Attached:
    """
    Put a session into a host whose gate and venue are there: observers, control room, carried positions, strategies.

    Parameters
    ----------
    host : BacktestEngine or TradingNode
        Not started.
    handles : VenueHandles
        Its venue.
    config : SessionConfig
        The session.
    account : AccountState
        What it begins with.
    opening : Opening
        The control state it begins with.
    start_ns : int
        Engine time of its start.
    folder : Path or None
        Receives ``fills.jsonl``; its name is the session's.
    stores : Stores or None
        Where the control state is kept; None for a replay.

    Raises
    ------
    ConfigError
        If a strategy is not on the allow-list or does not take its parameters.

    """
    silence_analyzer(host)
    controller = gate_of(host.kernel.trader)
    fills = FillLog(folder / "fills.jsonl" if folder is not None else None)
    controller.gate.watch.observers += [fills, Tidier(host)]
    strategies = build_strategies(config, opening.start.mode)
    room = _equip(controller, handles, config, account, opening, stores, lambda: not models_not_ready(strategies))
    desk = OperatorDesk(room)
    desk.install(host.kernel.msgbus)
    watch = controller.gate.watch
    host.kernel.msgbus.subscribe(HEARTBEAT_TOPIC, lambda beat: watch.on_time(beat.ts_init), priority=PRIORITY)
    audit = controller.gate.audit
    carried = [position.position_id for position in account.positions]
    data = {"mode": opening.start.mode.value, "why": opening.start.reason, "cash": account.cash, "carried": carried}
    audit.append(start_ns, "SESSION_START", {"session": folder.name if folder is not None else ""} | data)
    for order in account.working:  # the paper venue they rested at died with its process
        audit.append(start_ns, "ORDER_CANCELED_BY_RESTART", msgspec.to_builtins(order))
    for position in account.positions:
        _carry(host.kernel.cache, handles, controller, position, start_ns)
    controller.gate.mode_listeners.append(lambda _mode: tell_mode(strategies, lambda: room.gate.view.mode))
    for strategy in strategies:
        if isinstance(strategy, FusedStrategy):
            strategy.on_model_failure(room.on_model_failure)
        host.kernel.trader.add_strategy(strategy)
    return Attached(controller, room, desk, fills)


def _equip(
    controller: GateController,
    handles: VenueHandles,
    config: SessionConfig,
    account: AccountState,
    opening: Opening,
    stores: Stores | None,
    models_ready: Callable[[], bool],
) -> ControlRoom:
    liquidator = handles.liquidation
    venue = handles.specs[0].venue
    simulated = SimulatedMargins({} if liquidator is None else {venue: liquidator})
    return equip(
        controller,
        config=config.control,
        start=opening.start,
        equity=float(account.cash_exact),
        margins=CrossMargins(controller.gate.view) if liquidator is None else simulated,
        move_margin=simulated.move_margin,
        models_ready=models_ready,
        stores=stores,
        restored=opening.restored,
        session=opening.number,
    )


def build_strategies(config: SessionConfig, mode: Mode) -> list[Any]:
    """Return the session's strategies with their parameters complete; raise `ConfigError` with the key at fault."""
    powers = msgspec.to_builtins(StrategyPowers.of(POWERS[mode]))
    built = []
    for number, section in enumerate(config.strategies, start=1):
        where = f"strategy {number} ({section.name})"
        fields = set(registry.resolve(section.name, where).config_class().__struct_fields__)
        taken = sorted(set(powers) & fields & set(section.params))
        if taken:
            raise ConfigError(f"params may not set {', '.join(taken)}: the control mode decides that", where=where)
        known = {"instrument_ids": list(config.instruments), "order_id_tag": f"{number:03}"} | powers
        table = {key: value for key, value in known.items() if key in fields} | section.params
        built.append(registry.build(section.name, table, where=where, prefix="params"))
    return built


def _carry(cache: Any, handles: VenueHandles, controller: GateController, held: HeldPosition, start_ns: int) -> None:
    """
    Take up a position of an earlier session as it stood: quantity and entry price, without a fee and without a fill.

    The engine knows positions only as sums of fills, so one stands in for those that made it. It is told to nobody:
    the gate, the venue and, at the start, the portfolio learn of the position alone.
    """
    instrument = cache.instrument(InstrumentId.from_str(held.instrument))
    quantity = Decimal(held.quantity)
    order = MarketOrder(
        trader_id=controller.trader_id,
        strategy_id=StrategyId(held.strategy),
        instrument_id=instrument.id,
        client_order_id=ClientOrderId(f"{CARRIED}-{held.position_id}"),
        order_side=OrderSide.BUY if quantity > 0 else OrderSide.SELL,
        quantity=instrument.make_qty(abs(quantity)),
        init_id=UUID4(),
        ts_init=start_ns,
    )
    currency = Currency.from_str(instrument.quote_currency.code)
    fill = OrderFilled(
        trader_id=order.trader_id,
        strategy_id=order.strategy_id,
        instrument_id=instrument.id,
        client_order_id=order.client_order_id,
        venue_order_id=VenueOrderId(CARRIED),
        account_id=AccountId(f"{instrument.id.venue}-001"),
        trade_id=TradeId(CARRIED),
        order_side=order.side,
        order_type=OrderType.MARKET,
        last_qty=order.quantity,
        last_px=_exact_price(held.entry_price),
        currency=currency,
        commission=Money(0, currency),
        liquidity_side=LiquiditySide.TAKER,
        event_id=UUID4(),
        ts_event=held.opened_ns,
        ts_init=held.opened_ns,
        position_id=PositionId(held.position_id),
    )
    position = Position(instrument, fill)
    cache.add_position(position, OmsType.NETTING)
    handles.player.carry(position)
    controller.gate.watch.on_position_event(PositionOpened.create(position, fill, UUID4(), start_ns))


def _exact_price(price: float) -> Price:
    """Return an average price with all the decimals it has, which may be more than the instrument's."""
    text = format(Decimal(repr(price)), "f")
    whole, _, decimals = text.partition(".")
    return Price.from_str(f"{whole}.{decimals[:16] or '0'}")
