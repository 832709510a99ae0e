"""The forms a file may have: columns, times, numbers, separators, compression."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from catalog_world import csv, hours, parquet
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from catalog.sources.records import DataKind, read_source
from catalog.sources.refusal import RefusedFileError
from catalog.sources.stamps import stamps
from catalog.sources.table import SourceTable
from errors import ConfigError

NOON_NS = pd.Timestamp("2019-10-17 12:00", tz="UTC").value


def read(path: Path) -> tuple[list[int], list[float]]:
    records = read_source(path, DataKind.BARS, "ETH").records
    return records.ts_ns.tolist(), records.values["volume"].tolist()


def times(*values: object, kind: pa.DataType | None = None) -> SourceTable:
    return SourceTable("f.csv", {"t": pa.chunked_array([pa.array(values, type=kind)])}, "line", 2)


@pytest.mark.parametrize("form", ["parquet", "feather", "csv", "csv.gz", "tab.csv", "semicolon.csv"])
def test_every_form_gives_the_same_records(tmp_path: Path, form: str) -> None:
    frame = hours(30)
    expected = read(parquet(tmp_path, frame))
    text = csv(tmp_path, frame).read_text()
    path = tmp_path / f"other.{form}"
    if form == "parquet":
        parquet(tmp_path, frame, path.name)
    elif form == "feather":
        feather.write_feather(pa.Table.from_pandas(frame, preserve_index=False), path)
    elif form == "csv.gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text.replace(",", {"tab.csv": "\t", "semicolon.csv": ";"}.get(form, ",")))

    assert read(path) == expected


@pytest.mark.parametrize(
    "value",
    [
        NOON_NS,
        NOON_NS // 10**3,
        NOON_NS // 10**6,
        NOON_NS // 10**9,
        float(NOON_NS // 10**9),
        str(NOON_NS // 10**6),
        "2019-10-17 12-PM",
        "2019-10-17T12:00:00Z",
        "2019-10-17 12:00:00",
        "2019-10-17 14:00:00+02:00",
        pd.Timestamp("2019-10-17 12:00"),
        pd.Timestamp("2019-10-17 14:00", tz="Europe/Berlin"),
    ],
)
def test_reads_a_time_in_any_form(value: object) -> None:
    table = SourceTable("f.csv", {"t": pa.chunked_array([pa.array([value])])}, "line", 2)

    assert stamps(table, "t").tolist() == [NOON_NS]


@pytest.mark.parametrize("column", ["ts", "date", "open_time", "timestamp", "Open Time", "datetime", "BTC.Date"])
def test_knows_the_usual_names_of_a_time_column(tmp_path: Path, column: str) -> None:
    frame = hours(5).rename(columns={"ts": column})

    assert read(parquet(tmp_path, frame))[0] == read(parquet(tmp_path, hours(5)))[0]


def test_twelve_hour_stamps_are_not_sorted_as_text() -> None:
    table = times("2019-10-17 12-AM", "2019-10-17 01-AM", "2019-10-17 12-PM", "2019-10-17 01-PM")

    assert np.diff(stamps(table, "t")).tolist() == [3_600 * 10**9, 11 * 3_600 * 10**9, 3_600 * 10**9]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (times("2019-10-17", "soon"), "line 3, column 't': expected a time, found 'soon'"),
        (times("2019-10-17", None), "line 3, column 't': the time is missing"),
        (times(1_571_313_600, 1_571_313_660_000), "line 3, column 't': the unit of the times changes"),
        (times(0, 60, 120), "line 2, column 't': expected a time from 2009 to 2100"),
        (times(1.5e9, float("nan")), "line 3, column 't': the time is missing"),
        (times(True), "expected times, found the type bool"),
    ],
)
def test_refuses_a_wrong_time_with_its_line(table: SourceTable, complaint: str) -> None:
    with pytest.raises(RefusedFileError, match=complaint):
        stamps(table, "t")


@given(seconds=st.integers(1_230_940_800, 4_102_444_799), part=st.integers(0, 999))
def test_milliseconds_survive_as_numbers_and_as_text(seconds: int, part: int) -> None:
    ms = seconds * 1_000 + part
    expected = [ms * 10**6]

    assert stamps(times(ms), "t").tolist() == expected
    assert stamps(times(str(ms)), "t").tolist() == expected
    assert stamps(times(pd.Timestamp(ms, unit="ms").isoformat()), "t").tolist() == expected


def test_takes_the_base_volume_where_there_are_two(tmp_path: Path) -> None:
    frame = hours(5)
    both = frame.assign(volume_eth=frame["volume"], volume=frame["volume"] * 3_000)

    assert read(parquet(tmp_path, both, "both.parquet"))[1] == frame["volume"].tolist()


def test_a_quote_volume_alone_is_no_volume(tmp_path: Path) -> None:
    frame = hours(5).rename(columns={"volume": "Volume USD"})

    with pytest.raises(RefusedFileError, match="no column for the volume in ETH: expected volume_eth or volume"):
        read(parquet(tmp_path, frame))


def test_two_columns_that_may_be_the_same_thing_are_refused(tmp_path: Path) -> None:
    frame = hours(5).assign(Close=1.0)

    with pytest.raises(RefusedFileError, match="more than one column may be the close: close, Close"):
        read(parquet(tmp_path, frame))


def test_lines_above_the_header_are_kept_as_notes_and_counted(tmp_path: Path) -> None:
    path = csv(tmp_path, hours(5))
    text = "Times are UTC,https://example.org\n" + path.read_text()
    path.write_text(text)

    assert read_source(path, DataKind.BARS, "ETH").notes == (
        "line above the header: Times are UTC,https://example.org",
    )
    path.write_text(text.replace("2024-03-01T02:00:00Z", "later"))
    with pytest.raises(RefusedFileError, match="line 5, column 'ts': expected a time, found 'later'"):
        read(path)


def test_unread_columns_are_noted(tmp_path: Path) -> None:
    path = parquet(tmp_path, hours(5).assign(trades=1))

    assert read_source(path, DataKind.BARS, "ETH").notes == ("columns not read: trades",)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no header with a time column"),
        (b"ts,open,high,low,close,volume\n", "there is no record below the header"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"one,two\n1,2\n", "no header with a time column in the first 2 lines; the first is 'one,two'"),
    ],
)
def test_refuses_text_that_is_no_table(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)

    with pytest.raises(RefusedFileError, match=complaint):
        read(path)


def test_refuses_an_empty_table_and_text_that_calls_itself_parquet(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="the file has no record"):
        read(parquet(tmp_path, hours(5)[:0]))
    (tmp_path / "f.parquet").write_text("ts,open\n")
    with pytest.raises(RefusedFileError, match="not a whole Parquet file"):
        read(tmp_path / "f.parquet")
    (tmp_path / "f.feather").write_text("ts,open\n")
    with pytest.raises(RefusedFileError, match="not a whole Feather file"):
        read(tmp_path / "f.feather")


def test_an_unknown_ending_and_a_missing_file_are_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "f.xlsx").write_text("")
    with pytest.raises(ConfigError, match="a data file ends in"):
        read(tmp_path / "f.xlsx")
    with pytest.raises(ConfigError, match="file not found"):
        read(tmp_path / "none.csv")
