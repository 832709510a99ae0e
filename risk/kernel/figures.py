"""Flatten an intent, the view and the limits into the records that the compiled kernel judges."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from risk.book import Book
from risk.checks.barrier import barred
from risk.checks.mode_powers import mode_forbids
from risk.growth import only_shrinks, pending_beside
from risk.intent import Action, Intent
from risk.kernel.layout import (
    ACCOUNT,
    BASE_DAY,
    BASE_PEAK,
    BASE_START,
    BRACKETS_MAX,
    BUDGET_BROKEN,
    BUDGET_HELD,
    CODES,
    INSTRUMENT,
    LIMITS,
    NEVER,
    ORDER,
)
from risk.limits import DrawdownBase, LimitsConfig, PositionBasis
from risk.modes.table import Powers
from risk.verdict import Approved, Refusal
from risk.view import View

type Record = npt.NDArray[np.void]

_BASES = {DrawdownBase.PEAK: BASE_PEAK, DrawdownBase.START: BASE_START, DrawdownBase.DAY: BASE_DAY}


class Figures(NamedTuple):
    """One order with all that it is judged on; each a record array of one row, the order's place being 0."""

    order: Record
    instrument: Record
    account: Record
    limits: Record


def figures_of(intent: Intent, view: View, limits: LimitsConfig) -> Figures:
    """
    Read the figures of one order.

    Look-ups by name (budgets, duplicates, working orders), the mode's and the barriers' answers, and the sums of the
    portfolio's measures happen here; the kernel does the arithmetic that follows from them.
    """
    return Figures(
        order_of(intent, view, limits),
        instrument_of(view.book(intent.instrument)),
        account_of(view),
        limits_of(limits, view.powers),
    )


def account_of(view: View) -> Record:
    """Return the account's figures."""
    return _record(
        ACCOUNT,
        equity=view.equity,
        exposure=view.exposure_notional,
        working=view.working_notional,
        margin_used=view.margin_used,
        peak=view.peak_equity,
        start=view.start_equity,
        day_start=view.day_start_equity,
        positions=view.committed_positions,
    )


def instrument_of(book: Book | None) -> Record:
    """
    Return an instrument's figures; `known` is False where nothing is known of it.

    Raises
    ------
    ValueError
        If it has more leverage brackets than the kernel holds.

    """
    if book is None:
        return _record(INSTRUMENT, mark=math.nan)
    record = _record(
        INSTRUMENT,
        mark=math.nan if book.mark is None else book.mark,
        has_mark=book.mark is not None,
        position=book.quantity,
        tolerance=book.lot_tolerance(),
        gross=book.gross,
        reserved=book.reserved,
        margin=book.margin,
        known=book.facts is not None,
    )
    if book.facts is not None:
        brackets = book.facts.brackets
        if len(brackets) > BRACKETS_MAX:
            raise ValueError(f"{book.instrument}: at most {BRACKETS_MAX} brackets, were {len(brackets)}")
        record["taker_fee"] = book.facts.taker_fee
        record["leverage"] = book.facts.leverage
        record["brackets"] = len(brackets)
        for place, bracket in enumerate(brackets):
            record["caps"][0, place] = bracket.notional_cap
            record["leverages"][0, place] = bracket.leverage_max
    return record


def limits_of(limits: LimitsConfig, powers: Powers) -> Record:
    """Return the limits as they are in a mode."""
    multiplier = powers.risk_multiplier
    at_once = limits.concurrent.positions_max
    cvar = limits.value_at_risk.cvar_max
    return _record(
        LIMITS,
        daily_loss=min(limits.daily_loss.max, powers.daily_loss_max),
        drawdown=limits.drawdown.max * multiplier,
        drawdown_base=_BASES[limits.drawdown.base],
        positions=at_once if powers.positions_max is None else min(at_once, powers.positions_max),
        deviation_bps=limits.collar.deviation_bps_max,
        duplicate_s=limits.duplicate.window_s,
        orders=limits.rate.orders_max,
        rate_s=limits.rate.window_s,
        position=limits.position.max * multiplier,
        by_notional=limits.position.basis is PositionBasis.NOTIONAL,
        stop_distance=limits.position.stop_distance_assumed,
        slippage=1e-4 * limits.position.slippage_bps,
        leverage=min(limits.leverage.max, powers.leverage_max),
        reserve=limits.margin.reserve,
        kelly=limits.kelly.max,
        correlation=limits.correlation.max * multiplier,
        var=limits.value_at_risk.max * multiplier,
        cvar=0.0 if cvar is None else cvar * multiplier,
        daily_loss_on=limits.daily_loss.enabled,
        drawdown_on=limits.drawdown.enabled,
        positions_on=limits.concurrent.enabled,
        deviation_on=limits.collar.enabled,
        duplicate_on=limits.duplicate.enabled,
        rate_on=limits.rate.enabled,
        position_on=limits.position.enabled,
        leverage_on=limits.leverage.enabled,
        margin_on=limits.margin.enabled,
        kelly_on=limits.kelly.enabled,
        correlation_on=limits.correlation.enabled,
        var_on=limits.value_at_risk.enabled,
        cvar_on=limits.value_at_risk.enabled and cvar is not None,
    )


def order_of(intent: Intent, view: View, limits: LimitsConfig) -> Record:
    """Return an order's own figures, and those of the view that depend on it."""
    record = _record(
        ORDER,
        sign=intent.side.sign,
        quantity=intent.quantity,
        reduce_only=intent.reduce_only,
        child=intent.parent_id is not None,
        mode_code=-1,
        barrier_code=-1,
        mode_measured=math.nan,
        duplicate_age_ns=NEVER,
        nth_age_ns=NEVER,
    )
    optional = ("price", intent.price), ("trigger", intent.trigger_price), ("stop", intent.stop_price)
    for name, value in (*optional, ("confidence", intent.confidence), ("kelly", intent.kelly_fraction)):
        record[name] = math.nan if value is None else value
        record[f"has_{name}"] = value is not None
    for name, refusal in (("mode_code", mode_forbids(intent, view)), ("barrier_code", barred(intent, view))):
        if refusal is not None:
            record[name] = CODES.index(refusal.reason)
    forbidden = mode_forbids(intent, view)
    if forbidden is not None and forbidden.measured is not None:
        record["mode_measured"] = forbidden.measured
    _add_budget(record, intent, view)
    _add_ages(record, intent, view, limits)
    book = view.book(intent.instrument)
    if book is not None:
        _add_book(record, intent, book, limits)
        if book.facts is not None and book.mark is not None:
            _add_portfolio(record, intent, view, book)
    return record


def _add_budget(record: Record, intent: Intent, view: View) -> None:
    if intent.parent_id is None:
        own = view.budget(intent.client_order_id)
        if own is not None and intent.action is not Action.MODIFY:
            record["budget"], record["drawn"], record["left"] = BUDGET_HELD, own.sliced + intent.quantity, own.quantity
        return
    parent = view.budget(intent.parent_id)
    if parent is None or parent.instrument != intent.instrument:
        record["budget"] = BUDGET_BROKEN
        return
    opposite = parent.sign != intent.side.sign
    record["undoes_parent"] = opposite and intent.reduce_only
    record["budget"] = BUDGET_BROKEN if opposite and not intent.reduce_only else BUDGET_HELD
    record["drawn"], record["left"] = parent.drawn(intent), parent.left(intent)


def _add_ages(record: Record, intent: Intent, view: View, limits: LimitsConfig) -> None:
    if intent.parent_id is None and intent.action is not Action.MODIFY:
        duplicate_ns = view.sent.duplicate_ns(intent)
        if duplicate_ns is not None:
            record["duplicate_age_ns"] = intent.ts_ns - duplicate_ns
    nth_ns = view.sent.sent_ns(limits.rate.orders_max)
    if nth_ns is not None:
        record["nth_age_ns"] = intent.ts_ns - nth_ns


def _add_book(record: Record, intent: Intent, book: Book, limits: LimitsConfig) -> None:
    sign = intent.side.sign
    own = book.working(intent.client_order_id)
    working, _ = book.side(sign, own)
    held = max(0.0, sign * book.quantity + working)
    record["working"] = working
    record["pending"] = pending_beside(intent, book, own)
    record["closable"] = book.closable(sign, own)
    record["reserved"] = book.reserved if own is None else book.growth_notional(own)
    record["shrinks"] = intent.action is Action.MODIFY and own is not None and only_shrinks(intent, own)
    record["entered"] = book.quantity != 0.0 or bool(book.opening)
    if held > 0.0:
        record["held_loss"] = book.protective_loss(sign, held, limits.position.stop_distance_assumed)


def _add_portfolio(record: Record, intent: Intent, view: View, book: Book) -> None:
    portfolio, mark = view.portfolio, book.mark
    record["measured"] = portfolio is not None
    if portfolio is None or mark is None or intent.parent_id is not None:
        return
    sign = intent.side.sign
    own = book.working(intent.client_order_id)
    working, _ = book.side(sign, own)
    held = max(0.0, sign * book.quantity + working)
    beyond = intent.quantity + float(record["pending"][0]) - float(record["closable"][0])
    entry = intent.price if intent.price is not None else intent.trigger_price
    price = max(mark if entry is None else entry, mark)
    committed = sign * (held * mark + min(intent.quantity, beyond) * price)
    after = portfolio.with_order(intent.instrument, intent.signed_quantity * price, committed)
    now = portfolio.present()
    record["cluster"] = portfolio.cluster(intent.instrument, sign)
    record["var"], record["cvar"] = after.var, after.cvar
    record["var_now"], record["cvar_now"] = now[0], now[1]


def _record(dtype: np.dtype[Any], **values: Any) -> Record:
    record = np.zeros(1, dtype)
    for name, value in values.items():
        record[name] = value
    return record


def verdict_code(verdict: Approved | Refusal) -> int:
    """Return the code of a verdict of `Ruleset.decide`, as the kernel gives it."""
    return CODES.index(verdict.reason if isinstance(verdict, Refusal) else verdict.basis)
