"""Read delimited text (CSV), also gzipped, also with a preamble above its header such as CryptoDataDownload's."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv

from catalog.sources.columns import is_time_column
from catalog.sources.refusal import RefusedFileError
from catalog.sources.table import SourceTable

_PREAMBLE_LINES_MAX: Final = 20
_NULLS: Final = ["", "nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A"]


def read_delimited(path: Path) -> SourceTable:
    """
    Read a CSV file as text columns; numbers and times are parsed later, where a fault can be named.

    The header is the first of the first lines that has a time column. Lines above it are kept as a note: they
    are where licences stand. Fields may be separated by comma, semicolon or tab.

    Raises
    ------
    RefusedFileError
        If the file is not text, has no header with a time column, or a line has another number of fields.

    """
    text = _text(path)
    lines = text.split("\n", _PREAMBLE_LINES_MAX)[:_PREAMBLE_LINES_MAX]
    for number, line in enumerate(lines):
        delimiter = max(",;\t", key=line.count)
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        if len(names) > 1 and any(is_time_column(name) for name in names):
            return _parse(path, text, header=number, names=names, delimiter=delimiter, preamble=lines[:number])
    raise RefusedFileError(
        path.name, f"no header with a time column in the first {len(lines)} lines; the first is {lines[0][:80]!r}"
    )


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(path.name, f"not a whole gzip file: {error}") from None
    except UnicodeDecodeError as error:
        raise RefusedFileError(path.name, f"not UTF-8 text: {error}") from None
    return text.replace("\r\n", "\n").rstrip("\n \t")


def _parse(path: Path, text: str, *, header: int, names: list[str], delimiter: str, preamble: list[str]) -> SourceTable:
    if len(names) != len(set(names)):
        raise RefusedFileError(path.name, f"two columns have the same name: {', '.join(names)}")
    first_place = header + 2  # lines count from 1, and records begin below the header
    faults: list[tuple[int, int]] = []

    def note_fault(row: pa_csv.InvalidRow) -> str:
        faults.append((int(row.number or 0), int(row.actual_columns)))
        return "skip"

    body = text.split("\n", header + 1)[header + 1] if text.count("\n") > header else ""
    if not body:
        raise RefusedFileError(path.name, "there is no record below the header")
    table = pa_csv.read_csv(
        io.BytesIO(body.encode()),
        read_options=pa_csv.ReadOptions(column_names=names, use_threads=False),
        parse_options=pa_csv.ParseOptions(
            delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=note_fault
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=_NULLS
        ),
    )
    if faults:
        row, found = faults[0]
        raise RefusedFileError(
            path.name,
            f"expected {len(names)} fields, found {found}",
            place=f"line {first_place + row - 1:,}" if row else "",
        )
    notes = tuple(f"line above the header: {line.strip()}" for line in preamble if line.strip())
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return SourceTable(file=path.name, columns=columns, place_word="line", first_place=first_place, notes=notes)
