"""Real files: every one fits its shipped instrument, and the known defects of the dirty ones are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from catalog.bar_size import BarSize
from catalog.check import check
from catalog.ingest import Status, ingest
from catalog.instruments import InstrumentSpec, Kind
from catalog.prepare import Request, prepare
from catalog.quality.finding import Action, Verdict
from catalog.sources.records import DataKind
from catalog.sources.refusal import RefusedFileError
from catalog.spec_files import brackets_from_steps, shipped_spec
from catalog.store.parquet import Catalog
from errors import PreconditionError

FOREVER = (0, 2**62)
HOUR_NS = 3_600 * 10**9
FOLDERS = {
    "binance_spot_1h": "{}.BINANCE",
    "binance_spot_2h": "{}.BINANCE",
    "binance_usdm_perp_5m": "{}-PERP.BINANCE",
    "binance_usdm_perp_15m": "{}-PERP.BINANCE",
    "binance_usdm_perp_30m": "{}-PERP.BINANCE",
    "binance_usdm_perp_1h": "{}-PERP.BINANCE",
    "bitfinex_spot_30m": "{}.BITFINEX",
    "bitstamp_spot_2h": "{}.BITSTAMP",
}


def foreign(instrument_id: str, price: str, size: str, base: str = "BTC") -> InstrumentSpec:
    """Return facts for an instrument that is not shipped."""
    return InstrumentSpec(
        instrument_id=instrument_id,
        kind=Kind.USDM_PERP,
        base=base,
        quote="USDT",
        settlement="USDT",
        price_increment=price,
        size_increment=size,
        size_min=size,
        notional_min="0",
        maker_fee="0.0002",
        taker_fee="0.0005",
        brackets=brackets_from_steps([(1e6, 0.01, 50)]),
        funding_interval_h=8,
    )


@pytest.mark.parametrize("folder", list(FOLDERS))
def test_every_file_fits_its_shipped_instrument(shared_data: Path, folder: str) -> None:
    files = sorted((shared_data / "ohlcv" / folder).glob("*.parquet"))
    assert files
    length = folder.rpartition("_")[2]
    size = BarSize.parse(f"{length[:-1]}-{'MINUTE' if length.endswith('m') else 'HOUR'}")
    for file in files:
        spec = shipped_spec(FOLDERS[folder].format(file.stem))

        prepared = prepare(Request(file, spec, bar=size), "")

        assert prepared.checked.count(Action.QUARANTINE) == prepared.checked.count(Action.DROP) == 0
        source = pq.read_table(file)
        np.testing.assert_array_equal(prepared.as_read.ts_ns, source["ts"].cast("int64").to_numpy() * 10**6 + size.ns)
        for name, values in prepared.as_read.values.items():
            np.testing.assert_allclose(values, source[name].to_numpy(), rtol=2e-15, err_msg=f"{file.name} {name}")


def test_gaps_are_those_of_the_truth_table(shared_data: Path) -> None:
    truth = pd.read_csv(shared_data / "dirty" / "binance_spot_1h_gaps.csv")
    found: list[tuple[str, str, str, int]] = []
    for file in sorted((shared_data / "ohlcv" / "binance_spot_1h").glob("*.parquet")):
        checked = prepare(Request(file, shipped_spec(f"{file.stem}.BINANCE")), "").checked
        for gap in checked.gaps:  # ours are close times, the table has opens
            first, last = (
                str(pd.Timestamp(ns - HOUR_NS, tz="UTC")) for ns in (gap.first_missing_ns, gap.last_missing_ns)
            )
            found.append((file.stem, first, last, gap.missing))

    assert found == list(truth.itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("symbol", "price", "size", "gaps", "missing", "stale_at_most"),
    [
        ("ADAUSDT", "0.0001", "1", 164, 131_364, 34),
        ("AGIUSDT", "0.00001", "1", 164, 131_364, 273),
        ("BTCUSDT", "0.1", "0.001", 165, 132_165, 27),
    ],
)
def test_a_downloader_that_skips_pages_is_stored_uncertified(
    shared_data: Path, tmp_path: Path, symbol: str, price: str, size: str, gaps: int, missing: int, stale_at_most: int
) -> None:
    file = shared_data / "dirty" / "bybit_1m_pagination_gaps" / f"{symbol}.parquet"
    spec = foreign(f"{symbol}-LINEAR.BYBIT", price, size, symbol.removesuffix("USDT"))

    manifest = ingest(tmp_path, Request(file, spec)).manifest

    assert (manifest.gap_count, manifest.missing, manifest.quarantined) == (gaps, missing, 0)
    assert not manifest.certified
    assert "of the records are missing" in manifest.uncertified_because[0]
    untraded = [each for each in manifest.violations if each.check == "volume"]
    assert sum(each.records for each in untraded) == stale_at_most
    assert not check(tmp_path)[0].passed


def test_a_sparse_market_is_sparse(shared_data: Path) -> None:
    file = shared_data / "dirty" / "freqtrade_unittest_btc_1m.parquet"
    spec = foreign("UNITTEST-LINEAR.NOWHERE", "0.00000001", "0.00000001")

    checked = prepare(Request(file, spec), "").checked

    assert (len(checked.gaps), sum(gap.missing for gap in checked.gaps)) == (538, 717)


def test_the_coinbase_file_is_sorted_and_complete(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "dirty" / "coinbase_btcusd_1h_cryptodatadownload.csv.gz"

    manifest = ingest(tmp_path, Request(file, shipped_spec("BTC-USD.COINBASE"))).manifest

    assert (manifest.rows, manifest.missing, manifest.quarantined, manifest.dropped) == (20_111, 0, 0, 0)
    assert {(each.check, each.verdict, each.records) for each in manifest.violations} == {
        ("order", Verdict.VALID, 20_110),
        ("volume", Verdict.STALE, 28),
    }
    assert manifest.sources[0].notes == (
        "line above the header: Timestamps are UTC timezone,https://www.CryptoDataDownload.com",
        "columns not read: symbol, volume",
    )
    bars = Catalog(tmp_path).bars("BTC-USD.COINBASE", "1-HOUR", *FOREVER)
    assert bars.ts_ns[-1] == pd.Timestamp("2019-10-17 10:00", tz="UTC").value
    assert (bars.close[-1], bars.volume[-1]) == (8035.88, 61.25)
    noon = np.searchsorted(bars.ts_ns, pd.Timestamp("2017-07-01 13:00", tz="UTC").value)
    assert (bars.open[noon], bars.volume[noon]) == (2509.17, 157.36)


@pytest.mark.parametrize("symbol", ["ADAUSDT", "XRPUSDT"])
def test_partial_bars_contradict_the_final_ones(shared_data: Path, tmp_path: Path, symbol: str) -> None:
    folder, spec = shared_data / "dirty" / "partial_bars_1h", shipped_spec(f"{symbol}-PERP.BINANCE")
    ingest(tmp_path, Request(folder / f"{symbol}_final.parquet", spec))

    with pytest.raises(PreconditionError, match=r"volume differs in 8 records, first at 2026-03-23T09:00:00Z"):
        ingest(tmp_path, Request(folder / f"{symbol}_polled.parquet", spec))


def test_a_file_of_something_else_is_refused(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "dirty" / "open_interest_merge_suffix_bug.csv"

    with pytest.raises(RefusedFileError, match="no column for the open"):
        ingest(tmp_path / "c", Request(file, shipped_spec("BTCUSDT-PERP.BINANCE")))
    assert not (tmp_path / "c").exists()


def test_a_feed_outage_shows_as_stale_bars(shared_data: Path) -> None:
    file = shared_data / "ohlcv" / "binance_usdm_perp_15m" / "BTCUSDT.parquet"
    checked = prepare(Request(file, shipped_spec("BTCUSDT-PERP.BINANCE")), "").checked

    (stale,) = [finding for finding in checked.findings if finding.verdict is Verdict.STALE]

    opens = checked.source.ts_ns[stale.rows] - 15 * 60 * 10**9
    first = pd.Timestamp("2024-10-28 20:00", tz="UTC").value
    assert opens.tolist() == [first + quarter * 15 * 60 * 10**9 for quarter in range(4)]


def test_closes_given_as_stamps_are_not_shifted(shared_data: Path) -> None:
    file = shared_data / "ohlcv" / "ftx_perp_1m" / "BTC-PERP.parquet"
    spec = foreign("BTC-PERP.FTX", "0.001", "0.0000001")

    from catalog.prepare import Stamp

    prepared = prepare(Request(file, spec, stamp=Stamp.CLOSE), "")

    assert prepared.as_read.ts_ns[0] == pd.Timestamp("2021-12-31 23:01", tz="UTC").value


@pytest.mark.parametrize("folder", ["binance_usdm", "binance_usdm_raw_ms"])
def test_funding_files_are_complete_to_the_millisecond(shared_data: Path, tmp_path: Path, folder: str) -> None:
    for file in sorted((shared_data / "funding" / folder).glob("*.parquet")):
        spec = shipped_spec(f"{file.stem}-PERP.BINANCE")
        manifest = ingest(tmp_path, Request(file, spec, DataKind.FUNDING)).manifest

        assert (manifest.missing, manifest.quarantined, manifest.dropped) == (0, 0, 0)
        funding = Catalog(tmp_path).funding(spec.instrument_id, *FOREVER)
        assert funding is not None
        source = pq.read_table(file)
        np.testing.assert_array_equal(funding.ts_ns, source["ts"].cast("int64").to_numpy() * 10**6)
        np.testing.assert_array_equal(funding.rate, source["funding_rate"].to_numpy())
        assert (funding.rate < 0).any()


def test_bars_marks_and_funding_of_a_perpetual_live_side_by_side(shared_data: Path, tmp_path: Path) -> None:
    import time

    spec = shipped_spec("BTCUSDT-PERP.BINANCE")
    for folder, data in (
        ("ohlcv/binance_usdm_perp_1h", DataKind.BARS),
        ("mark/binance_usdm_perp_1h", DataKind.MARK),
        ("funding/binance_usdm", DataKind.FUNDING),
    ):
        assert ingest(tmp_path, Request(shared_data / folder / "BTCUSDT.parquet", spec, data)).status is Status.STORED
    catalog = Catalog(tmp_path)

    began = time.process_time()
    bars = catalog.bars(spec.instrument_id, "1-HOUR", *FOREVER)
    taken = time.process_time() - began

    assert len(bars) == 46_591
    assert taken < 0.5, f"46,591 bars took {taken:.2f} s of CPU"
    mark, funding = (
        catalog.mark_bars(spec.instrument_id, "1-HOUR", *FOREVER),
        catalog.funding(spec.instrument_id, *FOREVER),
    )
    assert mark is not None
    assert funding is not None
    assert (len(mark), len(funding.ts_ns)) == (44_053, 5_819)
    assert [each.dataset for each in catalog.datasets()] == [
        "BTCUSDT-PERP.BINANCE/bars/1-HOUR",
        "BTCUSDT-PERP.BINANCE/funding",
        "BTCUSDT-PERP.BINANCE/mark/1-HOUR",
    ]
    assert all(each.passed for each in check(tmp_path))
