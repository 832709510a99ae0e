"""What each control mode cost and did: counters by mode, fed by the governor and by what happens in the mode."""

from __future__ import annotations

from enum import Enum

import msgspec

from risk.modes.approvals import Outcome
from risk.modes.table import Mode

_MINUTE_NS = 60_000_000_000
_SECOND_NS = 1_000_000_000


class OperatorAction(Enum):
    """What a person did, as far as it is counted."""

    MODE = "MODE"
    APPROVAL = "APPROVAL"
    OVERRIDE = "OVERRIDE"
    """A person put their own judgement in a signal's place: amended or rejected it, or sent an order."""
    OTHER = "OTHER"


class ModeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """
    The figures of one mode; a ratio of nothing is None.

    `approval_rate` (amended ones included) and `timeout_rate` are shares of the requests that ended. `response_s_mean`
    is over those that a person answered. `inference_us_mean` and `inference_us_max` are wall time; everything else is
    engine time. `realised` and `risk_reduced`, the notional closed in the mode, are in quote currency.
    `closed_after_s` is from the last beginning of the mode until nothing was open.
    """

    seconds: float
    changes_into: int
    operator_actions: int
    operator_actions_per_minute: float | None
    overrides: int
    requests: int
    approval_rate: float | None
    timeout_rate: float | None
    response_s_mean: float | None
    decisions: int
    decisions_per_second: float | None
    inferences: int
    inference_us_mean: float | None
    inference_us_max: float | None
    realised: float
    positions_closed: int
    risk_reduced: float
    closed_after_s: float | None


class _Counts:
    def __init__(self) -> None:
        self.ns = 0
        self.changes_into = 0
        self.actions = dict.fromkeys(OperatorAction, 0)
        self.requests = 0
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.response_ns = 0
        self.decisions = 0
        self.inferences = 0
        self.inference_ns = 0
        self.inference_ns_max = 0
        self.realised = 0.0
        self.positions_closed = 0
        self.risk_reduced = 0.0
        self.closed_after_ns: int | None = None


class ModeStatistics:
    """
    Count by mode; a note goes to the mode in force unless it says otherwise.

    Parameters
    ----------
    mode : Mode
        The mode at the start.
    now_ns : int
        Engine time of the start, ns since the epoch.

    """

    def __init__(self, mode: Mode, now_ns: int) -> None:
        self.mode = mode
        self.pending = 0
        self._since_ns = now_ns
        self._entered_ns = now_ns
        self._requested_in = mode
        self._counts = {each: _Counts() for each in Mode}

    @property
    def _now_counted(self) -> _Counts:
        return self._counts[self.mode]

    def note_mode(self, mode: Mode, now_ns: int) -> None:
        """Take a change of mode."""
        self._advance(now_ns)
        self.mode = mode
        self._entered_ns = now_ns
        self._counts[mode].changes_into += 1
        self._counts[mode].closed_after_ns = None

    def note_action(self, action: OperatorAction) -> None:
        """Take what a person did."""
        self._now_counted.actions[action] += 1

    def note_request(self) -> None:
        """Take that a signal's order began to wait for approval."""
        self.pending += 1
        self._requested_in = self.mode
        self._now_counted.requests += 1

    def note_outcome(self, outcome: Outcome, waited_ns: int) -> None:
        """Take how a request ended; it counts where it began, as a change of mode ends all that wait."""
        self.pending -= 1
        counts = self._counts[self._requested_in]
        counts.outcomes[outcome] += 1
        if outcome.answered:
            counts.response_ns += waited_ns

    def note_decision(self) -> None:
        """Take that the gate decided one intent."""
        self._now_counted.decisions += 1

    def note_inference(self, took_ns: int) -> None:
        """Take that a model was asked, and how long it took (wall time)."""
        counts = self._now_counted
        counts.inferences += 1
        counts.inference_ns += took_ns
        counts.inference_ns_max = max(counts.inference_ns_max, took_ns)

    def note_realised(self, profit: float) -> None:
        """Take the result of a position that was closed or reduced, in quote currency."""
        self._now_counted.realised += profit

    def note_position_closed(self, notional: float) -> None:
        """Take that a position is closed, and how large it was, in quote currency."""
        counts = self._now_counted
        counts.positions_closed += 1
        counts.risk_reduced += notional

    def note_all_closed(self, now_ns: int) -> None:
        """Take that nothing is open any more; the first time since the mode began counts."""
        counts = self._now_counted
        if counts.closed_after_ns is None:
            counts.closed_after_ns = now_ns - self._entered_ns

    def figures(self, now_ns: int) -> dict[Mode, ModeFigures]:
        """Return the figures of every mode up to an instant."""
        self._advance(now_ns)
        return {mode: _figures(counts) for mode, counts in self._counts.items()}

    def _advance(self, now_ns: int) -> None:
        self._now_counted.ns += max(0, now_ns - self._since_ns)
        self._since_ns = max(self._since_ns, now_ns)


def _figures(counts: _Counts) -> ModeFigures:
    outcomes = counts.outcomes
    ended = sum(outcomes.values())
    answered = sum(count for outcome, count in outcomes.items() if outcome.answered)
    actions = sum(counts.actions.values())
    return ModeFigures(
        seconds=counts.ns / _SECOND_NS,
        changes_into=counts.changes_into,
        operator_actions=actions,
        operator_actions_per_minute=_ratio(actions * _MINUTE_NS, counts.ns),
        overrides=counts.actions[OperatorAction.OVERRIDE],
        requests=counts.requests,
        approval_rate=_ratio(outcomes[Outcome.APPROVED] + outcomes[Outcome.AMENDED], ended),
        timeout_rate=_ratio(outcomes[Outcome.TIMEOUT], ended),
        response_s_mean=_ratio(counts.response_ns / _SECOND_NS, answered),
        decisions=counts.decisions,
        decisions_per_second=_ratio(counts.decisions * _SECOND_NS, counts.ns),
        inferences=counts.inferences,
        inference_us_mean=_ratio(counts.inference_ns / 1_000, counts.inferences),
        inference_us_max=counts.inference_ns_max / 1_000 if counts.inferences else None,
        realised=counts.realised,
        positions_closed=counts.positions_closed,
        risk_reduced=counts.risk_reduced,
        closed_after_s=None if counts.closed_after_ns is None else counts.closed_after_ns / _SECOND_NS,
    )


def _ratio(count: float, whole: float) -> float | None:
    return count / whole if whole > 0 else None
