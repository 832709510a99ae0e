"""Spans of time in the engine's unit, and a time as people read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

MINUTE_NS: Final = 60 * 10**9
HOUR_NS: Final = 60 * MINUTE_NS


def iso_utc(ts_ns: int) -> str:
    """Return a time as ISO 8601 to the second, such as ``2024-03-01T08:00:00Z``."""
    return datetime.fromtimestamp(ts_ns // 10**9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
