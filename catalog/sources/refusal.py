"""The refusal of a file: which file, where in it, and what was expected."""

from __future__ import annotations

from errors import QualityError


class RefusedFileError(QualityError):
    """
    Refuse a whole file; the catalog stays as it was.

    Parameters
    ----------
    file : str
        Name of the file.
    reason : str
        What was expected and what was found.
    place : str
        The line (of a text file) or row (of a table), counted from 1; empty where none applies.
    column : str
        The column as the file names it; empty where none applies.

    """

    def __init__(self, file: str, reason: str, *, place: str = "", column: str = "") -> None:
        self.file = file
        self.reason = reason
        self.place = place
        self.column = column
        where = ", ".join(part for part in (file, place, f"column {column!r}" if column else "") if part)
        super().__init__(f"{where}: {reason}")
