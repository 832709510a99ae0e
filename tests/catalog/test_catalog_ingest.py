"""Ingestion: what is stored, what is refused, and that a refusal or repetition changes nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from catalog_world import ETH, FOREVER, HOUR_NS, START, csv, hours, parquet, request, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nautilus_trader.model.data import FundingRateUpdate
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from catalog.bar_size import BarSize
from catalog.check import check
from catalog.ingest import Status, ingest
from catalog.instruments import Kind
from catalog.prepare import Stamp
from catalog.quality.limits import QualityLimits
from catalog.sources.records import DataKind
from catalog.sources.refusal import RefusedFileError
from catalog.spec_files import shipped_spec
from catalog.store.parquet import Catalog
from catalog.store.quarantine import read_quarantine
from errors import Bot4Error, ConfigError, PreconditionError, QualityError


def test_stores_bars_under_their_close_time(tmp_path: Path) -> None:
    frame = hours(48)
    ingest(tmp_path / "c", request(parquet(tmp_path, frame)))

    bars = Catalog(tmp_path / "c").bars(ETH.instrument_id, "1-HOUR", *FOREVER)

    assert bars.ts_ns[0] == START.value + HOUR_NS
    np.testing.assert_array_equal(np.diff(bars.ts_ns), HOUR_NS)
    np.testing.assert_allclose(bars.close, frame["close"], rtol=1e-15)


def test_takes_close_stamps_as_they_are_when_told(tmp_path: Path) -> None:
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(48)), stamp=Stamp.CLOSE))

    bars = Catalog(tmp_path / "c").bars(ETH.instrument_id, "1-HOUR", *FOREVER)

    assert bars.ts_ns[0] == START.value


def test_window_excludes_its_start_and_includes_its_end(tmp_path: Path) -> None:
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(48))))
    first_close = START.value + HOUR_NS

    bars = Catalog(tmp_path / "c").bars(ETH.instrument_id, "1-HOUR", first_close, first_close + 2 * HOUR_NS)

    assert bars.ts_ns.tolist() == [first_close + HOUR_NS, first_close + 2 * HOUR_NS]


def test_the_engine_reads_the_same_bars_through_its_own_catalog(tmp_path: Path) -> None:
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(300))))
    ours = Catalog(tmp_path / "c").bars(ETH.instrument_id, "1-HOUR", *FOREVER)

    engine = ParquetDataCatalog(tmp_path / "c")
    theirs = engine.bars([f"{ETH.instrument_id}-1-HOUR-LAST-EXTERNAL"])

    assert [bar.ts_init for bar in theirs] == ours.ts_ns.tolist()
    for name in ("open", "high", "low", "close", "volume"):
        assert [getattr(bar, name).as_double() for bar in theirs] == getattr(ours, name).tolist()
    assert Catalog(tmp_path / "c").engine_bars(ETH.instrument_id, "1-HOUR", *FOREVER) == theirs
    assert [str(instrument.id) for instrument in engine.instruments()] == [ETH.instrument_id]


def test_ingesting_twice_changes_nothing(tmp_path: Path) -> None:
    path = parquet(tmp_path, hours(48))
    first = ingest(tmp_path / "c", request(path))
    before = tree(tmp_path / "c")

    second = ingest(tmp_path / "c", request(path))

    assert (first.status, second.status) == (Status.STORED, Status.UNCHANGED)
    assert second.remarks == ("eth.parquet was ingested before",)
    assert tree(tmp_path / "c") == before


def test_the_same_records_in_another_form_change_nothing(tmp_path: Path) -> None:
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(48))))
    before = tree(tmp_path / "c")

    again = ingest(tmp_path / "c", request(csv(tmp_path, hours(48)[10:40])))

    assert again.status is Status.UNCHANGED
    assert tree(tmp_path / "c") == before


@pytest.mark.parametrize("rows", [slice(0, 30), slice(20, 48), slice(10, 40)])
def test_extending_gives_the_content_of_the_whole(tmp_path: Path, rows: slice) -> None:
    whole = ingest(tmp_path / "whole", request(parquet(tmp_path, hours(48)))).manifest
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(48)[rows], "part.parquet")))

    extended = ingest(tmp_path / "c", request(tmp_path / "eth.parquet"))

    assert extended.status is Status.EXTENDED
    assert extended.manifest.content_sha256 == whole.content_sha256
    assert (extended.manifest.rows, extended.manifest.missing) == (48, 0)
    ours = Catalog(tmp_path / "c").bars(ETH.instrument_id, "1-HOUR", *FOREVER)
    assert np.array_equal(ours.ts_ns, Catalog(tmp_path / "whole").bars(ETH.instrument_id, "1-HOUR", *FOREVER).ts_ns)
    assert all(each.passed for each in check(tmp_path / "c"))


def test_refuses_a_file_that_contradicts_what_is_stored_and_says_where(tmp_path: Path) -> None:
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(48))))
    before = tree(tmp_path / "c")
    other = hours(60)
    other.loc[5, "volume"] += 1
    other = other.drop(index=7)

    with pytest.raises(
        PreconditionError,
        match=r"volume differs in 1 records, first at 2024-03-01T06:00:00Z.*1 records"
        r" are missing in the file, first at 2024-03-01T08:00:00Z",
    ):
        ingest(tmp_path / "c", request(parquet(tmp_path, other, "other.parquet")))

    assert tree(tmp_path / "c") == before


def _text_in_a_number(frame: pd.DataFrame, folder: Path) -> Path:
    return csv(folder, frame.astype({"close": object}).assign(close=[*frame["close"][:-1], "n.a. today"]), "bad.csv")


def _no_volume(frame: pd.DataFrame, folder: Path) -> Path:
    return parquet(folder, frame.drop(columns="volume"), "bad.parquet")


def _truncated(frame: pd.DataFrame, folder: Path) -> Path:
    path = parquet(folder, frame, "bad.parquet")
    path.write_bytes(path.read_bytes()[:-40])
    return path


def _not_a_number(frame: pd.DataFrame, folder: Path) -> Path:
    return parquet(folder, frame.assign(low=frame["low"].where(frame.index != 3)), "bad.parquet")


def _too_fine(frame: pd.DataFrame, folder: Path) -> Path:
    return parquet(
        folder, frame.assign(open=frame["open"].where(frame.index != 3, frame["open"] - 0.0001)), "bad.parquet"
    )


def _high_below_close(frame: pd.DataFrame, folder: Path) -> Path:
    return csv(folder, frame.assign(high=frame["high"].where(frame.index != 3, 1.0)), "bad.csv")


def _missing_time(frame: pd.DataFrame, folder: Path) -> Path:
    return parquet(folder, frame.assign(ts=frame["ts"].where(frame.index != 3)), "bad.parquet")


def _ragged(frame: pd.DataFrame, folder: Path) -> Path:
    path = csv(folder, frame, "bad.csv")
    lines = path.read_text().splitlines()
    lines[4] += ",7"
    path.write_text("\n".join(lines))
    return path


def _cut_gzip(frame: pd.DataFrame, folder: Path) -> Path:
    import gzip

    path = folder / "bad.csv.gz"
    path.write_bytes(gzip.compress(csv(folder, frame).read_bytes())[:-20])
    return path


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_text_in_a_number, r"bad.csv, line 49, column 'close': expected a number, found 'n.a. today'"),
        (_no_volume, r"no column for the volume in ETH: expected .*, found ts, open, high, low, close"),
        (_truncated, r"bad.parquet: not a whole Parquet file"),
        (_not_a_number, r"bad.parquet, row 4, column 'low': expected a finite number.*1 of 48 records are bad"),
        (_too_fine, r"bad.parquet, row 4, column 'open': .* is not a multiple of 0.01, the precision of ETHUSDT-PERP"),
        (_high_below_close, r"bad.csv, line 5, column 'high': the high is below the open or the close"),
        (_missing_time, r"bad.parquet, row 4, column 'ts': the time is missing"),
        (_ragged, r"bad.csv, line 5: expected 6 fields, found 7"),
        (_cut_gzip, r"bad.csv.gz: not a whole gzip file"),
    ],
)
def test_a_refused_file_leaves_the_catalog_untouched(tmp_path: Path, spoil: object, complaint: str) -> None:
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(24))))
    before = tree(tmp_path / "c")

    with pytest.raises(RefusedFileError, match=complaint):
        ingest(tmp_path / "c", request(spoil(hours(48), tmp_path)))  # type: ignore[operator]
    with pytest.raises(RefusedFileError, match=complaint):
        ingest(tmp_path / "new", request(spoil(hours(48), tmp_path)))  # type: ignore[operator]

    assert tree(tmp_path / "c") == before
    assert not (tmp_path / "new").exists()


def test_sets_a_few_bad_records_aside_with_their_reasons(tmp_path: Path) -> None:
    frame = hours(2_000)
    frame.loc[10, "close"] = np.nan
    frame.loc[20, "low"] = frame.loc[20, "high"] + 1
    frame = pd.concat([frame, frame[30:32]])  # two repeated records, at the end

    done = ingest(tmp_path / "c", request(parquet(tmp_path, frame)))

    manifest = done.manifest
    assert (manifest.rows, manifest.quarantined, manifest.dropped, manifest.missing) == (1_998, 2, 2, 2)
    table = read_quarantine(Catalog(tmp_path / "c").layout.quarantine(manifest.dataset)).to_pylist()
    # the low above the high breaks two rules, so the record has two rows
    assert {(row["place"], row["verdict"], row["action"]) for row in table} == {
        (11, "SCHEMA", "QUARANTINE"),
        (21, "SCHEMA", "QUARANTINE"),
        (2_001, "DUPLICATE", "DROP"),
        (2_002, "DUPLICATE", "DROP"),
    }
    assert all(row["reason"] and row["source"] == "eth.parquet" for row in table)
    assert check(tmp_path / "c")[0].passed


def test_the_quarantine_limit_is_a_limit(tmp_path: Path) -> None:
    frame = hours(100)
    frame.loc[[10, 20], "close"] = np.nan
    path = parquet(tmp_path, frame)

    with pytest.raises(RefusedFileError, match=r"2 of 100 records are bad \(2.00%\), and at most 1.99% may be"):
        ingest(tmp_path / "c", request(path, limits=QualityLimits(quarantined_max=0.0199)))
    assert ingest(tmp_path / "c", request(path, limits=QualityLimits(quarantined_max=0.02))).manifest.rows == 98


def test_contradicting_records_of_one_hour_are_all_set_aside(tmp_path: Path) -> None:
    frame = hours(2_000)
    twin = frame[50:51].assign(volume=1.0)

    manifest = ingest(tmp_path / "c", request(parquet(tmp_path, pd.concat([frame, twin])))).manifest

    assert (manifest.rows, manifest.quarantined, manifest.missing) == (1_999, 2, 1)


def test_many_missing_records_are_stored_but_not_certified(tmp_path: Path) -> None:
    frame = hours(400).drop(index=range(100, 110))

    manifest = ingest(tmp_path / "c", request(parquet(tmp_path, frame))).manifest

    assert not manifest.certified
    assert manifest.uncertified_because == ("2.50% of the records are missing, and at most 1.00% may be",)
    assert (manifest.gap_count, manifest.missing) == (1, 10)
    assert manifest.gaps[0].first_missing_ns == START.value + 101 * HOUR_NS
    assert manifest.gaps[0].last_missing_ns == START.value + 110 * HOUR_NS
    assert not check(tmp_path / "c")[0].passed


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_order_and_repetition_of_records_do_not_change_the_content(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    frame = hours(40)
    rows = data.draw(st.permutations(range(40)))
    repeated = data.draw(st.lists(st.sampled_from(range(40)), max_size=15))
    plain = ingest(folder / "plain", request(parquet(folder, frame))).manifest

    shuffled = parquet(folder, frame.iloc[[*rows, *repeated]], "shuffled.parquet")
    mixed = ingest(folder / "mixed", request(shuffled)).manifest

    assert mixed.content_sha256 == plain.content_sha256
    assert (mixed.rows, mixed.dropped, mixed.quarantined) == (40, len(repeated), 0)


def test_checks_the_bar_size_against_the_data(tmp_path: Path) -> None:
    path = parquet(tmp_path, hours(48))

    with pytest.raises(ConfigError, match="the bars are 1-HOUR, but 30-MINUTE was asked for"):
        ingest(tmp_path / "c", request(path, bar=BarSize.parse("30-MINUTE")))
    with pytest.raises(ConfigError, match="one record does not show how long a bar is"):
        ingest(tmp_path / "c", request(parquet(tmp_path, hours(1), "one.parquet")))
    assert ingest(tmp_path / "c", request(path, bar=BarSize.parse("60-minute"))).manifest.bar == "1-HOUR"


def _funding(count: int, jitter_ms: int = 0) -> pd.DataFrame:
    due = START.value // 10**6 + np.arange(count) * 8 * 3_600_000
    rates = np.round(np.random.default_rng(3).normal(0, 2e-4, count), 8)
    rates[:2] = [-0.00356332, 1e-8]
    return pd.DataFrame(
        {"ts": pd.to_datetime(due + np.arange(count) % 2 * jitter_ms, unit="ms", utc=True), "funding_rate": rates}
    )


def test_funding_keeps_its_own_times_and_every_decimal(tmp_path: Path) -> None:
    frame = _funding(60, jitter_ms=29)
    done = ingest(tmp_path / "c", request(parquet(tmp_path, frame), data=DataKind.FUNDING))

    funding = Catalog(tmp_path / "c").funding(ETH.instrument_id, *FOREVER)

    assert funding is not None
    assert funding.ts_ns.tolist() == frame["ts"].dt.as_unit("ns").astype("int64").tolist()
    assert funding.rate.tolist() == frame["funding_rate"].tolist()
    assert (done.manifest.missing, done.manifest.step_ns) == (0, 8 * HOUR_NS)
    exact = [Decimal(repr(rate)) for rate in frame["funding_rate"].tolist()]
    updates = Catalog(tmp_path / "c").engine_funding(ETH.instrument_id, *FOREVER)
    assert updates is not None
    assert [(update.rate, update.interval) for update in updates] == [(rate, 480) for rate in exact]
    # the engine's own reader gives text for the rate
    theirs = ParquetDataCatalog(tmp_path / "c").query(FundingRateUpdate, [ETH.instrument_id])
    assert [(Decimal(update.rate), update.ts_init) for update in theirs] == [
        (update.rate, update.ts_init) for update in updates
    ]


def test_a_payment_stamped_twice_within_a_minute_counts_once(tmp_path: Path) -> None:
    frame = _funding(60)
    late = frame[5:6].assign(ts=frame["ts"][5] + pd.Timedelta("7ms"))

    manifest = ingest(
        tmp_path / "c", request(parquet(tmp_path, pd.concat([frame, late])), data=DataKind.FUNDING)
    ).manifest

    assert (manifest.rows, manifest.dropped) == (60, 1)


def test_finds_a_missing_payment(tmp_path: Path) -> None:
    frame = _funding(60, jitter_ms=12).drop(index=[20, 21])
    request_ = request(parquet(tmp_path, frame), data=DataKind.FUNDING, limits=QualityLimits(missing_max=0.1))

    manifest = ingest(tmp_path / "c", request_).manifest

    assert (manifest.gap_count, manifest.missing) == (1, 2)


def test_a_rate_in_percent_is_refused(tmp_path: Path) -> None:
    frame = _funding(60).assign(funding_rate=0.1)

    with pytest.raises(RefusedFileError, match="a funding rate is a fraction between"):
        ingest(tmp_path / "c", request(parquet(tmp_path, frame), data=DataKind.FUNDING))


def test_mark_bars_are_apart_from_the_last_prices_and_finer(tmp_path: Path) -> None:
    frame = hours(48)
    mark = frame.drop(columns="volume")
    prices = ["open", "high", "low", "close"]
    mark[prices] = (mark[prices] + 0.12345678).round(8)
    ingest(tmp_path / "c", request(parquet(tmp_path, frame)))
    ingest(tmp_path / "c", request(parquet(tmp_path, mark, "mark.parquet"), data=DataKind.MARK))
    catalog = Catalog(tmp_path / "c")

    stored = catalog.mark_bars(ETH.instrument_id, "1-HOUR", *FOREVER)

    assert stored is not None
    np.testing.assert_allclose(stored.close, mark["close"], rtol=1e-15)
    assert not stored.volume.any()
    np.testing.assert_allclose(catalog.bars(ETH.instrument_id, "1-HOUR", *FOREVER).close, frame["close"], rtol=1e-15)


def test_what_is_not_there_is_none_or_named(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "c")
    with pytest.raises(PreconditionError, match="it is empty"):
        catalog.spec(ETH.instrument_id)
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(48))))

    assert catalog.funding(ETH.instrument_id, *FOREVER) is None
    assert catalog.mark_bars(ETH.instrument_id, "1-HOUR", *FOREVER) is None
    with pytest.raises(PreconditionError, match=r"no 1-MINUTE bars .* it has ETHUSDT-PERP.BINANCE/bars/1-HOUR"):
        catalog.bars(ETH.instrument_id, "1-MINUTE", *FOREVER)


def test_a_spot_instrument_has_no_funding(tmp_path: Path) -> None:
    spot = shipped_spec("ETHUSDT.BINANCE")

    with pytest.raises(ConfigError, match="funding data belongs to a perpetual"):
        ingest(tmp_path / "c", request(parquet(tmp_path, _funding(9)), data=DataKind.FUNDING, spec=spot))


def test_facts_may_be_brought_up_to_date_but_not_those_data_depends_on(tmp_path: Path) -> None:
    path = parquet(tmp_path, hours(48))
    before = ingest(tmp_path / "c", request(path)).manifest

    cheaper = msgspec.structs.replace(ETH, taker_fee="0.0004")
    done = ingest(tmp_path / "c", request(path, spec=cheaper))

    assert (done.status, done.manifest.content_sha256) == (Status.UNCHANGED, before.content_sha256)
    assert done.remarks == ("taker_fee of ETHUSDT-PERP.BINANCE changed from 0.0005 to 0.0004",)
    assert Catalog(tmp_path / "c").spec(ETH.instrument_id) == cheaper
    finer = msgspec.structs.replace(ETH, price_increment="0.010")
    with pytest.raises(PreconditionError, match="with price_precision 2, the spec says 3"):
        ingest(tmp_path / "c", request(parquet(tmp_path, hours(50), "more.parquet"), spec=finer))


def test_a_margin_pair_is_a_spot_pair_with_brackets(tmp_path: Path) -> None:
    spec = shipped_spec("ETHUSD.BITFINEX", Kind.MARGIN)
    ingest(tmp_path / "c", request(parquet(tmp_path, hours(48)), spec=spec))

    assert Catalog(tmp_path / "c").spec("ETHUSD.BITFINEX").kind is Kind.MARGIN
    with pytest.raises(PreconditionError, match="with kind MARGIN, the spec says SPOT"):
        ingest(tmp_path / "c", request(tmp_path / "eth.parquet", spec=shipped_spec("ETHUSD.BITFINEX")))


def test_the_fingerprint_follows_the_content_only(tmp_path: Path) -> None:
    ingest(tmp_path / "a", request(parquet(tmp_path, hours(48))))
    ingest(tmp_path / "b", request(csv(tmp_path, hours(48))))
    ingest(tmp_path / "other", request(parquet(tmp_path, hours(48, seed=8), "other.parquet")))

    prints = [Catalog(tmp_path / name).fingerprint(ETH.instrument_id) for name in ("a", "b", "other")]

    assert prints[0] == prints[1] != prints[2]
    assert prints[0] == Catalog(tmp_path / "a").fingerprint(f"{ETH.instrument_id}/bars/1-HOUR")


def test_a_changed_file_is_never_read(tmp_path: Path) -> None:
    manifest = ingest(tmp_path / "c", request(parquet(tmp_path, hours(48)))).manifest
    path = tmp_path / "c" / manifest.files[0].path
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)

    with pytest.raises(QualityError, match="was changed after it was stored"):
        Catalog(tmp_path / "c").bars(ETH.instrument_id, "1-HOUR", *FOREVER)
    assert "was changed after it was stored" in check(tmp_path / "c")[0].faults[0]


def test_files_that_no_manifest_names_are_reported_and_never_mixed_in(tmp_path: Path) -> None:
    manifest = ingest(tmp_path / "c", request(parquet(tmp_path, hours(48)))).manifest
    folder = (tmp_path / "c" / manifest.files[0].path).parent
    (folder / "2030-01-01T00-00-00-000000000Z_2030-01-02T00-00-00-000000000Z.parquet").write_bytes(b"")

    assert "the manifest does not name" in check(tmp_path / "c")[0].faults[0]
    with pytest.raises(PreconditionError, match="files that no manifest names"):
        ingest(tmp_path / "c", request(parquet(tmp_path, hours(60), "more.parquet")))


def test_a_damaged_manifest_is_a_fault_not_an_empty_catalog(tmp_path: Path) -> None:
    manifest = ingest(tmp_path / "c", request(parquet(tmp_path, hours(48)))).manifest
    Catalog(tmp_path / "c").layout.manifest(manifest.dataset).write_text("{}")

    with pytest.raises(Bot4Error, match="the manifest is damaged"):
        Catalog(tmp_path / "c").datasets()


def test_content_that_is_not_the_manifests_fails_the_check(tmp_path: Path) -> None:
    import hashlib

    from catalog.store.manifest import encode

    manifest = ingest(tmp_path / "c", request(parquet(tmp_path, hours(48)))).manifest
    other = ingest(tmp_path / "o", request(parquet(tmp_path, hours(48, seed=9), "other.parquet"))).manifest
    data = (tmp_path / "o" / other.files[0].path).read_bytes()
    (tmp_path / "c" / manifest.files[0].path).write_bytes(data)
    forged = msgspec.structs.replace(manifest.files[0], sha256=hashlib.sha256(data).hexdigest())
    path = Catalog(tmp_path / "c").layout.manifest(manifest.dataset)
    path.write_bytes(encode(msgspec.structs.replace(manifest, files=(forged,))))

    assert "the content differs from the manifest's" in check(tmp_path / "c")[0].faults[0]
