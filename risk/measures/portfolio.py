"""Keep the value at risk and the clusters of what is held now, and tell quickly what one more order makes of them."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numba import njit

from catalog.model import F64
from risk.limits import CorrelationLimitConfig, RiskMethod, ValueAtRiskLimitConfig
from risk.measures.correlation import CorrelationTracker
from risk.measures.covariance import ledoit_wolf
from risk.measures.return_grid import ReturnGrid
from risk.measures.value_at_risk import Figures, filter_returns, normal_multiples, tail_loss

_HELD, _COMMITTED = 0, 1
"""Rows of the two portfolios that are judged: positions as they are, and with all working orders filled."""

_ROUNDING = 1e-9
"""Lifts a bound, as a share of what was added up, above what rounding may do to the figures it bounds."""

_ROWS_LET_WAIT = 20
"""Rows that may wait for the correlations until somebody asks; no window is shorter."""


class PortfolioRisk:
    """
    Measure the portfolio's tail risk and its clusters, from marks and holdings as they come.

    Parameters
    ----------
    value_at_risk : ValueAtRiskLimitConfig
        Method, confidence, horizon, sampling.
    correlation : CorrelationLimitConfig
        Decay and observations of the correlations, which share the sampling.

    Notes
    -----
    Figures are in quote currency, over the horizon, plus for a loss, and never negative. Two portfolios are judged
    and the worse one counts: the positions as they are, and with all working orders filled, each instrument on the
    side that would then be larger. So an order that rests hedges nothing, and one that rests is not free.

    Instruments present in all rows kept are judged jointly. Younger ones with `observations_min` returns add their
    own figure, as if they fell together with everything else; the rest add `move_assumed` of their notional. What is
    unknown therefore makes the figure larger, and a NaN makes it NaN.

    Everything follows from the sequence of calls, so that feeding the same marks and holdings again gives the same
    figures; nothing needs to be stored.

    """

    def __init__(self, value_at_risk: ValueAtRiskLimitConfig, correlation: CorrelationLimitConfig) -> None:
        self._config = value_at_risk
        self._threshold = correlation.threshold
        self._grid = ReturnGrid(value_at_risk.sample_h, value_at_risk.window)
        self._correlations = CorrelationTracker(correlation.decay, correlation.observations_min)
        self._tracked = 0
        self._count = 0
        self._notionals = np.zeros((2, 0))
        self._sides = np.zeros((2, 0))
        self._scenarios = np.zeros((0, 0))
        self._alone = np.zeros((4, 0))
        self._places: dict[str, int] = {}
        self._held: list[float] = []
        self._unit_loss: list[float] = []
        self._losses: list[float] = []
        self._total_loss = self._total_side = 0.0
        self._totals_stale = True
        self._larger_sides: list[float] = []
        self._profits = np.zeros((2, 0))
        self._learned_at = -1
        self._stale = True
        of_var, of_cvar = normal_multiples(value_at_risk.confidence)
        scale = math.sqrt(value_at_risk.horizon_h / value_at_risk.sample_h)
        normal = float(value_at_risk.method is RiskMethod.PARAMETRIC)
        self._constants = np.array([1.0 - value_at_risk.confidence, scale, normal, of_var, of_cvar, 0.0])
        _compile()

    # what is fed

    def on_mark(self, instrument: str, price: float, ts_ns: int) -> None:
        """Take a mark at an engine time; one that is no positive number is left out."""
        if self._grid.on_mark(instrument, price, ts_ns) and self._grid.rows_ever - self._tracked >= _ROWS_LET_WAIT:
            self._track()

    def hold(self, instrument: str, held: float, longest: float, shortest: float) -> None:
        """
        Take over one instrument's holdings, in place of what was known.

        Parameters
        ----------
        instrument : str
            Its id.
        held : float
            Notional of the position at mark, plus for long.
        longest, shortest : float
            Notional, neither negative, that would be long if all working buys were filled and no sell, and short
            the other way round.

        """
        place = self.place(instrument)
        if math.isnan(held + longest + shortest):
            held = longest = shortest = math.nan
        committed = -shortest if shortest > longest else longest
        self._notionals[_HELD, place] = held
        self._notionals[_COMMITTED, place] = committed
        self._sides[0, place] = longest
        self._sides[1, place] = shortest
        self._larger_sides[place] = abs(committed)
        self._held[place] = held
        self._losses[place] = max(abs(held), abs(committed)) * self._unit_loss[place]
        self._stale = self._totals_stale = True

    def place(self, instrument: str) -> int:
        """Return the instrument's place in matrices, a new one where it is not known."""
        known = self._places.get(instrument)
        if known is not None:
            return known
        place = self._places[instrument] = self._grid.place(instrument)
        if place >= self._count:
            missing = place + 1 - self._notionals.shape[1]
            if missing > 0:
                more = np.zeros((2, max(missing, self._notionals.shape[1])))  # at least twice as many as there were
                self._notionals = np.hstack((self._notionals, more))
                self._sides = np.hstack((self._sides, more))
                for per_place in (self._held, self._unit_loss, self._losses, self._larger_sides):
                    per_place.extend([0.0] * more.shape[1])
            self._count = place + 1
            self._learned_at = -1
        return place

    # what is asked

    def present(self) -> Figures:
        """Return the figures of what is held and working now, in quote currency; NaN where a holding is."""
        return self._figures(-1, 0.0, 0.0)

    def with_order(self, instrument: str, signed_notional: float, committed: float | None = None) -> Figures:
        """
        Return the figures with one order more.

        Parameters
        ----------
        instrument : str
            Its id.
        signed_notional : float
            What the order would add to the position, plus for a buy.
        committed : float or None
            The signed notional there would be with all working orders of its side filled, this one included; None for
            what is known plus this order.

        Returns
        -------
        Figures
            Quote currency. NaN where the order or any holding is.

        """
        place = self.place(instrument)
        if committed is None:
            committed = signed_notional + (self._sides[0, place] if signed_notional >= 0.0 else -self._sides[1, place])
        return self._figures(place, signed_notional, committed - self._notionals[_COMMITTED, place])

    def at_most(self, instrument: str, signed_notional: float, committed: float) -> float:
        """
        Return a bound, quickly: neither figure of `with_order` is larger.

        It is the sum of every instrument's own expected shortfall on its worse side. The shortfall of a sum is never
        larger than the sum of shortfalls, and the value at risk never larger than the shortfall. NaN where a holding
        is unknown.
        """
        place = self.place(instrument)
        if self._learned_at != self._grid.rows_ever:
            self._learn()
        if self._totals_stale:
            self._add_up()
        if math.isnan(committed + signed_notional):
            return math.nan
        own = max(abs(self._held[place] + signed_notional), abs(committed)) * self._unit_loss[place]
        return self._total_loss - self._losses[place] + own + _ROUNDING * (self._total_loss + own)

    def cluster_at_most(self, instrument: str) -> float:
        """Return a bound, quickly: `cluster` is never larger, whatever the correlations; NaN as there."""
        place = self.place(instrument)
        if self._totals_stale:
            self._add_up()
        return self._total_side - self._larger_sides[place] + _ROUNDING * self._total_side

    def cluster(self, instrument: str, direction: float) -> float:
        """
        Return the notional of other instruments that would lose together with this one, working orders included.

        `direction` is plus for a buy. NaN where a holding is unknown. See `CorrelationTracker.cluster`.
        """
        self._track()
        return self._correlations.cluster(self.place(instrument), direction, self._sides, self._threshold)

    def correlation(self, first: str, second: str) -> float:
        """Return the correlation of two instruments; NaN while too few common returns are known."""
        self._track()
        return self._correlations.correlation(self.place(first), self.place(second))

    # inside

    def _add_up(self) -> None:
        self._total_loss, self._total_side = math.fsum(self._losses), math.fsum(self._larger_sides)
        self._totals_stale = False

    def _track(self) -> None:
        """Give the correlations the rows they have not seen; many at once, as a call costs more than a row."""
        rows = self._grid.rows_ever
        if rows != self._tracked:
            self._correlations.update(self._grid.since(self._tracked))
            self._tracked = rows

    def _figures(self, place: int, change_held: float, change_committed: float) -> Figures:
        if self._learned_at != self._grid.rows_ever:
            self._learn()
        stale, self._stale = self._stale, False
        return Figures(
            *_figures(
                self._notionals,
                self._scenarios,
                self._alone,
                self._profits,
                self._constants,
                stale,
                place,
                change_held,
                change_committed,
            )
        )

    def _learn(self) -> None:
        """
        Turn the returns kept into scenarios of the joint instruments and figures of the others.

        `scenarios` is float64[k, rows], 0 where a return is missing and for instruments not judged jointly. `alone`,
        float64[4, k], holds for those, per unit of notional and over the horizon, value at risk long and short, then
        shortfall long and short; it is 0 for joint ones.

        The parametric method needs no covariance matrix: with shrinkage `s` to a mean variance `m` a portfolio's
        variance is ``(1 - s)`` times the mean square of its centred scenarios plus ``s * m`` times the sum of its
        squared notionals, and so the scenarios hold centred returns times ``sqrt(1 - s)``.
        """
        config, grid, count = self._config, self._grid, self._count
        returns = grid.returns()
        known = len(returns) - np.isnan(returns).sum(axis=0)
        enough = known >= config.observations_min
        joint = [place for place in range(count) if enough[place] and grid.covers(place)]
        together = set(joint)
        if config.method is RiskMethod.FILTERED and len(returns):
            returns = filter_returns(returns, config.decay)

        width = self._notionals.shape[1]
        self._scenarios = np.zeros((width, len(returns)))
        self._scenarios[joint] = np.nan_to_num(returns[:, joint].T, nan=0.0)
        if config.method is RiskMethod.PARAMETRIC and joint:
            shrunk = ledoit_wolf(self._scenarios[joint].T)
            mean_variance = float(np.trace(shrunk.covariance)) / len(joint)
            centred = self._scenarios[joint] - self._scenarios[joint].mean(axis=1, keepdims=True)
            self._scenarios[joint] = centred * math.sqrt(1.0 - shrunk.shrinkage)
            self._constants[5] = shrunk.shrinkage * mean_variance
        self._alone = np.zeros((4, width))
        for place in range(count):
            if not enough[place]:
                of_var, of_cvar = self._constants[3:5]
                self._alone[:2, place] = config.move_assumed
                self._alone[2:, place] = config.move_assumed * of_cvar / of_var  # as far beyond as with a normal loss
            elif place not in together:
                self._alone[:, place] = self._of_one(returns[:, place])
        self._unit_loss[:count] = [self._worse_shortfall(place, place in together) for place in range(count)]
        largest = np.max(np.abs(self._notionals), axis=0)
        self._losses = [notional * unit for notional, unit in zip(largest.tolist(), self._unit_loss, strict=True)]
        self._profits = np.zeros((2, len(returns)))
        self._learned_at = grid.rows_ever
        self._stale = self._totals_stale = True

    def _worse_shortfall(self, place: int, joint: bool) -> float:
        """Return the expected shortfall of one unit of notional, long or short, whichever is larger."""
        if not joint:
            return float(max(self._alone[2:, place]))
        tail_share, scale, normal, _, of_cvar, ridge = self._constants
        own = self._scenarios[place]
        if normal:
            return float(of_cvar * math.sqrt(np.mean(own * own) + ridge) * scale)
        return float(max(0.0, tail_loss(own, tail_share)[1], tail_loss(-own, tail_share)[1]) * scale)

    def _of_one(self, returns: F64) -> F64:
        own = returns[~np.isnan(returns)]
        tail_share, scale, normal, of_var, of_cvar, _ = self._constants
        if normal:
            figures = np.sqrt(np.mean(own * own)) * np.array([of_var, of_var, of_cvar, of_cvar])
        else:
            long, short = tail_loss(own, tail_share), tail_loss(-own, tail_share)
            figures = np.maximum(0.0, np.array([long[0], short[0], long[1], short[1]]))
        return np.asarray(figures * scale)


@cache
def _compile() -> None:
    """Compile (or load) every kernel once, so that no order waits for it."""
    none, two = np.zeros((0, 0)), np.zeros((2, 0))
    _figures(two, none, np.zeros((4, 0)), two.copy(), np.zeros(6), True, -1, 0.0, 0.0)
    filter_returns(np.zeros((1, 1)), 0.5)
    tracker = CorrelationTracker(0.5, 2)
    tracker.update(np.zeros((1, 1)))
    tracker.cluster(0, 1.0, np.zeros((2, 1)), 1.0)


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _figures(
    notionals: F64,
    scenarios: F64,
    alone: F64,
    profits: F64,
    constants: F64,
    stale: bool,
    place: int,
    change_held: float,
    change_committed: float,
) -> tuple[float, float]:
    """Return the worse figures of both portfolios after one instrument's notional has changed (none for place -1)."""
    if stale:
        _fill_profits(notionals, scenarios, profits)
    var, cvar = _of_portfolio(notionals[0], scenarios, alone, profits[0], constants, place, change_held)
    same = change_held == change_committed
    for index in range(notionals.shape[1]):
        same = same and notionals[0, index] == notionals[1, index]
    if not same:
        other_var, other_cvar = _of_portfolio(
            notionals[1], scenarios, alone, profits[1], constants, place, change_committed
        )
        # "not <" takes over a NaN
        var = var if other_var < var or var != var else other_var  # noqa: PLR0124
        cvar = cvar if other_cvar < cvar or cvar != cvar else other_cvar  # noqa: PLR0124
    return var, cvar


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _of_portfolio(
    notionals: F64, scenarios: F64, alone: F64, profits: F64, constants: F64, place: int, change: float
) -> tuple[float, float]:
    tail_share, scale, normal, of_var, of_cvar, ridge = constants
    apart_var = apart_cvar = squares = 0.0
    for index in range(notionals.shape[0]):
        notional = notionals[index] + (change if index == place else 0.0)
        if alone[0, index] == 0.0 and alone[1, index] == 0.0:
            squares += notional * notional
            continue
        short = 1 if notional < 0.0 else 0
        apart_var += abs(notional) * alone[short, index]
        apart_cvar += abs(notional) * alone[2 + short, index]
    if profits.shape[0] == 0:
        return apart_var, apart_cvar

    changed = profits
    if place >= 0 and change != 0.0:
        changed = profits + change * scenarios[place]
    if normal:
        deviation = np.sqrt(np.mean(changed * changed) + ridge * squares)
        var, cvar = of_var * deviation, of_cvar * deviation
    else:
        var, cvar = tail_loss(changed, tail_share)
        # what is held together may gain in its tail, but that offsets nothing
        var = max(var, 0.0)
        cvar = max(cvar, 0.0)
    return var * scale + apart_var, cvar * scale + apart_cvar


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _fill_profits(notionals: F64, scenarios: F64, profits: F64) -> None:
    """Work out each portfolio's profit in each scenario, adding instruments in the order of their places."""
    profits[:] = 0.0
    for which in range(notionals.shape[0]):
        for index in range(notionals.shape[1]):
            notional = notionals[which, index]
            if notional == 0.0:
                continue
            for row in range(profits.shape[1]):
                profits[which, row] += notional * scenarios[index, row]
