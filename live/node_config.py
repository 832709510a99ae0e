"""What a paper node's TOML file may say: one frozen struct per table, checked at load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

import settings
from catalog.instruments import Kind
from errors import ConfigError
from live.feed_config import FeedConfig
from research.backtest.config import StrategySection
from research.session import SessionConfig, build_strategies
from research.venue.config import VenueConfig
from risk.control.config import ControlConfig
from risk.limits import LimitsConfig
from risk.modes.table import Mode
from risk.state.durable import StateConfig
from risk.state.etcd_store import EtcdConfig
from risk.state.object_store import ObjectStoreConfig

STATE_FOLDER: Final = "state"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class NodeSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The node itself: ``[node]``.

    `folder` is where it keeps its account, recordings and control socket, by default ``nodes/<name>`` in Bot4's
    folder. A heartbeat every `heartbeat_ms` moves its clocks when the market is silent.
    """

    name: str
    folder: str | None = None
    heartbeat_ms: Annotated[int, msgspec.Meta(ge=10, le=10_000)] = 250

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name must be lower-case letters, digits, '.', '_' or '-', at most 64, was {self.name!r}")


class NodeModeSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The control mode in which the node's first session starts: ``[mode]``; later ones start in the last one's."""

    mode: Mode = Mode.SEMI_AUTO


class StateSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Where the control state is kept besides the node's folder: ``[state]``.

    With etcd no second node can run with the same key, and going up waits for it; the object store holds a copy.
    """

    etcd: EtcdConfig | None = None
    object_store: ObjectStoreConfig | None = None


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One paper node, complete."""

    node: NodeSection
    feed: FeedConfig
    strategy: Annotated[tuple[StrategySection, ...], msgspec.Meta(min_length=1, max_length=50)]
    mode: NodeModeSection = NodeModeSection()
    limits: LimitsConfig = LimitsConfig()
    control: ControlConfig = ControlConfig()
    state: StateSection = StateSection()
    venue: VenueConfig = VenueConfig()

    def session(self) -> SessionConfig:
        """Return what decides: all but where the data comes from and where things are kept."""
        return SessionConfig(
            instruments=self.feed.instruments,
            strategies=self.strategy,
            mode=self.mode.mode,
            limits=self.limits,
            control=self.control,
            venue=self.venue,
        )

    def stores(self, folder: Path) -> StateConfig:
        """Return where the control state of the node in this folder is kept."""
        return StateConfig(
            folder=str(folder / STATE_FOLDER),
            node=self.node.name,
            etcd=self.state.etcd,
            object_store=self.state.object_store,
        )


def load(path: Path) -> NodeConfig:
    """
    Read and check a node's TOML file; paths in it are relative to the file.

    Raises
    ------
    ConfigError
        With the file and the key where something is unknown, out of range, of the wrong type, or does not fit the
        rest.

    """
    config = settings.load(path, NodeConfig)
    try:
        build_strategies(config.session(), config.mode.mode)
    except ConfigError as error:
        raise ConfigError(error.reason, where=f"{path}, {error.where}") from None
    base = path.resolve().parent
    paths = tuple(str((base / each).resolve()) for each in config.feed.paths)
    return msgspec.structs.replace(config, feed=msgspec.structs.replace(config.feed, paths=paths))


def check_funding(config: NodeConfig, kinds: set[Kind], where: str) -> None:
    """Refuse a feed without funding rates for perpetuals where a missing rate would stop the session."""
    if config.feed.source == "capture" and Kind.USDM_PERP in kinds and config.venue.funding.missing == "error":
        raise ConfigError(
            'a capture holds no funding rates, and the first payment due would stop the node: set it to "zero" to '
            "count payments as nothing",
            where=f"{where}, key venue.funding.missing",
        )


def folder_of(section: NodeSection) -> Path:
    """Return the node's folder."""
    return settings.home() / "nodes" / section.name if section.folder is None else Path(section.folder).expanduser()
