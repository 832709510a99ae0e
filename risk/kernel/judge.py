"""Judge one order, or millions, in compiled code: the order of thought and the arithmetic of `Ruleset.decide`."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.model import F64
from risk import arithmetic
from risk.kernel.answers import PASSED, Adds, Answer, compiled
from risk.kernel.checks import account_limits, command_limits, initial_margin, measure_limits, size_limits
from risk.kernel.layout import (
    ACCOUNT,
    BUDGET_BROKEN,
    BUDGET_NONE,
    CODES,
    INSTRUMENT,
    LIMITS,
    ORDER,
)
from risk.verdict import Basis, Reason


class Judged(NamedTuple):
    """
    Verdicts on many orders.

    `code` is each one's place in `layout.CODES`, `measured` and `limit` the two numbers of a refusal in the units of
    its check, NaN where a number has no meaning.
    """

    code: npt.NDArray[np.int8]
    measured: F64
    limit: F64


def judge(
    orders: npt.NDArray[np.void],
    instruments: npt.NDArray[np.void],
    account: npt.NDArray[np.void],
    limits: npt.NDArray[np.void],
) -> Judged:
    """
    Judge orders, each on its own, on the account as it is.

    Parameters
    ----------
    orders : ORDER[n]
        What is asked for; `instrument` is a place in `instruments`.
    instruments : INSTRUMENT[k]
        All instruments of the orders.
    account, limits : ACCOUNT[1], LIMITS[1]
        The account, and the limits as they are in its mode.

    Returns
    -------
    Judged
        n verdicts, with code and figures equal to those of `Ruleset.decide`. A NaN in a figure that a check needs
        refuses.

    Raises
    ------
    ValueError
        If a record has another layout, account or limits not one row, or an order's instrument is none of those given.

    """
    for name, records, dtype in (
        ("orders", orders, ORDER),
        ("instruments", instruments, INSTRUMENT),
        ("account", account, ACCOUNT),
        ("limits", limits, LIMITS),
    ):
        if records.dtype != dtype or records.ndim != 1:
            raise ValueError(f"{name} must be one-dimensional records of the kernel's layout, were {records.dtype}")
    if len(account) != 1 or len(limits) != 1:
        raise ValueError(f"account and limits must be one row each, were {len(account)}, {len(limits)}")
    places = orders["instrument"]
    if len(orders) and not 0 <= places.min() <= places.max() < len(instruments):
        raise ValueError(f"instruments must be 0 to {len(instruments) - 1}, were {places.min()} to {places.max()}")
    judged = Judged(np.empty(len(orders), np.int8), np.empty(len(orders)), np.empty(len(orders)))
    _judge_all(orders, instruments, account, limits, *judged)
    return judged


_beyond_reduction = compiled(arithmetic.beyond_reduction)

_LIMITS = CODES.index(Basis.LIMITS)
_REDUCES = CODES.index(Basis.REDUCES)
_PARENT = CODES.index(Basis.PARENT)
_NOT_A_NUMBER = CODES.index(Reason.NOT_A_NUMBER)
_REDUCE_ONLY_INCREASES = CODES.index(Reason.REDUCE_ONLY_INCREASES)
_BUDGET_EXCEEDED = CODES.index(Reason.BUDGET_EXCEEDED)
_UNKNOWN_INSTRUMENT = CODES.index(Reason.UNKNOWN_INSTRUMENT)
_NO_REFERENCE_PRICE = CODES.index(Reason.NO_REFERENCE_PRICE)


@compiled
def _judge(order: Any, instrument: Any, account: Any, limits: Any) -> Answer:
    answer: Answer = _malformed(order)
    if answer[0] < 0:
        answer = _reduction(order, instrument)
    if answer[0] < 0:
        answer = _powers(order)
    if answer[0] < 0:
        answer = _unknown(order, instrument)
    if answer[0] < 0:
        adds = _growth(order, instrument, account)
        answer = _not_finite(order, instrument, adds)
        if answer[0] < 0:
            answer = account_limits(order, account, limits)
        if answer[0] < 0:
            answer = command_limits(order, adds, limits)
        if answer[0] < 0:
            answer = size_limits(order, instrument, adds, limits)
        if answer[0] < 0:
            answer = measure_limits(order, adds, limits)
        if answer[0] < 0:
            answer = (_PARENT if order.child else _LIMITS, math.nan, math.nan)
    return answer


@compiled
def _malformed(order: Any) -> Answer:
    if not 0.0 < order.quantity < math.inf:
        return _NOT_A_NUMBER, order.quantity, math.nan
    if order.has_price and not 0.0 < order.price < math.inf:
        return _NOT_A_NUMBER, order.price, math.nan
    if order.has_trigger and not 0.0 < order.trigger < math.inf:
        return _NOT_A_NUMBER, order.trigger, math.nan
    return PASSED


@compiled
def _reduction(order: Any, instrument: Any) -> Answer:
    against = -order.sign * instrument.position
    if order.reduce_only:
        if against > 0.0 or math.isnan(against):
            return _REDUCES, math.nan, math.nan
        if not order.undoes_parent:
            return _REDUCE_ONLY_INCREASES, order.quantity, 0.0
        answer: Answer = _beyond_budget(order, instrument)
        return answer if answer[0] >= 0 else (_PARENT, math.nan, math.nan)
    beyond = _beyond_reduction(order.quantity, order.pending, order.closable)
    if (against > 0.0 and beyond <= instrument.tolerance) or order.shrinks:
        return _REDUCES, math.nan, math.nan
    return PASSED


@compiled
def _beyond_budget(order: Any, instrument: Any) -> Answer:
    if order.budget == BUDGET_BROKEN:
        return _BUDGET_EXCEEDED, order.quantity, 0.0
    if order.budget != BUDGET_NONE and not order.drawn - order.left <= instrument.tolerance:
        return _BUDGET_EXCEEDED, order.drawn, order.left
    return PASSED


@compiled
def _powers(order: Any) -> Answer:
    """Ask the mode, then whether the order explains itself with numbers, then breakers and kill switches."""
    if order.mode_code >= 0:
        return int(order.mode_code), order.mode_measured, math.nan
    if order.has_stop and not 0.0 < order.stop < math.inf:
        return _NOT_A_NUMBER, order.stop, math.nan
    if order.has_confidence and not 0.0 <= order.confidence <= 1.0:
        return _NOT_A_NUMBER, order.confidence, 1.0
    if order.has_kelly and not 0.0 <= order.kelly < math.inf:
        return _NOT_A_NUMBER, order.kelly, math.nan
    if order.barrier_code >= 0:
        return int(order.barrier_code), math.nan, math.nan
    return PASSED


@compiled
def _unknown(order: Any, instrument: Any) -> Answer:
    if not instrument.known:
        return _UNKNOWN_INSTRUMENT, math.nan, math.nan
    if not instrument.has_mark:
        return _NO_REFERENCE_PRICE, math.nan, math.nan
    answer: Answer = _beyond_budget(order, instrument)
    return answer


@compiled
def _growth(order: Any, instrument: Any, account: Any) -> Adds:
    mark = instrument.mark
    beyond = _beyond_reduction(order.quantity, order.pending, order.closable)
    quantity = 0.0 if order.child else min(order.quantity, beyond)
    entry = mark
    if order.has_price:
        entry = order.price
    elif order.has_trigger:
        entry = order.trigger
    book_notional = instrument.gross + order.reserved
    book_margin = initial_margin(book_notional, instrument)
    return Adds(
        mark,
        account.equity,
        quantity,
        entry,
        quantity * max(entry, mark),
        max(0.0, order.sign * instrument.position + order.working),
        account.exposure + account.working + (order.reserved - instrument.reserved),
        account.margin_used + (book_margin - instrument.margin),
        book_notional,
        book_margin,
    )


@compiled
def _not_finite(order: Any, instrument: Any, adds: Adds) -> Answer:
    known = adds.mark + adds.committed + adds.margin_used + adds.equity + adds.notional + adds.held
    sizes = instrument.position + order.working + instrument.tolerance
    # quantities are sums of their own, so that a huge order alone is not taken for an unknown account
    if math.isfinite(known) and math.isfinite(sizes) and math.isfinite(order.pending - order.closable):
        return PASSED
    return _NOT_A_NUMBER, math.nan, math.nan


@compiled
def _judge_all(orders: Any, instruments: Any, account: Any, limits: Any, code: Any, measured: F64, limit: F64) -> None:
    for place in range(orders.shape[0]):
        order = orders[place]
        code[place], measured[place], limit[place] = _judge(order, instruments[order.instrument], account[0], limits[0])
