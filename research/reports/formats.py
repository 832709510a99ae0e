"""Write numbers, times and foreign text for a page: every value escaped, every missing one a dash."""

from __future__ import annotations

import html
import math
from datetime import UTC, datetime

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def escape(text: object) -> str:
    """Return text safe to stand in HTML, in an element as in an attribute."""
    return html.escape(str(text), quote=True)


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """Return a number with thousands separators and a real minus."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    zero = f"{0.0:,.{digits}f}"
    return zero if text.lstrip("+-") == zero else text.replace("-", MINUS)


def percent(value: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """Return a fraction as per cent; beyond 100,000 % as a multiple."""
    if value is None or not math.isfinite(value):
        return MISSING
    if abs(value) >= 1000.0:
        return f"{number(value, 0, sign=sign)}\N{MULTIPLICATION SIGN}"
    return f"{number(value * 100.0, digits, sign=sign)}\N{NARROW NO-BREAK SPACE}%"


def money(value: float | None, *, sign: bool = False) -> str:
    """Return an amount: whole units from a thousand up, cents below."""
    if value is None or not math.isfinite(value):
        return MISSING
    return number(value, 0 if abs(value) >= 1000.0 else 2, sign=sign)


def short_money(value: float) -> str:
    """Return an amount for an axis: 1.2k, 3.4M."""
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{suffix}".replace("-", MINUS)
    return f"{value:.4g}".replace("-", MINUS)


def price(value: float | None) -> str:
    """Return a price with about six significant figures."""
    if value is None or not math.isfinite(value):
        return MISSING
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return number(value, min(max(5 - magnitude, 0), 8))


def when(ts_ns: int) -> str:
    """Return a UTC time to the minute."""
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M")


def tone(value: float | None) -> str:
    """Return the class that colours a signed figure."""
    if value is None or not math.isfinite(value) or value == 0.0:
        return ""
    return "up" if value > 0.0 else "down"
