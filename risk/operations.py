"""Commands of operators as an engine data type: recorded and replayed in one sequence with the market data."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec
from nautilus_trader.core.data import Data
from nautilus_trader.model.data import CustomData, DataType


class Verb(Enum):
    """What an operator may ask for."""

    SET_MODE = "set_mode"
    APPROVE = "approve"
    AMEND = "amend"
    REJECT = "reject"
    KILL = "kill"
    CLEAR = "clear"
    SET_LIMIT = "set_limit"
    ORDER = "order"


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an operator asks for.

    `operator` is who, `role` the role that authorises it, `reason` why; `arguments` holds plain JSON values, by verb:
    SET_MODE ``mode``; APPROVE and REJECT ``key``; AMEND ``key, quantity``; KILL and CLEAR ``level, name``;
    SET_LIMIT ``path, value``. `id` makes a repeated command harmless: the second of the same id does nothing.
    """

    id: str
    verb: Verb
    operator: str
    role: str
    reason: str
    arguments: dict[str, Any] = {}


class OperatorCommand(Data):  # type: ignore[misc]  # the engine ships no types
    """
    An operator's command at an instant of the engine's time.

    Parameters
    ----------
    ask : Ask
        What is asked for.
    ts_event, ts_init : int
        When it was taken in, ns since the epoch; its place in the sequence of all inputs.

    """

    __slots__ = ("_ts_event", "_ts_init", "ask")

    def __init__(self, ask: Ask, ts_event: int, ts_init: int) -> None:
        self.ask = ask
        self._ts_event = ts_event
        self._ts_init = ts_init

    @property
    def ts_event(self) -> int:
        """Return when the command was taken in, ns since the epoch."""
        return self._ts_event

    @property
    def ts_init(self) -> int:
        """Return when a replay delivers the command, ns since the epoch."""
        return self._ts_init

    def __repr__(self) -> str:
        return f"OperatorCommand({self.ask.verb.value}, operator={self.ask.operator!r}, ts_init={self._ts_init})"


OPERATOR_COMMAND = DataType(OperatorCommand)
"""What to publish and to subscribe to."""

OPERATOR_TOPIC = "data.OperatorCommand"
"""The topic on which the data engine publishes commands."""


def as_engine_data(command: OperatorCommand) -> CustomData:
    """Wrap a command for ``BacktestEngine.add_data(..., client_id=...)``; handlers receive the bare command."""
    return CustomData(OPERATOR_COMMAND, command)
