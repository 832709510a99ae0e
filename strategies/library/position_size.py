"""Size a bracket trade from the strength of its signal: the odds that Kelly's bet needs, and the bounds around it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from risk.sizing import Size, SizingConfig, kelly_binary, size_position
from strategies.library.powers import StrategyPowers


class TradeSizeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How strength becomes size.

    `edge_at_full_strength` is the belief that sizing rests on: how much likelier than without any edge the target is
    reached before the stop when the strength is 1. It is an assumption, not a measurement, and the other bounds hold
    whatever it is. `risk_max` is what the position may lose at its stop, as a fraction of equity; a little less than
    the gate's limit, since the entry fills at a price that is not known yet. `slippage_bps` is expected on the way in
    and again on the way out.
    """

    kelly: SizingConfig = SizingConfig()
    edge_at_full_strength: Annotated[float, msgspec.Meta(gt=0.0, le=0.5)] = 0.2
    risk_max: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.018
    leverage_max: Annotated[float, msgspec.Meta(gt=0.0, le=125.0)] = 1.0
    slippage_bps: Annotated[float, msgspec.Meta(ge=0.0, le=10_000.0)] = 5.0


def trade_size(
    config: TradeSizeConfig,
    powers: StrategyPowers,
    *,
    strength: float,
    stop_distance: float,
    payoff: float,
    fee_rate: float,
    annual_volatility: float,
) -> Size:
    """
    Return the notional of a bracket trade as a fraction of equity.

    Without an edge a price that wanders freely reaches the target before the stop with probability
    ``1 / (1 + payoff)``, the gambler's ruin; the strength adds ``edge_at_full_strength * |strength|``. A win then pays
    the target less costs, a loss costs the stop plus costs, and Kelly's bet for these odds is put at risk between entry
    and stop. A signal too weak to pay its costs has no edge and no size.

    Parameters
    ----------
    config : TradeSizeConfig
        Belief and bounds.
    powers : StrategyPowers
        Whether Kelly may be used, the multiplier of risk, the leverage.
    strength : float
        Of the fused signal, in [-1, 1]; the sign does not matter.
    stop_distance : float
        From entry to stop, as a fraction of the entry.
    payoff : float
        Distance of the target over that of the stop.
    fee_rate : float
        Taker fee, as a fraction of the notional.
    annual_volatility : float
        Standard deviation of the instrument's returns in a year.

    Returns
    -------
    Size
        The fraction, 0 where an input is NaN or there is no edge, and what bound it.

    References
    ----------
    Feller (1968), An Introduction to Probability Theory and Its Applications, vol. 1, ch. XIV: the ruin problem.

    """
    costs = 2.0 * (fee_rate + config.slippage_bps * 1e-4)
    kelly: float | None = None
    if powers.use_kelly:
        wins = 1.0 / (1.0 + payoff) + config.edge_at_full_strength * abs(strength)
        loss, gain = stop_distance + costs, payoff * stop_distance - costs
        # a target that does not pay its costs is a bet no odds can save; min keeps a NaN that comes first
        kelly = kelly_binary(min(wins, 1.0), gain / loss) / loss if gain > 0.0 else 0.0
    return size_position(
        config.kelly,
        kelly=kelly,
        volatility=annual_volatility,
        stop_distance=stop_distance,
        cost_rate=costs,
        risk_max=config.risk_max * powers.risk_multiplier,
        leverage_max=min(config.leverage_max, powers.leverage_max),
    )
