"""The book from a snapshot and updates: what it holds, and when it is the venue's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.sources.order_book import BookUpdate, OrderBook


def update(previous: int, last: int, bids: tuple = (), asks: tuple = ()) -> BookUpdate:
    return BookUpdate(previous + 1, last, previous, bids, asks)


def test_a_snapshot_joins_the_updates_that_came_before_it() -> None:
    book = OrderBook()
    book.update(update(5, 8, bids=((90.0, 9.0),)))  # in the snapshot already
    book.update(update(8, 12, bids=((99.0, 2.0),), asks=((101.0, 0.0),)))
    assert not book.in_sync

    book.snapshot(10, bids=[(99.0, 1.0), (98.0, 4.0)], asks=[(101.0, 1.0), (102.0, 3.0)])

    assert book.in_sync
    # the update of 90 was older than the snapshot, which does not show that level: it is gone
    assert book.top(5) == ([(99.0, 2.0), (98.0, 4.0)], [(102.0, 3.0)])


def test_a_snapshot_ahead_of_the_updates_waits_for_the_one_that_reaches_it() -> None:
    book = OrderBook()
    book.update(update(5, 8))
    book.snapshot(20, bids=[(99.0, 1.0)], asks=[(101.0, 1.0)])
    assert not book.in_sync

    book.update(update(8, 15, bids=((99.0, 7.0),)))  # the snapshot holds this already, and what came after
    assert not book.in_sync
    assert book.top(1) == ([(99.0, 1.0)], [(101.0, 1.0)])

    book.update(update(15, 21, bids=((99.0, 3.0),)))
    assert book.in_sync
    assert book.top(1) == ([(99.0, 3.0)], [(101.0, 1.0)])


def test_a_snapshot_older_than_every_update_does_not_count() -> None:
    book = OrderBook()
    book.update(update(10, 12, bids=((99.0, 2.0),), asks=((101.0, 2.0),)))

    book.snapshot(8, bids=[(99.0, 1.0), (98.5, 1.0)], asks=[(101.0, 1.0)])

    assert not book.in_sync
    assert book.top(5) == ([(99.0, 2.0)], [(101.0, 2.0)])


def test_a_broken_chain_is_out_of_sync_until_the_next_snapshot() -> None:
    book = OrderBook()
    book.snapshot(10, bids=[(99.0, 1.0)], asks=[(101.0, 1.0)])
    book.update(update(10, 12))
    assert book.in_sync

    book.update(update(13, 14))
    assert (book.in_sync, book.breaks) == (False, 1)
    book.update(update(14, 15, bids=((100.0, 1.0),)))
    assert not book.in_sync

    book.snapshot(14, bids=[(99.0, 5.0)], asks=[(101.0, 5.0)])
    assert book.in_sync
    assert book.top(2) == ([(100.0, 1.0), (99.0, 5.0)], [(101.0, 5.0)])


def test_a_gap_between_snapshot_and_first_update_is_never_in_sync() -> None:
    book = OrderBook()
    book.snapshot(10, bids=[(99.0, 1.0)], asks=[(101.0, 1.0)])
    book.update(update(12, 14))
    book.update(update(14, 16))

    assert not book.in_sync


@given(
    changes=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), max_size=60),
    snapshot_after=st.integers(0, 60),
    delay=st.integers(0, 60),
)
def test_wherever_the_snapshot_falls_the_book_is_the_same(
    changes: list[tuple[int, int]], snapshot_after: int, delay: int
) -> None:
    # one change of one bid an update; the snapshot shows the state after some of them and arrives before or after
    truth: dict[float, float] = {}
    states = [dict(truth)]
    updates = []
    for number, (price, size) in enumerate(changes):
        truth[float(price)] = float(size)
        states.append({at: rests for at, rests in truth.items() if rests})
        updates.append(update(number, number + 1, bids=((float(price), float(size)),)))
    taken = min(snapshot_after, len(changes))
    arrives = min(delay, len(changes))
    book = OrderBook()

    for number in range(len(updates) + 1):
        if number == arrives:
            book.snapshot(taken, list(states[taken].items()), [(100.0, 1.0)])
        if number < len(updates):
            book.update(updates[number])
        if book.in_sync:
            shown = book.top(100)
            held = states[min(number + 1, len(updates))]
            assert (shown is None) == (not held)
            assert shown is None or dict(shown[0]) == held

    assert book.in_sync or arrives < taken or not changes or taken == 0
