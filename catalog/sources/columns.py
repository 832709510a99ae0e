"""Recognise which column of a file is what, by the names that venues and downloaders give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from catalog.sources.table import SourceTable

TIME_NAMES: Final = ("ts", "open_time", "timestamp", "datetime", "date", "unix", "funding_time", "fundingtime", "time")
"""Names of time columns, the most telling first: where a file has several, the first of these is read."""

PRICE_NAMES: Final = ("open", "high", "low", "close")
VOLUME_NAMES: Final = ("volume", "base_volume", "vol")
RATE_NAMES: Final = ("funding_rate", "fundingrate", "last_funding_rate", "rate")


def normal(name: str) -> str:
    """Return a column name in one spelling: lower case, underscores, without a prefix such as ``BTC.``."""
    return name.strip().lower().rpartition(".")[2].replace(" ", "_").replace("-", "_")


def is_time_column(name: str) -> bool:
    """Tell whether a column of this name holds times."""
    return normal(name) in TIME_NAMES


def time_column(table: SourceTable) -> str:
    """Return the file's name of its time column, or refuse the file."""
    return _first(table, TIME_NAMES, "time")


def price_columns(table: SourceTable) -> Mapping[str, str]:
    """Return the file's names of open, high, low and close, or refuse the file naming what is missing."""
    return {name: _first(table, (name,), name) for name in PRICE_NAMES}


def volume_column(table: SourceTable, base: str) -> str:
    """
    Return the file's name of the volume in base currency, or refuse the file.

    Where a column names its currency (``volume_btc``, ``Volume USD``), only the base currency's is taken: a
    bare ``volume`` beside it is then the quote volume, as in CryptoDataDownload's files.
    """
    return _first(table, (f"volume_{base.lower()}", *VOLUME_NAMES), f"volume in {base}")


def rate_column(table: SourceTable) -> str:
    """Return the file's name of the funding rate, or refuse the file."""
    return _first(table, RATE_NAMES, "funding rate")


def _first(table: SourceTable, wanted: Iterable[str], what: str) -> str:
    names: dict[str, list[str]] = {}
    for name in table.columns:
        names.setdefault(normal(name), []).append(name)
    for candidate in wanted:
        if candidate in names:
            if len(names[candidate]) > 1:
                raise table.refusal(f"more than one column may be the {what}: {', '.join(names[candidate])}")
            return names[candidate][0]
    raise table.refusal(f"no column for the {what}: expected {' or '.join(wanted)}, found {', '.join(table.columns)}")
