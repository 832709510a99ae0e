"""The allow-list of strategies a configuration may start, and the strict decoding of their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import msgspec

from errors import ConfigError


class StrategyEntry(msgspec.Struct, frozen=True):
    """One allowed strategy: the paths of its class and of its configuration's, as ``module:Class``."""

    name: str
    strategy_path: str
    config_path: str

    def strategy_class(self) -> type[Any]:
        """Import and return the strategy's class."""
        return _imported(self.strategy_path)

    def config_class(self) -> type[Any]:
        """Import and return the configuration's class."""
        return _imported(self.config_path)


STRATEGIES: Mapping[str, StrategyEntry] = {
    entry.name: entry
    for entry in (
        StrategyEntry("fused", "strategies.library.fused:FusedStrategy", "strategies.library.fused_config:FusedConfig"),
        StrategyEntry(
            "ema_cross",
            "nautilus_trader.examples.strategies.ema_cross:EMACross",
            "nautilus_trader.examples.strategies.ema_cross:EMACrossConfig",
        ),
    )
}
"""Everything that may run. A path to code in a configuration is code: nothing else is ever imported because of one."""

REFUSED_KEYS: Mapping[str, str] = {
    "strategy_id": "the engine fails on it in a decoded configuration; set order_id_tag to tell instances apart",
    "use_uuid_client_order_ids": "order ids must be the same on every run",
}
"""Keys of the engine's base configuration that may not be set, and why."""


def resolve(name: str, where: str = "") -> StrategyEntry:
    """Return the allowed strategy of that name; raise `ConfigError` with the allowed names for anything else."""
    entry = STRATEGIES.get(name)
    if entry is None:
        raise ConfigError(f"strategy must be one of {', '.join(sorted(STRATEGIES))}, was {name!r}", where=where)
    return entry


def decode_config(name: str, table: Mapping[str, Any], *, where: str, prefix: str = "") -> Any:
    """
    Decode a strategy's configuration from a TOML table, strictly.

    The engine's own constructors check nothing; this refuses what they would wave through.

    Parameters
    ----------
    name : str
        A registered strategy.
    table : mapping
        What `tomllib` gave. Identifiers, bar types and decimals are written as strings.
    where : str
        The file the table came from, for the error.
    prefix : str
        The key under which the table stands in that file, such as ``strategy.config``.

    Returns
    -------
    StrategyConfig
        Of the strategy's own configuration class.

    Raises
    ------
    ConfigError
        If the strategy is not registered, a key is unknown, missing or refused, or a value has the wrong type or is out
        of range, with the key.

    """
    from nautilus_trader.common.config import msgspec_decoding_hook

    entry = resolve(name, where)
    for key, reason in REFUSED_KEYS.items():
        if key in table:
            raise ConfigError(f"this key may not be set: {reason}", where=_place(where, prefix, key))
    try:
        return msgspec.convert(dict(table), entry.config_class(), strict=True, dec_hook=msgspec_decoding_hook)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise ConfigError(reason, where=_place(where, prefix, path.rstrip("`").lstrip("."))) from None


def build(name: str, table: Mapping[str, Any], *, where: str, prefix: str = "") -> Any:
    """
    Return a new strategy of that name with its configuration decoded.

    What the strategy's constructor refuses is a `ConfigError` like what `decode_config` refuses: configurations of the
    engine's own strategies check their fields only there.
    """
    config = decode_config(name, table, where=where, prefix=prefix)
    strategy_class = resolve(name, where).strategy_class()
    try:
        return strategy_class(config=config)
    except (ValueError, ConfigError) as error:
        raise ConfigError(str(error), where=_place(where, prefix, "")) from error


def _imported(path: str) -> type[Any]:
    module, _, name = path.partition(":")
    found: type[Any] = getattr(import_module(module), name)
    return found


def _place(where: str, prefix: str, key: str) -> str:
    full = ".".join(part for part in (prefix, key) if part)
    return f"{where}, key {full}" if full else where
