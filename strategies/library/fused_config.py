"""The fused strategy's configuration: what it watches, believes, risks, and when it gives up."""

from __future__ import annotations

from typing import Annotated

import msgspec
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.data import BarType
from nautilus_trader.model.identifiers import InstrumentId

from strategies.features.spec import FeatureSpec
from strategies.library.position_size import TradeSizeConfig
from strategies.library.powers import StrategyPowers
from strategies.signals.fusion import FusionConfig
from strategies.signals.learned import LearnedConfig
from strategies.signals.technical import TechnicalConfig

Strength = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
Bars = Annotated[int, msgspec.Meta(ge=0)]


class FusedConfig(StrategyConfig, frozen=True, kw_only=True):
    """
    Configuration of `FusedStrategy`: one instance trades all its instruments, on bars of one length.

    Attributes
    ----------
    instrument_ids : tuple of InstrumentId
        What to trade, all on one account's quote currency; each has its own features and state.
    bar : str
        Length of the bars, as in ``"1-HOUR"``; last prices, made outside the engine.
    features : tuple of FeatureSpec
        Columns of the feature row; empty takes the default set. A model must have been trained on the same.
    technical, learned, fusion, sizing : structs
        The parts' own parameters.
    volatility : str
        Label of the feature with the standard deviation of one bar's log return.
    model_folder : str or None
        Folder of the walk-forward schedule; None trades on technical signals alone.
    generate_signals, use_model, use_kelly, risk_multiplier, leverage_max
        What the control mode allows at the start, as in `StrategyPowers`; whoever starts the strategy sets them from
        the mode. They change later by `FusedStrategy.set_powers`.
    entry_strength, exit_strength : float
        Enter when the fused strength reaches the first; leave when it reaches the second on the other side.
    max_holding_bars : int
        Leave a position after so many bars; 0 for no limit.
    cooldown_bars : int
        Bars to wait after a position before the next entry in that instrument.
    allow_short : bool
        Whether to sell what is not held; on a cash account never, whatever is said here.
    trade_from_ns : int
        Bars that close before this only warm the features up.

    """

    instrument_ids: tuple[InstrumentId, ...]
    bar: str = "1-HOUR"
    features: tuple[FeatureSpec, ...] = ()
    technical: TechnicalConfig = TechnicalConfig()
    learned: LearnedConfig = LearnedConfig()
    fusion: FusionConfig = FusionConfig()
    sizing: TradeSizeConfig = TradeSizeConfig()
    volatility: str = "ewma_volatility_0.94"
    model_folder: str | None = None
    generate_signals: bool = True
    use_model: bool = True
    use_kelly: bool = True
    risk_multiplier: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    leverage_max: Annotated[float, msgspec.Meta(ge=0.0)] = 3.0
    entry_strength: Strength = 0.25
    exit_strength: Strength = 0.1
    max_holding_bars: Bars = 72
    cooldown_bars: Bars = 1
    allow_short: bool = True
    trade_from_ns: Annotated[int, msgspec.Meta(ge=0)] = 0
    log_events: bool = False
    log_commands: bool = False

    def __post_init__(self) -> None:
        if not self.instrument_ids:
            raise ValueError("need at least one instrument in instrument_ids, was empty")
        if len(set(self.instrument_ids)) != len(self.instrument_ids):
            raise ValueError(f"instrument_ids must differ, were {[str(each) for each in self.instrument_ids]}")
        self.bar_types()

    def powers(self) -> StrategyPowers:
        """Return what the control mode allows at the start."""
        return StrategyPowers(**{name: getattr(self, name) for name in StrategyPowers.__struct_fields__})

    def bar_types(self) -> tuple[BarType, ...]:
        """Return the bar type of each instrument, in order; raise `ValueError` where `bar` is no bar length."""
        return tuple(
            BarType.from_str(f"{instrument_id}-{self.bar}-LAST-EXTERNAL") for instrument_id in self.instrument_ids
        )
