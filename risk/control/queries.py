"""What an operator may ask a control room: modes, approvals, risk and limits as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from risk.control.document import ControlState
from risk.control.room import ControlRoom
from risk.limits import LimitsConfig


def questions(room: ControlRoom, currency: str) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what a node answers, by name; `currency` is the account's."""
    return {
        "mode": lambda: mode_of(room),
        "approvals": lambda: approvals_of(room),
        "risk": lambda: risk_of(room),
        "portfolio": lambda: portfolio_of(room, currency),
    }


def mode_of(room: ControlRoom) -> dict[str, Any]:
    """Return the mode, what it may do, what waits, how to get out of an Emergency, and figures by mode."""
    governor = room.governor
    return _plain(
        {
            "mode": governor.mode,
            "powers": room.gate.view.powers,
            "pending": governor.pending,
            "history": governor.history,
            "last_emergency": governor.last_emergency,
            "recovery": governor.recovery,
            "closing": room.closer.progress(),
            "guards": sorted(guard.value for guard in room.guards()),
            "figures": {mode.value: figures for mode, figures in governor.statistics.figures(room.now()).items()},
        }
    )


def approvals_of(room: ControlRoom) -> dict[str, Any]:
    """Return what waits for an answer, oldest first, and how long answers took."""
    review = room.gate.review
    now = room.now()
    waiting = [
        {
            "key": request.key,
            "strategy": request.intents[0].strategy,
            "instrument": request.intents[0].instrument,
            "side": request.intents[0].side,
            "quantity": request.intents[0].quantity,
            "price": request.intents[0].price,
            "stop_price": request.intents[0].stop_price,
            "confidence": request.intents[0].confidence,
            "orders": len(request.intents),
            "mark": room.gate.view.mark(request.intents[0].instrument),
            "left_s": (request.expires_ns - now) / 1e9,
        }
        for request in review.queue.waiting()
    ]
    return _plain({"waiting": waiting, "statistics": review.statistics()})


def risk_of(room: ControlRoom) -> dict[str, Any]:
    """Return the account's figures, positions, barriers, breakers and kill switches."""
    view = room.gate.view
    books = list(view.held())
    return _plain(
        {
            "mode": view.mode,
            "equity": view.equity,
            "cash": view.cash,
            "exposure": view.exposure_notional,
            "leverage": view.exposure_notional / view.equity if view.equity > 0.0 else math.nan,
            "margin_available": view.equity - view.margin_used,
            "drawdown": view.drawdown,
            "daily_loss": view.daily_loss,
            **_tail_of(room),
            "liquidation_distance_min": room.guardian.distance_min,
            "positions": [
                {
                    "instrument": book.instrument,
                    "quantity": book.quantity,
                    "entry_price": book.entry_price,
                    "mark": book.mark,
                    "profit": book.quantity * ((book.mark or math.nan) - book.entry_price),
                }
                for book in books
            ],
            "barriers": view.barriers,
            "breakers": [circuit for circuit in room.breakers.snapshot().circuits if circuit.state.value != "closed"],
            "kills": room.kills.engaged(),
            "state_failed": room.keeper.failed,
            "limits": limits_of(room.limits, room.limit_changes),
        }
    )


def portfolio_of(room: ControlRoom, currency: str) -> dict[str, Any]:
    """
    Return what is held, in the account's currency, as a `risk.stress_portfolio.StressPortfolio` in plain data.

    A position without a price can't be valued; its instrument is named, and a reader refuses it.
    """
    view, facts = room.gate.view, room.gate.view.facts
    bases = view.bases()
    positions = []
    for book in view.held():
        known = facts(book.instrument)
        spot = known is not None and known.spot
        positions.append(
            {
                "instrument": book.instrument,
                "signed_quantity": book.quantity,
                "entry_price": book.entry_price,
                "mark": book.mark,
                "spot": spot,
                "isolated_margin": None if spot else room.margins.isolated_margin(book.instrument),
                "brackets": () if known is None else known.brackets,
            }
        )
    return _plain(
        {
            "cash": view.cash,
            "currency": currency,
            "positions": positions,
            "ts_ns": view.ts_ns,
            "peak_equity": view.peak_equity,
            "start_equity": bases.start,
            "day_start_equity": view.day_start_equity,
            "mode": view.mode,
            "limits": room.gate.rules.limits,
        }
    )


def limits_of(limits: LimitsConfig, changes: dict[str, float]) -> dict[str, Any]:
    """Return the configured limits and what was tightened since."""
    return {"configured": _plain(limits), "tightened": dict(changes)}


def stored(state: ControlState) -> dict[str, Any]:
    """Return a stored document as plain data."""
    return _plain(state)


def _tail_of(room: ControlRoom) -> dict[str, float]:
    """Return value at risk and expected shortfall of what is held and working, as fractions of equity."""
    view = room.gate.view
    if view.portfolio is None or not view.equity > 0.0:
        return {}
    figures = view.portfolio.present()
    return {"value_at_risk": figures.var / view.equity, "expected_shortfall": figures.cvar / view.equity}


def _plain(value: Any) -> dict[str, Any]:
    """Return plain JSON values; what is no number becomes None."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return plain
