"""What all books add up to, exact whatever the order in which they change, and unknown while one of them is."""

from __future__ import annotations

import math

from risk.book import Book
from risk.exact_sum import ExactSum


class Totals:
    """Keep the sums of the books' figures as of the last `settle`; NaN while a part of any book is unknown."""

    __slots__ = (
        "_gross",
        "_margin",
        "_reserved",
        "_unknown",
        "_value",
        "entering",
        "gross",
        "margin",
        "reserved",
        "value",
    )

    def __init__(self) -> None:
        self.value = self.gross = self.reserved = self.margin = 0.0
        self.entering = 0
        self._value, self._gross, self._reserved, self._margin = (ExactSum() for _ in range(4))
        self._unknown = 0

    def refresh(self, book: Book) -> None:
        """Work a book out again, and take over what it adds in place of what it added before."""
        value, gross, reserved, margin = book.value, book.gross, book.reserved, book.margin
        known, entering = book.known, book.entering
        book.refresh()
        if not known:
            value = gross = reserved = margin = 0.0
        if known is not book.known:
            self._unknown += 1 if known else -1
        if entering is not book.entering:
            self.entering += -1 if entering else 1
        if book.known:
            self._value.replace(value, book.value)
            self._gross.replace(gross, book.gross)
            self._reserved.replace(reserved, book.reserved)
            self._margin.replace(margin, book.margin)
        elif known:
            self._value.replace(value, 0.0)
            self._gross.replace(gross, 0.0)
            self._reserved.replace(reserved, 0.0)
            self._margin.replace(margin, 0.0)

    def settle(self) -> None:
        """Bring the totals up to date after the books that changed."""
        if self._unknown:
            self.value = self.gross = self.reserved = self.margin = math.nan
            return
        self.value = self._value.total()
        self.gross = self._gross.total()
        self.reserved = self._reserved.total()
        self.margin = self._margin.total()
