"""Write an ingest's files into the staging area, read them back, and draw up the manifest that will name them."""

from __future__ import annotations

import hashlib
from collections import Counter
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.instruments import InstrumentSpec
from catalog.merge import outside
from catalog.prepare import Prepared
from catalog.quality.finding import Action, Finding, Verdict
from catalog.quality.limits import QualityLimits
from catalog.quality.validator import validate
from catalog.sources.records import DataKind, Records
from catalog.store import engine_files
from catalog.store.commit import Staging
from catalog.store.content import content_sha256, read_content, stored_records
from catalog.store.decimals import stored_decimals
from catalog.store.manifest import GAPS_LISTED_MAX, ListedGap, Manifest, StoredFile, Violation, encode
from catalog.store.parquet import Catalog, encode_spec
from catalog.store.quarantine import encode_quarantine, read_quarantine, rows_kept_out
from errors import Bot4Error, PreconditionError

_OF_CONTENT = ("gaps", "volume")
"""Checks whose findings follow from what is stored; the others are about records that never came in."""


def stage(
    staging: Staging, catalog: Catalog, prepared: Prepared, stored: Manifest | None, added: np.ndarray
) -> Manifest:
    """
    Prepare data, quarantine, instrument and manifest of a data set after an ingest.

    Parameters
    ----------
    staging : Staging
        Where to write; nothing else is touched.
    catalog : Catalog
        What is stored so far.
    prepared : Prepared
        The checked file.
    stored : Manifest | None
        The data set as it is, None where it is new.
    added : bool[n]
        Which of the clean records are new.

    Raises
    ------
    PreconditionError
        If the engine's folder holds files that no manifest names.
    Bot4Error
        If what was written does not read back as it was.

    """
    spec, request = prepared.request.spec, prepared.request
    folder = engine_files.data_folder(catalog.root, spec.instrument_id, request.data, _bar(prepared))
    _refuse_strangers(catalog, folder, stored)
    new_files, new_tables = _write_runs(staging, catalog, prepared, stored, added, folder)
    before = [read_content(catalog.root, stored)] if stored is not None else []
    parts = sorted([*before, *new_tables], key=lambda table: int(table["ts_init"][0].as_py()))
    engine_files.write_instrument(staging.tree, spec.instrument())
    staging.write(catalog.layout.spec(spec.instrument_id), encode_spec(spec))
    kept_out = _kept_out(catalog, prepared, stored)
    if len(kept_out):
        staging.write(catalog.layout.quarantine(prepared.dataset), encode_quarantine(kept_out))
    manifest = _manifest(prepared, stored, pa.concat_tables(parts), new_files, kept_out)
    staging.write(catalog.layout.manifest(prepared.dataset), encode(manifest))
    return manifest


def _write_runs(
    staging: Staging,
    catalog: Catalog,
    prepared: Prepared,
    stored: Manifest | None,
    added: np.ndarray,
    folder: Path,
) -> tuple[list[StoredFile], list[pa.Table]]:
    """Write the new records, those before and those after the stored ones as a file each, and read them back."""
    ts = prepared.as_read.ts_ns
    runs = [added] if stored is None else [added & (ts < stored.first_ns), added & (ts > stored.last_ns)]
    staged_folder = staging.tree / folder.relative_to(catalog.root)
    files: list[StoredFile] = []
    tables: list[pa.Table] = []
    for run in runs:
        rows = np.flatnonzero(run)
        if not len(rows):
            continue
        records = prepared.checked.clean.take(rows)
        before = set(staged_folder.glob("*.parquet"))
        _write(staging.tree, prepared, records)
        (path,) = set(staged_folder.glob("*.parquet")) - before
        table = pq.read_table(pa.BufferReader(path.read_bytes())).replace_schema_metadata(None)
        _verify(table, prepared, prepared.as_read.take(rows))
        files.append(
            StoredFile(
                path=str(path.relative_to(staging.tree)),
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                rows=len(table),
                first_ns=int(records.ts_ns[0]),
                last_ns=int(records.ts_ns[-1]),
            )
        )
        tables.append(table)
    return files, tables


def _write(root: Path, prepared: Prepared, records: Records) -> None:
    request = prepared.request
    if request.data is DataKind.FUNDING:
        engine_files.write_funding(root, request.spec, records, prepared.step_ns)
    else:
        engine_files.write_bars(root, request.spec, request.data, _bar(prepared), records)


def _verify(table: pa.Table, prepared: Prepared, records: Records) -> None:
    """Compare what was written with what should have been, value by value, before anything is swapped in."""
    draft = _facts(prepared, prepared.request.spec)
    read = stored_records(table, draft)
    same = np.array_equal(read.ts_ns, records.ts_ns) and all(
        np.array_equal(values, records.values[name]) for name, values in read.values.items()
    )
    if not same:
        raise Bot4Error(f"{prepared.dataset}: what was written does not read back the same; nothing was stored")


def _facts(prepared: Prepared, spec: InstrumentSpec) -> Manifest:
    """Return a manifest with what is known before the content: names, sizes and decimals."""
    data = prepared.request.data
    return Manifest(
        dataset=prepared.dataset,
        instrument_id=spec.instrument_id,
        data=data,
        bar=_bar(prepared),
        step_ns=prepared.step_ns,
        price_decimals=stored_decimals(spec, data, "close") or 0,
        size_decimals=0 if data is not DataKind.BARS else stored_decimals(spec, data, "volume") or 0,
        rows=0,
        first_ns=0,
        last_ns=0,
        content_sha256="",
        files=(),
        gap_count=0,
        missing=0,
        gaps=(),
        violations=(),
        quarantined=0,
        dropped=0,
        limits=prepared.request.limits,
        certified=False,
        uncertified_because=(),
        sources=(),
        created_by=f"bot4 {_version()}",
    )


def _manifest(
    prepared: Prepared, stored: Manifest | None, table: pa.Table, new_files: list[StoredFile], kept_out: pa.Table
) -> Manifest:
    facts = _facts(prepared, prepared.request.spec)
    records = stored_records(table, facts)
    content = validate(records, facts.data, facts.step_ns)
    if content.count(Action.QUARANTINE) or content.count(Action.DROP):
        raise Bot4Error(f"{prepared.dataset}: the records are good apart but not together; nothing was stored")
    missing = sum(gap.missing for gap in content.gaps)
    stale = sum(len(each.rows) for each in content.findings if each.verdict is Verdict.STALE)
    because = uncertified_because(len(records), missing, stale, facts.limits)
    files = sorted([*(stored.files if stored is not None else ()), *new_files], key=lambda file: file.first_ns)
    is_new = outside(prepared.checked.clean.ts_ns, stored)
    source = msgspec.structs.replace(prepared.source, stored=int(is_new.sum()))
    sources = (*(stored.sources if stored is not None else ()), *((source,) if is_new.any() else ()))
    actions = _actions(kept_out)
    return msgspec.structs.replace(
        facts,
        rows=len(records),
        first_ns=int(records.ts_ns[0]),
        last_ns=int(records.ts_ns[-1]),
        content_sha256=content_sha256(table),
        files=tuple(files),
        gap_count=len(content.gaps),
        missing=missing,
        gaps=tuple(ListedGap(**gap._asdict()) for gap in content.gaps[:GAPS_LISTED_MAX]),
        violations=_violations(prepared, stored, content.findings),
        quarantined=actions[Action.QUARANTINE.value],
        dropped=actions[Action.DROP.value],
        certified=not because,
        uncertified_because=because,
        sources=sources,
    )


def uncertified_because(rows: int, missing: int, stale: int, limits: QualityLimits) -> tuple[str, ...]:
    """Return why a data set of so many rows cannot be certified; empty where it can."""
    judged = (
        ("missing", missing / (rows + missing), limits.missing_max),
        ("stale (no volume, one price)", stale / rows, limits.stale_max),
    )
    return tuple(
        f"{share:.2%} of the records are {word}, and at most {limit:.2%} may be"
        for word, share, limit in judged
        if share > limit
    )


def _violations(prepared: Prepared, stored: Manifest | None, of_content: list[Finding]) -> tuple[Violation, ...]:
    counts: Counter[tuple[str, Verdict, Action, str]] = Counter()
    for earlier in stored.violations if stored is not None else ():
        if earlier.check not in _OF_CONTENT:
            counts[earlier.check, earlier.verdict, earlier.action, earlier.reason] += earlier.records
    within = outside(prepared.checked.source.ts_ns, stored)
    for finding in prepared.checked.findings:
        if finding.check not in _OF_CONTENT:
            counts[finding.check, finding.verdict, finding.action, finding.reason] += int(within[finding.rows].sum())
    for finding in of_content:
        counts[finding.check, finding.verdict, finding.action, finding.reason] += len(finding.rows)
    return tuple(
        Violation(check=check, verdict=verdict, action=action, records=records, reason=reason)
        for (check, verdict, action, reason), records in counts.items()
        if records
    )


def _kept_out(catalog: Catalog, prepared: Prepared, stored: Manifest | None) -> pa.Table:
    within = outside(prepared.checked.source.ts_ns, stored)
    source = prepared.source
    new = rows_kept_out(prepared.checked, within, source=source.name, source_sha256=source.sha256)
    old = read_quarantine(catalog.layout.quarantine(prepared.dataset))
    return pa.concat_tables([old, new])


def _actions(kept_out: pa.Table) -> Counter[str]:
    """Count records, not faults, by what became of them."""
    keys = zip(*(kept_out[name].to_pylist() for name in ("source_sha256", "place", "action")), strict=True)
    return Counter(action for _, _, action in set(keys))


def _refuse_strangers(catalog: Catalog, folder: Path, stored: Manifest | None) -> None:
    named = {file.path for file in stored.files} if stored is not None else set()
    found = {str(path.relative_to(catalog.root)) for path in folder.glob("*.parquet")}
    strangers = sorted(found - named)
    if strangers:
        raise PreconditionError(
            f"{folder} holds files that no manifest names, such as {strangers[0]}: the engine would read them as "
            "part of the data set; move them away first"
        )


def _bar(prepared: Prepared) -> str | None:
    return str(prepared.bar) if prepared.bar is not None else None


def _version() -> str:
    try:
        return metadata.version("bot4")
    except metadata.PackageNotFoundError:
        return "from source"
