"""Whether a result is believable at all: a band for Sharpe ratio, growth and profit factor."""

from __future__ import annotations

from typing import Annotated

import msgspec


class SanityConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The band outside which a result is taken for a mistake until shown otherwise.

    The upper ends are what very few real strategies hold over years; better results usually come from look-ahead,
    missing costs or impossible fills. The lower ends are so bad that a wrong sign or a fee counted twice is likelier
    than bad luck. Runs shorter than `days_min` days, and profit factors of fewer than `trades_min` trades, are too
    short to judge: they get a remark, not a failure.
    """

    sharpe_min: float = -8.0
    sharpe_max: float = 3.5
    cagr_min: Annotated[float, msgspec.Meta(ge=-1.0)] = -0.99
    cagr_max: Annotated[float, msgspec.Meta(gt=0.0)] = 2.0
    profit_factor_min: Annotated[float, msgspec.Meta(ge=0.0)] = 0.1
    profit_factor_max: Annotated[float, msgspec.Meta(gt=1.0)] = 4.0
    days_min: Annotated[int, msgspec.Meta(ge=0)] = 30
    trades_min: Annotated[int, msgspec.Meta(ge=0)] = 20

    def __post_init__(self) -> None:
        for figure in ("sharpe", "cagr", "profit_factor"):
            low, high = getattr(self, f"{figure}_min"), getattr(self, f"{figure}_max")
            if not low < high:
                raise ValueError(f"{figure}_min must be below {figure}_max, were {low}, {high}")


class Implausible(msgspec.Struct, frozen=True):
    """A figure outside its band."""

    figure: str
    measured: float
    low: float
    high: float

    def __str__(self) -> str:
        name = {"cagr": "growth a year"}.get(self.figure, self.figure.replace("_", " "))
        if self.measured > self.high:
            return (
                f"{name} {self.measured:.4g} is above the sanity band's {self.high:.4g}: "
                "look for look-ahead, missing costs or impossible fills before believing this result"
            )
        return (
            f"{name} {self.measured:.4g} is below the sanity band's {self.low:.4g}: "
            "look for a wrong sign, a cost counted twice or runaway trading before believing this result"
        )


def outside_band(
    config: SanityConfig,
    *,
    sharpe: float | None,
    cagr: float | None,
    profit_factor: float | None,
    days: float,
    trades: int,
) -> list[Implausible]:
    """
    Return the figures outside the band; the caller shows them first and ends with `QualityError` (exit code 5).

    A figure that is None or NaN is undefined and not judged; exactly at an end of the band is inside.
    """
    figures: list[tuple[str, float | None]] = []
    if days >= config.days_min:
        figures += [("sharpe", sharpe), ("cagr", cagr)]
    if trades >= config.trades_min:
        figures.append(("profit_factor", profit_factor))
    found = []
    for name, value in figures:
        low, high = getattr(config, f"{name}_min"), getattr(config, f"{name}_max")
        if value is not None and (value < low or value > high):
            found.append(Implausible(name, value, low, high))
    return found


def too_short_remarks(config: SanityConfig, *, days: float, trades: int) -> list[str]:
    """Return remarks on figures that rest on too little to be judged."""
    remarks = []
    if days < config.days_min:
        remarks.append(f"{days:.1f} days are too short to judge Sharpe ratio and growth ({config.days_min} wanted)")
    if trades < config.trades_min:
        remarks.append(f"{trades} trades are too few to judge the profit factor ({config.trades_min} wanted)")
    return remarks
