"""The decision log: one canonical JSON line for each verdict, and a running hash over all of them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import BinaryIO

import msgspec

from risk.intent import Action, Intent, Origin, Side
from risk.modes.table import Mode
from risk.verdict import Approved, Basis, Reason, Refusal, Verdict
from risk.view import View

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decode_json = msgspec.json.Decoder().decode


# Both structs name their fields in alphabetical order: written as declared, the keys of a line are sorted.


class _Order(msgspec.Struct, gc=False):
    """The order of a line."""

    algorithm: str | None
    id: str
    parent: str | None
    price: float | None
    quantity: float
    reduce_only: bool
    side: Side
    stop_price: float | None
    tags: tuple[str, ...]
    trigger_price: float | None
    type: str


class _Line(msgspec.Struct, gc=False):
    """One line; `expires` is there for what waits for approval, and left out of all others."""

    action: Action
    cash: float
    code: Basis | Reason | str
    daily_loss: float
    detail: str
    drawdown: float
    equity: float
    expires: int | msgspec.UnsetType
    exposure: float
    instrument: str
    limit: float | None
    margin_used: float
    mark: float | None
    measured: float | None
    mode: Mode
    operator: str | None
    order: _Order
    origin: Origin
    position: float
    reason: str | None
    seq: int
    signal: msgspec.Raw | None
    strategy: str
    ts: int
    verdict: str


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
        measured = limit = None
        expires: int | msgspec.UnsetType = msgspec.UNSET
        detail = ""
        code: Basis | Reason | str
        if isinstance(verdict, Approved):
            word, code = "APPROVED", verdict.basis
        elif isinstance(verdict, Refusal):
            word, code = "REFUSED", verdict.reason
            measured, limit, detail = verdict.measured, verdict.limit, verdict.detail
        else:
            word, code, expires = "PARKED", "AWAITING_APPROVAL", verdict.expires_ns
        book = view.book(intent.instrument)
        line = _encode(
            _Line(
                intent.action,
                view.cash,
                code,
                view.daily_loss,
                detail,
                view.drawdown,
                view.equity,
                expires,
                view.exposure_notional,
                intent.instrument,
                limit,
                view.margin_used,
                None if book is None else book.mark,
                measured,
                view.mode,
                intent.operator,
                _order_of(intent),
                intent.origin,
                0.0 if book is None or book.quantity == 0.0 else book.quantity,
                intent.reason,
                self._sequence,
                None if intent.signal is None else _canonical(intent.signal),
                intent.strategy,
                max(intent.ts_ns, view.ts_ns),
                word,
            )
        )
        line += b"\n"
        self._hash.update(line)
        if self._file is not None:
            self._file.write(line)
        self._sequence += 1
        key = code.value if isinstance(code, Reason) else word
        self.counts[key] = self.counts.get(key, 0) + 1


def _order_of(intent: Intent) -> _Order:
    return _Order(
        intent.algorithm,
        intent.client_order_id,
        intent.parent_id,
        intent.price,
        intent.quantity,
        intent.reduce_only,
        intent.side,
        intent.stop_price,
        intent.tags,
        intent.trigger_price,
        intent.order_type,
    )


@lru_cache(maxsize=16)  # the orders of a bracket carry the same signal
def _canonical(text: str) -> msgspec.Raw:
    """Return the signal as JSON whose keys are sorted like the rest; as a JSON text where it is no JSON."""
    try:
        return msgspec.Raw(_encode_sorted(_decode_json(text)))
    except (msgspec.DecodeError, RecursionError):
        return msgspec.Raw(_encode_sorted(text))
