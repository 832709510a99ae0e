"""What a kill switch is: its scope, its policy, its state as it is stored, and its report."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from risk.barriers import Barrier, Level, Source
from risk.modes.authorisation import Role

type Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]


class Flatten(Enum):
    """What becomes of open positions."""

    MARKET = "market"
    KEEP = "keep"
    """They stay with the orders that protect them, and nothing is added."""


class KillConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How a kill is carried out.

    What is there is looked at again every `verify_ms`, after ten times at doubling intervals up to `verify_ms_max`,
    at most `sweeps_max` times. Positions are closed once no order that could add to them is left, or after
    `cancel_wait_ms` if cancels go unanswered. After `report_after_ms` an unfinished kill reports what is left.
    A closing order that has not ended after `stuck_ms` is cancelled, and replaced when it is gone.

    A day that loses `daily_loss_max` (a fraction of its starting equity) presses the full switch by itself; None never
    does.
    """

    flatten: Flatten = Flatten.MARKET
    daily_loss_max: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] | None = 0.10
    verify_ms: Milliseconds = 100
    verify_ms_max: Milliseconds = 30_000
    cancel_wait_ms: Milliseconds = 1_000
    report_after_ms: Milliseconds = 10_000
    stuck_ms: Milliseconds = 30_000
    sweeps_max: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000

    def __post_init__(self) -> None:
        """Refuse intervals that shrink."""
        if self.verify_ms_max < self.verify_ms:
            raise ValueError(f"verify_ms_max must be at least verify_ms, were {self.verify_ms_max}, {self.verify_ms}")


class Scope(msgspec.Struct, frozen=True, order=True):
    """What a kill covers: a level and the name of a strategy, an instrument or a venue; no name for the system."""

    level: Level
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse a scope that names nothing, or something where there is only one."""
        if (self.level is Level.SYSTEM) == bool(self.name):
            raise ValueError(f"a kill of level {self.level.value} can't be named {self.name!r}")


class Stage(Enum):
    """How far a kill is."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    GAVE_UP = "GAVE_UP"


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """
    One engaged kill switch, as it is stored and reported.

    `orders_gone_ns` and `flat_ns` are when no order that could add risk, and no position, was left the first time;
    None until then. `cancelled` and `closed` count orders and positions; `left_orders` and `left_positions` are the
    ids of what was still there at the last look.
    """

    scope: Scope
    engaged_ns: int
    operator: str
    role: Role
    reason: str
    flatten: Flatten
    stage: Stage = Stage.RUNNING
    orders_gone_ns: int | None = None
    flat_ns: int | None = None
    ended_ns: int | None = None
    sweeps: int = 0
    cancelled: int = 0
    closed: int = 0
    left_orders: tuple[str, ...] = ()
    left_positions: tuple[str, ...] = ()

    @property
    def barrier(self) -> Barrier:
        """Return what keeps new risk out of the scope."""
        return Barrier(Source.KILL_SWITCH, self.scope.level, self.scope.name, self.reason, self.engaged_ns)


class KillReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a kill has done when it ended, or when it should have; durations in seconds, None where it did not come."""

    kill: Kill
    finished: bool
    cancel_s: float | None
    flatten_s: float | None
    total_s: float


class KillSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What must survive a restart."""

    kills: tuple[Kill, ...] = ()
