"""`bot4 features`: list, compute and verify features."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import terminal
from errors import ConfigError, QualityError
from terminal import JsonFlag

if TYPE_CHECKING:
    from catalog.model import BarColumns

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="List, compute and verify features."
)

CatalogOption = Annotated[
    Path | None, typer.Option(help="Folder of the catalog; by default `catalog` under BOT4_HOME.")
]
EARLIEST_NS, LATEST_NS = 0, 2**63 - 1


@app.command(name="list")
@terminal.guarded
def list_features(
    family: Annotated[str | None, typer.Option(help="Only this family, such as momentum.")] = None,
    json_: JsonFlag = False,
) -> None:
    """List every feature: family, parameters with ranges, output columns, warm-up, source."""
    from strategies.features import documentation
    from strategies.features.registry import features

    families = sorted({feature.family for feature in features().values()})
    if family is not None and family not in families:
        raise ConfigError(f"there is no family {family!r}; there are {', '.join(families)}", where="--family")
    chosen = [feature for feature in features().values() if family in {None, feature.family}]
    if json_:
        terminal.emit(
            {
                "features": [
                    {
                        "name": feature.name,
                        "family": feature.family,
                        "summary": feature.summary,
                        "params": feature.params,
                        "outputs": feature.outputs,
                        "columns": bound.columns,
                        "warmup_bars": bound.warmup,
                        "source": feature.source,
                        "version": feature.version,
                    }
                    for feature, bound in ((feature, documentation.default(feature)) for feature in chosen)
                ]
            }
        )
        return
    for feature in chosen:
        terminal.out.print(f"[bold]{feature.name}[/] ({feature.family}): {feature.summary}", highlight=False)
        for title, text in (
            ("parameters", documentation.parameters(feature)),
            ("columns", documentation.outputs(feature)),
            ("warm-up", f"{documentation.warmup(feature)} bars"),
            ("source", feature.source),
        ):
            terminal.out.print(f"  {title:<11}{text}", markup=False, highlight=False)


@app.command()
@terminal.guarded
def compute(
    instrument: Annotated[str, typer.Option(help="Instrument, such as BTCUSDT-PERP.BINANCE.")],
    bar: Annotated[str, typer.Option(help="Bar size, such as 1-HOUR.")],
    catalog: CatalogOption = None,
    spec: Annotated[
        Path | None, typer.Option(help="TOML file of [[feature]] tables; the default set without it.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Bars that closed after this moment, ISO 8601, UTC.")] = None,
    end: Annotated[str | None, typer.Option(help="Bars that closed up to this moment, ISO 8601, UTC.")] = None,
    out: Annotated[Path | None, typer.Option(help="Parquet file to write the rows to.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Compute features over stored bars; row i is known at the close of bar i."""
    from time import perf_counter

    with terminal.progress("loading kernels"):
        import settings
        from catalog.store.parquet import Catalog
        from strategies.features import compute as computing
        from strategies.features.default import DEFAULT_SPECS
        from strategies.features.featureset import FeatureSet
        from strategies.features.registry import bind
        from strategies.features.spec import FeatureFile

        specs = DEFAULT_SPECS
        if spec is not None:
            specs = settings.load(spec, FeatureFile).feature
            for each in specs:
                bind(each, where=str(spec))
        features = FeatureSet(specs)
        store = Catalog(settings.home() / "catalog" if catalog is None else catalog)
    begun = perf_counter()
    with terminal.progress(f"computing {len(features.names)} columns (the first time kernels are compiled)"):
        rows = computing.compute(
            store,
            instrument,
            bar,
            features,
            start_ns=EARLIEST_NS if start is None else _moment_ns(start, "--start"),
            end_ns=LATEST_NS if end is None else _moment_ns(end, "--end"),
        )
        if out is not None:
            computing.write(rows, out)
    seconds = perf_counter() - begun

    import numpy as np

    missing = np.isnan(rows.values).sum(axis=0).tolist()
    last = [None if value != value else value for value in rows.values[-1].tolist()]  # noqa: PLR0124 - NaN
    if json_:
        terminal.emit(
            {
                "instrument": instrument,
                "bar": rows.bar,
                "rows": len(rows.ts_ns),
                "first": _iso(int(rows.ts_ns[0])),
                "last": _iso(int(rows.ts_ns[-1])),
                "warmup_bars": features.warmup_bars,
                "layout_hash": features.layout_hash,
                "data_fingerprint": rows.data_fingerprint,
                "columns": [
                    {"name": name, "nan": nan, "last": value}
                    for name, nan, value in zip(features.names, missing, last, strict=True)
                ],
                "out": None if out is None else str(out),
                "seconds": seconds,
            }
        )
        return
    terminal.show_table(
        f"{instrument} {rows.bar}: {len(rows.ts_ns)} rows, {_iso(int(rows.ts_ns[0]))} to {_iso(int(rows.ts_ns[-1]))}",
        ("column", "NaN rows", "last value"),
        [
            (name, nan, "NaN" if value is None else f"{value:.6g}")
            for name, nan, value in zip(features.names, missing, last, strict=True)
        ],
    )
    terminal.out.print(f"layout {features.layout_hash}", markup=False, highlight=False)
    terminal.out.print(f"{seconds:.2f} s" + (f", written to {out}" if out else ""), markup=False, highlight=False)


@app.command()
@terminal.guarded
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Features to verify; all without any.")] = None,
    instrument: Annotated[str | None, typer.Option(help="Verify on this instrument's stored bars too.")] = None,
    bar: Annotated[str, typer.Option(help="Bar size of the stored bars, such as 1-HOUR.")] = "1-HOUR",
    catalog: CatalogOption = None,
    cuts: Annotated[int, typer.Option(min=1, max=10_000, help="Lengths each series is cut to.")] = 40,
    json_: JsonFlag = False,
) -> None:
    """
    Prove of each feature: batch equals stream bit for bit, no row depends on a later bar, a step allocates nothing.

    Also that a kernel writes only to its own memory, that a missing bar leaves no trace, and that the warm-up is as
    stated. On a generated series with default, shorter and least parameters, and on stored bars when an instrument is
    given. Exit code 5 when a feature fails, naming it.
    """
    from strategies.features import verify as verifying
    from strategies.features.registry import bind, features
    from strategies.features.spec import FeatureSpec

    if catalog is not None and instrument is None:
        raise ConfigError("a catalog needs an instrument", where="--instrument")
    chosen = [bind(FeatureSpec(name)).feature for name in names] if names else list(features().values())
    series: list[tuple[str, BarColumns | None]] = [("generated", None)]
    if instrument is not None:
        series.append((f"{instrument} {bar}", _stored(catalog, instrument, bar)))
    results: list[dict[str, Any]] = []
    failures: list[str] = []
    with terminal.progress(f"verifying {len(chosen)} features", total=len(chosen)) as advance:
        for feature in chosen:
            bound = list(verifying.variations(feature))
            for source, bars in series:
                found = [failure for each in bound for failure in verifying.verify(each, bars, cuts=cuts)]
                failures += [f"{each.label} on {source}: {each.check.value}: {each.detail}" for each in found]
                rows = len(verifying.generated_bars() if bars is None else bars)
                results.append(
                    {
                        "feature": feature.name,
                        "bars": source,
                        "rows": rows,
                        "variations": [each.label for each in bound],
                        "passed": not found,
                    }
                )
            advance(1)
    if failures:
        raise QualityError("features that do not hold:\n" + "\n".join(failures))
    if json_:
        terminal.emit({"passed": True, "checks": [check.value for check in verifying.Check], "results": results})
        return
    terminal.show_table(
        "Verified: " + "; ".join(check.value for check in verifying.Check),
        ("feature", "bars", "rows", "parameter sets"),
        [(each["feature"], each["bars"], each["rows"], len(each["variations"])) for each in results],
    )


def _stored(catalog: Path | None, instrument: str, bar: str) -> BarColumns:
    import settings
    from catalog.store.parquet import Catalog
    from errors import PreconditionError

    root = settings.home() / "catalog" if catalog is None else catalog
    bars = Catalog(root).bars(instrument, bar, EARLIEST_NS, LATEST_NS)
    if len(bars) < 2:
        raise PreconditionError(f"need at least 2 bars to verify on, {instrument} has {len(bars)}")
    return bars


def _moment_ns(text: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"expected a date or time in ISO 8601, such as 2024-01-31, was {text!r}", where=where
        ) from None
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return int(utc.timestamp()) * 10**9 + utc.microsecond * 1000


def _iso(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 10**9, UTC).isoformat().replace("+00:00", "Z")
