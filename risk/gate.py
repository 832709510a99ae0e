"""
The one road to the venue: every order command passes here, and nothing else intercepts the engine's messages.

The gate takes the place of the endpoint ``ExecEngine.execute``. Every submit, submit-list and modify command ends
there on its way to the venue: of plain strategies, of execution algorithms' children, of emulated orders when they
are released. The gate turns a command into intents, asks the rules, and lets it pass, parks it for an operator, or
denies it with a typed reason. Cancels and queries never add risk: they pass, unless what they cancel was never sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from nautilus_trader.common.component import Clock, MessageBus
from nautilus_trader.execution.messages import ModifyOrder, SubmitOrder, SubmitOrderList
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import ClientOrderId

from errors import Bot4Error
from risk.alarms import Alarms
from risk.amendment import UNSENT, amended
from risk.answers import cancel_of, close_again, deny, refuse_change
from risk.audit import AuditLog
from risk.commands import intent_of_modify, intent_of_order, intents_of, orders_of
from risk.decisions import DecisionLog
from risk.engine_alarms import EngineAlarms
from risk.intent import Intent
from risk.modes.approvals import ApprovalQueue
from risk.modes.operators import Operator
from risk.modes.table import Mode
from risk.review import Review, Shrunk
from risk.ruleset import Ruleset
from risk.verdict import Approved, Basis, Reason, Refusal, Verdict
from risk.view import View
from risk.watch import Watch
from risk.withdrawals import forbidden_orders, withdraw_parked

ENDPOINT = "ExecEngine.execute"
AFTER_PORTFOLIO_BEFORE_STRATEGIES = 9
"""The bus calls higher priorities first: the engine's portfolio has 10, strategies 0."""


class Gate:
    """
    Stand between every strategy and every venue; be the road of the review desk (`risk.review.Road`).

    Parameters
    ----------
    msgbus, cache, clock : the engine's own
    execute : callable
        The handler now registered at the endpoint: the execution engine's.
    rules : Ruleset
        Decides each intent on the view.
    view : View
        What the rules may see; the gate alone writes it, from events.
    decisions, audit : DecisionLog, AuditLog
        Where every verdict and every happening is kept.
    queue : ApprovalQueue
        Where SemiAuto parks what an operator must approve.
    watch : Watch
        Keeps the view true; the gate gives it the events.
    operator : Operator or None
        The simulated operator of a replay; None where people answer.
    alarms : Alarms or None
        When parked requests expire; on the engine's clock where None.
    journal : callable or None
        Keeps an approved intent, durably, before it is passed on. Where it raises a Bot4Error the command is refused,
        unless it only reduces, and `on_state_lost` is called with the error.

    """

    def __init__(
        self,
        *,
        msgbus: MessageBus,
        cache: Any,
        clock: Clock,
        execute: Callable[[Any], None],
        rules: Ruleset,
        view: View,
        decisions: DecisionLog,
        audit: AuditLog,
        queue: ApprovalQueue,
        watch: Watch,
        operator: Operator | None = None,
        alarms: Alarms | None = None,
        journal: Callable[[Intent], None] | None = None,
    ) -> None:
        self.rules = rules
        self.view = view
        self.decisions = decisions
        self.audit = audit
        self.watch = watch
        self.journal = journal
        self.on_state_lost: Callable[[Bot4Error], None] | None = None
        self.verdict_listeners: list[Callable[[Intent, Verdict], None]] = []
        self.mode_listeners: list[Callable[[Mode], None]] = []
        self.review = Review(
            queue=queue,
            alarms=alarms or EngineAlarms(clock),
            now=self._now,
            audit=audit,
            view=view,
            road=self,
            operator=operator,
        )
        self._msgbus = msgbus
        self._cache = cache
        self._clock = clock
        self._execute = execute
        watch.on_unknown_fill = self._alarm
        watch.on_reopened = self._close_again

    def install(self) -> None:
        """Take the place of the execution engine's endpoint, and listen to what changes the view."""
        self._msgbus.deregister(ENDPOINT, self._execute)
        self._msgbus.register(ENDPOINT, self.execute)
        for topic, handler in self.watch.handlers().items():
            self._msgbus.subscribe(topic, handler, priority=AFTER_PORTFOLIO_BEFORE_STRATEGIES)

    def execute(self, command: Any) -> None:
        """Handle one command in the execution engine's place."""
        now = self._now()
        self.view.advance(now)
        if isinstance(command, SubmitOrder | SubmitOrderList):
            self._submit(command, intents_of(command, now))
        elif isinstance(command, ModifyOrder):
            self._modify(command, now)
        elif withdraw_parked(command, self.review):
            self._execute(command)

    def _submit(self, command: Any, intents: tuple[Intent, ...]) -> None:
        verdict = self._decide(intents)
        if isinstance(verdict, Approved):
            if self._must_ask(intents[0], verdict):
                self._park(command, intents)
                return
            verdict = self._journalled(intents, verdict)
        if isinstance(verdict, Approved):
            self.release(command, intents, verdict)
        else:
            self.refuse(command, intents, verdict)

    def _decide(self, intents: tuple[Intent, ...]) -> Approved | Refusal:
        if len(intents) > 1:
            return self.rules.decide_list(intents, self.view)
        return self._open_budget(intents[0]) or self.rules.decide(intents[0], self.view)

    def _open_budget(self, child: Intent) -> Refusal | None:
        """
        Decide an algorithm's whole order when its first slice comes: the engine hands it to the algorithm unseen.

        The engine has taken the slice's quantity off the primary order by then, so the two together are what was
        asked for; where the algorithm has left the primary as it is, that alone is. Approved, it is the budget of all
        slices.
        """
        if child.algorithm is None or child.parent_id is None or self.view.budget(child.parent_id) is not None:
            return None
        primary = self._cache.order(ClientOrderId(child.parent_id))
        if primary is None:
            return None  # the rules refuse a child whose parent is unknown
        whole = intent_of_order(primary, child.ts_ns)
        asked = primary.init_event.quantity.as_double()
        whole = msgspec.structs.replace(whole, quantity=min(whole.quantity + child.quantity, asked))
        verdict = self.rules.decide(whole, self.view)
        if isinstance(verdict, Approved):
            if self._must_ask(whole, verdict):
                verdict = Refusal(Reason.MODE_FORBIDS, detail="execution algorithms can't wait for approval")
            else:
                verdict = self._journalled((whole,), verdict)
        self._log(whole, verdict)
        if isinstance(verdict, Refusal):
            return verdict
        self.watch.expect(whole.client_order_id)
        self._take_up(whole)
        return None

    def _must_ask(self, intent: Intent, verdict: Approved) -> bool:
        return verdict.basis is Basis.LIMITS and self.rules.needs_approval(intent, self.view)

    def _journalled(self, intents: tuple[Intent, ...], verdict: Approved) -> Approved | Refusal:
        """Keep what was approved; what can't be kept is not sent, unless it only reduces."""
        if self.journal is None:
            return verdict
        try:
            for intent in intents:
                self.journal(intent)
        except Bot4Error as error:
            data = {"client_order_id": intents[0].client_order_id, "error": str(error)}
            self.audit.append(self._now(), "JOURNAL_FAILED", data)
            if self.on_state_lost is not None:
                self.on_state_lost(error)
            if verdict.basis is not Basis.REDUCES:
                return Refusal(Reason.STATE_NOT_DURABLE, detail=str(error))
        return verdict

    def release(self, command: Any, intents: tuple[Intent, ...], verdict: Approved) -> None:
        """Send a command on."""
        for intent in intents:
            self._log(intent, verdict)
            self.watch.expect(intent.client_order_id)
            self._take_up(intent)
            budget = self.view.budget(intent.client_order_id)
            if budget is not None and intent.algorithm is not None:
                budget.remainder = intent.quantity  # the order itself, which leaves the less for its slices
        self._execute(command)

    def refuse(self, command: Any, intents: tuple[Intent, ...], refusal: Refusal) -> None:
        """Deny a command's orders."""
        for intent in intents:
            self._log(intent, refusal)
        for order in orders_of(command):
            if order.status in UNSENT:
                deny(order, str(refusal), self._cache, self._msgbus, self._now())

    def _modify(self, command: ModifyOrder, now: int) -> None:
        order = self._cache.order(command.client_order_id)
        if order is None:
            self._execute(command)  # the engine answers for an order it does not know
            return
        intent = intent_of_modify(command, order, now)
        verdict = self._judge_change(intent)
        self._log(intent, verdict)
        if isinstance(verdict, Refusal):
            refuse_change(order, str(verdict), self._msgbus, self._now())
        else:
            self._take_up(self._worst_of(intent))
            self._execute(command)

    def _judge_change(self, intent: Intent) -> Approved | Refusal:
        if self.review.queue.key_of_order(intent.client_order_id) is not None:
            return Refusal(Reason.MODE_FORBIDS, detail="the order waits for approval: cancel it and send a new one")
        verdict = self.rules.decide(intent, self.view)
        if isinstance(verdict, Refusal):
            return verdict
        if self._must_ask(intent, verdict):
            return Refusal(Reason.MODE_FORBIDS, detail="a change that adds risk needs approval: send a new order")
        return self._journalled((intent,), verdict)

    def _worst_of(self, change: Intent) -> Intent:
        """Count the larger of what rests and what it shall become: until the venue has answered it may be either."""
        rests = self.view.working(change.client_order_id)
        if rests is None:
            return change
        return msgspec.structs.replace(change, quantity=max(change.quantity, abs(rests.signed_quantity)))

    def _take_up(self, intent: Intent) -> None:
        self.view.record_submit(intent)
        self.view.apply_intent(intent)

    def _park(self, command: Any, intents: tuple[Intent, ...]) -> None:
        verdict = self.review.park(command, intents)
        if isinstance(verdict, Refusal):
            self.refuse(command, intents, verdict)
            return
        for intent in intents:
            self._log(intent, verdict)

    def unsent(self, command: Any) -> bool:
        """Return whether every order of a command can still be sent: none was cancelled or denied behind the desk."""
        return all(order.status in UNSENT for order in orders_of(command))

    def recheck(self, intents: tuple[Intent, ...]) -> Approved | Refusal:
        """Decide by all rules on the world as it is now; what is approved is journalled."""
        self.view.advance(self._now())
        verdict = self._decide(intents)
        return self._journalled(intents, verdict) if isinstance(verdict, Approved) else verdict

    def shrink(self, command: Any, quantity: float) -> Shrunk | str:
        """Make a command's orders smaller, or say why that can't be done and change nothing."""
        return amended(command, quantity, self.view, self._cache, self._msgbus, self._now())

    def set_mode(self, mode: Mode, reason: str) -> None:
        """
        Change the control mode.

        Whatever still waits for approval in the old mode is rejected, and whatever works at the venue and could add
        risk that its sender may not add in the new mode is cancelled; orders that only close stay.
        """
        before = self.view.mode
        self.audit.append(self._now(), "MODE", {"from": before.value, "to": mode.value, "reason": reason})
        self.view.apply_mode(mode)
        for listener in self.mode_listeners:
            listener(mode)
        self.review.withdraw_all(f"the mode changed to {mode.value}")
        if mode is before:
            return
        for order in forbidden_orders(mode, self.view, self._cache):
            data = {"client_order_id": order.client_order_id.value, "instrument": order.instrument_id.value}
            self.audit.append(self._now(), "CANCEL_ON_MODE", data | {"mode": mode.value})
            self._execute(cancel_of(order, self._now()))

    def _alarm(self, event: OrderFilled) -> None:
        data = {"client_order_id": event.client_order_id.value, "instrument": event.instrument_id.value}
        self.audit.append(self._now(), "FILL_WITHOUT_TICKET", data)
        self.set_mode(Mode.EMERGENCY, f"fill without a gate ticket: {event.client_order_id.value}")

    def _close_again(self, order: Any) -> None:
        close_again(order, self._msgbus, self._now())

    def _log(self, intent: Intent, verdict: Verdict) -> None:
        self.decisions.append(intent, verdict, self.view)
        for listener in self.verdict_listeners:
            listener(intent, verdict)

    def _now(self) -> int:
        return int(self._clock.timestamp_ns())
