"""`bot4 features`: list, compute, verify and plot features."""

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
    from strategies.features.spec import FeatureSpec

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="List, compute, verify and plot features."
)

CatalogOption = Annotated[
    Path | None, typer.Option(help="Folder of the catalog; by default `catalog` under BOT4_HOME.")
]
EARLIEST_NS, LATEST_NS = 0, 2**63 - 1
PLOTTED = ("ema:window=50", "bollinger", "rsi", "macd", "atr", "adx")


@app.command(name="list")
@terminal.guarded
def list_features(
    family: Annotated[str | None, typer.Option(help="Only this family, such as momentum.")] = None,
    json_: JsonFlag = False,
) -> None:
    """List every feature: family, parameters with ranges, output columns, warm-up, source."""
    from strategies.features import documentation
    from strategies.features.event_registry import event_features
    from strategies.features.pair_features import pair_features
    from strategies.features.registry import features

    every = [*features().values(), *pair_features().values(), *event_features().values()]
    families = sorted({feature.family for feature in every})
    if family is not None and family not in families:
        raise ConfigError(f"there is no family {family!r}; there are {', '.join(families)}", where="--family")
    chosen = [feature for feature in every if family in {None, feature.family}]
    if json_:
        terminal.emit(
            {
                "features": [
                    {
                        "name": feature.name,
                        "family": feature.family,
                        "takes": documentation.takes(feature),
                        "summary": feature.summary,
                        "params": feature.params,
                        "outputs": feature.outputs,
                        "columns": bound.columns,
                        "warmup_bars": bound.warmup,
                        "warmup_is_a_lower_bound": documentation.paced(feature),
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
            ("warm-up", documentation.warmup_text(feature)),
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
    from strategies.features.event_registry import event_features
    from strategies.features.event_verify import verify_events
    from strategies.features.generated_events import ROWS
    from strategies.features.pair_features import pair_features
    from strategies.features.registry import bind, features
    from strategies.features.spec import FeatureSpec

    if catalog is not None and instrument is None:
        raise ConfigError("a catalog needs an instrument", where="--instrument")
    every = features() | pair_features() | event_features()
    chosen = [bind(FeatureSpec(name), among=every).feature for name in names] if names else list(every.values())
    series: list[tuple[str, BarColumns | None]] = [("generated", None)]
    if instrument is not None:
        series.append((f"{instrument} {bar}", _stored(catalog, instrument, bar)))
    results: list[dict[str, Any]] = []
    failures: list[str] = []
    with terminal.progress(f"verifying {len(chosen)} features", total=len(chosen)) as advance:
        for feature in chosen:
            bound = list(verifying.variations(feature))
            of_events = feature.name in event_features()
            # no trades, quotes or books are stored, and one instrument is no pair: generated ones stand for them
            for source, bars in series if feature.name in features() else series[:1]:
                if of_events:
                    found = [failure for each in bound for failure in verify_events(each, cuts=cuts)]
                    rows = ROWS
                else:
                    found = [failure for each in bound for failure in verifying.verify(each, bars, cuts=cuts)]
                    rows = len(verifying.generated_bars() if bars is None else bars)
                failures += [f"{each.label} on {source}: {each.check.value}: {each.detail}" for each in found]
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
        ("feature", "on", "rows", "parameter sets"),
        [(each["feature"], each["bars"], each["rows"], len(each["variations"])) for each in results],
    )


@app.command()
@terminal.guarded
def plot(
    instrument: Annotated[str, typer.Option(help="Instrument, such as BTCUSDT-PERP.BINANCE.")],
    bar: Annotated[str, typer.Option(help="Bar size, such as 1-HOUR.")],
    out: Annotated[Path, typer.Option(help="File to write: .png, or .html for a page that reads values.")],
    feature: Annotated[
        list[str] | None,
        typer.Option(help="Feature to draw, such as rsi or ema:window=50; repeat it for more. Six usual ones without."),
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="TOML file of [[feature]] tables, instead of --feature.")] = None,
    catalog: CatalogOption = None,
    start: Annotated[str | None, typer.Option(help="Draw bars that closed after this moment, ISO 8601, UTC.")] = None,
    end: Annotated[str | None, typer.Option(help="Draw bars that closed up to this moment, ISO 8601, UTC.")] = None,
    bars: Annotated[int, typer.Option(min=2, max=20_000, help="Without --start: draw the last so many bars.")] = 250,
    json_: JsonFlag = False,
) -> None:
    """
    Draw bars with features: overlays on the price, the others in panes below it.

    Features are computed from the first stored bar on, so that they are warm where the picture begins.
    """
    with terminal.progress("drawing"):
        import settings
        from catalog.store.parquet import Catalog
        from errors import PreconditionError
        from strategies.features import plot as plotting
        from strategies.features.featureset import FeatureSet
        from strategies.features.registry import bind
        from strategies.features.spec import FeatureFile

        if feature and spec is not None:
            raise ConfigError("give --feature or --spec, not both")
        specs = (
            [_spec(text) for text in feature or PLOTTED] if spec is None else settings.load(spec, FeatureFile).feature
        )
        for each in specs:
            bind(each, where="--feature" if spec is None else str(spec))
        features = FeatureSet(specs)
        store = Catalog(settings.home() / "catalog" if catalog is None else catalog)
        end_ns = LATEST_NS if end is None else _moment_ns(end, "--end")
        history = store.bars(instrument, bar, EARLIEST_NS, end_ns)
        shown = bars if start is None else int((history.ts_ns > _moment_ns(start, "--start")).sum())
        first = max(len(history) - shown, 0)
        drawn = history.slice(first, len(history))
        if len(drawn) < 2:
            raise PreconditionError(
                f"need at least 2 bars to draw, {instrument} has {len(drawn)} in the range asked for"
            )
        rows = features.batch(history)[first:]
        plotting.draw(plotting.Chart(f"{instrument}, {bar}", drawn, features, rows), out)
    if json_:
        times = {"first": _iso(int(drawn.ts_ns[0])), "last": _iso(int(drawn.ts_ns[-1]))}
        terminal.emit({"out": str(out), "bars": len(drawn), **times, "columns": features.names})
        return
    terminal.out.print(f"{len(drawn)} bars drawn to {out}", markup=False, highlight=False)


def _spec(text: str) -> FeatureSpec:
    from strategies.features.spec import FeatureSpec

    name, _, listed = text.partition(":")
    params: dict[str, int | float] = {}
    for pair in listed.split(",") if listed else []:
        key, _, value = pair.partition("=")
        try:
            params[key.strip()] = float(value)
        except ValueError:
            raise ConfigError(f"expected NAME or NAME:PARAMETER=NUMBER,..., was {text!r}", where="--feature") from None
    return FeatureSpec(name.strip(), params)


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
