"""The catalog as its readers see it: instruments, bars, mark bars and funding, as columns or as engine objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from catalog.bar_size import BarSize
from catalog.instruments import InstrumentSpec
from catalog.model import BarColumns, FundingColumns
from catalog.sources.records import DataKind
from catalog.store import manifest as manifests
from catalog.store.content import bar_column, rates, read_content, times
from catalog.store.layout import Layout
from catalog.store.manifest import Manifest
from errors import Bot4Error, PreconditionError


class Catalog:
    """
    Everything stored below one folder.

    Reading takes exactly the files that a data set's manifest names and checks them against it, so a reader
    sees a data set as it was before or after an ingest, never in between. Nothing here writes.

    Parameters
    ----------
    root : Path
        The catalog's folder; it need not exist, and is empty then.

    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.layout = Layout(self.root)

    def specs(self) -> dict[str, InstrumentSpec]:
        """Return the facts of every stored instrument, by id."""
        specs = (_read_spec(path) for path in self.layout.specs())
        return {spec.instrument_id: spec for spec in specs}

    def spec(self, instrument_id: str) -> InstrumentSpec:
        """Return the facts of an instrument; raise `PreconditionError` naming what is there if it is missing."""
        path = self.layout.spec(instrument_id)
        if not path.exists():
            raise self._missing(f"instrument {instrument_id}", sorted(self.specs()))
        return _read_spec(path)

    def datasets(self) -> list[Manifest]:
        """Return the manifest of every data set, by name."""
        found = [manifests.read(path) for path in self.layout.manifests.rglob("*.json")]
        return sorted(found, key=lambda manifest: manifest.dataset)

    def dataset(self, instrument_id: str, data: DataKind, bar: str | None = None) -> Manifest | None:
        """Return the manifest of one data set, None where there is none."""
        size = BarSize.parse(bar) if bar is not None else None
        path = self.layout.manifest(manifests.dataset_id(instrument_id, data, size))
        return manifests.read(path) if path.exists() else None

    def bars(self, instrument_id: str, bar: str, start_ns: int, end_ns: int) -> BarColumns:
        """
        Return the bars of last prices that closed after `start_ns` and not after `end_ns`.

        Parameters
        ----------
        instrument_id : str
            Such as ``BTCUSDT-PERP.BINANCE``.
        bar : str
            Size, such as ``1-HOUR``.
        start_ns, end_ns : int
            UTC nanoseconds.

        Returns
        -------
        BarColumns
            Ascending by close time, without NaN. The floats are bit for bit those of the engine's
            ``bar.close.as_double()``: see `catalog.store.encoding`.

        Raises
        ------
        PreconditionError
            If the catalog has no such bars; the text says what it has.
        QualityError
            If a stored file is missing or was changed.

        """
        manifest = self._bars_manifest(instrument_id, bar)
        return _bar_columns(self._window(manifest, start_ns, end_ns), manifest)

    def mark_bars(self, instrument_id: str, bar: str, start_ns: int, end_ns: int) -> BarColumns | None:
        """Return mark-price bars as `bars` does, their volume 0; None where the catalog has none at all."""
        manifest = self.dataset(instrument_id, DataKind.MARK, bar)
        if manifest is None:
            return None
        return _bar_columns(self._window(manifest, start_ns, end_ns), manifest)

    def funding(self, instrument_id: str, start_ns: int, end_ns: int) -> FundingColumns | None:
        """
        Return the funding payments after `start_ns` and not after `end_ns`; None where there is no data set.

        Times are the venue's own, some milliseconds after the hour in raw files: join with a tolerance of
        `catalog.quality.validator.FUNDING_TOLERANCE_NS`, not by equality.
        """
        manifest = self.dataset(instrument_id, DataKind.FUNDING)
        if manifest is None:
            return None
        table = self._window(manifest, start_ns, end_ns)
        return FundingColumns(times(table), rates(table))

    def engine_bars(self, instrument_id: str, bar: str, start_ns: int, end_ns: int) -> list[Any]:
        """Return the bars of `bars` as the engine's `Bar` objects, with the stored integers taken over unchanged."""
        from catalog.store.engine_objects import bars_from_table

        manifest = self._bars_manifest(instrument_id, bar)
        return bars_from_table(self._window(manifest, start_ns, end_ns), manifest)

    def engine_funding(self, instrument_id: str, start_ns: int, end_ns: int) -> list[Any] | None:
        """Return the payments of `funding` as the engine's `FundingRateUpdate` objects, with `Decimal` rates."""
        from catalog.store.engine_objects import funding_from_table

        manifest = self.dataset(instrument_id, DataKind.FUNDING)
        if manifest is None:
            return None
        return funding_from_table(self._window(manifest, start_ns, end_ns), manifest)

    def fingerprint(self, *names: str) -> str:
        """
        Return one SHA-256 over the contents of data sets.

        Parameters
        ----------
        *names : str
            Data sets (``BTCUSDT-PERP.BINANCE/bars/1-HOUR``), or instruments, which stand for all theirs.

        Raises
        ------
        PreconditionError
            If a name is neither.

        """
        every = self.datasets()
        chosen: dict[str, Manifest] = {}
        for name in names:
            matching = [each for each in every if name in {each.dataset, each.instrument_id}]
            if not matching:
                raise self._missing(f"data set {name}", [each.dataset for each in every])
            chosen.update((each.dataset, each) for each in matching)
        return manifests.fingerprint(chosen.values())

    def _bars_manifest(self, instrument_id: str, bar: str) -> Manifest:
        manifest = self.dataset(instrument_id, DataKind.BARS, bar)
        if manifest is None:
            raise self._missing(f"{bar} bars of {instrument_id}", [each.dataset for each in self.datasets()])
        return manifest

    def _window(self, manifest: Manifest, start_ns: int, end_ns: int) -> pa.Table:
        table = read_content(self.root, manifest)
        first, stop = np.searchsorted(times(table), [start_ns, end_ns], side="right")
        return table.slice(int(first), max(0, int(stop - first)))

    def _missing(self, what: str, there: list[str]) -> PreconditionError:
        has = f"it has {', '.join(there)}" if there else "it is empty: fill it with `bot4 data ingest`"
        return PreconditionError(f"no {what} in the catalog {self.root}; {has}")


def _bar_columns(table: pa.Table, manifest: Manifest) -> BarColumns:
    names = ("open", "high", "low", "close", "volume")
    open_, high, low, close, volume = (bar_column(table, name, manifest) for name in names)
    return BarColumns(times(table), open_, high, low, close, volume)


def encode_spec(spec: InstrumentSpec) -> bytes:
    """Return an instrument's facts as the catalog keeps them, for `Catalog.spec` to read."""
    return msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n"


def _read_spec(path: Path) -> InstrumentSpec:
    try:
        return msgspec.json.decode(path.read_bytes(), type=InstrumentSpec)
    except msgspec.DecodeError as error:
        raise Bot4Error(f"{path}: the instrument's facts are damaged: {error}") from None
