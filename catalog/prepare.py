"""Read a file and check it, before the catalog is looked at: what a request asks for, and what came of the file."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from catalog.bar_size import BarSize
from catalog.instruments import InstrumentSpec
from catalog.quality.finding import Action
from catalog.quality.limits import QualityLimits
from catalog.quality.precision import first_misfit
from catalog.quality.validator import Checked, validate
from catalog.sources.records import DataKind, Records, Source, read_source
from catalog.sources.step import usual_step
from catalog.store.decimals import stored_decimals
from catalog.store.encoding import as_engine
from catalog.store.manifest import SourceFile, dataset_id
from errors import ConfigError

_MINUTE_NS: Final = 60 * 10**9
_HOUR_NS: Final = 60 * _MINUTE_NS


class Stamp(Enum):
    """Which end of a bar a source file's times name."""

    OPEN = "open"
    CLOSE = "close"


class Request(NamedTuple):
    """
    A wish to ingest one file.

    `bar` is checked against the data where given. Files state bar opens unless `stamp` says otherwise; funding
    is stamped with its own time. `licence` and `origin` are kept as they are.
    """

    path: Path
    spec: InstrumentSpec
    data: DataKind = DataKind.BARS
    bar: BarSize | None = None
    stamp: Stamp = Stamp.OPEN
    licence: str = "not stated"
    origin: str = ""
    limits: QualityLimits = QualityLimits()


class Prepared(NamedTuple):
    """
    A file read and checked.

    `as_read` are the clean records of `checked` with the very floats a reader of the catalog will get for them.
    """

    request: Request
    dataset: str
    bar: BarSize | None
    step_ns: int
    checked: Checked
    as_read: Records
    source: SourceFile


def prepare(request: Request, digest: str) -> Prepared:
    """Read and check a file without touching the catalog; see `ingest` for what is refused."""
    source = read_source(request.path, request.data, request.spec.base)
    if request.data is DataKind.FUNDING:
        usual = usual_step(source.records.ts_ns, rounding_ns=_MINUTE_NS)
        step_ns = usual if usual is not None else (request.spec.funding_interval_h or 8) * _HOUR_NS
        bar, records = None, source.records
    else:
        bar = _bar_size(source, request)
        step_ns = bar.ns
        shift = step_ns if request.stamp is Stamp.OPEN else 0
        records = Records(source.records.place, source.records.ts_ns + shift, source.records.values)
    checked = validate(records, request.data, step_ns)
    _refuse_if_too_bad(source, checked, request.limits)
    return Prepared(
        request=request,
        dataset=dataset_id(request.spec.instrument_id, request.data, bar),
        bar=bar,
        step_ns=step_ns,
        checked=checked,
        as_read=_as_read(source, checked.clean, request),
        source=SourceFile(
            name=request.path.name,
            sha256=digest,
            rows=len(source.records),
            stored=len(checked.clean),
            stamp=request.stamp.value,
            licence=request.licence,
            origin=request.origin,
            notes=source.notes,
        ),
    )


def _bar_size(source: Source, request: Request) -> BarSize:
    step_ns = usual_step(source.records.ts_ns)
    if step_ns is None:
        if request.bar is None:
            raise ConfigError("one record does not show how long a bar is: say it with --bar", where=source.table.file)
        return request.bar
    try:
        found = BarSize.of_ns(step_ns)
    except ConfigError:
        raise source.table.refusal(f"most bars are {step_ns / 1e9:g} s apart, which is no bar size") from None
    if request.bar is not None and request.bar != found:
        raise ConfigError(f"the bars are {found}, but {request.bar} was asked for", where=source.table.file)
    return found


def _refuse_if_too_bad(source: Source, checked: Checked, limits: QualityLimits) -> None:
    bad, total = checked.count(Action.QUARANTINE), len(checked.source)
    if bad == 0 or (bad <= limits.quarantined_max * total and len(checked.clean)):
        return
    faults = [finding for finding in checked.findings if finding.action is Action.QUARANTINE]
    first = min(faults, key=lambda finding: int(finding.rows.min()))
    raise source.table.refusal(
        f"{first.reason}; {bad:,} of {total:,} records are bad ({bad / total:.2%}), "
        f"and at most {limits.quarantined_max:.2%} may be",
        record=int(first.rows.min()),
        column=first.column,
    )


def _as_read(source: Source, clean: Records, request: Request) -> Records:
    """Return the records with the very floats a reader of the catalog will get, or refuse a number that won't fit."""
    values = dict(clean.values)
    for name, column in clean.values.items():
        decimals = stored_decimals(request.spec, request.data, name)
        if decimals is None:
            continue
        misfit = first_misfit(column, decimals)
        if misfit is not None:
            record = int(clean.place[misfit]) - source.table.first_place
            raise source.table.refusal(
                f"{column[misfit]!r} is not a multiple of {10.0**-decimals:.{decimals}f}, the precision of "
                f"{request.spec.instrument_id}; storing it would alter it: give a finer increment with --spec",
                record=record,
                column=name,
            )
        values[name] = as_engine(column, decimals)
    return Records(clean.place, clean.ts_ns, values)
