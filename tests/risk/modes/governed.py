"""A governor with stubs for its store and its effect, and the people of a small house."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, combinations

from errors import Bot4Error
from risk.audit import AuditLog, AuditRecord
from risk.modes.authorisation import AuthorisationConfig, Authority, Code, Role
from risk.modes.changes import Answer, AwaitsApproval, GovernorSnapshot, RefusedTransition
from risk.modes.governor import ModeGovernor
from risk.modes.start import StartDecision
from risk.modes.table import Mode
from risk.modes.transitions import Guard

SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND
FACTS = frozenset(Guard) - {Guard.APPROVAL, Guard.PERSON_CLEARANCE}
"""Every guard that is a fact about the world and not a person's word."""

VERA = Authority("vera", Role.VIEWER, "looking")
OTTO = Authority("otto", Role.OPERATOR, "trading")
RUTH = Authority("ruth", Role.RISK_OFFICER, "risk looks good")
ADA = Authority("ada", Role.ADMIN, "administration")
SYSTEM = Authority.of_system("a check failed")
PEOPLE = (VERA, OTTO, RUTH, ADA)
BY_ROLE = {who.role: who for who in (*PEOPLE, SYSTEM)}
CONFIG = AuthorisationConfig(roles={who.operator: who.role for who in PEOPLE})
STRICT = AuthorisationConfig(roles=CONFIG.roles, four_eyes=True)
LATER = T0 + SECOND


@dataclass
class World:
    """What a governor acts on: a store that can fail, an effect that is noted, an audit log."""

    governor: ModeGovernor = field(init=False)
    audit: AuditLog = field(default_factory=AuditLog)
    stored: GovernorSnapshot | None = None
    failing: bool = False
    effects: list[tuple[Mode, str]] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def persist(self) -> None:
        self.calls.append("persist")
        if self.failing:
            raise Bot4Error("disk full")
        self.stored = self.governor.snapshot()

    def apply(self, mode: Mode, reason: str) -> None:
        self.calls.append(f"apply {mode.value}")
        self.effects.append((mode, reason))

    def records(self, kind: str) -> list[AuditRecord]:
        return [record for record in self.audit.records if record.kind == kind]


def world(
    mode: Mode = Mode.MANUAL,
    *,
    config: AuthorisationConfig = CONFIG,
    restored: GovernorSnapshot | None = None,
    now_ns: int = T0,
    begun: bool = True,
    hook: bool = True,
    reason: str = "configured",
) -> World:
    """Return a world whose governor has started in `mode`."""
    made = World()
    made.governor = ModeGovernor(
        start=StartDecision(mode, reason),
        config=config,
        audit=made.audit,
        persist=made.persist,
        apply=made.apply,
        now_ns=now_ns,
        on_state_lost=made.losses.append if hook else None,
        restored=restored,
    )
    if begun:
        made.governor.begin(now_ns)
    return made


def in_mode(mode: Mode, *, config: AuthorisationConfig = CONFIG) -> World:
    """Return a world that has been in `mode` since `T0`."""
    return world(mode, config=config, reason="drawdown")


def parked(config: AuthorisationConfig = CONFIG, who: Authority = OTTO) -> tuple[World, AwaitsApproval]:
    """Return a world in which a request for SemiAuto waits for approval since `LATER`."""
    made = in_mode(Mode.MANUAL, config=config)
    waiting = made.governor.request(Mode.SEMI_AUTO, who, LATER, FACTS)
    assert isinstance(waiting, AwaitsApproval)
    assert made.governor.mode is Mode.MANUAL
    assert made.governor.pending == waiting
    return made, waiting


def codes(answer: Answer) -> set[Code]:
    """Return why a request was refused."""
    assert isinstance(answer, RefusedTransition)
    return {objection.code for objection in answer.objections}


M, S, F, E = Mode.MANUAL, Mode.SEMI_AUTO, Mode.FULL_AUTO, Mode.EMERGENCY
CHECKED = (
    Guard.SYSTEMS_HEALTHY,
    Guard.MODELS_READY,
    Guard.LIMITS_CONFIGURED,
    Guard.POSITIONS_CLOSED,
    Guard.RISK_NORMAL,
)
SUBSETS = [frozenset(each) for each in chain.from_iterable(combinations(CHECKED, size) for size in range(6))]
