"""Journal plus venue snapshot: which orders are open, which are done, and which may have filled unseen."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from risk.state.journal_text import CLOSED, IntentRecord, JournalRecord, OutcomeRecord


class VenueOrders(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue knows of, by client order id: orders that rest, and orders that can do nothing more."""

    open: AbstractSet[str]
    closed: AbstractSet[str]


class Unresolved(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a start must deal with, each group in the journal's order.

    Parameters
    ----------
    open : tuple of IntentRecord
        They rest at the venue.
    unknown : tuple of IntentRecord
        Journaled, never seen to end, and the venue does not name them: each counts as filled until it is resolved.
    closed : tuple of IntentRecord
        They ended while nobody listened; their outcome is to be fetched from the venue and journaled.
    foreign : tuple of str
        They rest at the venue and were never journaled: not ours, or lost here. Sorted.

    """

    open: tuple[IntentRecord, ...]
    unknown: tuple[IntentRecord, ...]
    closed: tuple[IntentRecord, ...]
    foreign: tuple[str, ...]

    @property
    def keep(self) -> list[JournalRecord]:
        """Return what a new journal must begin with: all that is not known to have ended and been recorded."""
        return [*self.open, *self.unknown, *self.closed]


def unresolved(records: Iterable[JournalRecord], venue: VenueOrders) -> Unresolved:
    """Sort the journal's orders without a recorded end by what the venue says of them."""
    pending: dict[str, IntentRecord] = {}
    named: set[str] = set()
    for record in records:
        match record:
            case IntentRecord(client_order_id=name):
                pending[name] = record
                named.add(name)
            case OutcomeRecord(client_order_id=name, status=status) if status in CLOSED:
                pending.pop(name, None)
    intents = tuple(pending.values())
    return Unresolved(
        open=tuple(each for each in intents if each.client_order_id in venue.open),
        closed=tuple(each for each in intents if each.client_order_id in venue.closed - venue.open),
        unknown=tuple(each for each in intents if each.client_order_id not in venue.open | venue.closed),
        foreign=tuple(sorted(venue.open - named)),
    )
