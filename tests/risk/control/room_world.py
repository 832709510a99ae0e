"""A control room around the gate of a small real engine, commands fed as data, and stores that a test may break."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientId

from risk.ask import Ask, Verb
from risk.audit import AuditRecord
from risk.control.config import ControlConfig
from risk.control.document import ControlState
from risk.control.operator_desk import OperatorDesk
from risk.control.room import ControlRoom
from risk.control.supervisor import ROLES, Supervisor
from risk.control.wiring import equip
from risk.controller import GateController, gate_of
from risk.engine_alarms import EngineAlarms
from risk.limits import (
    ConcurrentPositionsConfig,
    CorrelationLimitConfig,
    DuplicateConfig,
    LimitsConfig,
    PositionLimitConfig,
    ValueAtRiskLimitConfig,
)
from risk.lookout import CrossMargins
from risk.modes.authorisation import AuthorisationConfig, Role
from risk.modes.operators import Operator, OperatorConfig
from risk.modes.start import StartDecision
from risk.modes.table import Mode
from risk.operations import OperatorCommand, as_engine_data
from risk.state.durable import Commit, Move
from risk.state.failure import StateError
from risk.state.store import StateRecord
from tests.risk.engine_world import CASH, SECOND, START_NS, Scripted, play

PEOPLE = AuthorisationConfig(
    roles={"vera": Role.VIEWER, "olaf": Role.OPERATOR, "rita": Role.RISK_OFFICER, "ada": Role.ADMIN} | ROLES
)
WIDE = LimitsConfig(
    position=PositionLimitConfig(max=1.0),
    duplicate=DuplicateConfig(enabled=False),
    correlation=CorrelationLimitConfig(enabled=False),
    value_at_risk=ValueAtRiskLimitConfig(enabled=False),
    concurrent=ConcurrentPositionsConfig(),
)
"""Limits that let a test take risk; those that a mode scales and the guards ask for stay on."""


class FakeStores:
    """Stores that take what they are given, until told otherwise."""

    def __init__(self) -> None:
        self.commits: list[tuple[ControlState, Move]] = []
        self.broken: str | None = None
        """Why nothing but Emergency is taken any more."""
        self.refuses: set[Move] = set()
        """What is refused, and may succeed at a later try: an etcd that does not answer."""
        self.silent = False
        """Whether what waits for nobody is not known to be stored."""
        self.confirmed = 0

    @property
    def failed(self) -> str | None:
        return self.broken

    def commit(self, payload: bytes, rank: int, move: Move = Move.LEVEL) -> Commit:
        from risk.control.document import decode

        state = decode(payload)
        assert state.mode.priority == rank
        if move is not Move.EMERGENCY:
            if self.broken is not None:
                raise StateError(self.broken)
            if move in self.refuses:
                raise StateError("etcd did not confirm it")
        self.commits.append((state, move))
        record = StateRecord(epoch=len(self.commits), rank=rank, resume_rank=rank, payload=payload)
        if move is Move.EMERGENCY and (self.silent or self.broken is not None):
            return Commit(record, durable=False, problems=(self.broken or "the file does not answer",))
        return Commit(record, durable=True)

    def confirm(self) -> None:
        self.confirmed += 1

    @property
    def stored(self) -> ControlState:
        return self.commits[-1][0]


@dataclass
class World:
    """What a run left behind."""

    strategy: Scripted
    controller: GateController
    room: ControlRoom
    desk: OperatorDesk
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def audit(self) -> list[AuditRecord]:
        return list(self.controller.gate.audit.records)

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        return [record.data for record in self.audit if record.kind == kind]

    def modes(self) -> list[str]:
        """The modes that took effect, in order."""
        return [change["after"] for change in self.kinds("MODE_CHANGE")]

    def denials(self) -> list[str]:
        """The codes with which the strategy's orders were refused, in order."""
        reasons = [event.reason for event in self.strategy.events if type(event).__name__ == "OrderDenied"]
        return [reason.partition(" ")[0].rstrip(":") for reason in reasons]

    def answer(self, ask_id: str) -> str:
        answer = self.desk.answer(ask_id)
        assert answer is not None
        return answer


def ask(
    id_: str, verb: Verb, operator: str = "olaf", *, role: str = "", reason: str = "as a test", **arguments: Any
) -> Ask:
    return Ask(id=id_, verb=verb, operator=operator, role=role, reason=reason, arguments=arguments)


def run(
    script: dict[int, Callable[[Scripted], Any]],
    *,
    mode: Mode = Mode.FULL_AUTO,
    config: ControlConfig | None = None,
    asks: Sequence[tuple[float, Ask]] = (),
    stores: FakeStores | None = None,
    restored: ControlState | None = None,
    supervisor: OperatorConfig | None = None,
    prices: list[float] | None = None,
    step_s: int = 1,
    limits: LimitsConfig = WIDE,
    models_ready: Callable[[], bool] = lambda: True,
    act: dict[int, Callable[[ControlRoom], Any]] | None = None,
    also: Callable[[BacktestEngine, GateController, ControlRoom], Any] = lambda engine, controller, room: None,
) -> World:
    """
    Run a script with a control room around the gate.

    `asks` are commands with the seconds since the start at which they come. `act` does something to the room at the
    n-th quote, before the script's own step there.
    """
    made: list[tuple[ControlRoom, OperatorDesk]] = []
    config = config or ControlConfig(people=PEOPLE)

    def prepare(engine: BacktestEngine) -> None:
        controller = gate_of(engine.trader)
        room = equip(
            controller,
            config=config,
            start=StartDecision(mode, "configured mode"),
            equity=CASH,
            margins=CrossMargins(controller.gate.view),
            models_ready=models_ready,
            stores=stores,
            restored=restored,
        )
        desk = OperatorDesk(room)
        desk.install(engine.kernel.msgbus)
        if supervisor is not None:
            Supervisor(room, Operator(supervisor), EngineAlarms(controller.clock), mode)
        if asks:
            at = [(START_NS + round(seconds * SECOND), each) for seconds, each in asks]
            commands = [as_engine_data(OperatorCommand(each, ts_ns, ts_ns)) for ts_ns, each in at]
            engine.add_data(commands, client_id=ClientId("OPERATORS"))
        also(engine, controller, room)
        made.append((room, desk))

    def step(number: int) -> Callable[[Scripted], Any]:
        def both(strategy: Scripted) -> None:
            if act is not None and number in act:
                act[number](made[0][0])
            if number in script:
                script[number](strategy)

        return both

    steps = {number: step(number) for number in {*script, *(act or {})}}
    strategy, controller = play(steps, mode=mode, limits=limits, prices=prices, step_s=step_s, prepare=prepare)
    room, desk = made[0]
    return World(strategy, controller, room, desk)


def buys(quantity: float) -> Callable[[Scripted], Any]:
    return lambda strategy: strategy.submit_order(
        strategy.order_factory.market(strategy.cache.instruments()[0].id, OrderSide.BUY, strategy.quantity(quantity))
    )


def sells(quantity: float, *, reduce_only: bool = True) -> Callable[[Scripted], Any]:
    return lambda strategy: strategy.submit_order(
        strategy.order_factory.market(
            strategy.cache.instruments()[0].id,
            OrderSide.SELL,
            strategy.quantity(quantity),
            reduce_only=reduce_only,
        )
    )


def rests(quantity: float, price: float) -> Callable[[Scripted], Any]:
    return lambda strategy: strategy.submit_order(
        strategy.order_factory.limit(
            strategy.cache.instruments()[0].id, OrderSide.BUY, strategy.quantity(quantity), strategy.price(price)
        )
    )


def filled(world: World) -> list[tuple[str, float]]:
    """Side and quantity of every fill the strategy was told of."""
    return [
        ("BUY" if event.order_side == OrderSide.BUY else "SELL", event.last_qty.as_double())
        for event in world.strategy.events
        if type(event).__name__ == "OrderFilled"
    ]
