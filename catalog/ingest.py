"""Take a file into the catalog: read, check, compare with what is there, stage, verify, commit."""

from __future__ import annotations

import hashlib
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from catalog.instruments import Kind
from catalog.merge import addition, spec_changes
from catalog.prepare import Request, prepare
from catalog.sources.records import DataKind
from catalog.stage import stage
from catalog.store.commit import writing
from catalog.store.layout import Layout
from catalog.store.manifest import Manifest
from catalog.store.parquet import Catalog
from errors import ConfigError


class Status(Enum):
    """What an ingest did."""

    STORED = "stored"
    EXTENDED = "extended"
    UNCHANGED = "unchanged"


class Ingested(NamedTuple):
    """What came of it: the data set as it is now, and in words what changed or why nothing did."""

    status: Status
    manifest: Manifest
    remarks: tuple[str, ...]


def ingest(root: Path, request: Request) -> Ingested:
    """
    Take one file into the catalog at `root`.

    The catalog is changed in one step or not at all: a refused file, an exception or a killed process leave it
    as it was. The same file, or one whose records are all there already, changes nothing. A file that agrees
    with what is stored where they overlap, and has records before or after it, extends the data set.

    Raises
    ------
    RefusedFileError
        If the file is damaged, lacks a column, has text among numbers, more decimals than the instrument, or
        more bad records than `limits.quarantined_max` allows.
    ConfigError
        If the request does not fit the file: no such file, another bar size, funding of a spot instrument.
    PreconditionError
        If the file contradicts what is stored, or another process is writing.

    """
    if request.data is not DataKind.BARS and request.spec.kind is not Kind.USDM_PERP:
        kind = request.spec.kind.value
        raise ConfigError(f"{request.data.value} data belongs to a perpetual; {request.spec.instrument_id} is {kind}")
    catalog = Catalog(root)
    digest = _sha256(request.path)
    known = _same_file(catalog, request, digest)
    if known is not None and not catalog.layout.staging.exists():
        return known
    prepared = prepare(request, digest)
    with writing(Layout(root)) as staging:
        known = _same_file(catalog, request, digest)  # a killed ingest may just have been completed
        if known is not None:
            return known
        changes = spec_changes(catalog, request.spec)
        stored = catalog.dataset(request.spec.instrument_id, request.data, str(prepared.bar) if prepared.bar else None)
        added = addition(catalog, stored, prepared.as_read, request.path.name)
        if stored is not None and not added.any() and not changes:
            remark = f"every record of {request.path.name} is in the catalog already"
            return Ingested(Status.UNCHANGED, stored, (remark,))
        manifest = stage(staging, catalog, prepared, stored, added)
        staging.commit(last=Layout(root).manifest(manifest.dataset))
    status = Status.STORED if stored is None else Status.EXTENDED if added.any() else Status.UNCHANGED
    return Ingested(status, manifest, changes)


def _same_file(catalog: Catalog, request: Request, digest: str) -> Ingested | None:
    """Return the outcome where this very file was ingested before in the same way, with the same facts."""
    if catalog.specs().get(request.spec.instrument_id) != request.spec:
        return None
    for manifest in catalog.datasets():
        same_set = manifest.instrument_id == request.spec.instrument_id and manifest.data is request.data
        if not same_set or (request.bar is not None and manifest.bar != str(request.bar)):
            continue
        if any(file.sha256 == digest and file.stamp == request.stamp.value for file in manifest.sources):
            return Ingested(Status.UNCHANGED, manifest, (f"{request.path.name} was ingested before",))
    return None


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise ConfigError("file not found", where=str(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
