"""Turn a TOML file into frozen typed structs, and refuse what does not fit with file, key and reason."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from errors import ConfigError

HOME_VARIABLE = "BOT4_HOME"
"""Environment variable that names the folder of catalog, runs and MLflow store."""


def home() -> Path:
    """Return the folder that holds catalog, runs and the MLflow store; `var` in the working directory by default."""
    return Path(os.environ.get(HOME_VARIABLE, "var")).expanduser()


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raise `ConfigError` with the file and line where it is missing or malformed."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError("file not found", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"not readable as UTF-8 text: {error}", where=str(path)) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path)) from None


def decode[T](document: Any, into: type[T], *, where: str, prefix: str = "") -> T:
    """
    Decode plain data into a typed struct.

    Parameters
    ----------
    document : object
        What `tomllib` or `json` gave.
    into : type
        A msgspec struct type; declare it with ``forbid_unknown_fields=True`` so that typing errors are caught.
    where : str
        The file the document came from, for the error.
    prefix : str
        The key under which `document` stands in that file, such as ``strategy.params``.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, or a value has the wrong type or is out of range.

    """
    try:
        return msgspec.convert(document, into, strict=True)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        key = prefix + path.rstrip("`")
        raise ConfigError(reason, where=f"{where}, key {key.lstrip('.')}" if key else where) from None


def load[T](path: Path, into: type[T]) -> T:
    """Read a TOML file into a typed struct; see `decode` for what is refused."""
    return decode(read_toml(path), into, where=str(path))
