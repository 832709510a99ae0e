"""Put a portfolio through scenarios: what is lost, how near liquidation comes, which limits break."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import Enum
from statistics import NormalDist

import msgspec

from risk.modes.table import POWERS
from risk.stress_portfolio import DAILY_VOLATILITY, DAILY_VOLATILITY_OTHER, StressPortfolio, StressPosition
from risk.stress_scenarios import Family, Scenario

_DAY_H = 24.0


class Limit(Enum):
    """What may break."""

    DRAWDOWN = "DRAWDOWN"
    DAILY_LOSS = "DAILY_LOSS"
    VALUE_AT_RISK = "VALUE_AT_RISK"
    LEVERAGE = "LEVERAGE"
    LIQUIDATION = "LIQUIDATION"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one scenario does.

    `pnl` and `equity` are in quote currency, `pnl_fraction` of the equity before; `drawdown`, `leverage` and
    `value_at_risk` are fractions of the equity after, infinite where nothing of it is left. `liquidation_distance` is
    the smallest of all positions, a fraction of the mark: 0 where one is liquidated, infinite where none can be.
    `liquidated` names venues whose account, or instruments whose isolated margin, is used up. `broken` are the limits
    that do not hold afterwards, and `broken_before` tells which of them did not hold before either.
    """

    name: str
    family: Family
    note: str
    pnl: float
    pnl_fraction: float
    equity: float
    drawdown: float
    leverage: float
    value_at_risk: float
    liquidation_distance: float
    liquidated: tuple[str, ...]
    broken: tuple[Limit, ...]
    broken_before: tuple[Limit, ...]


def run_scenario(portfolio: StressPortfolio, scenario: Scenario) -> Outcome:
    """
    Return what a scenario does to a portfolio.

    All of it happens at once, before anybody can act. A cross-margined account that is liquidated is taken to be lost
    whole, and an isolated position to lose its margin: what is left may go into the venue's liquidation fee, and what
    is missing is the venue's loss.
    """
    portfolio = portfolio.based()
    before = portfolio.equity
    shocked = shock(portfolio, scenario)
    settled, liquidated = _liquidate(shocked)
    equity = settled.equity
    rooms = headrooms(settled)
    broken = tuple(limit for limit, room in rooms.items() if not room >= 0.0)
    if liquidated and Limit.LIQUIDATION not in broken:
        broken = (*broken, Limit.LIQUIDATION)
    return Outcome(
        name=scenario.name,
        family=scenario.family,
        note=scenario.note,
        pnl=equity - before,
        pnl_fraction=(equity - before) / before if before > 0.0 else math.nan,
        equity=equity,
        drawdown=max(0.0, 1.0 - equity / portfolio.drawdown_base) if portfolio.drawdown_base > 0.0 else math.nan,
        leverage=_per_equity(settled.exposure, equity),
        value_at_risk=_per_equity(value_at_risk(settled), equity),
        liquidation_distance=0.0 if liquidated else liquidation_distance(settled),
        liquidated=liquidated,
        broken=broken,
        broken_before=tuple(limit for limit, room in headrooms(portfolio).items() if not room >= 0.0),
    )


def run_scenarios(portfolio: StressPortfolio, scenarios: Iterable[Scenario]) -> tuple[Outcome, ...]:
    """Return what each scenario does, in their order."""
    return tuple(run_scenario(portfolio, scenario) for scenario in scenarios)


def shock(portfolio: StressPortfolio, scenario: Scenario) -> StressPortfolio:
    """Return the portfolio after a scenario, marked to market: nothing is liquidated yet."""
    moved = move(
        portfolio,
        lambda position: scenario.move(position.of_asset) - math.copysign(scenario.against, position.signed_quantity),
    )
    costs = [0.5e-4 * scenario.spread_bps * abs(position.notional) for position in moved.positions]
    paid = [
        0.0 if position.spot else scenario.funding_rate * scenario.funding_payments * position.notional
        for position in moved.positions
    ]
    drawn = dict.fromkeys(portfolio.venues, 0.0)
    for position, cost, payment in zip(moved.positions, costs, paid, strict=True):
        drawn[position.venue] += cost + payment
    positions = moved.positions
    lost = scenario.venue_lost
    if lost is not None:
        drawn[lost] = moved.balance_at(lost)
        positions = tuple(position for position in positions if position.venue != lost)
    volatility = {
        position.of_asset: scenario.volatility_times * _volatility(portfolio, position) for position in positions
    }
    return msgspec.structs.replace(
        moved.less(drawn, positions),
        daily_volatility=volatility,
        correlation=portfolio.correlation if scenario.correlation is None else scenario.correlation,
    )


def move(portfolio: StressPortfolio, of: Callable[[StressPosition], float]) -> StressPortfolio:
    """Return the portfolio with each position's mark moved by a return, and never below a trillionth of itself."""
    positions = tuple(
        msgspec.structs.replace(position, mark=position.mark * max(1e-12, 1.0 + of(position)))
        for position in portfolio.positions
    )
    return msgspec.structs.replace(portfolio, positions=positions)


def headrooms(portfolio: StressPortfolio) -> dict[Limit, float]:
    """
    Return how far each limit that is switched on is from breaking, in quote currency; below 0 it is broken.

    Limits are those of the mode and of the configuration, whichever is lower, as the pre-trade checks have them.
    Liquidation counts the nearest margin account; it is left out where nothing can be liquidated. Each is a concave
    function of any straight move of all prices: it falls through 0 once at most.
    """
    limits, powers, equity = portfolio.limits, POWERS[portfolio.mode], portfolio.equity
    rooms: dict[Limit, float] = {}
    if limits.drawdown.enabled:
        rooms[Limit.DRAWDOWN] = equity - portfolio.drawdown_base * (1.0 - limits.drawdown.max * powers.risk_multiplier)
    if limits.daily_loss.enabled:
        start = portfolio.equity if portfolio.day_start_equity is None else portfolio.day_start_equity
        rooms[Limit.DAILY_LOSS] = equity - start * (1.0 - min(limits.daily_loss.max, powers.daily_loss_max))
    if limits.value_at_risk.enabled:
        share = limits.value_at_risk.max * powers.risk_multiplier
        rooms[Limit.VALUE_AT_RISK] = share * equity - value_at_risk(portfolio)
    if limits.leverage.enabled:
        rooms[Limit.LEVERAGE] = min(limits.leverage.max, powers.leverage_max) * equity - portfolio.exposure
    surpluses = [surplus for _, surplus in _surpluses(portfolio)]
    if surpluses:
        rooms[Limit.LIQUIDATION] = min(surpluses)
    return rooms


def value_at_risk(portfolio: StressPortfolio) -> float:
    """
    Return the normal value at risk in quote currency, by the portfolio's volatilities and one correlation for all.

    Confidence and horizon are those of the value-at-risk limit. Positions in one asset are netted.
    """
    config = portfolio.limits.value_at_risk
    by_asset: dict[str, float] = {}
    for position in portfolio.positions:
        loss = position.notional * _volatility(portfolio, position)
        by_asset[position.of_asset] = by_asset.get(position.of_asset, 0.0) + loss
    alone = math.fsum(loss * loss for loss in by_asset.values())
    together = math.fsum(by_asset.values()) ** 2
    variance = (1.0 - portfolio.correlation) * alone + portfolio.correlation * together
    return NormalDist().inv_cdf(config.confidence) * math.sqrt(variance * config.horizon_h / _DAY_H)


def liquidation_distance(portfolio: StressPortfolio) -> float:
    """Return the smallest distance to liquidation of all positions; infinite where nothing can be liquidated."""
    distances = [portfolio.account_at(venue).distance_min() for venue in portfolio.venues]
    return min((distance for distance in distances if not math.isnan(distance)), default=math.inf)


def _surpluses(portfolio: StressPortfolio) -> list[tuple[str, float]]:
    """Return margin balance less maintenance margin of each account and each isolated position."""
    found: list[tuple[str, float]] = []
    for venue in portfolio.venues:
        account = portfolio.account_at(venue)
        if account.cross:
            found.append((venue, account.balance - account.maintenance))
        found += [
            (holding.instrument, holding.margin + holding.profit - holding.maintenance())
            for holding in account.holdings
            if holding.margin is not None
        ]
    return found


def _liquidate(portfolio: StressPortfolio) -> tuple[StressPortfolio, tuple[str, ...]]:
    """Return what is left once the venues have taken what is used up, and whose that was."""
    gone = tuple(name for name, surplus in _surpluses(portfolio) if not surplus > 0.0)
    if not gone:
        return portfolio, ()
    kept: list[StressPosition] = []
    lost: dict[str, float] = {}
    for venue in portfolio.venues:
        if venue in gone:
            lost[venue] = portfolio.account_at(venue).free
    for position in portfolio.positions:
        margin = position.isolated_margin
        if margin is not None and position.instrument in gone:
            lost[position.venue] = lost.get(position.venue, 0.0) + margin
        elif margin is not None or position.spot or position.venue not in gone:
            kept.append(position)
    return portfolio.less(lost, tuple(kept)), gone


def _volatility(portfolio: StressPortfolio, position: StressPosition) -> float:
    asset = position.of_asset
    given = portfolio.daily_volatility.get(asset)
    return DAILY_VOLATILITY.get(asset, DAILY_VOLATILITY_OTHER) if given is None else given


def _per_equity(amount: float, equity: float) -> float:
    if equity > 0.0:
        return amount / equity
    return math.inf if amount > 0.0 else 0.0
