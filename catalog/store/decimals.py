"""How many decimals each kind of number is stored with."""

from __future__ import annotations

from typing import Final

from catalog.instruments import InstrumentSpec
from catalog.sources.records import DataKind

MARK_DECIMALS: Final = 8
"""Decimals of a mark price, which is an average and finer than the tick."""


def stored_decimals(spec: InstrumentSpec, data: DataKind, column: str) -> int | None:
    """Return the decimals of a column, None for funding rates, which are stored as written."""
    if data is DataKind.FUNDING:
        return None
    if data is DataKind.MARK:
        return MARK_DECIMALS
    return spec.size_precision if column == "volume" else spec.price_precision
