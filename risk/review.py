"""The review desk of SemiAuto: park, answer, amend, expire and withdraw, with exactly one outcome for each request."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from risk.alarms import Alarms
from risk.audit import AuditLog
from risk.intent import Intent
from risk.modes.approvals import ApprovalQueue, Ended, Outcome, Request
from risk.modes.operators import Answer, Operator
from risk.modes.response_times import ResponseTally, ReviewStatistics
from risk.review_trail import APPROVAL, By, ReviewSnapshot, parked_request, record_of
from risk.verdict import Approved, Parked, Reason, Refusal
from risk.view import View

COMMANDS_REMEMBERED = 10_000
"""Ids of operators' commands kept to recognise a repeated one."""

SIMULATED = "simulated"
"""The operator id under which the simulated operator of a replay answers."""


class Reply(msgspec.Struct, frozen=True):
    """
    What became of an operator's answer.

    `outcome` is how the request ended, None where it still waits or none waits under that key; `verdict` what the
    rules said at release, None where they were not asked; `detail` says why an answer had no effect.
    """

    outcome: Outcome | None
    verdict: Approved | Refusal | None = None
    detail: str = ""

    @property
    def sent(self) -> bool:
        """Return whether the command went on its way to the venue."""
        return isinstance(self.verdict, Approved)


class Shrunk(NamedTuple):
    """A command whose orders were made smaller: how they read now, and what tells the strategies so."""

    intents: tuple[Intent, ...]
    announce: Callable[[], None]


class Road(Protocol):
    """What the gate does for the review desk; a command is the gate's own and is only handed back to it."""

    def unsent(self, command: Any) -> bool:
        """Return whether every order of a command can still be sent: none was cancelled or denied behind the desk."""

    def recheck(self, intents: tuple[Intent, ...]) -> Approved | Refusal:
        """Decide by all rules on the world as it is now; what is approved is journalled."""

    def release(self, command: Any, intents: tuple[Intent, ...], verdict: Approved) -> None:
        """Send a command on."""

    def refuse(self, command: Any, intents: tuple[Intent, ...], refusal: Refusal) -> None:
        """Deny a command's orders."""

    def shrink(self, command: Any, quantity: float) -> Shrunk | str:
        """Make a command's orders smaller, or say why that can't be done and change nothing."""


class Review:
    """
    Hold what an operator must approve.

    Parameters
    ----------
    queue : ApprovalQueue
        What waits.
    alarms : Alarms
        Calls back at expiry, and when the simulated operator answers.
    now : callable
        Engine time, ns.
    audit : AuditLog
        Gets one APPROVAL record for each request that ends, and AMEND_REFUSED for an amendment that can't be.
    view : View
        For marks, and for the simulated operator.
    road : Road
        The gate.
    operator : Operator or None
        The simulated operator of a replay; None where people answer.

    """

    def __init__(
        self,
        *,
        queue: ApprovalQueue,
        alarms: Alarms,
        now: Callable[[], int],
        audit: AuditLog,
        view: View,
        road: Road,
        operator: Operator | None = None,
    ) -> None:
        self.queue = queue
        self.operator = operator
        self._alarms = alarms
        self._now = now
        self._audit = audit
        self._view = view
        self._road = road
        self._replies: OrderedDict[str, Reply] = OrderedDict()
        self._all = ResponseTally()
        self._by_operator: dict[str, ResponseTally] = {}

    # -- asking --------------------------------------------------------------------------------------------------

    def park(self, command: Any, intents: tuple[Intent, ...]) -> Parked | Refusal:
        """Let a command wait for an operator; refused where too many wait already."""
        queue, now = self.queue, self._now()
        if len(queue) >= queue.waiting_max:
            detail = "too many requests wait for approval"
            return Refusal(Reason.ORDER_RATE_EXCEEDED, len(queue) + 1.0, float(queue.waiting_max), detail)
        key = intents[0].client_order_id
        request = queue.park(key, intents, command, now, self._mark(intents[0]))
        self._alarms.set(f"approval-expires:{key}", request.expires_ns, lambda: self._expire(key))
        answer = None if self.operator is None else self.operator.answer(intents[0], self._view)
        if answer is not None and now + answer.delay_ns < request.expires_ns:
            self._alarms.set(f"approval-answer:{key}", now + answer.delay_ns, lambda: self._simulated(key, answer))
        return Parked(request.expires_ns)

    # -- answers -------------------------------------------------------------------------------------------------

    def approve(self, key: str, by: By) -> Reply:
        """Release a command if the rules still allow it on the world as it is now."""
        return self._once(by, lambda: self._approve(key, by, Outcome.APPROVED))

    def amend(self, key: str, quantity: float, by: By) -> Reply:
        """
        Approve a smaller quantity.

        Parameters
        ----------
        key : str
            The request.
        quantity : float
            Base units, above 0 and below what waits, of the command's first order; the other orders of the command
            keep their proportion to it, and no price moves.
        by : By
            Who answers.

        Returns
        -------
        Reply
            Without an outcome where the command can't be amended so; the request then waits on as it was.

        """
        return self._once(by, lambda: self._amend(key, quantity, by))

    def reject(self, key: str, by: By) -> Reply:
        """End a command without sending it."""
        return self._once(by, lambda: self._end(key, Outcome.REJECTED, by))

    # -- other ends ----------------------------------------------------------------------------------------------

    def withdraw(self, matches: Callable[[Request], bool], why: str) -> int:
        """End every request that matches without sending it; return how many there were."""
        ended = 0
        for request in self.queue.waiting():
            if matches(request):
                ended += self._end(request.key, Outcome.WITHDRAWN, By("", why)).outcome is not None
        return ended

    def withdraw_all(self, why: str) -> int:
        """End every request without sending it: the mode changes, or a kill switch was engaged."""
        return self.withdraw(lambda _request: True, why)

    def withdraw_order(self, client_order_id: str) -> bool:
        """End the request that holds an order, because its sender cancels it; False where none does."""
        key = self.queue.key_of_order(client_order_id)
        if key is None:
            return False
        return self._end(key, Outcome.WITHDRAWN, By("", "cancelled by its sender")).outcome is not None

    # -- what is known -------------------------------------------------------------------------------------------

    def statistics(self) -> ReviewStatistics:
        """Return how requests ended and how long answers took."""
        return self._all.statistics()

    def statistics_by_operator(self) -> dict[str, ReviewStatistics]:
        """Return the same of each operator's answers, by operator id."""
        return {name: tally.statistics() for name, tally in sorted(self._by_operator.items())}

    def snapshot(self) -> ReviewSnapshot:
        """Return what waits."""
        return ReviewSnapshot(tuple(parked_request(request) for request in self.queue.waiting()))

    # -- inside --------------------------------------------------------------------------------------------------

    def _once(self, by: By, act: Callable[[], Reply]) -> Reply:
        if not by.operator:
            return Reply(None, detail="an answer must name its operator")
        if by.command_id is None:
            return act()
        earlier = self._replies.get(by.command_id)
        if earlier is not None:
            return earlier
        self._replies[by.command_id] = Reply(None, detail="this command is being carried out")
        reply = self._replies[by.command_id] = act()
        if len(self._replies) > COMMANDS_REMEMBERED:
            self._replies.popitem(last=False)
        return reply

    def _approve(self, key: str, by: By, outcome: Outcome) -> Reply:
        request = self.queue.get(key)
        if request is not None and not self._road.unsent(request.command):
            return self._end(key, Outcome.WITHDRAWN, By("", "an order of the command is over already"))
        now = self._now()
        ended = self.queue.settle(key, outcome, now)
        if ended is None:
            return _nothing(key)
        if ended.outcome is not outcome:
            return self._deny(ended, by)
        intents = tuple(msgspec.structs.replace(intent, ts_ns=now) for intent in ended.request.intents)
        verdict = self._road.recheck(intents)
        self._record(ended, by, verdict)
        if isinstance(verdict, Approved):
            self._road.release(ended.request.command, intents, verdict)
        else:
            self._road.refuse(ended.request.command, intents, verdict)
        return Reply(outcome, verdict)

    def _amend(self, key: str, quantity: float, by: By) -> Reply:
        request = self.queue.get(key)
        if request is None:
            return _nothing(key)
        if self._now() >= request.expires_ns or not self._road.unsent(request.command):
            return self._approve(key, by, Outcome.AMENDED)  # which finds that it is over
        if quantity < request.intents[0].quantity:
            shrunk = self._road.shrink(request.command, quantity)
        else:  # also where it is NaN
            shrunk = f"the new quantity must be below the {request.intents[0].quantity:.10g} that wait, was {quantity}"
        if isinstance(shrunk, str):
            data = {"key": key, "operator": by.operator, "reason": by.reason, "detail": shrunk}
            self._audit.append(self._now(), "AMEND_REFUSED", data)
            return Reply(None, detail=shrunk)
        self.queue.amend(key, shrunk.intents)
        shrunk.announce()  # a strategy that hears of it may cancel, and then there is nothing left to approve
        return self._approve(key, by, Outcome.AMENDED)

    def _simulated(self, key: str, answer: Answer) -> Reply:
        """Answer as the simulated operator does, who rejects what can't be amended."""
        by = By(SIMULATED, answer.reason)
        if not answer.approves:
            return self.reject(key, by)
        if answer.quantity is None:
            return self.approve(key, by)
        reply = self.amend(key, answer.quantity, by)
        if reply.outcome is not None:
            return reply
        return self.reject(key, By(SIMULATED, f"{answer.reason}: {reply.detail}"))

    def _expire(self, key: str) -> Reply:
        return self._end(key, Outcome.TIMEOUT, By("", "no answer"))

    def _end(self, key: str, outcome: Outcome, by: By) -> Reply:
        ended = self.queue.settle(key, outcome, self._now())
        return _nothing(key) if ended is None else self._deny(ended, by)

    def _deny(self, ended: Ended, by: By) -> Reply:
        timed_out = ended.outcome is Outcome.TIMEOUT
        reason = Reason.APPROVAL_TIMEOUT if timed_out else Reason.APPROVAL_REJECTED
        limit_s = self.queue.timeout_ns / 1e9
        refusal = Refusal(reason, measured=ended.waited_ns / 1e9, limit=limit_s, detail=ended.outcome.value)
        self._record(ended, by, refusal)
        self._road.refuse(ended.request.command, ended.request.intents, refusal)
        return Reply(ended.outcome, refusal, "the answer came too late" if timed_out else "")

    def _record(self, ended: Ended, by: By, verdict: Approved | Refusal) -> None:
        request, outcome = ended.request, ended.outcome
        self._alarms.cancel(f"approval-expires:{request.key}")
        self._alarms.cancel(f"approval-answer:{request.key}")
        refused = outcome in {Outcome.APPROVED, Outcome.AMENDED} and isinstance(verdict, Refusal)
        waited_s = ended.waited_ns / 1e9
        self._all.add(outcome, waited_s, refused_at_recheck=refused)
        if outcome.answered:
            tally = self._by_operator.setdefault(by.operator, ResponseTally())
            tally.add(outcome, waited_s, refused_at_recheck=refused)
        self._audit.append(ended.ts_ns, APPROVAL, record_of(ended, by, verdict, self._mark(request.intents[0])))

    def _mark(self, intent: Intent) -> float | None:
        mark = self._view.mark(intent.instrument)
        return None if mark is None or not math.isfinite(mark) else mark


def _nothing(key: str) -> Reply:
    return Reply(None, detail=f"nothing waits for approval under {key}")
