"""Commands of operators as an engine data type: recorded and replayed in one sequence with the market data."""

from __future__ import annotations

from nautilus_trader.core.data import Data
from nautilus_trader.model.data import CustomData, DataType

from risk.ask import Ask


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

OPERATOR_TOPIC = f"data.{OPERATOR_COMMAND.topic}"
"""The topic on which the data engine publishes commands."""


def as_engine_data(command: OperatorCommand) -> CustomData:
    """Wrap a command for ``BacktestEngine.add_data(..., client_id=...)``; handlers receive the bare command."""
    return CustomData(OPERATOR_COMMAND, command)
