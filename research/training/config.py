"""What a training run may be told: one TOML file, decoded into frozen structs that refuse what does not fit."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from catalog.bar_size import BarSize
from research.period import instant_ns
from strategies.features.spec import FeatureSpec

NS_PER_SECOND = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_SECOND

_Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
_Bar = Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{0,3}-(SECOND|MINUTE|HOUR|DAY)$")]
_Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Window(Enum):
    """Where the training data of a fold begin: at the start of all data, or a fixed span before the test."""

    EXPANDING = "expanding"
    ROLLING = "rolling"


class FoldsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Walk-forward folds: contiguous test periods of equal length that end where the data end.

    Attributes
    ----------
    count : int
        Test periods, each predicted by its own model.
    window : Window
        EXPANDING trains on everything before the test period, ROLLING on the last `train_days` before it.
    train_days : float
        Length of the rolling window; with EXPANDING the least there must be before the first test period.
    test_days : float or None
        Length of a test period; None divides what `train_days` leaves of the data by `count`.

    """

    count: Annotated[int, msgspec.Meta(ge=1, le=200)] = 6
    window: Window = Window.EXPANDING
    train_days: _Days = 180.0
    test_days: _Days | None = None


class BoosterConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the XGBoost classifier, under XGBoost's own names; the defaults are small and well regularised."""

    rounds: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 150
    max_depth: Annotated[int, msgspec.Meta(ge=1, le=12)] = 4
    learning_rate: _Share = 0.05
    subsample: _Share = 0.8
    colsample_bytree: _Share = 0.8
    min_child_weight: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 50.0
    gamma: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 0.0
    reg_lambda: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 10.0
    reg_alpha: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 0.0
    max_bin: Annotated[int, msgspec.Meta(ge=2, le=1_024)] = 64


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One training run.

    Attributes
    ----------
    name : str
        Name of the registered model; training again registers its next version.
    instruments : tuple[str, ...]
        Their rows are stacked: one model for all.
    bar : str
        Such as ``1-HOUR``.
    start, end : str
        ISO 8601, UTC where no zone is given; a date as `end` means the whole day. Bars that close after `start` and
        until `end` are read.
    horizon_bars : int
        The label asks whether the price rises over so many bars, from the open after the decision.
    embargo_bars : int
        Least distance between the end of the training labels and the test period, beyond the purge.
    features : tuple[FeatureSpec, ...]
        Empty takes the default set.
    columns_ignored : tuple[str, ...]
        Feature columns the model must not look at, such as prices and cumulative volumes, whose level only names a
        period of the past. They stay in the row, so the layout is that of the whole set.
    allow_uncertified : bool
        Whether data sets that failed their quality checks may be learned from.

    """

    name: _Name
    instruments: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=500)]
    bar: _Bar
    start: str
    end: str
    horizon_bars: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 8
    embargo_bars: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 8
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 7
    allow_uncertified: bool = False
    features: tuple[FeatureSpec, ...] = ()
    columns_ignored: tuple[str, ...] = ()
    folds: FoldsConfig = FoldsConfig()
    booster: BoosterConfig = BoosterConfig()

    def __post_init__(self) -> None:
        if self.start_ns >= self.end_ns:
            raise ValueError(f"need start before end, were {self.start}, {self.end}")
        if len(set(self.instruments)) != len(self.instruments):
            raise ValueError(f"instruments must differ, were {list(self.instruments)}")

    @property
    def start_ns(self) -> int:
        """The start in UTC nanoseconds."""
        return instant_ns("start", self.start)

    @property
    def end_ns(self) -> int:
        """The end in UTC nanoseconds."""
        return instant_ns("end", self.end, end_of_day=True)

    @property
    def bar_ns(self) -> int:
        """Length of a bar in nanoseconds."""
        return BarSize.parse(self.bar).ns

    @property
    def datasets(self) -> tuple[str, ...]:
        """The catalog's names of the data sets that are read."""
        return tuple(f"{instrument}/bars/{BarSize.parse(self.bar)}" for instrument in self.instruments)

    @property
    def embargo_ns(self) -> int:
        """The embargo in nanoseconds."""
        return self.embargo_bars * self.bar_ns
