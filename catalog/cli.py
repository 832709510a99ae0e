"""The verbs `bot4 data ...`: bring market data in, list it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import terminal
from errors import ConfigError, QualityError
from terminal import JsonFlag

if TYPE_CHECKING:
    from catalog.check import Checkup
    from catalog.ingest import Ingested
    from catalog.store.manifest import Manifest

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Bring market data in, list it, check it."
)

CatalogFlag = Annotated[
    Path | None, typer.Option("--catalog", metavar="DIR", help="The catalog; by default `catalog` below BOT4_HOME.")
]


@app.command()
@terminal.guarded
def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Parquet, Feather or CSV (also .csv.gz).")],
    instrument: Annotated[
        str | None, typer.Option(metavar="ID", help="Such as BTCUSDT-PERP.BINANCE; needed unless the name tells.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="spot, margin or usdm_perp, where an id or name fits several.")
    ] = None,
    data: Annotated[str, typer.Option(help="bars, mark (mark-price bars) or funding.")] = "bars",
    bar: Annotated[str | None, typer.Option(metavar="SIZE", help="Such as 1-HOUR; checked against the data.")] = None,
    stamp: Annotated[str, typer.Option(help="open or close: which end of a bar the file's times name.")] = "open",
    spec: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with the instrument's facts; see docs/data.md.")
    ] = None,
    brackets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of leverage tiers to take the brackets from.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data, kept in the manifest.")] = "not stated",
    source: Annotated[str, typer.Option(help="Where the data is from, kept in the manifest.")] = "",
    quarantine_max: Annotated[
        float, typer.Option(help="Fraction of bad records that may be set aside; more refuses the file.")
    ] = 0.001,
    catalog: CatalogFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Check files and store them: each as a whole or not at all. A second time changes nothing."""
    from catalog.bar_size import BarSize
    from catalog.ingest import ingest as take_in
    from catalog.instruments import Kind
    from catalog.naming import instrument_for
    from catalog.prepare import Request, Stamp
    from catalog.quality.limits import QualityLimits
    from catalog.sources.records import DataKind
    from catalog.store.parquet import Catalog

    wanted_kind = _choice("--kind", kind, Kind) if kind is not None else None
    wanted_data, wanted_stamp = _choice("--data", data, DataKind), _choice("--stamp", stamp, Stamp)
    size = BarSize.parse(bar) if bar is not None else None
    try:
        limits = QualityLimits(quarantined_max=quarantine_max)
    except ValueError as error:
        raise ConfigError(str(error), where="--quarantine-max") from None
    root = _root(catalog)
    done: list[Ingested] = []
    with terminal.progress(f"ingesting {len(files)} file{'s' * (len(files) > 1)}", total=len(files)) as advance:
        for path in files:
            facts = instrument_for(
                Catalog(root), path, instrument_id=instrument, kind=wanted_kind, spec_file=spec, brackets_file=brackets
            )
            request = Request(
                path=path,
                spec=facts,
                data=wanted_data,
                bar=size,
                stamp=wanted_stamp,
                licence=licence,
                origin=source,
                limits=limits,
            )
            done.append(take_in(root, request))
            advance(1)
    if json_:
        terminal.emit({"catalog": str(root), "ingested": [_ingested(each) for each in done]})
        return
    for each in done:
        _print_ingested(each)


@app.command("list")
@terminal.guarded
def list_(catalog: CatalogFlag = None, json_: JsonFlag = False) -> None:
    """List the data sets of the catalog."""
    from catalog.store.parquet import Catalog

    root = _root(catalog)
    manifests = Catalog(root).datasets()
    if json_:
        terminal.emit({"catalog": str(root), "datasets": manifests})
    elif manifests:
        terminal.show_table(f"Catalog {root}", _COLUMNS, [_row(manifest) for manifest in manifests])
    else:
        terminal.out.print(f"the catalog {root} is empty: fill it with `bot4 data ingest`")


@app.command()
@terminal.guarded
def check(catalog: CatalogFlag = None, json_: JsonFlag = False) -> None:
    """Prove that every data set is what its manifest says, and check it again; exit 5 where one fails."""
    from catalog.check import check as check_all

    root = _root(catalog)
    with terminal.progress("checking"):
        checkups = check_all(root)
    failed = [each.manifest.dataset for each in checkups if not each.passed]
    if json_:
        terminal.emit({"catalog": str(root), "passed": not failed, "datasets": [_checkup(each) for each in checkups]})
        raise typer.Exit(QualityError.exit_code if failed else 0)
    rows = [(each.manifest.dataset, "passed" if each.passed else "FAILED", _why(each)) for each in checkups]
    terminal.show_table(f"Catalog {root}", ("data set", "result", "why"), rows)
    if failed:
        raise QualityError(f"{len(failed)} of {len(checkups)} data sets failed: {', '.join(failed)}")


_COLUMNS = ("data set", "rows", "first", "last", "missing", "kept out", "certified")


_DONE = {"FLAG": "kept", "DROP": "dropped", "QUARANTINE": "quarantined"}


def _row(manifest: Manifest) -> tuple[object, ...]:
    from catalog.merge import iso

    kept_out = manifest.quarantined + manifest.dropped
    certified = "yes" if manifest.certified else "no"
    first, last = iso(manifest.first_ns)[:10], iso(manifest.last_ns)[:10]
    return (manifest.dataset, manifest.rows, first, last, manifest.missing, kept_out, certified)


def _print_ingested(done: Ingested) -> None:
    from catalog.merge import iso

    manifest = done.manifest
    terminal.out.print(
        f"{done.status.value} {manifest.dataset}: {manifest.rows:,} records, {iso(manifest.first_ns)} to "
        f"{iso(manifest.last_ns)}, {manifest.missing:,} missing in {manifest.gap_count:,} gaps, "
        f"{manifest.quarantined:,} quarantined, {manifest.dropped:,} repeated, "
        f"{'certified' if manifest.certified else 'not certified'}",
        markup=False,
    )
    for remark in (*done.remarks, *manifest.uncertified_because):
        terminal.out.print(f"  {remark}", markup=False)
    for violation in manifest.violations:
        terminal.out.print(
            f"  {violation.check}: {violation.records:,} records {_DONE[violation.action.value]}, "
            f"{violation.verdict.value}: {violation.reason}",
            markup=False,
        )


def _ingested(done: Ingested) -> dict[str, Any]:
    return {"status": done.status.value, "remarks": done.remarks, "manifest": done.manifest}


def _checkup(checkup: Checkup) -> dict[str, Any]:
    return {
        "dataset": checkup.manifest.dataset,
        "passed": checkup.passed,
        "faults": checkup.faults,
        "uncertified_because": checkup.uncertified_because,
    }


def _why(checkup: Checkup) -> str:
    return "; ".join((*checkup.faults, *checkup.uncertified_because))


def _choice[E](flag: str, text: str, into: type[E]) -> E:
    members: dict[str, E] = {str(member.value).lower(): member for member in into}  # type: ignore[attr-defined]  # E is an Enum, which a type parameter can't say
    if text.lower().replace("-", "_") not in members:
        raise ConfigError(f"expected {', '.join(members)}, was {text!r}", where=flag)
    return members[text.lower().replace("-", "_")]


def _root(catalog: Path | None) -> Path:
    from settings import home

    return catalog if catalog is not None else home() / "catalog"
