"""Prove that stored data sets still are what their manifests say, and judge them anew."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from catalog.quality.finding import Action
from catalog.quality.validator import validate
from catalog.sources.records import DataKind
from catalog.store.commit import writing
from catalog.store.content import content_sha256, read_content, stored_records
from catalog.store.decimals import stored_decimals
from catalog.store.manifest import Manifest
from catalog.store.parquet import Catalog
from errors import Bot4Error, PreconditionError


class Checkup(NamedTuple):
    """One data set: what is wrong with it, and why it is not certified. It passes where both are empty."""

    manifest: Manifest
    faults: tuple[str, ...]
    uncertified_because: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tell whether the data set is whole and certified."""
        return not self.faults and not self.uncertified_because


def check(root: Path) -> list[Checkup]:
    """
    Check every data set of a catalog, after completing or removing what a killed ingest left.

    Raises
    ------
    PreconditionError
        If there is no catalog at `root`, or another process is writing to it.

    """
    catalog = Catalog(root)
    if not catalog.layout.manifests.exists() and not catalog.layout.staging.exists():
        raise PreconditionError(f"no catalog at {root}: fill it with `bot4 data ingest`")
    if catalog.layout.staging.exists():
        with writing(catalog.layout):
            pass
    return [check_dataset(catalog, manifest) for manifest in catalog.datasets()]


def check_dataset(catalog: Catalog, manifest: Manifest) -> Checkup:
    """Check one data set: its files, its content, its instrument, and the checks of ingestion over what is stored."""
    because = manifest.uncertified_because
    try:
        table = read_content(catalog.root, manifest)
        spec = catalog.spec(manifest.instrument_id)
    except Bot4Error as error:
        return Checkup(manifest, (str(error),), because)
    faults: list[str] = []
    if len(table) != manifest.rows or content_sha256(table) != manifest.content_sha256:
        faults.append(f"the content differs from the manifest's: {len(table):,} rows of {manifest.rows:,}")
    if manifest.data is not DataKind.FUNDING and manifest.price_decimals != stored_decimals(
        spec, manifest.data, "close"
    ):
        faults.append("the instrument's price precision differs from that of the stored bars")
    content = validate(stored_records(table, manifest), manifest.data, manifest.step_ns)
    bad = content.count(Action.QUARANTINE) + content.count(Action.DROP)
    if bad:
        faults.append(f"{bad:,} stored records fail the checks: {content.findings[0].reason}")
    missing = sum(gap.missing for gap in content.gaps)
    if missing != manifest.missing:
        faults.append(f"{missing:,} records are missing, the manifest says {manifest.missing:,}")
    folder = (catalog.root / manifest.files[0].path).parent
    strangers = {path.name for path in folder.glob("*.parquet")} - {Path(file.path).name for file in manifest.files}
    if strangers:
        faults.append(f"{folder} holds files the manifest does not name: {', '.join(sorted(strangers))}")
    return Checkup(manifest, tuple(faults), because)
