"""The hedges of an emergency: as much against what can't be closed as there is of it, and less as that gets less."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from risk.barriers import venue_of
from risk.book import InstrumentFacts
from risk.checks.hedge import HEDGE_STRATEGY, HedgeAllowance
from risk.desk import Desk, OpenOrder, OpenPosition, Purpose
from risk.intent import Side
from risk.modes.emergency_records import HedgeConfig

type Attempt = Callable[[str, str, Callable[[], object]], bool]
"""Does something that may fail: what, with what, and how; it never raises."""


class Hedges:
    """
    Hold hedges in step with what they hedge.

    A hedge grows only while what it hedges can't be closed; it is let go, reduce-only, as that gets smaller. The gate
    lets one grow only while the allowance stands, which is set for the one order and taken back behind it.

    Parameters
    ----------
    desk, facts, allow_hedges, can_trade
        See `EmergencyCloser`.
    attempt : callable
        Runs a step that may fail.
    config : mapping of instrument to HedgeConfig
        What is hedged, and with what.
    hedged : iterable of str
        The instruments hedged before a restart.

    """

    def __init__(
        self,
        desk: Desk,
        facts: Callable[[str], InstrumentFacts | None],
        allow_hedges: Callable[[Mapping[str, HedgeAllowance]], None],
        can_trade: Callable[[str], bool],
        attempt: Attempt,
        config: Mapping[str, HedgeConfig],
        hedged: Iterable[str] = (),
    ) -> None:
        self._desk = desk
        self._facts = facts
        self._allow_hedges = allow_hedges
        self._can_trade = can_trade
        self._attempt = attempt
        self._config = config
        self._hedged = {name for name in hedged if name in config}

    @property
    def hedged(self) -> tuple[str, ...]:
        """The instruments that are hedged until they are closed."""
        return tuple(sorted(self._hedged))

    def forget(self) -> None:
        """Let the gate pass no hedge any more, and hedge nothing."""
        self._hedged.clear()
        self._allow_hedges({})

    def adjust(
        self,
        own: Sequence[OpenPosition],
        held: Sequence[OpenPosition],
        impossible: Collection[str],
        orders: Sequence[OpenOrder],
    ) -> None:
        """Bring the hedges `held` in line with the positions `own`, of which some are `impossible` to close."""
        exposure: dict[str, float] = {}
        for position in own:
            if position.instrument in self._config:
                exposure[position.instrument] = exposure.get(position.instrument, 0.0) + position.signed_quantity
        stuck = {position.instrument for position in own if position.position_id in impossible}
        self._hedged = {name for name in self._hedged | stuck if exposure.get(name, 0.0) != 0.0}

        hedging: dict[str, list[tuple[str, float]]] = {position.instrument: [] for position in held}
        for name in self.hedged:
            hedge = self._config[name]
            hedging.setdefault(hedge.instrument, []).append((name, hedge.ratio))
        for instrument, hedged in sorted(hedging.items()):
            if any(order.strategy == HEDGE_STRATEGY and order.instrument == instrument for order in orders):
                continue  # one step at a time: what is on its way may be all that is missing
            hedge_held = next((position for position in held if position.instrument == instrument), None)
            target = -math.fsum(ratio * exposure[name] for name, ratio in hedged)
            if not self._let_go(hedge_held, target) and any(name in stuck for name, _ in hedged):
                holds = 0.0 if hedge_held is None else hedge_held.signed_quantity
                self._grow(instrument, target - holds, HedgeAllowance(tuple(hedged)))

    def _let_go(self, position: OpenPosition | None, target: float) -> bool:
        """Reduce what is held beyond the target; returns whether there was anything."""
        if position is None:
            return False
        sign = 1.0 if position.signed_quantity > 0.0 else -1.0
        excess = abs(position.signed_quantity) - max(0.0, sign * target)
        if excess <= self._half_a_lot(position.instrument):
            return False
        key = position.position_id
        self._attempt("unwind", key, partial(self._desk.reduce, key, excess, Purpose.HEDGE))
        return True

    def _grow(self, instrument: str, missing: float, allowance: HedgeAllowance) -> None:
        if abs(missing) <= self._half_a_lot(instrument) or not self._can_trade(venue_of(instrument)):
            return
        side = Side.BUY if missing > 0.0 else Side.SELL
        self._allow_hedges({instrument: allowance})
        self._attempt("hedge", instrument, partial(self._desk.hedge, instrument, side, abs(missing), Purpose.HEDGE))
        self._allow_hedges({})

    def _half_a_lot(self, instrument: str) -> float:
        facts = self._facts(instrument)
        return 0.0 if facts is None else 0.5 * facts.size_increment
