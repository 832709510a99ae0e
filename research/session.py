"""What a paper session and its replay have in common: configuration, gate, strategies, desk, and the start account."""

from __future__ import annotations

from collections.abc import Sequence
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
from research.venue.config import VenueConfig
from research.venue.venue import VenueHandles
from risk.controller import GateController, GateControllerConfig, gate_of, importable
from risk.limits import LimitsConfig
from risk.modes.table import POWERS, Mode
from risk.operator_desk import OperatorDesk
from strategies import registry
from strategies.library.fused import FusedStrategy
from strategies.library.powers import StrategyPowers

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
    venue: VenueConfig = VenueConfig()

    def __post_init__(self) -> None:
        if len(set(self.instruments)) != len(self.instruments):
            raise ValueError(f"instruments must differ from each other, were {list(self.instruments)}")


class Attached(msgspec.Struct, frozen=True):
    """A session's parts inside a host."""

    controller: GateController
    desk: OperatorDesk
    fills: FillLog


def gate_config(
    config: SessionConfig, specs: Sequence[InstrumentSpec], account: AccountState, folder: Path | None
) -> Any:
    """Return the controller that installs the gate; it logs decisions and audit into `folder`."""
    return importable(
        GateControllerConfig(
            mode=account.mode,
            limits=config.limits,
            specs=tuple(specs),
            leverage=config.venue.leverage,
            operator=None,
            starting_cash=float(account.cash_exact),
            decisions_path=str(folder / "decisions.jsonl") if folder is not None else None,
            audit_path=str(folder / "audit.jsonl") if folder is not None else None,
        )
    )


def attach(
    host: Any, handles: VenueHandles, config: SessionConfig, account: AccountState, start_ns: int, folder: Path | None
) -> Attached:
    """
    Put a session into a host whose gate and venue are there: observers, desk, carried positions, strategies.

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
    start_ns : int
        Engine time of its start.
    folder : Path or None
        Receives ``fills.jsonl``.

    Raises
    ------
    ConfigError
        If a strategy is not on the allow-list or does not take its parameters.

    """
    silence_analyzer(host)
    controller = gate_of(host.kernel.trader)
    fills = FillLog(folder / "fills.jsonl" if folder is not None else None)
    controller.gate.watch.observers += [fills, Tidier(host)]
    desk = OperatorDesk(controller.gate)
    desk.install(host.kernel.msgbus)
    audit = controller.gate.audit
    carried = [position.position_id for position in account.positions]
    audit.append(start_ns, "SESSION_START", {"mode": account.mode.value, "cash": account.cash, "carried": carried})
    for order in account.working:  # the paper venue they rested at died with its process
        audit.append(start_ns, "ORDER_CANCELED_BY_RESTART", msgspec.to_builtins(order))
    for position in account.positions:
        _carry(host.kernel.cache, handles, controller, position, start_ns)
    strategies = build_strategies(config, account.mode)

    def follow(mode: Mode) -> None:
        for strategy in strategies:
            if isinstance(strategy, FusedStrategy):
                strategy.set_powers(StrategyPowers.of(POWERS[mode]))

    controller.gate.mode_listeners.append(follow)
    for strategy in strategies:
        host.kernel.trader.add_strategy(strategy)
    return Attached(controller, desk, fills)


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
