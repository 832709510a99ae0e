"""How Emergency closes everything, as configuration; and how far it is, as stored and as reported."""

from __future__ import annotations

from typing import Annotated

import msgspec

from risk.limits import BasisPoints, Fraction, Seconds

type Ratio = Annotated[float, msgspec.Meta(gt=0.0, le=1e6)]


class HedgeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an instrument that can't be closed is hedged, and how many base units it takes for one of its own."""

    instrument: str
    ratio: Ratio = 1.0


class EmergencyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How everything is closed.

    A slice takes at most `participation` of what stands within `depth_bps` of the best price, the next comes
    `slice_every_s` later; from half of `deadline_s` on slices grow, and at the deadline the rest goes at once.
    Orders that could add risk are looked for every `verify_s` until there are none.

    What no stop covers is taken to lose `move_assumed` (a fraction of the price) where the volatility is not known, and
    a market without a quote to have a spread of `spread_assumed_bps`: both only set the order of closing.

    A close that has not ended after `stuck_s` is cancelled and replaced. A position that does not get smaller in
    `tries_max` attempts counts as impossible to close, and is hedged where `hedges` (by instrument) says how; the
    attempts go on at growing intervals up to `retry_s_max`.
    """

    participation: Fraction = 0.25
    depth_bps: Annotated[float, msgspec.Meta(gt=0.0, le=1_000.0)] = 10.0
    slice_every_s: Seconds = 5.0
    verify_s: Seconds = 0.25
    deadline_s: Annotated[float, msgspec.Meta(gt=0.0, le=14_400.0)] = 14_400.0
    move_assumed: Fraction = 0.10
    spread_assumed_bps: BasisPoints = 10.0
    stuck_s: Seconds = 30.0
    tries_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 5
    retry_s_max: Seconds = 600.0
    hedges: dict[str, HedgeConfig] = {}

    def __post_init__(self) -> None:
        """Refuse hedges that hedge nothing: with itself, or with what needs a hedge in turn."""
        for instrument, hedge in self.hedges.items():
            if hedge.instrument == instrument or hedge.instrument in self.hedges:
                raise ValueError(f"hedges.{instrument}: {hedge.instrument} must be another instrument without a hedge")


class EmergencySnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """
    One emergency, as it is stored.

    `risk_at_start` is in quote currency, None where it was not known. `seen` are the positions that were to close,
    `hedged` the instruments that could not be closed and are hedged until they are.
    """

    started_ns: int
    reason: str
    flat_ns: int | None = None
    overdue: bool = False
    risk_at_start: float | None = None
    orders_cancelled: int = 0
    slices: int = 0
    seen: tuple[str, ...] = ()
    hedged: tuple[str, ...] = ()


class EmergencyProgress(msgspec.Struct, frozen=True, kw_only=True):
    """
    How far the closing is (SPEC 8.5); risk in quote currency, None where it is not known.

    `impossible` are the positions that can't be closed where they are, `hedged` those of them whose hedge was sent.
    `closure_s` is the time from the start until nothing was left, None until then.
    """

    started_ns: int
    elapsed_s: float
    positions_closed: int
    positions_left: tuple[str, ...]
    risk_at_start: float | None
    risk_left: float | None
    risk_reduced: float | None
    orders_cancelled: int
    orders_left: tuple[str, ...]
    slices: int
    impossible: tuple[str, ...]
    hedged: tuple[str, ...]
    overdue: bool
    closure_s: float | None

    @property
    def finished(self) -> bool:
        """Return whether everything is closed and nothing that could add risk works."""
        return self.closure_s is not None
