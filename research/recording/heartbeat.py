"""The heartbeat as an engine data type: time that passes without market data, recorded like every other input."""

from __future__ import annotations

from nautilus_trader.core.data import Data
from nautilus_trader.model.data import CustomData, DataType


class Heartbeat(Data):  # type: ignore[misc]  # the engine ships no types
    """
    Nothing but an instant, ns since the epoch.

    A node sends one every fraction of a second, so that alarms ring when the market is silent. Being an input in the
    sequence, it makes them ring at the same place in a replay.
    """

    __slots__ = ("_ts_init",)

    def __init__(self, ts_init: int) -> None:
        self._ts_init = ts_init

    @property
    def ts_event(self) -> int:
        """Return the instant, ns since the epoch."""
        return self._ts_init

    @property
    def ts_init(self) -> int:
        """Return the instant, ns since the epoch."""
        return self._ts_init

    def __repr__(self) -> str:
        return f"Heartbeat({self._ts_init})"


HEARTBEAT = DataType(Heartbeat)
"""What to publish."""

HEARTBEAT_TOPIC = f"data.{HEARTBEAT.topic}"
"""The topic on which the data engine publishes heartbeats."""


def as_engine_data(heartbeat: Heartbeat) -> CustomData:
    """Wrap a heartbeat for the data engine."""
    return CustomData(HEARTBEAT, heartbeat)
