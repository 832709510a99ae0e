"""Carry out operators' commands: the one place where a command of the sequence of inputs reaches the control room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from errors import Bot4Error
from risk.ask import Ask, Verb
from risk.barriers import Level, venue_of
from risk.circuit import Scope as BreakerScope
from risk.control.limit_changes import CHANGEABLE, VALUE_MAX, objection_to_change
from risk.control.room import ControlRoom
from risk.gate import AFTER_PORTFOLIO_BEFORE_STRATEGIES
from risk.kill_records import Flatten, Scope
from risk.modes.authorisation import Authority, Code, Objection, authority_of, role_of
from risk.modes.changes import AwaitsApproval, ModeChange, RefusedTransition, Unchanged
from risk.modes.permissions import permitted
from risk.modes.statistics import OperatorAction
from risk.modes.table import Mode
from risk.operations import OPERATOR_TOPIC, OperatorCommand
from risk.operator_orders import HandOrder
from risk.review import Reply
from risk.review_trail import By

DONE = "DONE"
"""How the answer to a command that was carried out begins."""

WAITS = "WAITS"
"""How the answer begins to a command that needs somebody else's approval."""

REFUSED = "REFUSED"
"""How every other answer begins; the reason follows."""

_REMEMBERED_MAX = 10_000


class OperatorDesk:
    """
    Carry out commands as they come on the bus, each id once.

    Every command is audited with who asked and what became of it. One that claims no role is taken for its operator's
    configured one. Who may ask for what, in which mode, is the table
    `risk.modes.permissions`; modes are decided by the governor, approvals by the review desk.

    Parameters
    ----------
    room : ControlRoom
        What the commands are about.

    """

    def __init__(self, room: ControlRoom) -> None:
        self._room = room
        self._answers: dict[str, str] = {}
        self._verbs: dict[Verb, Callable[[Ask, Authority, int], str]] = {
            Verb.SET_MODE: self._set_mode,
            Verb.APPROVE: self._approve,
            Verb.AMEND: self._amend,
            Verb.REJECT: self._reject,
            Verb.KILL: self._kill,
            Verb.CLEAR: self._clear,
            Verb.SET_LIMIT: self._set_limit,
            Verb.ORDER: self._order,
        }

    def install(self, msgbus: Any) -> None:
        """Listen to the commands, before any strategy could."""
        msgbus.subscribe(OPERATOR_TOPIC, self.handle, priority=AFTER_PORTFOLIO_BEFORE_STRATEGIES)

    def handle(self, command: OperatorCommand) -> None:
        """Carry out one command; a repeated id does nothing."""
        ask = command.ask
        if ask.id in self._answers:
            return
        role = role_of(ask.operator, ask.role, self._room.config.people)
        answer = self._carry_out(ask, role, command.ts_init)
        data = {"id": ask.id, "verb": ask.verb.value, "operator": ask.operator, "role": role, "reason": ask.reason}
        self._room.gate.audit.append(command.ts_init, "OPERATOR", data | {"arguments": ask.arguments, "answer": answer})
        self._answers[ask.id] = answer
        if len(self._answers) > _REMEMBERED_MAX:
            del self._answers[next(iter(self._answers))]

    def answer(self, ask_id: str) -> str | None:
        """Return what became of a command; None for an id that never came."""
        return self._answers.get(ask_id)

    def _carry_out(self, ask: Ask, role: str, now_ns: int) -> str:
        who = authority_of(ask.operator, role, ask.reason, self._room.config.people)
        if isinstance(who, Objection):
            return f"{REFUSED}: {who}"
        if not permitted(who.role, ask.verb, self._room.governor.mode):
            return f"{REFUSED}: NOT_AUTHORISED: {who.role.value} may not {ask.verb.value} in this mode"
        try:
            return self._verbs[ask.verb](ask, who, now_ns)
        except Bot4Error as error:
            return f"{REFUSED}: {error}"

    # -- modes -------------------------------------------------------------------------------------------------

    def _set_mode(self, ask: Ask, who: Authority, now_ns: int) -> str:
        name = ask.arguments.get("mode")
        target = next((mode for mode in Mode if mode.value == name), None)
        if target is None:
            return f"{REFUSED}: mode must be one of {', '.join(mode.value for mode in Mode)}, was {name!r}"
        return self._mode_answer(self._room.governor.request(target, who, now_ns, self._room.guards()))

    def _mode_answer(self, answer: ModeChange | Unchanged | AwaitsApproval | RefusedTransition) -> str:
        self._room.after_change(answer)
        match answer:
            case ModeChange():
                return f"{DONE}: {answer.before.value} to {answer.after.value}"
            case Unchanged():
                return f"{DONE}: {answer.mode.value} already"
            case AwaitsApproval():
                return f"{WAITS}: for an approval of {answer.key}"
            case RefusedTransition():
                return f"{REFUSED}: {answer}"

    # -- approvals: of orders, and of changes of mode ------------------------------------------------------------

    def _approve(self, ask: Ask, who: Authority, now_ns: int) -> str:
        key = str(ask.arguments.get("key"))
        if self._is_change_of_mode(key):
            return self._mode_answer(self._room.governor.approve(key, who, now_ns, self._room.guards()))
        self._count(OperatorAction.APPROVAL)
        return _reviewed(self._room.gate.review.approve(key, By(who.operator, who.reason, ask.id)), key)

    def _reject(self, ask: Ask, who: Authority, now_ns: int) -> str:
        key = str(ask.arguments.get("key"))
        if self._is_change_of_mode(key):
            refused = self._room.governor.reject(key, who, now_ns)
            done = any(objection.code is Code.REQUEST_REJECTED for objection in refused.objections)
            return f"{DONE if done else REFUSED}: {refused}"
        self._count(OperatorAction.OVERRIDE)
        reply = self._room.gate.review.reject(key, By(who.operator, who.reason, ask.id))
        return _missing(reply, key) if reply.outcome is None else f"{DONE}: {reply.outcome.value}"

    def _amend(self, ask: Ask, who: Authority, now_ns: int) -> str:  # noqa: ARG002 (a verb's signature)
        key, quantity = str(ask.arguments.get("key")), ask.arguments.get("quantity")
        if isinstance(quantity, bool) or not isinstance(quantity, int | float) or not abs(quantity) <= VALUE_MAX:
            return f"{REFUSED}: quantity must be a number, was {quantity!r}"
        self._count(OperatorAction.OVERRIDE)
        return _reviewed(self._room.gate.review.amend(key, float(quantity), By(who.operator, who.reason, ask.id)), key)

    def _is_change_of_mode(self, key: str) -> bool:
        pending = self._room.governor.pending
        return pending is not None and pending.key == key

    def _count(self, action: OperatorAction) -> None:
        self._room.governor.statistics.note_action(action)

    # -- kill switches -----------------------------------------------------------------------------------------

    def _kill(self, ask: Ask, who: Authority, now_ns: int) -> str:  # noqa: ARG002 (a verb's signature)
        scope = scope_of(ask)
        if isinstance(scope, str):
            return f"{REFUSED}: {scope}"
        policy = ask.arguments.get("flatten")
        flatten = next((each for each in Flatten if each.value == policy), None)
        if policy is not None and flatten is None:
            return f"{REFUSED}: flatten must be one of {', '.join(each.value for each in Flatten)}, was {policy!r}"
        changed = self._room.kills.engage(scope, who, flatten)
        lost = self._room.kills.not_stored
        doubt = "" if lost is None else f", but a restart may not know of it: {lost}"
        stranger = "" if self._knows(scope) else f", though nothing here is called {scope.name}"
        return f"{DONE}: {'engaged' if changed else 'engaged already'}{stranger}{doubt}"

    def _knows(self, scope: Scope) -> bool:
        """Return whether a kill's name is one of what is traded; strategies are not known here, and taken as named."""
        instruments = self._room.gate.view.instruments()
        if scope.level is Level.SYMBOL:
            return scope.name in instruments
        if scope.level is Level.VENUE:
            return scope.name in {venue_of(instrument) for instrument in instruments}
        return True

    def _clear(self, ask: Ask, who: Authority, now_ns: int) -> str:
        scope = scope_of(ask)
        if isinstance(scope, str):
            return f"{REFUSED}: {scope}"
        if ask.arguments.get("what") == "breaker":
            done = self._room.breakers.reset(BreakerScope(scope.level, scope.name), who.operator, who.reason, now_ns)
            return f"{DONE}: closed" if done else f"{REFUSED}: no breaker of this scope is open"
        objection = self._room.kills.clear(scope, who, force=ask.arguments.get("force") is True)
        return f"{DONE}: cleared" if objection is None else f"{REFUSED}: {objection}"

    # -- orders by hand ------------------------------------------------------------------------------------------

    def _order(self, ask: Ask, who: Authority, now_ns: int) -> str:  # noqa: ARG002 (a verb's signature)
        try:
            wanted = msgspec.convert(ask.arguments, HandOrder)
        except msgspec.ValidationError as error:
            return f"{REFUSED}: {error}"
        sent, what = self._room.hand.submit(wanted, who.operator, who.reason)
        self._count(OperatorAction.OVERRIDE)
        return f"{DONE if sent else REFUSED}: {what}"

    # -- limits ------------------------------------------------------------------------------------------------

    def _set_limit(self, ask: Ask, who: Authority, now_ns: int) -> str:
        path, value = str(ask.arguments.get("path")), ask.arguments.get("value")
        room = self._room
        before = room.limit_changes.get(path)
        if value is None:
            if path not in CHANGEABLE or before is None:
                return f"{REFUSED}: {path} was not changed at run time"
            changes = {name: each for name, each in room.limit_changes.items() if name != path}
        else:
            objection = objection_to_change(room.limits, path, value)
            if objection is not None:
                return f"{REFUSED}: {objection}"
            changes = room.limit_changes | {path: float(value)}
        room.change_limits(changes)
        data = {"path": path, "before": before, "after": changes.get(path), "operator": who.operator}
        room.gate.audit.append(now_ns, "LIMIT_CHANGE", data | {"reason": who.reason})
        return f"{DONE}: {path} {'as configured' if value is None else value}"


def scope_of(ask: Ask) -> Scope | str:
    """Return what a KILL or CLEAR is about, or what is wrong with it."""
    level = next((each for each in Level if each.value == ask.arguments.get("level")), None)
    if level is None:
        levels = ", ".join(each.value for each in Level)
        return f"level must be one of {levels}, was {ask.arguments.get('level')!r}"
    try:
        return Scope(level, str(ask.arguments.get("name") or ""))
    except ValueError as error:
        return str(error)


def _reviewed(reply: Reply, key: str) -> str:
    if reply.outcome is None:
        return _missing(reply, key)
    if reply.verdict is not None and not reply.sent:
        return f"{REFUSED}: {reply.outcome.value}, but {reply.verdict}"
    return f"{DONE}: {reply.outcome.value}"


def _missing(reply: Reply, key: str) -> str:
    return f"{REFUSED}: {reply.detail or f'nothing waits under {key!r}'}"
