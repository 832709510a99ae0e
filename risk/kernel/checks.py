"""The limits of all layers, compiled: account, command, size, and what the portfolio's measures say."""

from __future__ import annotations

import math
from typing import Any

from risk import arithmetic
from risk.kernel.answers import PASSED, Adds, Answer, compiled
from risk.kernel.layout import BASE_PEAK, BASE_START, CODES, NEVER
from risk.verdict import Reason

_loss_fraction = compiled(arithmetic.loss_fraction)
_deviation_bps = compiled(arithmetic.deviation_bps)
_elapsed_s = compiled(arithmetic.elapsed_s)
_loss_at_stop = compiled(arithmetic.loss_at_stop)
_margin_left = compiled(arithmetic.margin_left)
_margin_required = compiled(arithmetic.margin_required)

_NOT_A_NUMBER = CODES.index(Reason.NOT_A_NUMBER)
_DAILY_LOSS = CODES.index(Reason.DAILY_LOSS_EXCEEDED)
_DRAWDOWN = CODES.index(Reason.DRAWDOWN_EXCEEDED)
_CONCURRENT = CODES.index(Reason.CONCURRENT_POSITIONS_EXCEEDED)
_COLLAR = CODES.index(Reason.PRICE_OUTSIDE_COLLAR)
_DUPLICATE = CODES.index(Reason.DUPLICATE_ORDER)
_RATE = CODES.index(Reason.ORDER_RATE_EXCEEDED)
_POSITION = CODES.index(Reason.POSITION_LIMIT_EXCEEDED)
_LEVERAGE = CODES.index(Reason.LEVERAGE_EXCEEDED)
_MARGIN = CODES.index(Reason.INSUFFICIENT_MARGIN)
_KELLY = CODES.index(Reason.KELLY_FRACTION_EXCEEDED)
_CORRELATION = CODES.index(Reason.CORRELATION_LIMIT_EXCEEDED)
_VAR = CODES.index(Reason.VAR_LIMIT_EXCEEDED)
_CVAR = CODES.index(Reason.CVAR_LIMIT_EXCEEDED)


@compiled
def account_limits(order: Any, account: Any, limits: Any) -> Answer:
    """Hold the day's loss, the drawdown and the number of positions (layers 6 and 1)."""
    if limits.daily_loss_on:
        loss = _loss_fraction(account.equity, account.day_start)
        if not loss < limits.daily_loss:
            return _DAILY_LOSS, loss, limits.daily_loss
    if limits.drawdown_on:
        base = account.day_start
        if limits.drawdown_base == BASE_PEAK:
            base = account.peak
        elif limits.drawdown_base == BASE_START:
            base = account.start
        loss = _loss_fraction(account.equity, base)
        if not loss < limits.drawdown:
            return _DRAWDOWN, loss, limits.drawdown
    count = account.positions + (0 if order.entered else 1)
    if limits.positions_on and not count <= limits.positions:
        return _CONCURRENT, float(count), float(limits.positions)
    return PASSED


@compiled
def command_limits(order: Any, adds: Adds, limits: Any) -> Answer:
    """Hold prices to the collar, and the command to those sent before it (layer 1)."""
    if limits.deviation_on and order.has_price:
        deviation = _deviation_bps(order.price, adds.mark)
        if not deviation <= limits.deviation_bps:
            return _COLLAR, deviation, limits.deviation_bps
    if limits.deviation_on and order.has_trigger:
        deviation = _deviation_bps(order.trigger, adds.mark)
        if not deviation <= limits.deviation_bps:
            return _COLLAR, deviation, limits.deviation_bps
    if limits.duplicate_on and order.duplicate_age_ns != NEVER:
        age_s = _elapsed_s(0, order.duplicate_age_ns)
        if not age_s >= limits.duplicate_s:
            return _DUPLICATE, age_s, limits.duplicate_s
    if limits.rate_on and order.nth_age_ns != NEVER and not _elapsed_s(0, order.nth_age_ns) >= limits.rate_s:
        return _RATE, float(limits.orders + 1), float(limits.orders)
    return PASSED


@compiled
def size_limits(order: Any, instrument: Any, adds: Adds, limits: Any) -> Answer:
    """Hold the position's loss at its stop (layers 1 and 3), leverage and margin."""
    if limits.position_on and not order.child:
        measured = adds.notional + adds.held * adds.mark
        if not limits.by_notional:
            measured = _position_loss(order, instrument, adds, limits)
        limit = limits.position * adds.equity
        if not measured <= limit:
            return _POSITION, measured, limit
    if limits.leverage_on:
        measured, limit = adds.committed + adds.notional, limits.leverage * adds.equity
        if not measured <= limit:
            return _LEVERAGE, measured, limit
    if limits.margin_on:
        margin_after = initial_margin(adds.book_notional + adds.notional, instrument)
        measured = _margin_required(margin_after, adds.book_margin, adds.notional, instrument.taker_fee)
        limit = _margin_left(adds.equity, limits.reserve, adds.margin_used)
        if not measured <= limit:
            return _MARGIN, measured, limit
    return PASSED


@compiled
def measure_limits(order: Any, adds: Adds, limits: Any) -> Answer:
    """Hold Kelly's fraction (layer 2), what moves together (4) and the portfolio's tail (5)."""
    if limits.kelly_on and order.has_kelly and not order.kelly <= limits.kelly:
        return _KELLY, order.kelly, limits.kelly
    if order.child:
        return PASSED
    if (limits.correlation_on or limits.var_on) and not order.measured:
        return _NOT_A_NUMBER, math.nan, math.nan
    if limits.correlation_on:
        exposure, limit = adds.held * adds.mark + adds.notional + order.cluster, limits.correlation * adds.equity
        if not exposure <= limit:
            return _CORRELATION, exposure, limit
    answer: Answer = _tail_limits(order, adds.equity, limits)
    return answer


@compiled
def _tail_limits(order: Any, equity: float, limits: Any) -> Answer:
    if limits.var_on and _beyond_tail(order.var, order.var_now, limits.var, equity):
        return _VAR, _tail_share(order.var, equity), limits.var
    if limits.cvar_on and _beyond_tail(order.cvar, order.cvar_now, limits.cvar, equity):
        return _CVAR, _tail_share(order.cvar, equity), limits.cvar
    return PASSED


@compiled
def _position_loss(order: Any, instrument: Any, adds: Adds, limits: Any) -> float:
    stop = order.stop if order.has_stop else math.nan
    cost_rate = instrument.taker_fee + limits.slippage
    loss = _loss_at_stop(order.sign, adds.quantity, adds.entry, stop, limits.stop_distance, cost_rate)
    if adds.held > 0.0:
        loss += order.held_loss
        loss += adds.held * adds.mark * cost_rate
    return loss  # type: ignore[no-any-return]  # the figures come in as numba records, which have no types


@compiled
def initial_margin(notional: float, instrument: Any) -> float:
    """Return `Book.margin_of`; the schedule is a row of caps and leverages here."""
    if not notional > 0.0:
        return math.nan if math.isnan(notional) else 0.0
    if instrument.brackets == 0:
        return notional / instrument.leverage  # type: ignore[no-any-return]  # the figures come in as numba records, which have no types
    for place in range(instrument.brackets):
        cap, bound, own = instrument.caps[place], instrument.leverages[place], instrument.leverage
        if math.isnan(cap + bound + own):
            return math.nan
        if notional <= cap:
            return notional / min(own, bound)  # type: ignore[no-any-return]  # the figures come in as numba records, which have no types
    return math.inf


@compiled
def _beyond_tail(loss: float, loss_now: float, share: float, equity: float) -> bool:
    """Return whether a tail figure is beyond its limit, and the order makes it larger than it is."""
    return not (equity > 0.0 and loss <= share * equity) and not loss <= loss_now


@compiled
def _tail_share(loss: float, equity: float) -> float:
    return loss / equity if equity > 0.0 else math.inf
