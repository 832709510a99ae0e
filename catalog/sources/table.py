"""A source file as it was read: named columns, and how to say where in the file a row stands."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from catalog.sources.refusal import RefusedFileError


class SourceTable(NamedTuple):
    """
    Columns of a source file, untouched, under the names the file gives them.

    `first_place` is the line (text) or row (table) number of the first record, counted from 1.
    """

    file: str
    columns: dict[str, pa.ChunkedArray]
    place_word: str
    first_place: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:  # records, not fields
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def refusal(self, reason: str, *, record: int | None = None, column: str = "") -> RefusedFileError:
        """Return the error that refuses this file because of one record and column."""
        place = f"{self.place_word} {self.first_place + record:,}" if record is not None else ""
        return RefusedFileError(self.file, reason, place=place, column=column)
