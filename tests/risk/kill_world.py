"""A real engine with the gate, the desk, a kill panel and an emergency closer on its clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine_world import Scripted

from risk.barriers import Level
from risk.controller import GateController, gate_of
from risk.engine_alarms import EngineAlarms
from risk.engine_desk import EngineDesk
from risk.kill import KillSwitches
from risk.kill_records import Flatten, KillConfig, KillReport, Scope
from risk.modes.authorisation import AuthorisationConfig, Authority, Role
from risk.modes.emergency import EmergencyCloser
from risk.modes.emergency_records import EmergencyConfig
from risk.modes.table import Mode

EVERYTHING = Scope(Level.SYSTEM)
JOE = Authority("joe", Role.OPERATOR, "a test")
JANE = Authority("jane", Role.RISK_OFFICER, "calm again")


class Floor:
    """Set up what guards need when the engine is there; scripts act through it."""

    def __init__(
        self,
        *others: Any,
        session: int = 0,
        kill: KillConfig | None = None,
        emergency: EmergencyConfig | None = None,
        prepare: Callable[[Any], None] = lambda engine: None,
    ) -> None:
        self.others = others
        self.session = session
        self.kill_config = kill
        self.emergency_config = emergency
        self.prepare = prepare
        self.engine: Any
        self.controller: GateController
        self.desk: EngineDesk
        self.kill: KillSwitches
        self.closer: EmergencyCloser
        self.reports: list[KillReport] = []

    def __call__(self, engine: Any) -> None:
        self.engine = engine
        self.controller = controller = gate_of(engine.trader)
        gate, clock = controller.gate, controller.clock
        alarms = EngineAlarms(clock)
        self.desk = EngineDesk(
            msgbus=engine.kernel.msgbus,
            cache=engine.cache,
            clock=clock,
            send=gate.execute,
            mark_of=gate.view.mark,
            trader_id=engine.trader_id,
            session=self.session,
        )
        self.kill = KillSwitches(
            view=gate.view,
            desk=self.desk,
            alarms=alarms,
            now=clock.timestamp_ns,
            audit=gate.audit,
            persist=lambda: None,
            config=self.kill_config,
            people=AuthorisationConfig(roles={"joe": Role.OPERATOR, "jane": Role.RISK_OFFICER}),
            on_report=self.reports.append,
        )
        self.closer = EmergencyCloser(
            desk=self.desk,
            alarms=alarms,
            now=clock.timestamp_ns,
            audit=gate.audit,
            facts=gate.view.facts,
            allow_hedges=gate.view.apply_hedges,
            config=self.emergency_config,
        )
        gate.watch.observers += [self.kill, self.closer]
        for other in self.others:
            engine.add_strategy(other)
        self.prepare(engine)

    def press(self, scope: Scope = EVERYTHING, flatten: Flatten | None = None) -> Callable[[Scripted], Any]:
        return lambda strategy: self.kill.engage(scope, JOE, flatten)

    def emergency(self, strategy: Scripted) -> None:
        self.controller.gate.set_mode(Mode.EMERGENCY, "a test")
        self.closer.begin("a test")

    def at(self, action: Callable[[Floor], Any]) -> Callable[[Scripted], Any]:
        return lambda strategy: action(self)

    def kinds(self) -> list[str]:
        return [record.kind for record in self.controller.gate.audit.records]
