"""What is known about a stored data set: content, origin, gaps, faults, and whether it is certified."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from catalog.bar_size import BarSize
from catalog.quality.finding import Action, Verdict
from catalog.quality.limits import QualityLimits
from catalog.sources.records import DataKind
from errors import Bot4Error

GAPS_LISTED_MAX: Final = 1_000
"""A manifest lists this many gaps at most; the count is always complete."""

VERSION: Final = 1
"""Version of the manifest's form."""


class StoredFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Parquet file of a data set, by its path below the catalog."""

    path: str
    sha256: str
    rows: int
    first_ns: int
    last_ns: int


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that was ingested. `rows` are those in the file, `stored` those it brought into the data set."""

    name: str
    sha256: str
    rows: int
    stored: int
    stamp: str
    licence: str
    origin: str
    notes: tuple[str, ...] = ()


class Violation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many records one check judged so, what became of them, and why in words."""

    check: str
    verdict: Verdict
    action: Action
    records: int
    reason: str


class ListedGap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of missing records; times as stored, so for bars the closes the missing bars would have had."""

    first_missing_ns: int
    last_missing_ns: int
    missing: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A stored data set.

    `content_sha256` is over the stored values in time order, whatever files they lie in. Times are UTC
    nanoseconds: a bar's close, a funding payment's own time. Funding has no `bar` and no decimals (0).
    """

    version: int = VERSION
    dataset: str
    instrument_id: str
    data: DataKind
    bar: str | None
    step_ns: int
    price_decimals: int
    size_decimals: int
    rows: int
    first_ns: int
    last_ns: int
    content_sha256: str
    files: tuple[StoredFile, ...]
    gap_count: int
    missing: int
    gaps: tuple[ListedGap, ...]
    violations: tuple[Violation, ...]
    quarantined: int
    dropped: int
    limits: QualityLimits
    certified: bool
    uncertified_because: tuple[str, ...]
    sources: tuple[SourceFile, ...]
    created_by: str

    @property
    def licence(self) -> str:
        """Return the licences of the sources, each once."""
        return ", ".join(dict.fromkeys(source.licence for source in self.sources))


def dataset_id(instrument_id: str, data: DataKind, bar: BarSize | None) -> str:
    """Return the name of a data set, such as ``BTCUSDT-PERP.BINANCE/bars/1-HOUR``."""
    return "/".join((instrument_id, data.value, *((str(bar),) if bar is not None else ())))


def encode(manifest: Manifest) -> bytes:
    """Return a manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read(path: Path) -> Manifest:
    """Read a manifest; raise `Bot4Error` where it is damaged, for a catalog must not guess what it holds."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise Bot4Error(f"{path}: the manifest is damaged ({error}); restore it, or remove the data set") from None


def fingerprint(manifests: Iterable[Manifest]) -> str:
    """Return the SHA-256 over names and contents of data sets, in the order of their names."""
    digest = hashlib.sha256()
    for manifest in sorted(manifests, key=lambda each: each.dataset):
        digest.update(f"{manifest.dataset} {manifest.content_sha256}\n".encode())
    return digest.hexdigest()
