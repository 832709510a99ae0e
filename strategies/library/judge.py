"""Turn one instrument's bars into a judgement: features, technical and learned signals, fusion; no engine types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from catalog.model import F64
from strategies.signals.fusion import FusionConfig, fuse
from strategies.signals.learned import LearnedSignal
from strategies.signals.signal import Signal
from strategies.signals.technical import TechnicalConfig, TechnicalSignals


class Stream(Protocol):
    """One run of the feature kernels over one instrument's bars; `FeatureStream` is one."""

    def step(self, ts_ns: int, open: float, high: float, low: float, close: float, volume: float) -> F64:  # noqa: A002  (the contract's name)
        """Take one bar and return the feature row, valid until the next step."""


class Features(Protocol):
    """What the judge needs of a feature set; `FeatureSet` is one."""

    @property
    def warmup_bars(self) -> int:
        """Return the bars after which every column has a value."""

    @property
    def layout_hash(self) -> str:
        """Return the hash of names, order, parameters and versions."""

    def stream(self) -> Stream:
        """Start a new run."""

    def column(self, label: str) -> int:
        """Return the place of a column in the row."""


class BarFigures(NamedTuple):
    """One bar as plain numbers; `ts_ns` is its close time."""

    ts_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Judgement(NamedTuple):
    """
    What was thought at one bar's close.

    `fused` is None where nobody has an opinion. `parts` are the technical rules behind `technical`. `atr` is in quote
    currency, `volatility` the standard deviation of one bar's log return; both NaN until warm.
    """

    fused: Signal | None
    technical: Signal | None
    learned: Signal | None
    parts: Sequence[Signal | None]
    atr: float
    volatility: float


class Judge:
    """
    Judge one instrument's bars, each from what was known at its close.

    Parameters
    ----------
    features : Features
        The feature set; the judge runs its own stream of it.
    technical : TechnicalConfig
        The technical rules.
    fusion : FusionConfig
        Weights of the two sides.
    volatility : str
        Label of the column with the standard deviation of one bar's log return.

    Attributes
    ----------
    learned : LearnedSignal or None
        The model's signal, which instruments may share; None judges without.

    """

    def __init__(
        self,
        features: Features,
        technical: TechnicalConfig,
        fusion: FusionConfig,
        volatility: str,
    ) -> None:
        self.learned: LearnedSignal | None = None
        self._step = features.stream().step
        self._warmup_bars = features.warmup_bars
        self._technical = TechnicalSignals(technical, features.column)
        self._fusion = fusion
        self._atr = features.column(technical.atr)
        self._volatility = features.column(volatility)
        self._bars = 0

    def observe(self, bar: BarFigures) -> None:
        """Take a bar into the features without judging it."""
        self._bars += 1
        self._step(*bar)

    def judge(self, bar: BarFigures, *, use_model: bool) -> Judgement:
        """
        Take a bar into the features and judge it.

        The model is asked only with `use_model`, once every feature has had the bars it needs.
        """
        self._bars += 1
        row = self._step(*bar)
        values: list[float] = row.tolist()
        volatility = values[self._volatility]
        technical, parts = self._technical(values, bar.close) if bar.close > 0.0 else (None, ())
        learned = None
        if use_model and self.learned is not None and self._bars >= self._warmup_bars and not math.isnan(bar.close):
            learned = self.learned(bar.ts_ns, row, volatility)
        fused = fuse(technical, learned, self._fusion)
        return Judgement(fused, technical, learned, parts, values[self._atr], volatility)


def check_columns(features: Features, technical: TechnicalConfig, volatility: str) -> None:
    """Raise `ConfigError` where a rule or the volatility names a column that the features do not have."""
    TechnicalSignals(technical, features.column)
    features.column(volatility)
