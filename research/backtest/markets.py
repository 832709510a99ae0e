"""Read what a run replays from the catalog, and refuse data that would make its result wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from catalog.bar_size import BarSize
from catalog.instruments import InstrumentSpec, Kind
from catalog.model import FundingColumns
from catalog.sources.records import DataKind
from catalog.store.manifest import Manifest
from catalog.store.parquet import Catalog
from errors import ConfigError, PreconditionError
from research.backtest.config import RunConfig, warmup_bars
from research.backtest.feed import Market
from research.venue.funding import check_funding_coverage


class Stage(msgspec.Struct, frozen=True):
    """What a run is played on: the markets with warm-up, their facts, and what must be said about the data."""

    markets: list[Market]
    specs: dict[str, InstrumentSpec]
    bar_ns: int
    warnings: list[str]
    fingerprint: str


def read_stage(catalog: Catalog, config: RunConfig) -> Stage:
    """
    Read bars, mark bars and funding of all instruments of a run.

    Raises
    ------
    ConfigError
        If the instruments do not belong to one account: one venue, one settlement currency.
    PreconditionError
        If an instrument has no bars in the period, a data set is not certified (unless the run allows that), or
        funding rates are missing (unless the run takes them as zero).

    """
    run = config.run
    bar_ns = BarSize.parse(run.bar).ns
    first_ns = run.start_ns - warmup_bars(config) * bar_ns
    specs = {name: catalog.spec(name) for name in run.instruments}
    _check_account(specs)
    read = _datasets(catalog, specs, run.bar)
    warnings = _certificates(read, config)
    markets = []
    for name, spec in specs.items():
        bars = catalog.bars(name, run.bar, first_ns, run.end_ns)
        if not len(bars) or bars.ts_ns[-1] <= run.start_ns:
            raise PreconditionError(f"no {run.bar} bars of {name} between {run.start} and {run.end} in the catalog")
        marks = funding = None
        if spec.kind is Kind.USDM_PERP:
            marks = catalog.mark_bars(name, run.bar, first_ns, run.end_ns)
            funding = catalog.funding(name, first_ns, run.end_ns)
            last_ns = int(bars.ts_ns[-1]) - 1  # a payment due at the very end is not part of the run
            warnings += _check_funding(config, spec, last_ns, funding)
            if marks is None or not len(marks):
                marks = None
                warnings.append(f"{name}: no mark prices in the catalog; last prices stand in for them")
        markets.append(Market(name, run.bar, bars, marks, funding))
    fingerprint = catalog.fingerprint(*(manifest.dataset for manifest in read))
    return Stage(markets, specs, bar_ns, warnings, fingerprint)


def _check_funding(config: RunConfig, spec: InstrumentSpec, last_ns: int, funding: FundingColumns | None) -> list[str]:
    interval_h = spec.funding_interval_h or 8
    missing = check_funding_coverage(funding, config.run.start_ns, last_ns, interval_h)
    if not missing:
        return []
    first = datetime.fromtimestamp(missing[0] / 1e9, tz=UTC).isoformat()
    text = f"{spec.instrument_id}: {len(missing)} funding payments have no rate, the first at {first}"
    if config.venue.funding.missing == "error":
        raise PreconditionError(f'{text}; ingest them, or set venue.funding.missing = "zero" to count them as nothing')
    return [f"{text}; counted as zero"]


def _check_account(specs: dict[str, InstrumentSpec]) -> None:
    for what, values in (
        ("venue", {spec.venue for spec in specs.values()}),
        ("settlement currency", {spec.settlement for spec in specs.values()}),
    ):
        if len(values) > 1:
            raise ConfigError(
                f"a run has one account, so its instruments must share one {what}, were of {', '.join(sorted(values))}",
                where="run.instruments",
            )


def _datasets(catalog: Catalog, specs: dict[str, InstrumentSpec], bar: str) -> list[Manifest]:
    """Return the manifests of what the run reads, and of nothing else that the catalog has of these instruments."""
    found = []
    for name, spec in specs.items():
        found.append(catalog.dataset(name, DataKind.BARS, bar))
        if spec.kind is Kind.USDM_PERP:
            found += [catalog.dataset(name, DataKind.MARK, bar), catalog.dataset(name, DataKind.FUNDING)]
    return [manifest for manifest in found if manifest is not None]


def _certificates(read: list[Manifest], config: RunConfig) -> list[str]:
    uncertified = [manifest.dataset for manifest in read if not manifest.certified]
    if not uncertified:
        return []
    text = f"data sets that did not pass their checks: {', '.join(uncertified)}"
    if not config.run.allow_uncertified:
        raise PreconditionError(f"{text}; see `bot4 data check`, or set run.allow_uncertified = true")
    return [text]
