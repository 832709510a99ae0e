"""Alarms in engine time: how deciding code waits, the same in replay, paper and live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Alarms(Protocol):
    """Call back at an instant of engine time."""

    def set(self, name: str, ts_ns: int, action: Callable[[], object]) -> None:
        """Call `action` at `ts_ns`, or at once where that has passed; an alarm of the same name is replaced."""

    def cancel(self, name: str) -> None:
        """Forget an alarm; nothing happens where there is none of that name."""
