"""The liquidation ladder: which rung a position stands on, when the rung acts, and how much it does."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from risk.account_margin import AccountMargin, Holding, fraction_to_keep, margin_to_add
from risk.limits import BasisPoints, Fraction, Seconds


class Rung(Enum):
    """What a distance to liquidation calls for, the worst first."""

    CLOSE = "CLOSE"
    REDUCE = "REDUCE"
    MARGIN = "MARGIN"


_WORST_FIRST = tuple(Rung)


class LadderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    When the ladder acts; distances are fractions of the mark.

    A position nearer to liquidation than `close` is closed, nearer than `reduce` it is cut by half, nearer than
    `margin` it gets more margin, or is cut where none can be added. That last step aims at `margin` times
    ``1 + hysteresis``, and a rung is ready to act again once the distance is back at its own threshold times that.
    A position that stays below a rung which has acted is met again after `patience_s`, if nothing is under way.

    Below `ratio_warning` of margin balance per maintenance margin there is a warning, and the next one only after the
    ratio was at `ratio_warning` times ``1 + hysteresis``. `slippage_bps` is what a market order is taken to lose
    beyond the taker fee. `maintenance_assumed` stands in for the brackets of an instrument that has none.
    """

    enabled: bool = True
    close: Fraction = 0.03
    reduce: Fraction = 0.05
    margin: Fraction = 0.10
    hysteresis: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.2
    ratio_warning: Annotated[float, msgspec.Meta(gt=1.0, le=100.0)] = 1.1
    patience_s: Seconds = 5.0
    slippage_bps: BasisPoints = 5.0
    maintenance_assumed: Annotated[float, msgspec.Meta(gt=0.0, le=0.5)] = 0.05

    def __post_init__(self) -> None:
        if not 0.0 < self.close < self.reduce < self.margin:
            raise ValueError(f"need 0 < close < reduce < margin, were {self.close:g}, {self.reduce:g}, {self.margin:g}")
        if not self.target < 1.0:
            raise ValueError(f"margin * (1 + hysteresis) must be below 1, was {self.target:g}")
        if not self.slippage_bps / 1e4 < self.close:
            raise ValueError(f"slippage_bps must be less than the distance close, was {self.slippage_bps:g}")

    @property
    def target(self) -> float:
        """Return the distance that adding margin aims at."""
        return self.margin * (1.0 + self.hysteresis)

    def threshold(self, rung: Rung) -> float:
        """Return the distance below which a rung acts."""
        return {Rung.CLOSE: self.close, Rung.REDUCE: self.reduce, Rung.MARGIN: self.margin}[rung]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a rung wants done about one instrument's position.

    `quantity` is how much to close, in base units, and `margin` what to add to its collateral, in quote currency.
    Where both are given, `margin` comes first, and `quantity` is for a venue that does not take it.
    """

    rung: Rung
    instrument: str
    distance: float
    quantity: float
    margin: float = 0.0


class _Crossing(msgspec.Struct):
    """Which rungs have acted for a position, and when the last one did."""

    acted: list[Rung]
    at_ns: int


class Ladder:
    """
    Tell when a rung acts: once for each time a position crosses it.

    While an order against the position is under way only a worse rung acts, so nothing is done twice. Where a rung
    has acted and the position is still below it, the gentler ones below have their turn (half an isolated position
    keeps half the margin, and with it its distance: it is the margin set free and added that moves it away); not so
    below `Rung.CLOSE`, which leaves nothing to be gentle with.

    Parameters
    ----------
    config : LadderConfig
        Thresholds.

    """

    def __init__(self, config: LadderConfig) -> None:
        self.config = config
        self._crossings: dict[tuple[str, bool], _Crossing] = {}
        self._warned: set[str] = set()
        self._patience_ns = round(config.patience_s * 1e9)

    def rung(self, now_ns: int, instrument: str, *, long: bool, distance: float, under_way: bool) -> Rung | None:
        """
        Return the rung that acts now for a position, and take note that it does; None where none does.

        Parameters
        ----------
        now_ns : int
            Engine time.
        instrument, long : str, bool
            Which position; one that turned is another.
        distance : float
            Its distance to liquidation, a fraction of the mark; nothing acts on NaN.
        under_way : bool
            Whether an order that closes a part of it has been sent and is not over.

        """
        key = (instrument, long)
        crossing = self._crossings.get(key)
        breached = [rung for rung in _WORST_FIRST if distance < self.config.threshold(rung)]
        if crossing is None:
            if not breached:
                return None
            crossing = self._crossings[key] = _Crossing([], now_ns)
        if not under_way:
            crossing.acted = [rung for rung in crossing.acted if not self._recovered(rung, distance)]
        if not crossing.acted and not breached:
            del self._crossings[key]
            return None
        rung = self._ready(now_ns, breached, crossing, under_way=under_way)
        if rung is not None:
            crossing.acted.append(rung)
            crossing.at_ns = now_ns
        return rung

    def _recovered(self, rung: Rung, distance: float) -> bool:
        return distance >= self.config.threshold(rung) * (1.0 + self.config.hysteresis)

    def _ready(self, now_ns: int, breached: list[Rung], crossing: _Crossing, *, under_way: bool) -> Rung | None:
        if not breached:
            return None
        worst = breached[0]
        if under_way and any(_WORST_FIRST.index(rung) <= _WORST_FIRST.index(worst) for rung in crossing.acted):
            return None
        if worst not in crossing.acted:
            return worst
        if worst is not Rung.CLOSE:
            gentler = next((rung for rung in breached if rung not in crossing.acted), None)
            if gentler is not None:
                return gentler
        if now_ns - crossing.at_ns < self._patience_ns:
            return None
        crossing.acted = [rung for rung in crossing.acted if rung not in breached]
        return worst

    def warns(self, account: str, ratio: float) -> bool:
        """Return whether an account's margin ratio calls for a warning now, once for each time it falls below."""
        if account in self._warned:
            if ratio >= self.config.ratio_warning * (1.0 + self.config.hysteresis):
                self._warned.discard(account)
            return False
        if ratio < self.config.ratio_warning:
            self._warned.add(account)
            return True
        return False

    def keep_only(self, held: set[tuple[str, bool]]) -> None:
        """Forget positions that are not among these; each is an instrument and whether it is long."""
        for key in [key for key in self._crossings if key not in held]:
            del self._crossings[key]

    @property
    def idle(self) -> bool:
        """Return whether no position stands on a rung."""
        return not self._crossings


def step_of(
    rung: Rung, holding: Holding, account: AccountMargin, distance: float, config: LadderConfig, fee: float
) -> Step:
    """
    Return what a rung does about a holding.

    All of it goes at `Rung.CLOSE`, half at `Rung.REDUCE`. At `Rung.MARGIN` an isolated position gets what it lacks to
    the target, as long as the free balance holds enough for the threshold itself. Else it is cut so far that what it
    then sets free is enough. A cross-margined one is cut by the fraction that brings the whole account to the target;
    every position of the account stands at the same distance and is cut alike, which keeps hedges in proportion.

    Parameters
    ----------
    rung : Rung
        What acts.
    holding : Holding
        With a known mark.
    account : AccountMargin
        The account it belongs to; its `free` is what may be added to isolated positions.
    distance : float
        The holding's.
    config : LadderConfig
        Thresholds.
    fee : float
        The taker fee, a fraction.

    """
    size = abs(holding.signed_quantity)
    if rung is Rung.CLOSE:
        return Step(rung=rung, instrument=holding.instrument, distance=distance, quantity=size)
    if rung is Rung.REDUCE:
        return Step(rung=rung, instrument=holding.instrument, distance=distance, quantity=size / 2)
    cost = min(max(0.0, fee) + config.slippage_bps / 1e4, config.close)
    if holding.margin is None:
        kept = fraction_to_keep(account.balance, account.cross, config.target, cost)
        return Step(rung=rung, instrument=holding.instrument, distance=distance, quantity=size * (1.0 - kept))
    free = max(0.0, account.free)
    kept = fraction_to_keep(holding.margin + holding.profit + free, (holding,), config.target, cost)
    margin = 0.0
    if margin_to_add(holding, config.margin) <= free:
        margin = min(free, margin_to_add(holding, config.target))
    return Step(
        rung=rung, instrument=holding.instrument, distance=distance, quantity=size * (1.0 - kept), margin=margin
    )
