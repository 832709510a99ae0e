"""The decision log: one canonical JSON line for each verdict, and a running hash over all of them."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO

import msgspec

from risk.intent import Intent
from risk.verdict import Approved, Refusal, Verdict
from risk.view import View

_encode = msgspec.json.Encoder(order="sorted").encode
_decode_json = msgspec.json.Decoder().decode


class DecisionLog:
    """
    Write every verdict with what it was given on, and hash the lines as they are written.

    A line is JSON with sorted keys, no spaces, shortest floats that read back equal, and null for what is NaN or
    infinite, so equal decisions give equal bytes in any process. `decision_hash` is the SHA-256 of all lines, each
    ended by a newline: that of the file.

    Parameters
    ----------
    file : binary file or None
        Receives the lines; None keeps only hash and counts.

    """

    def __init__(self, file: BinaryIO | None = None) -> None:
        self.counts: dict[str, int] = {}
        """Lines by code: the reason of a refusal, else the verdict."""
        self._file = file
        self._hash = hashlib.sha256()
        self._sequence = 0

    def __len__(self) -> int:
        return self._sequence

    @property
    def decision_hash(self) -> str:
        """SHA-256 of all lines so far, in hex."""
        return self._hash.hexdigest()

    def append(self, intent: Intent, verdict: Verdict, view: View) -> None:
        """Write the line of one verdict; `view` is the one it was given on."""
        word, code, details = _verdict_of(verdict)
        line = _encode(
            {
                "seq": self._sequence,
                "ts": max(intent.ts_ns, view.ts_ns),
                "strategy": intent.strategy,
                "instrument": intent.instrument,
                "action": intent.action.value,
                "origin": intent.origin.value,
                "operator": intent.operator,
                "reason": intent.reason,
                "order": _order_of(intent),
                "signal": _signal_of(intent.signal),
                "verdict": word,
                "code": code,
                **details,
                "mode": view.mode.value,
                "equity": view.equity,
                "cash": view.cash,
                "exposure": view.exposure_notional,
                "margin_used": view.margin_used,
                "drawdown": view.drawdown,
                "daily_loss": view.daily_loss,
                "mark": view.mark(intent.instrument),
                "position": _position_of(view, intent.instrument),
            }
        )
        line += b"\n"
        self._hash.update(line)
        if self._file is not None:
            self._file.write(line)
        self._sequence += 1
        key = code if word == "REFUSED" else word
        self.counts[key] = self.counts.get(key, 0) + 1


def _verdict_of(verdict: Verdict) -> tuple[str, str, dict[str, Any]]:
    if isinstance(verdict, Approved):
        return "APPROVED", verdict.basis.value, {"measured": None, "limit": None, "detail": ""}
    if isinstance(verdict, Refusal):
        figures = {"measured": verdict.measured, "limit": verdict.limit, "detail": verdict.detail}
        return "REFUSED", verdict.reason.value, figures
    return "PARKED", "AWAITING_APPROVAL", {"measured": None, "limit": None, "detail": "", "expires": verdict.expires_ns}


def _order_of(intent: Intent) -> dict[str, Any]:
    return {
        "id": intent.client_order_id,
        "side": intent.side.value,
        "type": intent.order_type,
        "quantity": intent.quantity,
        "price": intent.price,
        "trigger_price": intent.trigger_price,
        "stop_price": intent.stop_price,
        "reduce_only": intent.reduce_only,
        "parent": intent.parent_id,
        "algorithm": intent.algorithm,
        "tags": intent.tags,
    }


def _signal_of(text: str | None) -> Any:
    """Return the signal as data, so that its keys are sorted like the rest; as text where it is not JSON."""
    if text is None:
        return None
    try:
        return _decode_json(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _position_of(view: View, instrument: str) -> float:
    position = view.position(instrument)
    return 0.0 if position is None else position.signed_quantity
