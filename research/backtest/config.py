"""What a backtest's TOML file may say: one frozen struct per table, checked at load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec

import settings
from catalog.bar_size import BarSize
from errors import ConfigError
from research.integrity.sanity import SanityConfig
from research.period import instant_ns
from research.venue.config import VenueConfig
from risk.control.config import ControlConfig
from risk.limits import LimitsConfig
from risk.modes.operators import OperatorConfig
from risk.modes.table import POWERS, Mode
from strategies import registry
from strategies.library.powers import StrategyPowers

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class RunSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What is run: ``[run]``.

    `start` and `end` are ISO 8601 dates or instants in UTC; a date as `end` means the whole day. Trading starts at
    `start`; `warmup_bars` bars before it only fill the features. A strategy that can't be told to wait (one written for
    the engine alone) gets no warm-up bars.
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
        try:
            msgspec.structs.force_setattr(self, "bar", str(BarSize.parse(self.bar)))
        except ConfigError as error:
            raise ValueError(error.reason) from None
        if not self.start_ns < self.end_ns:
            raise ValueError(f"start must lie before end, were {self.start!r} and {self.end!r}")

    @property
    def start_ns(self) -> int:
        """First instant at which an order may be sent, in Unix nanoseconds."""
        return instant_ns("start", self.start)

    @property
    def end_ns(self) -> int:
        """Last bar close that is replayed, in Unix nanoseconds."""
        return instant_ns("end", self.end, end_of_day=True)


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
    """What the report compares with and shows, what counts as sane, and whether MLflow is told: ``[report]``."""

    random_runs: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    trades_shown: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 500
    sanity: SanityConfig = SanityConfig()
    mlflow: bool = True


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One backtest, complete."""

    run: RunSection
    strategy: StrategySection = StrategySection()
    model: ModelSection | None = None
    mode: ModeSection = ModeSection()
    limits: LimitsConfig = LimitsConfig()
    control: ControlConfig = ControlConfig()
    venue: VenueConfig = VenueConfig()
    report: ReportSection = ReportSection()


def load(path: Path) -> RunConfig:
    """
    Read and check a backtest's TOML file.

    Raises
    ------
    ConfigError
        With the file and the key where something is unknown, out of range or of the wrong type, and where the
        strategy is not on the registry's allow-list or does not know its parameters.

    """
    config = settings.load(path, RunConfig)
    registry.resolve(config.strategy.name, where=f"{path}, key strategy.name")
    try:
        tables = strategy_tables(config, model_folder=None)
    except ConfigError as error:
        raise ConfigError(error.reason, where=str(path)) from None
    for table in tables:
        registry.decode_config(config.strategy.name, table, where=str(path), prefix="strategy.params")
    return config


def strategy_tables(config: RunConfig, model_folder: Path | None) -> list[dict[str, Any]]:
    """
    Return the parameters of each strategy instance: the configured ones, completed with what the run knows.

    A strategy that trades several instruments is started once, one that trades a single instrument once for each.
    """
    run, powers = config.run, StrategyPowers.of(POWERS[config.mode.mode])
    fields = _strategy_fields(config)
    known: dict[str, Any] = {
        "instrument_ids": list(run.instruments),
        "bar": run.bar,
        "trade_from_ns": run.start_ns,
        "model_folder": str(model_folder) if model_folder is not None else None,
    } | msgspec.to_builtins(powers)
    instances: list[dict[str, Any]] = [{}]
    if "instrument_ids" not in fields:
        instances = [
            {"instrument_id": name, "bar_type": f"{name}-{run.bar}-LAST-EXTERNAL", "order_id_tag": f"{index:03}"}
            for index, name in enumerate(run.instruments, start=1)
        ]
    tables = [{key: value for key, value in known.items() if key in fields} | own for own in instances]
    taken = sorted(set(tables[0]) & set(config.strategy.params))
    if taken:
        raise ConfigError(f"strategy.params may not set {', '.join(taken)}: the run decides that")
    return [
        {key: value for key, value in table.items() if value is not None} | config.strategy.params for table in tables
    ]


def warmup_bars(config: RunConfig) -> int:
    """Return the bars before the start to replay: none for a strategy that can't be told when trading begins."""
    return config.run.warmup_bars if "trade_from_ns" in _strategy_fields(config) else 0


def _strategy_fields(config: RunConfig) -> set[str]:
    return set(registry.resolve(config.strategy.name).config_class().__struct_fields__)


def resolved(config: RunConfig) -> dict[str, Any]:
    """Return the configuration with every default written out, as plain data that TOML can hold."""
    return _table(msgspec.to_builtins(config))


def _table(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: _without_none(value) for key, value in plain.items() if value is not None}


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return _table(value)
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value
