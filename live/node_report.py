"""How a node's session is going, and how it went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from live.replay_feed import ReplayDataClient
from live.sequencer import Sequencer
from research.recording.account import AccountState
from research.session import Attached


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a session of a node went."""

    session: Path
    ended: str
    inputs: int
    decisions: int
    decision_hash: str
    fills: int
    fill_hash: str
    counts: dict[str, int]
    account: AccountState
    said: tuple[str, ...]
    us_per_input: float
    slowest_ms: float
    feed_late_ms: float


def report_of(
    folder: Path,
    ended: str,
    said: tuple[str, ...],
    parts: Attached,
    account: AccountState,
    sequencer: Sequencer,
    feed: ReplayDataClient,
) -> NodeReport:
    """Return how a session went that is over."""
    gate, fills = parts.controller.gate, parts.fills
    return NodeReport(
        session=folder,
        ended=ended,
        inputs=sequencer.accepted,
        decisions=len(gate.decisions),
        decision_hash=gate.decisions.decision_hash,
        fills=fills.count,
        fill_hash=fills.fill_hash,
        counts=dict(gate.decisions.counts),
        account=account,
        said=said,
        us_per_input=_us_per_input(sequencer),
        slowest_ms=sequencer.slowest_ns / 1e6,
        feed_late_ms=feed.late_ns_max / 1e6,
    )


def status_of(
    node: str, folder: Path, parts: Attached, account: AccountState, sequencer: Sequencer, feed: ReplayDataClient
) -> dict[str, Any]:
    """Return what is true of a session now, as plain data."""
    gate = parts.controller.gate
    return {
        "node": node,
        "session": str(folder),
        "mode": gate.view.mode.value,
        "equity": gate.view.equity,
        "account": msgspec.to_builtins(account),
        "waiting": [
            {"key": request.key, "expires_ns": request.expires_ns, "orders": msgspec.to_builtins(request.intents)}
            for request in gate.review.queue.waiting()
        ],
        "inputs": sequencer.accepted,
        "decisions": len(gate.decisions),
        "counts": dict(gate.decisions.counts),
        "decision_hash": gate.decisions.decision_hash,
        "fills": parts.fills.count,
        "feed": {"shown": feed.shown, "total": feed.total, "late_ms_max": feed.late_ns_max / 1e6},
        "us_per_input": _us_per_input(sequencer),
    }


def _us_per_input(sequencer: Sequencer) -> float:
    return sequencer.busy_ns / max(1, sequencer.accepted) / 1e3
