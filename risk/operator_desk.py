"""Answer operators' commands: the one place where a command of the sequence of inputs reaches the gate."""

from __future__ import annotations

from typing import Any

from risk.gate import AFTER_PORTFOLIO_BEFORE_STRATEGIES, Gate
from risk.modes.table import Mode
from risk.operations import OPERATOR_TOPIC, Ask, OperatorCommand, Verb
from risk.review_trail import By

DONE = "DONE"
"""How the answer to a command that was carried out begins; any other begins with ``REFUSED``."""

_REMEMBERED_MAX = 10_000


class OperatorDesk:
    """
    Carry out commands as they come on the bus, each id once.

    Parameters
    ----------
    gate : Gate
        Whose mode and approvals the commands are about.

    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._answers: dict[str, str] = {}

    def install(self, msgbus: Any) -> None:
        """Listen to the commands, before any strategy could."""
        # the engine publishes custom data without an instrument on a topic that itself ends in an asterisk
        msgbus.subscribe(f"{OPERATOR_TOPIC}*", self.handle, priority=AFTER_PORTFOLIO_BEFORE_STRATEGIES)

    def handle(self, command: OperatorCommand) -> None:
        """Carry out one command; a repeated id does nothing."""
        if command.ask.id in self._answers:
            return
        self._answers[command.ask.id] = self._carry_out(command)
        if len(self._answers) > _REMEMBERED_MAX:
            del self._answers[next(iter(self._answers))]

    def answer(self, ask_id: str) -> str | None:
        """Return what became of a command: ``DONE``, or the reason why not; None for an id that never came."""
        return self._answers.get(ask_id)

    def _carry_out(self, command: OperatorCommand) -> str:
        ask = command.ask
        data = {"id": ask.id, "verb": ask.verb.value, "operator": ask.operator, "role": ask.role, "reason": ask.reason}
        self._gate.audit.append(command.ts_init, "OPERATOR", data | {"arguments": ask.arguments})
        if ask.verb is Verb.SET_MODE:
            return self._set_mode(ask.arguments.get("mode"), f"{ask.operator}: {ask.reason}")
        if ask.verb in (Verb.APPROVE, Verb.AMEND, Verb.REJECT):
            return self._settle(ask)
        return f"REFUSED: {ask.verb.value} is not carried out here"

    def _set_mode(self, name: Any, reason: str) -> str:
        try:
            mode = Mode(name)
        except ValueError:
            return f"REFUSED: mode must be one of {', '.join(each.value for each in Mode)}, was {name!r}"
        self._gate.set_mode(mode, reason)
        return DONE

    def _settle(self, ask: Ask) -> str:
        review, key = self._gate.review, str(ask.arguments.get("key"))
        by = By(ask.operator, ask.reason, ask.id)
        if ask.verb is Verb.APPROVE:
            reply = review.approve(key, by)
        elif ask.verb is Verb.REJECT:
            reply = review.reject(key, by)
        else:
            quantity = ask.arguments.get("quantity")
            if not isinstance(quantity, int | float):
                return f"REFUSED: quantity must be a number, was {quantity!r}"
            reply = review.amend(key, float(quantity), by)
        if reply.outcome is None:
            return f"REFUSED: {reply.detail or f'nothing waits under {key!r}'}"
        return f"{DONE}: {reply.outcome.value}"
