"""What a backtest's TOML file may say: one frozen struct per table, checked at load."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec

import settings
from research.venue.config import VenueConfig
from risk.limits import LimitsConfig
from risk.modes.operators import OperatorConfig
from risk.modes.table import Mode
from strategies.registry import decode_strategy

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class RunSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What is run: ``[run]``.

    `start` and `end` are ISO 8601 dates or instants in UTC; a date as `end` means the whole day. Trading starts at
    `start`; `warmup_bars` bars before it only fill the features.
    """

    name: str
    instruments: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)]
    bar: str
    start: str
    end: str
    warmup_bars: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 500
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 7
    allow_uncertified: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name must be lower-case letters, digits, '.', '_' or '-', at most 64, was {self.name!r}")
        if len(set(self.instruments)) != len(self.instruments):
            raise ValueError(f"instruments must differ from each other, were {list(self.instruments)}")
        if not self.start_ns < self.end_ns:
            raise ValueError(f"start must lie before end, were {self.start!r} and {self.end!r}")

    @property
    def start_ns(self) -> int:
        """First instant at which an order may be sent, in Unix nanoseconds."""
        return _instant_ns("start", self.start, end_of_day=False)

    @property
    def end_ns(self) -> int:
        """Last bar close that is replayed, in Unix nanoseconds."""
        return _instant_ns("end", self.end, end_of_day=True)


class StrategySection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which strategy of the registry trades, and its parameters: ``[strategy]``."""

    name: str = "fused"
    params: dict[str, Any] = {}


class ModelSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which registered model speaks: ``[model]``; leave the table out to trade on technical analysis alone."""

    name: str
    version: str = "champion"


class ModeSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The control mode, and who answers for it in a replay: ``[mode]``."""

    mode: Mode = Mode.FULL_AUTO
    operator: OperatorConfig = OperatorConfig()


class ReportSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the report compares with: ``[report]``."""

    random_runs: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    mlflow: bool = True


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One backtest, complete."""

    run: RunSection
    strategy: StrategySection = StrategySection()
    model: ModelSection | None = None
    mode: ModeSection = ModeSection()
    limits: LimitsConfig = LimitsConfig()
    venue: VenueConfig = VenueConfig()
    report: ReportSection = ReportSection()


def load(path: Path) -> RunConfig:
    """
    Read and check a backtest's TOML file.

    Raises
    ------
    ConfigError
        With the file and the key where something is unknown, out of range or of the wrong type, and where the
        strategy is not on the registry's allow-list.

    """
    return checked(settings.load(path, RunConfig), where=str(path))


def checked(config: RunConfig, where: str) -> RunConfig:
    """Check what one table alone can't: that the strategy is registered and understands its parameters."""
    decode_strategy(config.strategy.name, config.strategy.params, where=where)
    return config


def resolved(config: RunConfig) -> dict[str, Any]:
    """Return the configuration with every default written out, as plain data that TOML can hold."""
    plain: dict[str, Any] = msgspec.to_builtins(config)
    return _without_none(plain)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _instant_ns(key: str, text: str, *, end_of_day: bool) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{key} must be an ISO 8601 date or instant such as 2020-01-01, was {text!r}") from None
    if end_of_day and len(text) == len("2020-01-01"):
        instant += timedelta(days=1)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    elapsed = instant - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000_000 + elapsed.microseconds * 1_000
    if nanoseconds < 0:
        raise ValueError(f"{key} must not lie before 1970, was {text!r}")
    return nanoseconds
