"""
The one road to the venue: every order command passes here, and nothing else intercepts the engine's messages.

The gate takes the place of the endpoint ``ExecEngine.execute``. Every submit, submit-list and modify command ends
there on its way to the venue: of plain strategies, of execution algorithms' children, of emulated orders when they
are released. The gate turns a command into intents, asks the rules, and lets it pass, parks it for an operator, or
denies it with a typed reason. Cancels and queries pass untouched: they never add risk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from nautilus_trader.common.component import Clock, MessageBus
from nautilus_trader.core.datetime import unix_nanos_to_dt
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import (
    BatchCancelOrders,
    CancelAllOrders,
    CancelOrder,
    ModifyOrder,
    SubmitOrder,
    SubmitOrderList,
)
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.events import OrderDenied, OrderFilled, OrderModifyRejected
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.orders import Order

from risk.audit import AuditLog
from risk.commands import OPERATOR_TAG, intent_of_modify, intent_of_order, intent_of_submit, intents_of_list
from risk.decisions import DecisionLog
from risk.intent import Intent, Origin
from risk.modes.approvals import ApprovalQueue, Outcome, Request
from risk.modes.operators import Answer, Operator
from risk.modes.table import POWERS, Mode, Permission
from risk.ruleset import Ruleset
from risk.verdict import Approved, Basis, Parked, Reason, Refusal, Verdict
from risk.view import View
from risk.watch import Watch

ENDPOINT = "ExecEngine.execute"
AFTER_PORTFOLIO_BEFORE_STRATEGIES = 9
"""The bus calls higher priorities first: the engine's portfolio has 10, strategies 0."""


class Gate:
    """
    Stand between every strategy and every venue.

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
    ) -> None:
        self.rules = rules
        self.view = view
        self.decisions = decisions
        self.audit = audit
        self.queue = queue
        self.operator = operator
        self.watch = watch
        self._msgbus = msgbus
        self._cache = cache
        self._clock = clock
        self._execute = execute
        watch.on_unknown_fill = self._alarm

    def install(self) -> None:
        """Take the place of the execution engine's endpoint, and listen to what changes the view."""
        self._msgbus.deregister(ENDPOINT, self._execute)
        self._msgbus.register(ENDPOINT, self.execute)
        for topic, handler in self.watch.handlers().items():
            self._msgbus.subscribe(topic, handler, priority=AFTER_PORTFOLIO_BEFORE_STRATEGIES)

    # -- the road ------------------------------------------------------------------------------------------------

    def execute(self, command: Any) -> None:
        """Handle one command in the execution engine's place."""
        now = self._now()
        self.view.advance(now)
        if isinstance(command, SubmitOrder):
            self._submit(command, (intent_of_submit(command, now),), [command.order])
        elif isinstance(command, SubmitOrderList):
            self._submit(command, tuple(intents_of_list(command, now)), command.order_list.orders)
        elif isinstance(command, ModifyOrder):
            self._modify(command, now)
        else:
            if isinstance(command, CancelAllOrders):
                self._withdraw_all(command)
            elif isinstance(command, BatchCancelOrders):
                for cancel in command.cancels:
                    self._withdraw(cancel)
            elif isinstance(command, CancelOrder):
                self._withdraw(command)
            self._execute(command)

    def _submit(self, command: Any, intents: tuple[Intent, ...], orders: list[Order]) -> None:
        verdict = self._decide(intents)
        if isinstance(verdict, Refusal):
            self._refuse(intents, orders, verdict)
        elif self._must_ask(intents[0], verdict):
            self._park(command, intents)
        else:
            self._pass(command, intents, verdict)

    def _decide(self, intents: tuple[Intent, ...]) -> Approved | Refusal:
        if len(intents) > 1:
            return self.rules.decide_list(intents, self.view)
        return self._open_budget(intents[0]) or self.rules.decide(intents[0], self.view)

    def _open_budget(self, child: Intent) -> Refusal | None:
        """
        Decide an algorithm's whole order when its first slice comes: the engine hands it to the algorithm unseen.

        The engine has taken the slice's quantity off the primary order by then, so the two together are what was
        asked for. Approved, it is the budget of all slices.
        """
        if child.algorithm is None or child.parent_id is None or self.view.budget(child.parent_id) is not None:
            return None
        primary = self._cache.order(ClientOrderId(child.parent_id))
        if primary is None:
            return None  # the rules refuse a child whose parent is unknown
        whole = intent_of_order(primary, child.ts_ns)
        whole = msgspec.structs.replace(whole, quantity=whole.quantity + child.quantity)
        verdict = self.rules.decide(whole, self.view)
        if isinstance(verdict, Approved) and self._must_ask(whole, verdict):
            verdict = Refusal(Reason.MODE_FORBIDS, detail="execution algorithms can't wait for approval")
        self._log(whole, verdict)
        if isinstance(verdict, Refusal):
            return verdict
        self.watch.expect(whole.client_order_id)
        self._take_up(whole)
        return None

    def _must_ask(self, intent: Intent, verdict: Approved) -> bool:
        return verdict.basis is Basis.LIMITS and self.rules.needs_approval(intent, self.view)

    def _pass(self, command: Any, intents: tuple[Intent, ...], verdict: Approved) -> None:
        for intent in intents:
            self._log(intent, verdict)
            self.watch.expect(intent.client_order_id)
            self._take_up(intent)
        self._execute(command)

    def _refuse(self, intents: tuple[Intent, ...], orders: list[Order], refusal: Refusal) -> None:
        for intent in intents:
            self._log(intent, refusal)
        for order in orders:
            self._deny(order, str(refusal))

    def _modify(self, command: ModifyOrder, now: int) -> None:
        order = self._cache.order(command.client_order_id)
        if order is None:
            self._execute(command)  # the engine answers for an order it does not know
            return
        intent = intent_of_modify(command, order, now)
        verdict: Approved | Refusal
        if self.queue.key_of_order(intent.client_order_id) is not None:
            verdict = Refusal(Reason.MODE_FORBIDS, detail="the order waits for approval: cancel it and send a new one")
        else:
            verdict = self.rules.decide(intent, self.view)
        if isinstance(verdict, Approved) and self._must_ask(intent, verdict):
            verdict = Refusal(Reason.MODE_FORBIDS, detail="a change that adds risk needs approval: send a new order")
        self._log(intent, verdict)
        if isinstance(verdict, Refusal):
            self._reject_modify(order, str(verdict))
            return
        self._take_up(self._worst_of(intent))
        self._execute(command)

    def _worst_of(self, change: Intent) -> Intent:
        """Count the larger of what rests and what it shall become: until the venue has answered it may be either."""
        rests = self.view.working(change.client_order_id)
        if rests is None:
            return change
        return msgspec.structs.replace(change, quantity=max(change.quantity, abs(rests.signed_quantity)))

    def _take_up(self, intent: Intent) -> None:
        self.view.record_submit(intent)
        self.view.apply_intent(intent)

    # -- approval ------------------------------------------------------------------------------------------------

    def _park(self, command: Any, intents: tuple[Intent, ...]) -> None:
        now = self._now()
        key = intents[0].client_order_id
        request = self.queue.park(key, intents, command, now)
        for intent in intents:
            self._log(intent, Parked(request.expires_ns))
        self._alert(f"approval-expires:{key}", request.expires_ns, lambda: self.reject(key, Outcome.TIMEOUT))
        answer = self.operator.answer(intents[0], self.view) if self.operator is not None else None
        if answer is not None and now + answer.delay_ns < request.expires_ns:
            self._alert(f"approval-answer:{key}", now + answer.delay_ns, lambda: self._answer(key, answer))

    def _answer(self, key: str, answer: Answer) -> None:
        if answer.approves:
            self.approve(key)
        else:
            self.reject(key, Outcome.REJECTED)

    def approve(self, key: str) -> bool:
        """Release a parked command if the rules still allow it on the world as it is now; False if it is gone."""
        now = self._now()
        request = self.queue.settle(key, Outcome.APPROVED, now)
        if request is None:
            return False
        self._end_request(request, Outcome.APPROVED, now)
        self.view.advance(now)
        intents = tuple(msgspec.structs.replace(intent, ts_ns=now) for intent in request.intents)
        verdict = self._decide(intents)
        if isinstance(verdict, Refusal):
            self._refuse(intents, _orders_of(request.command), verdict)
        else:
            self._pass(request.command, intents, verdict)
        return True

    def reject(self, key: str, outcome: Outcome) -> bool:
        """End a parked command without sending it; False if it is gone."""
        now = self._now()
        request = self.queue.settle(key, outcome, now)
        if request is None:
            return False
        self._end_request(request, outcome, now)
        reason = Reason.APPROVAL_TIMEOUT if outcome is Outcome.TIMEOUT else Reason.APPROVAL_REJECTED
        waited_s = (now - request.parked_ns) / 1e9
        refusal = Refusal(reason, measured=waited_s, limit=self.queue.timeout_ns / 1e9, detail=outcome.value)
        self._refuse(request.intents, _orders_of(request.command), refusal)
        return True

    def _withdraw(self, command: CancelOrder) -> None:
        key = self.queue.key_of_order(command.client_order_id.value)
        if key is not None:
            self.reject(key, Outcome.WITHDRAWN)

    def _withdraw_all(self, command: CancelAllOrders) -> None:
        for request in self.queue.waiting():
            first = request.intents[0]
            same_side = command.order_side == OrderSide.NO_ORDER_SIDE or command.order_side.name == first.side.name
            own = first.strategy == command.strategy_id.value and first.instrument == command.instrument_id.value
            if own and same_side:
                self.reject(request.key, Outcome.WITHDRAWN)

    # -- mode ----------------------------------------------------------------------------------------------------

    def set_mode(self, mode: Mode, reason: str) -> None:
        """
        Change the control mode.

        Whatever still waits for approval in the old mode is rejected, and whatever works at the venue and could add
        risk that its sender may not add in the new mode is cancelled; orders that only close stay.
        """
        before = self.view.mode
        self.audit.append(self._now(), "MODE", {"from": before.value, "to": mode.value, "reason": reason})
        self.view.apply_mode(mode)
        for request in self.queue.waiting():
            self.reject(request.key, Outcome.WITHDRAWN)
        if mode is not before:
            self._cancel_forbidden(mode)

    def _cancel_forbidden(self, mode: Mode) -> None:
        for working in self.view.overshooting():
            order = self._cache.order(ClientOrderId(working.client_order_id))
            if order is None or not (order.is_open or order.is_inflight):
                continue  # an order of an algorithm not at the venue: its slices meet the gate
            by_operator = any(tag.startswith(OPERATOR_TAG) for tag in order.tags or ())
            permission = POWERS[mode].orders(Origin.OPERATOR if by_operator else Origin.AUTOMATED)
            if permission in (Permission.YES, Permission.WITH_ID_AND_REASON):
                continue
            data = {"client_order_id": working.client_order_id, "instrument": working.instrument}
            self.audit.append(self._now(), "CANCEL_ON_MODE", data | {"mode": mode.value})
            self._execute(
                CancelOrder(
                    trader_id=order.trader_id,
                    strategy_id=order.strategy_id,
                    instrument_id=order.instrument_id,
                    client_order_id=order.client_order_id,
                    venue_order_id=order.venue_order_id,
                    command_id=UUID4(),
                    ts_init=self._now(),
                )
            )

    def _alarm(self, event: OrderFilled) -> None:
        data = {"client_order_id": event.client_order_id.value, "instrument": event.instrument_id.value}
        self.audit.append(self._now(), "FILL_WITHOUT_TICKET", data)
        self.set_mode(Mode.EMERGENCY, f"fill without a gate ticket: {event.client_order_id.value}")

    # -- answers -------------------------------------------------------------------------------------------------

    def _log(self, intent: Intent, verdict: Verdict) -> None:
        self.decisions.append(intent, verdict, self.view)

    def _end_request(self, request: Request, outcome: Outcome, now: int) -> None:
        for name in (f"approval-expires:{request.key}", f"approval-answer:{request.key}"):
            if name in self._clock.timer_names:
                self._clock.cancel_timer(name)
        waited_s = (now - request.parked_ns) / 1e9
        self.audit.append(now, "APPROVAL", {"key": request.key, "outcome": outcome.value, "waited_s": waited_s})

    def _deny(self, order: Order, reason: str) -> None:
        if order.status not in (OrderStatus.INITIALIZED, OrderStatus.RELEASED):
            return
        if not self._cache.order_exists(order.client_order_id):
            self._cache.add_order(order)
        self._msgbus.send(
            "ExecEngine.process",
            OrderDenied(
                trader_id=order.trader_id,
                strategy_id=order.strategy_id,
                instrument_id=order.instrument_id,
                client_order_id=order.client_order_id,
                reason=reason,
                event_id=UUID4(),
                ts_init=self._now(),
            ),
        )

    def _reject_modify(self, order: Order, reason: str) -> None:
        now = self._now()
        self._msgbus.send(
            "ExecEngine.process",
            OrderModifyRejected(
                trader_id=order.trader_id,
                strategy_id=order.strategy_id,
                instrument_id=order.instrument_id,
                client_order_id=order.client_order_id,
                venue_order_id=order.venue_order_id,
                account_id=order.account_id,
                reason=reason,
                event_id=UUID4(),
                ts_event=now,
                ts_init=now,
            ),
        )

    def _alert(self, name: str, ts_ns: int, action: Callable[[], Any]) -> None:
        self._clock.set_time_alert(name, unix_nanos_to_dt(ts_ns), lambda _event: action())

    def _now(self) -> int:
        return int(self._clock.timestamp_ns())


def _orders_of(command: Any) -> list[Order]:
    return list(command.order_list.orders) if isinstance(command, SubmitOrderList) else [command.order]
