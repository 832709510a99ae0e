"""What the guardian sees: the view's positions in columns, judged in one compiled pass, and one by one on demand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from catalog.model import F64, I64
from risk.account_margin import AccountMargin, AssumedBracket, Holding, MarginAccounts
from risk.barriers import venue_of
from risk.book import Book, InstrumentFacts
from risk.margin import Bracket
from risk.position_watch import Schedules, watch
from risk.view import View


class Sight(msgspec.Struct, frozen=True):
    """
    One look at all positions.

    `distance` is that to liquidation of each of `books`, `alone` the one with all else unchanged (see `AccountMargin`);
    `nearest` is the smallest distance that is known, NaN where none is, and `all_known` tells that all are; `ratios`
    is the smallest margin balance per maintenance margin, by venue.
    """

    books: list[Book]
    distance: F64
    alone: F64
    nearest: float
    all_known: bool
    ratios: dict[str, float]

    def liquidation_prices(self) -> dict[str, float]:
        """Return by instrument where its position would be liquidated, all else unchanged, as far as there is such."""
        return {
            book.instrument: book.mark * (1.0 - math.copysign(float(alone), book.quantity))
            for book, alone in zip(self.books, self.alone, strict=True)
            if book.mark is not None and math.isfinite(alone)
        }


class _Row(NamedTuple):
    """Where account and brackets of an instrument stand in the columns, as long as its facts stay the same."""

    account: int
    first: int
    last: int
    brackets: tuple[Bracket, ...]
    facts: InstrumentFacts | None


class Lookout:
    """
    Judge the positions of a view.

    Parameters
    ----------
    view : View
        Positions, marks and facts; spot holdings are never liquidated.
    margins : MarginAccounts
        Wallets and isolated margins, as the venues have them.
    maintenance_assumed : float
        Maintenance rate of an instrument whose brackets are not known.

    """

    def __init__(self, view: View, margins: MarginAccounts, maintenance_assumed: float) -> None:
        self.brackets_known = True
        """False once an instrument without brackets was seen."""
        self._view = view
        self._margins = margins
        self._assumed: tuple[Bracket, ...] = (AssumedBracket(maintenance_assumed),)
        self._schedules = Schedules()
        self._venues: dict[str, int] = {}
        self._rows: dict[str, _Row] = {}
        self._books: list[Book] = []
        self._facts: list[InstrumentFacts | None] = []
        self._places: I64 = np.empty((3, 0), dtype=np.int64)
        self._out_of_reach: Sight | None = None

    def look(self) -> Sight:
        """Judge all positions as they are now."""
        books = list(self._view.held())
        account, first, last = self._placed(books)
        if self._out_of_reach is not None:
            return self._out_of_reach
        margins = list(map(self._margins.isolated_margin, [book.instrument for book in books]))
        watched = watch(
            np.array([book.quantity for book in books], dtype=np.float64),
            np.array([book.entry_price for book in books], dtype=np.float64),
            np.array([book.mark for book in books], dtype=np.float64),  # None becomes NaN
            np.array([margin or 0.0 for margin in margins], dtype=np.float64),
            np.array([margin is not None for margin in margins], dtype=np.int64),
            account,
            first,
            last,
            self._schedules,
            np.array([self._margins.wallet(venue) for venue in self._venues], dtype=np.float64),
        )
        ratios = {venue: float(watched.ratio[number]) for venue, number in self._venues.items()}
        return Sight(books, watched.distance, watched.alone, watched.nearest, watched.all_known, ratios)

    def judge(self, book: Book, books: Sequence[Book]) -> tuple[Holding, AccountMargin]:
        """Return one position, and its account with all positions there, as the venue has them now."""
        venue = venue_of(book.instrument)
        holding = self._holding(book)
        holdings = [
            holding if other is book else self._holding(other)
            for other in books
            if venue_of(other.instrument) == venue and self._row(other).brackets
        ]
        return holding, AccountMargin(self._margins.wallet(venue), holdings)

    def unknown(self, sight: Sight) -> dict[str, str]:
        """Return what can't be judged, by instrument: its distance, or only its brackets."""
        found = {}
        for book, distance in zip(sight.books, sight.distance, strict=True):
            if math.isnan(distance):
                found[book.instrument] = "distance"
            elif self._row(book).brackets is self._assumed:
                found[book.instrument] = "brackets"
        return found

    def _placed(self, books: list[Book]) -> I64:
        """
        Return account, first and last bracket of each book: as last time, where the same are held.

        Where none has brackets, as with spot, nothing is ever liquidated: all is out of reach, whatever the marks.
        """
        facts = [book.facts for book in books]
        if books != self._books or facts != self._facts or not books:
            rows = [self._row(book) for book in books]
            self._places = np.array([row[:3] for row in rows], dtype=np.int64).reshape(-1, 3).T.copy()
            self._out_of_reach = None if any(row.brackets for row in rows) else self._safe(books)
            self._books, self._facts = books, facts
        return self._places

    def _safe(self, books: list[Book]) -> Sight:
        never = np.full(len(books), math.inf)
        ratios = dict.fromkeys(self._venues, math.inf)
        return Sight(books, never, never, math.inf if books else math.nan, all_known=True, ratios=ratios)

    def _row(self, book: Book) -> _Row:
        row = self._rows.get(book.instrument)
        if row is None or row.facts is not book.facts:
            account = self._venues.setdefault(venue_of(book.instrument), len(self._venues))
            facts = book.facts
            brackets = self._assumed if facts is None or not (facts.spot or facts.brackets) else facts.brackets
            row = self._rows[book.instrument] = _Row(account, *self._schedules.span(brackets), brackets, facts)
            self.brackets_known = self.brackets_known and brackets is not self._assumed
        return row

    def _holding(self, book: Book) -> Holding:
        return Holding(
            book.instrument,
            book.quantity,
            book.entry_price,
            math.nan if book.mark is None else book.mark,
            self._row(book).brackets,
            self._margins.isolated_margin(book.instrument),
        )


class CrossMargins:
    """
    Margins of one cross-margined account, whose cash is the view's.

    Asked for the wallet of a second venue it does not know: the view keeps one sum of cash.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._venue: str | None = None

    def wallet(self, venue: str) -> float:
        """Return the view's cash for the first venue asked for, NaN for any other."""
        if self._venue is None:
            self._venue = venue
        return self._view.cash if venue == self._venue else math.nan

    def isolated_margin(self, instrument: str) -> None:  # noqa: ARG002 - the port's signature
        """Return None: the whole account backs every position."""
        return
