"""Alarms on one of the engine's clocks."""

from __future__ import annotations

from collections.abc import Callable

from nautilus_trader.common.component import Clock


class EngineAlarms:
    """Set alarms on one of the engine's clocks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def set(self, name: str, ts_ns: int, action: Callable[[], object]) -> None:
        """Call `action` at `ts_ns`, or at once where that has passed; an alarm of the same name is replaced."""
        self.cancel(name)
        self._clock.set_time_alert_ns(name, ts_ns, lambda _event: action())

    def cancel(self, name: str) -> None:
        """Forget an alarm; nothing happens where there is none of that name."""
        if name in self._clock.timer_names:
            self._clock.cancel_timer(name)
