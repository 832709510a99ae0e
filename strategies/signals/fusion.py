"""Fuse the technical and the learned signal, and turn the result into a trade plan with stop and target."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from strategies.signals.blend import blend
from strategies.signals.signal import Signal, encode_tag

Weight = Annotated[float, msgspec.Meta(ge=0.0)]
Multiple = Annotated[float, msgspec.Meta(gt=0.0)]


class FusionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights of the two sides, and the distances of stop and target in average true ranges."""

    technical_weight: Weight = 0.5
    learned_weight: Weight = 0.5
    stop_atr: Multiple = 2.0
    take_profit_atr: Multiple = 3.0

    def __post_init__(self) -> None:
        if not self.technical_weight + self.learned_weight > 0.0:
            raise ValueError("need technical_weight + learned_weight above 0")

    @property
    def payoff(self) -> float:
        """Return what a full win gains for each unit that a full loss costs."""
        return self.take_profit_atr / self.stop_atr


class FusedSignal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    A trade plan: the fused opinion, how much to trade, where to enter, where to be wrong, where to be right.

    `size` is the position's notional as a fraction of equity, not negative. `entry` is the price the plan was made at;
    `stop_loss` and `take_profit` lie on opposite sides of it. `technical` and `learned` are the shares of the two sides
    in the strength; they add up to it, and a side that abstained has None.
    """

    direction: float
    confidence: float
    expected_return: float
    risk_score: float
    size: float
    entry: float
    stop_loss: float
    take_profit: float
    technical: float | None
    learned: float | None

    @property
    def sign(self) -> int:
        """Return +1 for a long plan, -1 for a short one."""
        return 1 if self.direction > 0.0 else -1

    def tag(self, parts: Iterable[Signal | None] = ()) -> str:
        """Write the plan, and the strengths of the technical rules behind it, as the entry order's signal tag."""
        fields: dict[str, Any] = {
            "confidence": self.confidence,
            "contributions": {"ml": self.learned, "ta": self.technical},
            "direction": self.direction,
            "entry": self.entry,
            "expected_return": self.expected_return,
            "risk_score": self.risk_score,
            "size": self.size,
            "stop_loss": self.stop_loss,
            "take_profit": self.take_profit,
        }
        rules = {part.source: part.strength for part in parts if part is not None}
        if rules:
            fields["rules"] = rules
        return encode_tag(fields)


def fuse(technical: Signal | None, learned: Signal | None, config: FusionConfig) -> Signal | None:
    """
    Average the two sides by weight and confidence; see `blend` for the formula and its properties.

    A side that abstains is left out, so without a model the technical side decides alone. None where no side with a
    weight above 0 has an opinion.
    """
    return blend("fused", ((config.technical_weight, technical), (config.learned_weight, learned)))


def plan(
    fused: Signal,
    technical: Signal | None,
    learned: Signal | None,
    config: FusionConfig,
    *,
    price: float,
    atr: float,
    size: float,
) -> FusedSignal | None:
    """
    Make a trade plan of the fused opinion.

    Parameters
    ----------
    fused, technical, learned : Signal
        What `fuse` gave, and what went into it.
    config : FusionConfig
        Weights and distances.
    price : float
        Reference price of the entry, in quote currency.
    atr : float
        Average true range of a bar, in quote currency.
    size : float
        Notional as a fraction of equity.

    Returns
    -------
    FusedSignal or None
        None where there is nothing to plan: no direction, no size, or a price, a range or a stop that is not a positive
        finite number.

    """
    sign = math.copysign(1.0, fused.direction)
    stop = price - sign * config.stop_atr * atr
    target = price + sign * config.take_profit_atr * atr
    # "not >" rather than "<=", so that a NaN plans nothing
    if fused.direction == 0.0 or not (size > 0.0 and atr > 0.0 and min(price, stop, target) > 0.0):
        return None
    if math.inf in {size, stop, target, price}:
        return None
    shares = _shares(technical, learned, config)
    return FusedSignal(
        direction=fused.direction,
        confidence=fused.confidence,
        expected_return=fused.expected_return,
        risk_score=fused.risk_score,
        size=size,
        entry=price,
        stop_loss=stop,
        take_profit=target,
        technical=shares[0],
        learned=shares[1],
    )


def _shares(
    technical: Signal | None, learned: Signal | None, config: FusionConfig
) -> tuple[float | None, float | None]:
    """Split the fused strength into what each side put into it."""
    sides = ((config.technical_weight, technical), (config.learned_weight, learned))
    total = sum(weight for weight, signal in sides if signal is not None)
    first, second = (None if signal is None else weight * signal.strength / total for weight, signal in sides)
    return first, second
