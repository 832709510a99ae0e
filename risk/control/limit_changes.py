"""Limits at run time: an operator may tighten them, and take that back, but never loosen what is configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from risk.limits import LimitsConfig

TIGHTER_BELOW = (
    "position.max",
    "leverage.max",
    "daily_loss.max",
    "drawdown.max",
    "collar.deviation_bps_max",
    "concurrent.positions_max",
    "rate.orders_max",
    "kelly.max",
    "value_at_risk.max",
    "correlation.max",
)
"""Limits that are tighter when smaller."""

TIGHTER_ABOVE = ("margin.reserve", "position.stop_distance_assumed", "value_at_risk.move_assumed")
"""Limits that are tighter when larger."""

VALUE_MAX = 1e12
"""No limit is set to anything above it; NaN is not below it either."""

CHANGEABLE = (*TIGHTER_BELOW, *TIGHTER_ABOVE)


def tightened(limits: LimitsConfig, changes: Mapping[str, float]) -> LimitsConfig:
    """
    Return the limits with an operator's changes; a change that is looser than what is configured does not count.

    Parameters
    ----------
    limits : LimitsConfig
        As configured.
    changes : mapping of str to float
        By path, such as ``leverage.max``.

    Raises
    ------
    ValueError
        If a path names no limit that can be changed, or a value is out of its range.

    """
    plain: dict[str, dict[str, Any]] = msgspec.to_builtins(limits)
    for path, value in changes.items():
        table, key = _place(path)
        configured = plain[table][key]
        tighter = min if path in TIGHTER_BELOW else max
        plain[table][key] = tighter(configured, int(value) if isinstance(configured, int) else value)
    try:
        return msgspec.convert(plain, LimitsConfig)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def objection_to_change(limits: LimitsConfig, path: str, value: Any) -> str | None:
    """Return why a limit may not be set to a value at run time; None where it may."""
    if path not in CHANGEABLE:
        return f"limit must be one of {', '.join(CHANGEABLE)}, was {path!r}"
    table, key = _place(path)
    configured = getattr(getattr(limits, table), key)
    if not _is_number(value, whole=isinstance(configured, int)):
        return f"{path} must be a {'whole ' if isinstance(configured, int) else ''}number, was {value!r}"
    if not getattr(limits, table).enabled:
        return f"{path} would bound nothing: the limit is switched off in the configuration"
    if limit_looser(path, value, configured):
        return f"{path} can only be tightened at run time: configured is {configured:g}, asked for {value:g}"
    return _out_of_range(limits, path, value)


def _is_number(value: Any, *, whole: bool) -> bool:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= VALUE_MAX
    return usable and (not whole or value == int(value))


def _out_of_range(limits: LimitsConfig, path: str, value: float) -> str | None:
    try:
        tightened(limits, {path: value})
    except ValueError as error:
        return str(error)
    return None


def limit_looser(path: str, value: float | None, than: float) -> bool:
    """Return whether a run-time value bounds less than another one; None, what is configured, bounds least."""
    if value is None:
        return True
    return value > than if path in TIGHTER_BELOW else value < than


def _place(path: str) -> tuple[str, str]:
    if path not in CHANGEABLE:
        raise ValueError(f"limit must be one of {', '.join(CHANGEABLE)}, was {path!r}")
    table, _, key = path.partition(".")
    return table, key
