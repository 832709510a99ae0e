"""Put a control room around an installed gate: the same for a backtest, a paper session and its replay."""

from __future__ import annotations

from collections.abc import Callable

from risk.account_margin import MarginAccounts
from risk.control.config import ControlConfig
from risk.control.document import ControlState
from risk.control.keeper import Stores
from risk.control.parked_requests import ParkedRequests
from risk.control.room import ControlRoom, Surroundings
from risk.controller import GateController
from risk.engine_alarms import EngineAlarms
from risk.engine_desk import EngineDesk
from risk.modes.start import StartDecision
from risk.operator_orders import OperatorOrders
from risk.trail import Trail


def equip(
    controller: GateController,
    *,
    config: ControlConfig,
    start: StartDecision,
    equity: float,
    margins: MarginAccounts,
    move_margin: Callable[[str, float], bool] | None = None,
    models_ready: Callable[[], bool] = lambda: True,
    stores: Stores | None = None,
    restored: ControlState | None = None,
    session: int = 0,
) -> ControlRoom:
    """
    Build the control room of a controller, which begins with the trader.

    Parameters
    ----------
    controller : GateController
        Its gate is installed, its trader is not started.
    config : ControlConfig
        The user's choices.
    start : StartDecision
        In which mode to start, and why.
    equity : float
        The account's at the start, quote currency.
    margins : MarginAccounts
        Wallets and isolated margins of the venues.
    move_margin : callable or None
        Moves cash to an isolated position, by position id; None where that can't be done.
    models_ready : callable
        Whether the models that FullAuto needs are loaded.
    stores, restored, session
        Where the state is kept and what an earlier process left; see `ControlRoom`.

    """
    gate, msgbus, cache, clock = controller.gate, controller.msgbus, controller.cache, controller.clock
    desk = EngineDesk(
        msgbus=msgbus,
        cache=cache,
        clock=clock,
        send=gate.execute,
        mark_of=gate.view.mark,
        trader_id=controller.trader_id,
        session=session,
        move_margin=move_margin,
    )
    hand = OperatorOrders(
        msgbus=msgbus,
        cache=cache,
        clock=clock,
        send=gate.execute,
        trader_id=controller.trader_id,
        session=session,
    )
    around = Surroundings(
        desk=desk,
        hand=hand,
        alarms=EngineAlarms(clock),
        now=clock.timestamp_ns,
        margins=margins,
        models_ready=models_ready,
    )
    room = ControlRoom(
        gate=gate,
        around=around,
        config=config,
        start=start,
        equity=equity,
        stores=stores,
        restored=restored,
        session=session,
    )
    trail = Trail(gate.audit, gate.decisions, gate.view)
    gate.verdict_listeners.append(trail.on_verdict)
    gate.watch.observers.append(trail)
    if stores is not None:
        ParkedRequests(room)
    controller.room = room
    return room
