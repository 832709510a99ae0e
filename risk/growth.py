"""Tell a command that only reduces from one that adds risk, and how much the latter adds."""

from __future__ import annotations

import math

import msgspec

from risk.arithmetic import beyond_reduction
from risk.book import Book, InstrumentFacts, Working
from risk.intent import Action, Intent
from risk.verdict import Approved, Basis, Reason, Refusal
from risk.view import View

REDUCES = Approved(Basis.REDUCES)
WITH_PARENT = Approved(Basis.PARENT)


class Growth(msgspec.Struct, frozen=True, gc=False):
    """
    What an intent would add, priced.

    `equity` is the account's. `quantity` is the part beyond any reduction, in base units; `entry_price` what it would
    be filled at (its own limit or trigger, else the mark); `notional` its value at the worse of that and the mark.
    `held` is what is held and being bought (or sold) on the same side already. `committed_notional` and
    `committed_margin` are those of all positions and working orders, without the order that this intent modifies or
    releases; `book_notional` and `book_margin` are this instrument's share of them. `from_budget` tells a slice of an
    approved parent, whose quantity is reserved already: its own `quantity` and `notional` are then 0.
    """

    book: Book
    facts: InstrumentFacts
    mark: float
    equity: float
    quantity: float
    entry_price: float
    notional: float
    held: float
    committed_notional: float
    committed_margin: float
    book_notional: float
    book_margin: float
    from_budget: bool


def reduction_of(intent: Intent, view: View) -> Approved | Refusal | None:
    """
    Recognise what no limit may stop.

    Parameters
    ----------
    intent : Intent
        A well-formed order command (see `risk.checks.numbers`).
    view : View
        The account as of now.

    Returns
    -------
    Approved, Refusal or None
        Approved for a command that only reduces: a reduce-only order against a position (the venue clips it to the
        position), or within what its own strategy holds where others hold the opposite, an order against a position
        that together with all pending reduces does not exceed it, a change that makes a working order smaller and
        leaves its prices, or a reduce-only child within its parent's budget.
        Refusal for a reduce-only order with nothing to reduce, or a child beyond the budget. None for an order that
        adds risk, if only by a part.

    """
    sign = intent.side.sign
    book = view.book(intent.instrument)
    against = 0.0 if book is None else -sign * book.quantity
    if intent.reduce_only:
        # a position of unknown size is no reason to keep someone from closing it: the venue clips
        if against > 0.0 or math.isnan(against) or _closes_own(intent, book):
            return REDUCES
        return _child_of_entry(intent, view)
    if book is None:
        return None

    own = book.working(intent.client_order_id)
    if against > 0.0 and _beyond_reduction(intent, book, own) <= book.lot_tolerance():
        return REDUCES
    if intent.action is Action.MODIFY and own is not None and only_shrinks(intent, own):
        return REDUCES
    return None


def _closes_own(intent: Intent, book: Book | None) -> bool:
    """Return whether an order closes what its own strategy holds, though others hold as much against it or more."""
    if book is None:
        return False
    held = -intent.side.sign * book.owners.get(intent.strategy, 0.0)
    return held > 0.0 and intent.quantity - held <= book.lot_tolerance()


def growth_of(intent: Intent, view: View) -> Growth | Refusal:
    """
    Price what an intent adds; it must not be a mere reduction (`reduction_of`).

    Returns a Refusal where the instrument or its price is unknown, where a figure of the view is NaN, and where a
    child asks for more than its parent has left.
    """
    book = view.book(intent.instrument)
    if book is None or book.facts is None:
        return Refusal(Reason.UNKNOWN_INSTRUMENT, detail=intent.instrument)
    mark = book.mark
    if mark is None:
        return Refusal(Reason.NO_REFERENCE_PRICE, detail=intent.instrument)
    refusal = _beyond_own_budget(intent, view) if intent.parent_id is None else _beyond_budget(intent, view)
    if refusal is not None:
        return refusal

    sign = intent.side.sign
    own = book.working(intent.client_order_id)
    from_budget = intent.parent_id is not None
    quantity = 0.0 if from_budget else min(intent.quantity, _beyond_reduction(intent, book, own))
    entry = intent.price if intent.price is not None else intent.trigger_price
    if entry is None:
        entry = mark
    notional = quantity * max(entry, mark)

    working, _ = book.side(sign, own)
    held = max(0.0, sign * book.quantity + working)
    equity = view.equity
    committed_notional = view.exposure_notional + view.working_notional
    committed_margin = view.margin_used
    book_notional = book.gross + book.reserved
    book_margin = book.margin
    if own is not None:
        reserved = book.growth_notional(own)
        committed_notional += reserved - book.reserved
        book_notional = book.gross + reserved
        book_margin = book.margin_of(book_notional)
        committed_margin += book_margin - book.margin
    if not math.isfinite(mark + committed_notional + committed_margin + equity + notional + held):
        return Refusal(Reason.NOT_A_NUMBER, detail="a mark, position, working order or balance of the view")
    return Growth(
        book,
        book.facts,
        mark,
        equity,
        quantity,
        entry,
        notional,
        held,
        committed_notional,
        committed_margin,
        book_notional,
        book_margin,
        from_budget,
    )


def _beyond_reduction(intent: Intent, book: Book, own: Working | None) -> float:
    """
    Return how far an order and all that work on its side would go beyond closing the position, base units.

    Orders that are not reduce-only count as well as those that are: two that each fit the position would turn it
    together.
    """
    return beyond_reduction(intent.quantity, pending_beside(intent, book, own), book.closable(intent.side.sign, own))


def pending_beside(intent: Intent, book: Book, own: Working | None) -> float:
    """Return what works on the side of an order beside it, base units; a slice leaves out its own parent."""
    sign = intent.side.sign
    pending, _ = book.side(sign, own)
    parent = None if intent.parent_id is None else book.working(intent.parent_id)
    if parent is not None and parent is not own and not parent.reduce_only and parent.signed_quantity * sign > 0.0:
        pending -= abs(parent.signed_quantity)
    return pending


def only_shrinks(intent: Intent, own: Working) -> bool:
    """Return whether a change makes a working order smaller and leaves its price."""
    same_side = own.signed_quantity * intent.side.sign > 0.0
    price = intent.price if intent.price is not None else intent.trigger_price
    return (
        same_side
        and not own.reduce_only
        and (intent.price is None or intent.trigger_price is None)  # of two prices the view knows only one
        and intent.quantity <= abs(own.signed_quantity)
        and (price is None or price == own.price)
    )


def _child_of_entry(intent: Intent, view: View) -> Approved | Refusal:
    budget = None if intent.parent_id is None else view.budget(intent.parent_id)
    if budget is None or budget.instrument != intent.instrument or budget.sign == intent.side.sign:
        return Refusal(Reason.REDUCE_ONLY_INCREASES, intent.quantity, 0.0, "there is nothing of that side to reduce")
    return _beyond_budget(intent, view) or WITH_PARENT


def _beyond_own_budget(intent: Intent, view: View) -> Refusal | None:
    """Refuse a second submission (an emulated release, an algorithm's last slice) of more than is left."""
    budget = view.budget(intent.client_order_id)
    if budget is None or intent.action is Action.MODIFY:
        return None
    total = budget.sliced + intent.quantity
    book = view.book(intent.instrument)
    if not total - budget.quantity <= (0.0 if book is None else book.lot_tolerance()):
        return Refusal(Reason.BUDGET_EXCEEDED, total, budget.quantity)
    return None


def _beyond_budget(intent: Intent, view: View) -> Refusal | None:
    budget = None if intent.parent_id is None else view.budget(intent.parent_id)
    if budget is None or budget.instrument != intent.instrument:
        return Refusal(Reason.BUDGET_EXCEEDED, intent.quantity, 0.0, "its parent is not an open approved order")
    if budget.sign != intent.side.sign and not intent.reduce_only:
        return Refusal(Reason.BUDGET_EXCEEDED, intent.quantity, 0.0, "a child against its parent must be reduce-only")
    drawn = budget.drawn(intent)
    book = view.book(intent.instrument)
    tolerance = 0.0 if book is None else book.lot_tolerance()
    left = budget.left(intent)
    if not drawn - left <= tolerance:
        return Refusal(Reason.BUDGET_EXCEEDED, drawn, left)
    return None
